import { GIB } from '../../kernel/units.ts'
import type { StorageAccount } from '../storage/storage-account.ts'
import { BlobFault } from './faults.ts'
import type { TierDoc } from './model.ts'

/** What each tier holds, in GiB. https://learn.microsoft.com/azure/virtual-machines/disks-types#premium-ssd-size */
const tiers: readonly (readonly [name: string, gibibytes: number])[] = [
  ['P4', 32],
  ['P6', 64],
  ['P10', 128],
  ['P15', 256],
  ['P20', 512],
  ['P30', 1_024],
  ['P40', 2_048],
  ['P50', 4_096],
  ['P60', 8_192],
]

/**
 * Only page blobs of premium accounts have a tier: the one that was asked for, or the first that they fit in.
 * @throws BlobFault `tier-invalid`, `tier-unsupported`
 */
export function pageTierOf(
  { sku }: Pick<StorageAccount, 'sku'>,
  { length, wanted }: { readonly length: number; readonly wanted: string | null },
  now: number,
): TierDoc | null {
  if (!sku.startsWith('Premium')) {
    if (wanted === null) return null
    throw new BlobFault('tier-unsupported', {})
  }
  const fitting = tiers.filter(([, gibibytes]) => length <= gibibytes * GIB).map(([name]) => name)
  const name = wanted ?? fitting[0]
  if (name !== undefined && !tiers.some(([known]) => known === name))
    throw new BlobFault('tier-unsupported', {})
  if (name === undefined || !fitting.includes(name)) {
    throw new BlobFault('tier-invalid', { reason: `a page blob of that size may have ${fitting.join(', ')}` })
  }
  return { name, isInferred: wanted === null, changedAt: now, rehydration: null }
}

/** What a page blob has may only be raised. @throws BlobFault `tier-invalid`, `tier-too-low` */
export function raisedPageTier(
  account: Pick<StorageAccount, 'sku'>,
  { length, tier }: { readonly length: number; readonly tier: TierDoc | null },
  { wanted, now }: { readonly wanted: string; readonly now: number },
): TierDoc | null {
  const raised = pageTierOf(account, { length, wanted }, now)
  const rank = (name: string) => tiers.findIndex(([known]) => known === name)
  if (tier !== null && !tier.isInferred && rank(wanted) < rank(tier.name))
    throw new BlobFault('tier-too-low', {})
  return raised
}
