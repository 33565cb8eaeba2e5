import { operation } from '../../../http/operation.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'

/** https://learn.microsoft.com/rest/api/storageservices/set-blob-expiry: of accounts with a hierarchical namespace, which none is. */
export function setBlobExpiryOperation(): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'SetBlobExpiry',
    method: 'PUT',
    path: '/{container}/{blob+}',
    query: { comp: 'expiry' },
    needs: needs.writeBlob,
    body: { kind: 'none' },
    run: () => Promise.reject(new BlobFault('feature-disabled', { feature: 'A hierarchical namespace' })),
  })
}
