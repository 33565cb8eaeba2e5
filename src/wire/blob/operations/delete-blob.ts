import { operation } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { blobOf, conditionsOf, leaseIdOf } from '../request.ts'

/** https://learn.microsoft.com/rest/api/storageservices/delete-blob */
export function deleteBlobOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'DeleteBlob',
    method: 'DELETE',
    path: '/{container}/{blob+}',
    needs: needs.deleteBlob,
    body: { kind: 'none' },
    async run(call) {
      const { head } = call
      await blobs.deleteBlob(blobOf(call), { conditions: conditionsOf(head), leaseId: leaseIdOf(head) })
      return { status: 202, headers: { 'x-ms-delete-type-permanent': 'true' } }
    },
  })
}
