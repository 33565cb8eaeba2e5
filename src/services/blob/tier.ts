import { HOUR_MS, MINUTE_MS } from '../../kernel/units.ts'
import { BlobFault } from './faults.ts'
import type { BlobDoc, TierDoc } from './model.ts'

/** Azure promises no more than 15 hours, or an hour: bytes that are at hand anyway need no longer than clients need to see it. */
const REHYDRATION_MS = { Standard: HOUR_MS, High: MINUTE_MS } as const

export type RehydratePriority = keyof typeof REHYDRATION_MS

/** What a tier has become by `now`: a rehydration ends by itself. */
export function tierAt(tier: TierDoc | null, now: number): TierDoc | null {
  if (tier?.rehydration == null || now < tier.rehydration.readyAt) return tier
  const { to, readyAt } = tier.rehydration
  return { name: to, isInferred: false, changedAt: readyAt, rehydration: null }
}

/** Nothing reads or writes the bytes of an archived blob. @throws BlobFault `blob-archived`, `blob-being-rehydrated` */
export function assertNotArchived({ tier }: Pick<BlobDoc, 'tier'>, now: number): void {
  const at = tierAt(tier, now)
  if (at?.name !== 'Archive') return
  throw at.rehydration === null
    ? new BlobFault('blob-archived', {})
    : new BlobFault('blob-being-rehydrated', {})
}

/** The tier after Set Blob Tier: at once, but for an archived blob, which is on its way for a while. */
export function movedTier(
  tier: TierDoc | null,
  to: string,
  { priority, now }: { readonly priority: RehydratePriority | null; readonly now: number },
): TierDoc {
  const at = tierAt(tier, now)
  const rehydration = at?.rehydration ?? null
  if (rehydration !== null && rehydration.to !== to) throw new BlobFault('blob-being-rehydrated', {})
  if (at?.name !== 'Archive' || to === 'Archive') {
    const isSame = at?.name === to && !at.isInferred
    return isSame ? at : { name: to, isInferred: false, changedAt: now, rehydration: null }
  }
  // Asked for again, it may be hurried, never slowed down.
  const wanted = rehydration?.priority === 'High' ? 'High' : (priority ?? 'Standard')
  if (rehydration?.priority === wanted) return at
  return { ...at, rehydration: { to, priority: wanted, readyAt: now + REHYDRATION_MS[wanted] } }
}
