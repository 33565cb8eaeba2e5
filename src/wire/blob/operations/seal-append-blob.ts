import { operation } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { numberOf } from '../numbers.ts'
import { present, stampHeaders } from '../present.ts'
import { blobOf, conditionsOf, leaseIdOf } from '../request.ts'

/** https://learn.microsoft.com/rest/api/storageservices/append-blob-seal */
export function sealAppendBlobOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'AppendBlobSeal',
    method: 'PUT',
    path: '/{container}/{blob+}',
    query: { comp: 'seal' },
    needs: needs.writeBlob,
    body: { kind: 'none' },
    async run(call) {
      const { head } = call
      const { doc } = await blobs.sealAppendBlob(
        { ...blobOf(call), moment: null },
        {
          conditions: conditionsOf(head),
          leaseId: leaseIdOf(head),
          position: numberOf(head, 'x-ms-blob-condition-appendpos'),
        },
      )
      return {
        status: 200,
        headers: { ...stampHeaders(doc), ...present({ 'x-ms-blob-sealed': doc.isSealed }) },
      }
    },
  })
}
