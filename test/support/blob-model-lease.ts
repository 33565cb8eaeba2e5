/** What the leases of the model are. */
export interface ModelLease {
  id: string
  seconds: number | null
  /** Milliseconds; null: never. */
  endsAt: number | null
  breaksAt: number | null
}

export type ModelLeaseState = 'none' | 'leased' | 'expired' | 'breaking' | 'broken'

/** Codes of the refusals that a command may meet. Which of several comes first is nobody's business. */
export type Refusals = readonly string[]

export function leaseState(lease: ModelLease | null, now: number): ModelLeaseState {
  if (lease === null) return 'none'
  if (lease.breaksAt !== null) return lease.breaksAt <= now ? 'broken' : 'breaking'
  return lease.endsAt !== null && lease.endsAt <= now ? 'expired' : 'leased'
}

/** What the lease of a blob says to a write with that id. */
export function leaseRefusals(lease: ModelLease | null, id: string | null, now: number): Refusals {
  const state = leaseState(lease, now)
  if (state === 'leased' || state === 'breaking') {
    if (id === null) return ['lease-id-missing']
    return lease?.id === id ? [] : ['lease-id-mismatch']
  }
  if (id === null) return []
  return lease?.id === id ? ['lease-lost'] : ['lease-not-present']
}

interface LeaseAsked {
  readonly action: 'acquire' | 'renew' | 'release' | 'break'
  readonly id: string
  readonly seconds: number | null
}

/** The table of outcomes that the REST page of Lease Blob has. */
export function leaseActionRefusals(
  lease: ModelLease | null,
  { action, id }: Omit<LeaseAsked, 'seconds'>,
  at: number,
): Refusals {
  const state = leaseState(lease, at)
  const isSame = lease?.id === id
  switch (action) {
    case 'acquire':
      if (state === 'breaking') return [isSame ? 'lease-state-invalid' : 'lease-already-present']
      return state === 'leased' && !isSame ? ['lease-already-present'] : []
    case 'renew':
      if (!isSame) return ['lease-id-mismatch']
      return state === 'breaking' || state === 'broken' ? ['lease-state-invalid'] : []
    case 'release':
      return isSame ? [] : ['lease-id-mismatch']
    case 'break':
      return state === 'none' ? ['lease-not-present'] : []
  }
}

export function leaseAfter(
  lease: ModelLease | null,
  { action, id, seconds }: LeaseAsked,
  at: number,
): ModelLease | null {
  if (action === 'release') return null
  if (action === 'acquire' || lease === null || action === 'renew') {
    const lasting = action === 'acquire' ? (seconds === 0 ? null : seconds) : (lease?.seconds ?? null)
    return { id, seconds: lasting, endsAt: lasting === null ? null : at + lasting * 1_000, breaksAt: null }
  }
  const state = leaseState(lease, at)
  if (state === 'broken') return lease
  if (state === 'expired') return { ...lease, breaksAt: at }
  const end = state === 'breaking' ? lease.breaksAt : lease.endsAt
  const wanted = seconds === null ? (end ?? at) : at + seconds * 1_000
  return { ...lease, breaksAt: end === null ? wanted : Math.min(wanted, end) }
}
