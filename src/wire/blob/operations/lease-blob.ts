import { operation } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { leaseCommandOf, leaseReply } from '../lease.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { blobOf, conditionsOf } from '../request.ts'

/** https://learn.microsoft.com/rest/api/storageservices/lease-blob */
export function leaseBlobOperation({ blobs, clock }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'LeaseBlob',
    method: 'PUT',
    path: '/{container}/{blob+}',
    query: { comp: 'lease' },
    needs: needs.leaseBlob,
    body: { kind: 'none' },
    async run(call) {
      const { head } = call
      const command = leaseCommandOf(head)
      const at = { ...blobOf(call), moment: null }
      const { doc } = await blobs.leaseBlob(at, { command, conditions: conditionsOf(head) })
      return leaseReply(command, doc, clock.now().getTime())
    },
  })
}
