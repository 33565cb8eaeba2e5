import { randomGuid } from '../../crypto/random.ts'
import { BlobFault } from './faults.ts'
import { leaseStateOf } from './lease.ts'
import type { LeaseDoc } from './model.ts'

/** The five modes of Lease Blob and Lease Container. Ids are GUIDs in lower case. */
export type LeaseCommand =
  | {
      readonly action: 'acquire'
      /** Null: the service makes one. */
      readonly proposedId: string | null
      /** Null: infinite. */
      readonly durationSeconds: number | null
    }
  | { readonly action: 'renew'; readonly id: string }
  | { readonly action: 'change'; readonly id: string; readonly proposedId: string }
  | { readonly action: 'release'; readonly id: string }
  /** Null: when the lease ends, or at once for an infinite one. */
  | { readonly action: 'break'; readonly periodSeconds: number | null }

interface Leased {
  readonly about: 'blob' | 'container'
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * The lease after `command`; null: none any more. Neither ETag nor Last-Modified change with it.
 *
 * https://learn.microsoft.com/rest/api/storageservices/lease-blob#outcomes-of-lease-operations-on-blobs-by-lease-state
 *
 * @throws BlobFault `lease-already-present`, `lease-not-present`, `lease-id-mismatch`, `lease-state-invalid`
 */
export function changeLease(lease: LeaseDoc | null, command: LeaseCommand, leased: Leased): LeaseDoc | null {
  switch (command.action) {
    case 'acquire':
      return acquire(lease, command, leased)
    case 'renew':
      return renew(lease, command.id, leased)
    case 'change':
      return change(lease, command, leased)
    case 'release':
      if (lease?.id !== command.id) throw mismatch(leased)
      return null
    case 'break':
      return breakLease(lease, command.periodSeconds, leased)
  }
}

/** What is left of a lease that is being broken, in whole seconds; 0 for one that is broken. */
export function secondsToBreak({ breaksAt }: LeaseDoc, now: number): number {
  return Math.max(0, Math.ceil(((breaksAt ?? now) - now) / 1000))
}

function acquire(
  lease: LeaseDoc | null,
  { proposedId, durationSeconds }: Extract<LeaseCommand, { readonly action: 'acquire' }>,
  { now }: Leased,
): LeaseDoc {
  const state = leaseStateOf(lease, now)
  const isSame = proposedId !== null && lease?.id === proposedId
  if (state === 'breaking' && isSame) throw new BlobFault('lease-state-invalid', { action: 'acquire' })
  if (state === 'breaking' || (state === 'leased' && !isSame))
    throw new BlobFault('lease-already-present', {})
  return begun(proposedId ?? randomGuid(), durationSeconds, now)
}

function renew(lease: LeaseDoc | null, id: string, leased: Leased): LeaseDoc {
  if (lease?.id !== id) throw mismatch(leased)
  if (lease.breaksAt !== null) throw new BlobFault('lease-state-invalid', { action: 'renew' })
  return begun(id, lease.durationSeconds, leased.now)
}

function change(
  lease: LeaseDoc | null,
  { id, proposedId }: Extract<LeaseCommand, { readonly action: 'change' }>,
  leased: Leased,
): LeaseDoc {
  const state = leaseStateOf(lease, leased.now)
  if (lease === null || state === 'expired' || state === 'broken')
    throw new BlobFault('lease-not-present', { about: leased.about, operation: 'lease' })
  if (state === 'breaking') {
    throw lease.id === id ? new BlobFault('lease-state-invalid', { action: 'change' }) : mismatch(leased)
  }
  // Sent twice, it finds the proposed id in force already.
  if (lease.id !== id && lease.id !== proposedId) throw mismatch(leased)
  return { ...lease, id: proposedId }
}

function breakLease(lease: LeaseDoc | null, periodSeconds: number | null, { about, now }: Leased): LeaseDoc {
  if (lease === null) throw new BlobFault('lease-not-present', { about, operation: 'lease' })
  const state = leaseStateOf(lease, now)
  if (state === 'broken') return lease
  if (state === 'expired') return { ...lease, breaksAt: now }
  const wanted = periodSeconds === null ? null : now + periodSeconds * 1000
  const end = lease.breaksAt ?? lease.endsAt
  // A period is only heard where it is shorter than what remains.
  return { ...lease, breaksAt: Math.min(wanted ?? end ?? now, end ?? Infinity) }
}

function begun(id: string, durationSeconds: number | null, now: number): LeaseDoc {
  const endsAt = durationSeconds === null ? null : now + durationSeconds * 1000
  return { id, durationSeconds, endsAt, breaksAt: null }
}

function mismatch({ about }: Leased): BlobFault<'lease-id-mismatch'> {
  return new BlobFault('lease-id-mismatch', { about, operation: 'lease' })
}
