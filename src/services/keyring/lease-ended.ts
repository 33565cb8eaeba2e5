import { type KeyLease, LeaseEnded } from './keyring.ts'

/** Pushes come as often as somebody changes a vault; so many within one operation are no accident. */
const MAX_TRIES = 5

/**
 * Runs what can be run again from its beginning, and opens the key there. A push ends every lease of its key at once, those
 * of requests under way too: what was changed may leave the key to them, so they ask again instead of failing.
 *
 * @throws KeyringFault `key-refused` when it was taken away
 */
export function repeated<T>(work: () => Promise<T>): Promise<T> {
  return retried(work, () => undefined)
}

/** The same for what uses a lease that was opened before it. */
export function underLease<T>(lease: KeyLease, work: () => Promise<T>): Promise<T> {
  return retried(work, () => lease.check())
}

async function retried<T>(work: () => Promise<T>, renew: () => Promise<void> | undefined): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof LeaseEnded) || tries === MAX_TRIES) throw error
      await renew()
    }
  }
}
