import { operation } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { httpDate } from '../headers.ts'
import { requiredLegalHoldOf, requiredPolicyOf } from '../immutability.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { blobOf, conditionsOf } from '../request.ts'

const path = '/{container}/{blob+}'
const policies = { comp: 'immutabilityPolicies' }

/** https://learn.microsoft.com/rest/api/storageservices/set-blob-immutability-policy, delete-blob-immutability-policy, set-blob-legal-hold */
export function blobImmutabilityOperations({ blobs }: BlobWireDeps): readonly BlobOperation[] {
  return [
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'SetBlobImmutabilityPolicy',
      method: 'PUT',
      path,
      query: policies,
      needs: needs.setImmutability,
      body: { kind: 'none' },
      async run(call) {
        const { head } = call
        const wanted = { policy: requiredPolicyOf(head), conditions: conditionsOf(head) }
        const { until, mode } = await blobs.setImmutabilityPolicy(blobOf(call), wanted)
        return {
          status: 200,
          headers: {
            'x-ms-immutability-policy-until-date': httpDate(until),
            'x-ms-immutability-policy-mode': mode.toLowerCase(),
          },
        }
      },
    }),
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'DeleteBlobImmutabilityPolicy',
      method: 'DELETE',
      path,
      query: policies,
      needs: needs.setImmutability,
      body: { kind: 'none' },
      async run(call) {
        await blobs.deleteImmutabilityPolicy(blobOf(call), { conditions: conditionsOf(call.head) })
        return { status: 200 }
      },
    }),
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'SetBlobLegalHold',
      method: 'PUT',
      path,
      query: { comp: 'legalhold' },
      needs: needs.setImmutability,
      body: { kind: 'none' },
      async run(call) {
        const { head } = call
        const hasLegalHold = requiredLegalHoldOf(head)
        await blobs.setLegalHold(blobOf(call), { hasLegalHold, conditions: conditionsOf(head) })
        return { status: 200, headers: { 'x-ms-legal-hold': String(hasLegalHold) } }
      },
    }),
  ]
}
