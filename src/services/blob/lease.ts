import { BlobFault } from './faults.ts'
import type { LeaseDoc } from './model.ts'

export type LeaseState = 'available' | 'leased' | 'expired' | 'breaking' | 'broken'

/** https://learn.microsoft.com/rest/api/storageservices/lease-blob#remarks */
export function leaseStateOf(lease: LeaseDoc | null, now: number): LeaseState {
  if (lease === null) return 'available'
  if (lease.breaksAt !== null) return now < lease.breaksAt ? 'breaking' : 'broken'
  return lease.endsAt === null || now < lease.endsAt ? 'leased' : 'expired'
}

/** Whether what is leased may be changed only with the lease's id. */
export function isLocked(lease: LeaseDoc | null, now: number): boolean {
  const state = leaseStateOf(lease, now)
  return state === 'leased' || state === 'breaking'
}

/**
 * What a write of the blob leaves of its lease: one that has run out or was broken is gone for good, so that it is not renewed
 * over what somebody else has written.
 */
export function leaseAfterWrite(lease: LeaseDoc | null, now: number): LeaseDoc | null {
  return isLocked(lease, now) ? lease : null
}

/** A write needs the id of an active lease. @throws BlobFault `lease-id-missing`, `lease-id-mismatch`, `lease-not-present`, `lease-lost` */
export function assertLeaseForWrite(
  lease: LeaseDoc | null,
  leaseId: string | null,
  about: 'blob' | 'container',
  now: number,
): void {
  if (isLocked(lease, now) && leaseId === null) throw new BlobFault('lease-id-missing', { about })
  assertLeaseForRead(lease, leaseId, about, now)
}

/** A read may go without; an id that is given must hold. */
export function assertLeaseForRead(
  lease: LeaseDoc | null,
  leaseId: string | null,
  about: 'blob' | 'container',
  now: number,
): void {
  if (leaseId === null) return
  const isSame = lease?.id === leaseId.toLowerCase()
  if (isLocked(lease, now)) {
    if (!isSame) throw new BlobFault('lease-id-mismatch', { about, operation: 'other' })
    return
  }
  if (lease !== null && isSame) throw new BlobFault('lease-lost', {})
  throw new BlobFault('lease-not-present', { about, operation: 'other' })
}
