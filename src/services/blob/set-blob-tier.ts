import type { BlobDeps } from './blob-deps.ts'
import { putBlobState } from './blob-rows.ts'
import { type ChangeOptions, changeBlob } from './change-blob.ts'
import { assertKeyInReach } from './content-seal.ts'
import { assertNotCopying } from './copy-pending.ts'
import { BlobFault } from './faults.ts'
import { assertLeaseForRead } from './lease.ts'
import type { BlobDoc, BlobPath } from './model.ts'
import { encryptionOf } from './set-blob-metadata.ts'
import { type RehydratePriority, movedTier } from './tier.ts'

export type AccessTier = 'Hot' | 'Cool' | 'Cold' | 'Archive'

export interface SetBlobTier extends ChangeOptions {
  readonly tier: AccessTier
  /** Of a rehydration; null: not said. */
  readonly priority: RehydratePriority | null
}

/**
 * Moves a block blob, a snapshot or a version to a tier. The bytes stay where they are, but an archived blob needs a while.
 * https://learn.microsoft.com/rest/api/storageservices/set-blob-tier
 *
 * @returns whether it is on its way there
 * @throws BlobFault; KeyringFault `key-refused`
 */
export async function setBlobTier(
  deps: BlobDeps,
  at: BlobPath,
  { tier, priority, ...options }: SetBlobTier,
  signal: AbortSignal,
): Promise<{ readonly isPending: boolean }> {
  await assertKeyInReach(deps, at.account, await encryptionOf(deps, at), signal)
  return await changeBlob(deps, at, options, async ({ db, seal, state, stamp: { now } }) => {
    const { doc } = state
    assertLeaseForRead(doc.lease, options.leaseId, 'blob', now)
    assertNotCopying(doc)
    assertTierFits(doc, tier)
    const moved = movedTier(doc.tier, tier, { priority, now })
    await putBlobState(db, seal, { ...state, doc: { ...doc, tier: moved } })
    return { isPending: moved.rehydration !== null }
  })
}

function assertTierFits({ type, encryption }: BlobDoc, tier: AccessTier): void {
  if (type !== 'BlockBlob') throw new BlobFault('blob-type-invalid', { type })
  if (tier === 'Archive' && encryption.scope !== null)
    throw new BlobFault('tier-invalid', { reason: 'a blob in an encryption scope cannot be archived' })
}
