import type { LeaseClock } from '../ports.ts'

/** Both clocks of a lease, moved by hand. */
export class SettableClock implements LeaseClock {
  #monotonic = 1_000
  #wall = Date.parse('2026-01-01T00:00:00Z')

  monotonic(): number {
    return this.#monotonic
  }

  wall(): number {
    return this.#wall
  }

  /** Time passes, on both. */
  advance(ms: number): void {
    this.#monotonic += ms
    this.#wall += ms
  }

  /** Somebody sets the machine's clock. */
  jump(ms: number): void {
    this.#wall += ms
  }
}
