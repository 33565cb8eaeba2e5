import type { BlobDeps } from './blob-deps.ts'
import { getBlobState } from './blob-rows.ts'
import { getContainer } from './container-rows.ts'
import { emptied, endCopy } from './copy-job.ts'
import { BlobFault } from './faults.ts'
import { assertLeaseForWrite } from './lease.ts'
import type { BlobPath } from './model.ts'
import { openService } from './service-seal.ts'

export interface AbortCopy {
  /** As Copy Blob told it; in any letter case. */
  readonly copyId: string
  readonly leaseId: string | null
}

/**
 * Ends a copy that is under way, and leaves its destination without bytes. Needs no customer's key.
 * https://learn.microsoft.com/rest/api/storageservices/abort-copy-blob
 *
 * @throws BlobFault `copy-not-pending`, `copy-id-mismatch`, those of leases
 */
export async function abortCopy(
  { records, keyring, stamp }: Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>,
  { account, container: name, blob }: BlobPath,
  { copyId, leaseId }: AbortCopy,
): Promise<void> {
  const seal = await openService(keyring, account)
  await records.write(async (db) => {
    const { id: container } = await getContainer(db, seal, name)
    const state = await getBlobState(db, seal, { container, name: blob, moment: null })
    const now = stamp()
    assertLeaseForWrite(state.doc.lease, leaseId, 'blob', now.now)
    const { copy } = state.doc
    if (copy?.status !== 'pending') throw new BlobFault('copy-not-pending', {})
    if (copy.id !== copyId.toLowerCase()) throw new BlobFault('copy-id-mismatch', {})
    const outcome = { status: 'aborted', description: null, change: emptied } as const
    await endCopy(db, seal, state, { outcome, stamp: now })
  })
}
