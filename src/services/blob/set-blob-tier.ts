import type { StorageAccount } from '../storage/storage-account.ts'
import type { BlobDeps } from './blob-deps.ts'
import { putBlobState } from './blob-rows.ts'
import { type ChangeOptions, changeBlob } from './change-blob.ts'
import { assertKeyInReach } from './content-seal.ts'
import { assertNotCopying } from './copy-pending.ts'
import { BlobFault } from './faults.ts'
import { assertLeaseForRead } from './lease.ts'
import type { BlobDoc, BlobPath, TierDoc } from './model.ts'
import { raisedPageTier } from './page-tier.ts'
import { encryptionOf } from './set-blob-metadata.ts'
import { type RehydratePriority, movedTier } from './tier.ts'

export interface SetBlobTier extends ChangeOptions {
  /** `Hot`; of a page blob `P10`. */
  readonly tier: string
  /** Of a rehydration; null: not said. */
  readonly priority: RehydratePriority | null
}

/**
 * Moves a blob, a snapshot or a version to a tier. The bytes stay where they are, but an archived blob needs a while.
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
    const moved = tierAfter(at.account, doc, { tier, priority, now })
    await putBlobState(db, seal, { ...state, doc: { ...doc, tier: moved } })
    return { isPending: moved !== null && moved.rehydration !== null }
  })
}

const blockTiers: ReadonlySet<string> = new Set(['Hot', 'Cool', 'Cold', 'Archive'])

function tierAfter(
  account: StorageAccount,
  { type, length, encryption, tier: before }: BlobDoc,
  { tier, priority, now }: Pick<SetBlobTier, 'tier' | 'priority'> & { readonly now: number },
): TierDoc | null {
  if (type === 'PageBlob') return raisedPageTier(account, { length, tier: before }, { wanted: tier, now })
  if (type !== 'BlockBlob') throw new BlobFault('blob-type-invalid', { type })
  const invalid = (reason: string) => new BlobFault('tier-invalid', { reason })
  if (!blockTiers.has(tier)) throw new BlobFault('tier-unsupported', {})
  if (account.sku.startsWith('Premium')) throw invalid('the blobs of a premium account have one tier')
  if (tier === 'Archive' && encryption.scope !== null)
    throw invalid('a blob in an encryption scope cannot be archived')
  return movedTier(before, tier, { priority, now })
}
