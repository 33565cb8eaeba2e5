import { setTimeout as sleep } from 'node:timers/promises'
import type { RegistryHttp } from './registry-http.ts'

/** The default lease, and so the published bound, in milliseconds. */
export const BOUND_MS = 5_000

/**
 * Asks for a manifest again and again, from the moment at which the change was answered.
 *
 * @returns milliseconds to the first refusal
 * @throws when there is none within the bound
 */
export async function timeToRefusal(
  http: RegistryHttp,
  path: string,
  change: () => Promise<unknown>,
): Promise<number> {
  await change()
  const since = performance.now()
  for (;;) {
    const status = await http.status('GET', path)
    const elapsed = performance.now() - since
    if (status === 403) return elapsed
    if (elapsed > BOUND_MS) throw new Error(`still ${status} after ${Math.round(elapsed)} ms`)
    await sleep(5)
  }
}
