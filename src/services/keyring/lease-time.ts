import type { LeaseClock } from './ports.ts'

/**
 * How long a lease has run, by whichever of the two clocks says more. The monotonic clock cannot be set back, and the
 * wall clock goes on while the machine sleeps. A wall clock that was set back counts on from there: it never gives a lease
 * time, and a later jump forward takes some.
 */
export class LeaseTime {
  readonly #clock: LeaseClock
  readonly #startedAt: number
  /** The smallest lead of the wall clock over the monotonic one that was seen. */
  #lead: number

  constructor(clock: LeaseClock) {
    this.#clock = clock
    this.#startedAt = clock.monotonic()
    this.#lead = clock.wall() - this.#startedAt
  }

  elapsedMs(): number {
    const now = this.#clock.monotonic()
    const lead = this.#clock.wall() - now
    if (lead < this.#lead) this.#lead = lead
    return now - this.#startedAt + (lead - this.#lead)
  }
}
