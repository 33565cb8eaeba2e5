import { operation } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { containerOptionsOf } from '../container-request.ts'
import type { BlobWireDeps } from '../deps.ts'
import { leaseCommandOf, leaseReply } from '../lease.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { containerOf } from '../request.ts'

const path = '/{container}'
const query = { restype: 'container', comp: 'lease' }

/** https://learn.microsoft.com/rest/api/storageservices/lease-container */
export function leaseContainerOperations({ blobs, clock }: BlobWireDeps): readonly BlobOperation[] {
  const leasing = (of: Pick<BlobOperation, 'id' | 'needs' | 'headers'>) =>
    operation<StorageCaller, BlobNeeds, typeof path>({
      ...of,
      method: 'PUT',
      path,
      query,
      body: { kind: 'none' },
      async run(call) {
        const command = leaseCommandOf(call.head)
        const { conditions } = containerOptionsOf(call.head)
        const { doc } = await blobs.leaseContainer(containerOf(call), { command, conditions })
        return leaseReply(command, doc, clock.now().getTime())
      },
    })
  return [
    leasing({ id: 'LeaseContainer', needs: needs.writeContainer }),
    // Whoever may delete what is leased may break the lease.
    leasing({
      id: 'BreakContainerLease',
      needs: needs.breakContainerLease,
      headers: { 'x-ms-lease-action': 'break' },
    }),
  ]
}
