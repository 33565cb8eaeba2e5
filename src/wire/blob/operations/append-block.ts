import { type RequestHead, operation } from '../../../http/operation.ts'
import { MIB } from '../../../kernel/units.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { versionOf } from '../headers.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { numberOf } from '../numbers.ts'
import { assertLength, contentChangeOf, knowsCrc64, partHeaders } from '../parts.ts'
import { blobOf, checksumOf } from '../request.ts'

/** What the newest versions take as one block. */
const MAX_BLOCK_BYTES = 100 * MIB

/** https://learn.microsoft.com/rest/api/storageservices/append-block */
export function appendBlockOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'AppendBlock',
    method: 'PUT',
    path: '/{container}/{blob+}',
    query: { comp: 'appendblock' },
    needs: needs.appendBlob,
    body: { kind: 'stream', maxBytes: MAX_BLOCK_BYTES },
    async run(call) {
      const { head, body, signal } = call
      assertLength(call, maxBlockBytes(head))
      const command = {
        ...contentChangeOf(call),
        ...appendConditionsOf(head),
        checksum: checksumOf(head),
        knowsCrc64: knowsCrc64(head),
      }
      const at = { ...blobOf(call), moment: null }
      const { blob, offset, ...sums } = await blobs.appendBlock({ at, command }, body.stream, signal)
      return {
        status: 201,
        headers: { ...partHeaders(head, blob, sums), 'x-ms-blob-append-offset': String(offset) },
      }
    },
  })
}

/** https://learn.microsoft.com/rest/api/storageservices/append-block#remarks */
function maxBlockBytes(head: RequestHead): number {
  return versionOf(head) >= '2022-11-02' ? MAX_BLOCK_BYTES : 4 * MIB
}

/** @throws BlobFault `header-invalid` */
function appendConditionsOf(head: RequestHead) {
  return {
    position: numberOf(head, 'x-ms-blob-condition-appendpos'),
    maxBytes: numberOf(head, 'x-ms-blob-condition-maxsize'),
  }
}
