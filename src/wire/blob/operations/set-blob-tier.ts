import { type RequestHead, operation } from '../../../http/operation.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { SetBlobTier } from '../../../services/blob/set-blob-tier.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { blobOf, conditionsOf, leaseIdOf } from '../request.ts'

/** https://learn.microsoft.com/rest/api/storageservices/set-blob-tier */
export function setBlobTierOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'SetBlobTier',
    method: 'PUT',
    path: '/{container}/{blob+}',
    query: { comp: 'tier' },
    needs: needs.writeBlob,
    body: { kind: 'none' },
    async run(call) {
      const { head, signal } = call
      const { isPending } = await blobs.setBlobTier(blobOf(call), commandOf(head), signal)
      return { status: isPending ? 202 : 200 }
    },
  })
}

function commandOf(head: RequestHead): SetBlobTier {
  return {
    tier: tierOf(head),
    priority: priorityOf(head),
    conditions: conditionsOf(head),
    leaseId: leaseIdOf(head),
  }
}

const tiers = /^(Hot|Cool|Cold|Archive|P(4|6|10|15|20|30|40|50|60|70|80))$/

function tierOf({ headers }: RequestHead): string {
  const name = 'x-ms-access-tier'
  const value = headers.get(name)
  if (value === undefined) throw new BlobFault('header-missing', { name })
  if (!tiers.test(value)) throw new BlobFault('header-invalid', { name, value })
  return value
}

function priorityOf({ headers }: RequestHead): SetBlobTier['priority'] {
  const value = headers.get('x-ms-rehydrate-priority')
  if (value === undefined) return null
  if (value === 'Standard' || value === 'High') return value
  throw new BlobFault('header-invalid', { name: 'x-ms-rehydrate-priority', value })
}
