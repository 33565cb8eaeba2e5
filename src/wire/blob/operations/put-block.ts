import { operation } from '../../../http/operation.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { MAX_BLOCK_BYTES } from '../../../services/blob/put-block.ts'
import { blockIdOf } from '../blocks.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { knowsCrc64 } from '../parts.ts'
import { present, writtenHeaders } from '../present.ts'
import { blobOf, checksumOf, encryptionOf, leaseIdOf } from '../request.ts'

/** https://learn.microsoft.com/rest/api/storageservices/put-block */
export function putBlockOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'PutBlock',
    method: 'PUT',
    path: '/{container}/{blob+}',
    query: { comp: 'block' },
    needs: needs.writeBlob,
    body: { kind: 'stream', maxBytes: MAX_BLOCK_BYTES },
    async run(call) {
      const { head, body, signal } = call
      if (body.length === null && head.headers.get('transfer-encoding') === undefined) {
        throw new BlobFault('length-missing', {})
      }
      const written = await blobs.putBlock(
        {
          at: { ...blobOf(call), moment: null },
          command: {
            block: blockIdOf(head),
            leaseId: leaseIdOf(head),
            encryption: encryptionOf(call),
            checksum: checksumOf(head),
            knowsCrc64: knowsCrc64(head),
          },
        },
        body.stream,
        signal,
      )
      return {
        status: 201,
        headers: {
          ...writtenHeaders(written, head.headers.get('x-ms-encryption-scope') ?? null),
          ...present({ 'content-md5': written.contentMd5, 'x-ms-content-crc64': written.contentCrc64 }),
        },
      }
    },
  })
}
