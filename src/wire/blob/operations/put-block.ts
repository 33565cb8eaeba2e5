import { operation } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { MAX_BLOCK_BYTES } from '../../../services/blob/put-block.ts'
import { MAX_STRUCTURE_BYTES } from '../../shared/structured-body.ts'
import { blockIdOf } from '../blocks.ts'
import { contentOf } from '../content.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { knowsCrc64 } from '../parts.ts'
import { present, writtenHeaders } from '../present.ts'
import { blobOf, encryptionOf, leaseIdOf } from '../request.ts'

/** https://learn.microsoft.com/rest/api/storageservices/put-block */
export function putBlockOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'PutBlock',
    method: 'PUT',
    path: '/{container}/{blob+}',
    query: { comp: 'block' },
    needs: needs.writeBlob,
    body: { kind: 'stream', maxBytes: MAX_BLOCK_BYTES + MAX_STRUCTURE_BYTES },
    async run(call) {
      const { head, signal } = call
      const content = contentOf(call, MAX_BLOCK_BYTES)
      const written = await blobs.putBlock(
        {
          at: { ...blobOf(call), moment: null },
          command: {
            block: blockIdOf(head),
            leaseId: leaseIdOf(head),
            encryption: encryptionOf(call),
            checksum: content.checksum,
            knowsCrc64: knowsCrc64(head),
          },
        },
        content.stream,
        signal,
      )
      return {
        status: 201,
        headers: {
          ...content.headers,
          ...writtenHeaders(written, head.headers.get('x-ms-encryption-scope') ?? null),
          ...present({ 'content-md5': written.contentMd5, 'x-ms-content-crc64': written.contentCrc64 }),
        },
      }
    },
  })
}
