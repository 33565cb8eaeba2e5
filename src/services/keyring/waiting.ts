import { Outage } from '../../kernel/fault.ts'

/** Waits for `work` no longer than `signal` lets. The work itself goes on. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason as Error)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/**
 * Lends `call` a signal that aborts at the deadline, and does not wait longer even when `call` ignores it.
 * @throws Outage at the deadline
 */
export async function withDeadline<T>(
  deadlineMs: number,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController()
  const late = new Outage('the vault gave no answer in time', { retryAfterSeconds: 1 })
  const timer = setTimeout(() => limit.abort(late), deadlineMs)
  // Not AbortSignal.any(): a signal that lives as long as the process would hold on to each call's.
  const abort = () => limit.abort(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await abortable(call(limit.signal), limit.signal)
  } catch (error) {
    if (limit.signal.reason === late) throw late
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

/** Lets at most `max` works run at a time; the others wait in order. */
export class Limiter {
  readonly #max: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(max: number) {
    this.#max = max
  }

  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#max) {
      const turn = Promise.withResolvers<undefined>()
      const enter = () => turn.resolve(undefined)
      this.#waiting.push(enter)
      try {
        await abortable(turn.promise, signal)
      } catch (error) {
        const at = this.#waiting.indexOf(enter)
        // Called up in the very moment of giving up: the turn goes to the next.
        if (at >= 0) this.#waiting.splice(at, 1)
        else this.#leave()
        throw error
      }
    } else {
      this.#running += 1
    }
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  /** The place goes straight to the next in line, so no newcomer can slip in between. */
  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running -= 1
    else next()
  }
}

/** Runs works of one name one after another; those of different names do not wait for each other. */
export class Serial {
  readonly #tails = new Map<string, Promise<unknown>>()

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name)
    const mine = before === undefined ? work() : before.then(work, work)
    this.#tails.set(name, mine)
    try {
      return await mine
    } finally {
      if (this.#tails.get(name) === mine) this.#tails.delete(name)
    }
  }
}
