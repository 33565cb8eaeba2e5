import { describe, expect, it } from 'vitest'
import { type LeaseCommand, changeLease, secondsToBreak } from './change-lease.ts'
import { BlobFault } from './faults.ts'
import { leaseAfterWrite, leaseStateOf } from './lease.ts'
import type { LeaseDoc } from './model.ts'

const NOW = 1_000_000
const A = '00000000-0000-4000-8000-00000000000a'
const B = '00000000-0000-4000-8000-00000000000b'
const C = '00000000-0000-4000-8000-00000000000c'

const lease = (change: Partial<LeaseDoc> = {}): LeaseDoc => ({
  id: A,
  durationSeconds: 60,
  endsAt: NOW + 30_000,
  breaksAt: null,
  ...change,
})
const states = {
  available: null,
  leased: lease(),
  infinite: lease({ durationSeconds: null, endsAt: null }),
  breaking: lease({ breaksAt: NOW + 10_000 }),
  broken: lease({ breaksAt: NOW - 1 }),
  expired: lease({ endsAt: NOW - 1 }),
}

/** The state after it and the id, or the code of the refusal. */
function outcome(state: keyof typeof states, command: LeaseCommand): string {
  try {
    const after = changeLease(states[state], command, { about: 'blob', now: NOW })
    return after === null ? 'available' : `${leaseStateOf(after, NOW)} ${after.id.slice(-1)}`
  } catch (error) {
    if (!(error instanceof BlobFault)) throw error
    const facts = error.facts as { readonly action?: string; readonly operation?: string }
    return [error.code as string, facts.action ?? facts.operation].filter(Boolean).join(' ')
  }
}

const acquire = (proposedId: string | null): LeaseCommand => ({
  action: 'acquire',
  proposedId,
  durationSeconds: 15,
})
const breaking = (periodSeconds: number | null): LeaseCommand => ({ action: 'break', periodSeconds })

/** https://learn.microsoft.com/rest/api/storageservices/lease-blob#outcomes-of-lease-operations-on-blobs-by-lease-state */
const mismatch = 'lease-id-mismatch lease'
const notPresent = 'lease-not-present lease'
const present = 'lease-already-present'
const table: readonly (readonly [string, LeaseCommand, Readonly<Record<keyof typeof states, string>>])[] = [
  [
    'acquire A',
    acquire(A),
    {
      available: 'leased a',
      leased: 'leased a',
      infinite: 'leased a',
      breaking: 'lease-state-invalid acquire',
      broken: 'leased a',
      expired: 'leased a',
    },
  ],
  [
    'acquire B',
    acquire(B),
    {
      available: 'leased b',
      leased: present,
      infinite: present,
      breaking: present,
      broken: 'leased b',
      expired: 'leased b',
    },
  ],
  [
    'renew A',
    { action: 'renew', id: A },
    {
      available: mismatch,
      leased: 'leased a',
      infinite: 'leased a',
      breaking: 'lease-state-invalid renew',
      broken: 'lease-state-invalid renew',
      expired: 'leased a',
    },
  ],
  [
    'renew B',
    { action: 'renew', id: B },
    {
      available: mismatch,
      leased: mismatch,
      infinite: mismatch,
      breaking: mismatch,
      broken: mismatch,
      expired: mismatch,
    },
  ],
  [
    'change A to B',
    { action: 'change', id: A, proposedId: B },
    {
      available: notPresent,
      leased: 'leased b',
      infinite: 'leased b',
      breaking: 'lease-state-invalid change',
      broken: notPresent,
      expired: notPresent,
    },
  ],
  [
    'change B to A',
    { action: 'change', id: B, proposedId: A },
    {
      available: notPresent,
      leased: 'leased a',
      infinite: 'leased a',
      breaking: mismatch,
      broken: notPresent,
      expired: notPresent,
    },
  ],
  [
    'change B to C',
    { action: 'change', id: B, proposedId: C },
    {
      available: notPresent,
      leased: mismatch,
      infinite: mismatch,
      breaking: mismatch,
      broken: notPresent,
      expired: notPresent,
    },
  ],
  [
    'release A',
    { action: 'release', id: A },
    {
      available: mismatch,
      leased: 'available',
      infinite: 'available',
      breaking: 'available',
      broken: 'available',
      expired: 'available',
    },
  ],
  [
    'release B',
    { action: 'release', id: B },
    {
      available: mismatch,
      leased: mismatch,
      infinite: mismatch,
      breaking: mismatch,
      broken: mismatch,
      expired: mismatch,
    },
  ],
  [
    'break at once',
    breaking(0),
    {
      available: notPresent,
      leased: 'broken a',
      infinite: 'broken a',
      breaking: 'broken a',
      broken: 'broken a',
      expired: 'broken a',
    },
  ],
  [
    'break',
    breaking(null),
    {
      available: notPresent,
      leased: 'breaking a',
      infinite: 'broken a',
      breaking: 'breaking a',
      broken: 'broken a',
      expired: 'broken a',
    },
  ],
  [
    'break in 20 s',
    breaking(20),
    {
      available: notPresent,
      leased: 'breaking a',
      infinite: 'breaking a',
      breaking: 'breaking a',
      broken: 'broken a',
      expired: 'broken a',
    },
  ],
]

describe.each(table)('%s', (_, command, outcomes) => {
  it.each(Object.entries(outcomes))('when %s: %s', (state, expected) => {
    expect(outcome(state as keyof typeof states, command)).toBe(expected)
  })
})

describe('a break', () => {
  it.each([
    ['leased', null, 30],
    ['leased', 20, 20],
    ['leased', 60, 30],
    ['infinite', null, 0],
    ['infinite', 60, 60],
    ['breaking', null, 10],
    ['breaking', 5, 5],
    ['breaking', 60, 10],
    ['broken', 60, 0],
    ['expired', 60, 0],
  ] as const)('of a lease that is %s, within %s seconds, takes %i', (state, period, left) => {
    const after = changeLease(states[state], breaking(period), { about: 'blob', now: NOW })
    expect(after === null ? null : secondsToBreak(after, NOW)).toBe(left)
  })
})

it('acquire without an id makes one, and starts the time it asks for', () => {
  const first = changeLease(null, acquire(null), { about: 'blob', now: NOW })
  const second = changeLease(null, acquire(null), { about: 'blob', now: NOW })
  expect(first).toMatchObject({ durationSeconds: 15, endsAt: NOW + 15_000 })
  expect(first?.id).not.toBe(second?.id)
})

it('a write takes a lease away that no longer holds, and leaves one that does', () => {
  for (const state of ['leased', 'infinite', 'breaking'] as const)
    expect(leaseAfterWrite(states[state], NOW)).toBe(states[state])
  for (const state of ['available', 'broken', 'expired'] as const)
    expect(leaseAfterWrite(states[state], NOW)).toBeNull()
})
