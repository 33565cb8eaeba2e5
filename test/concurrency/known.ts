/**
 * What is known of a value that several change at once. While changes run, any of what they set, or what was before,
 * may be seen; after a change that ran alone, its value and nothing else.
 */
export class Known<T> {
  #possible: ReadonlySet<T>
  #running = 0
  #isOverlapped = false
  /** Every value that a change was begun to. */
  readonly #begun: T[] = []

  constructor(value: T) {
    this.#possible = new Set([value])
  }

  async change<R>(to: T, work: () => Promise<R>): Promise<R> {
    this.#begun.push(to)
    this.#running++
    this.#isOverlapped ||= this.#running > 1
    this.#possible = new Set([...this.#possible, to])
    const result = await work()
    this.#running--
    if (this.#running === 0) {
      if (!this.#isOverlapped) this.#possible = new Set([to])
      this.#isOverlapped = false
    }
    return result
  }

  /** What `look` saw, and what it may have seen: all that was possible at its begin, and all that was begun meanwhile. */
  async observe<R>(look: () => Promise<R>): Promise<{ readonly seen: R; readonly possible: ReadonlySet<T> }> {
    const before = this.#possible
    const count = this.#begun.length
    const seen = await look()
    return { seen, possible: new Set([...before, ...this.#begun.slice(count)]) }
  }
}
