import type { MacKey } from '../../crypto/mac-key.ts'
import type { RememberingRecordKey } from '../../crypto/opened-records.ts'
import type { RootKey } from '../../crypto/root-key.ts'
import type { LeaseTime } from './lease-time.ts'

/** The keys that one unwrap gave. */
export interface OpenedKeys {
  readonly rootKey: RootKey
  /** What it remembers goes when it goes: with the lease. */
  readonly recordKey: Pick<RememberingRecordKey, 'seal' | 'open' | 'openJson'>
  readonly indexKey: MacKey
}

/**
 * Opened keys and their time: from the sending of the request that opened them. After it, or after `end()`, the keys are
 * dropped and unreachable.
 */
export class Grant {
  readonly rootKeyId: string
  /** Of the wrapping that was opened. */
  readonly generation: number
  readonly #time: LeaseTime
  readonly #leaseMs: number
  #keys: OpenedKeys | null
  #timer: NodeJS.Timeout | undefined

  constructor(keys: OpenedKeys, generation: number, time: LeaseTime, leaseMs: number) {
    this.rootKeyId = keys.rootKey.keyId
    this.generation = generation
    this.#keys = keys
    this.#time = time
    this.#leaseMs = leaseMs
    this.#dropWhenOver()
  }

  /** The keys while the lease lives, else null. Looks at the clocks each time: no timer is relied on. */
  keys(): OpenedKeys | null {
    if (this.#keys !== null && this.#time.elapsedMs() >= this.#leaseMs) this.end()
    return this.#keys
  }

  /** Whether the time has come to ask again. */
  isPastHalf(): boolean {
    return this.#time.elapsedMs() >= this.#leaseMs / 2
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#keys?.rootKey.destroy()
    this.#keys = null
  }

  /** Nobody may look again: then the keys leave memory by this. The lease itself is held by `keys()`. */
  #dropWhenOver(): void {
    this.#timer = setTimeout(() => {
      if (this.keys() !== null) this.#dropWhenOver()
    }, this.#leaseMs).unref()
  }
}
