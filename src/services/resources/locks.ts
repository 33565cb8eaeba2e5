/** Runs works with the same key one after another; works with different keys do not wait for each other. */
export interface Locks {
  run<T>(key: string, work: () => Promise<T>): Promise<T>
}

export function openLocks(): Locks {
  const tails = new Map<string, Promise<unknown>>()
  return {
    async run(key, work) {
      const before = tails.get(key) ?? Promise.resolve()
      const mine = before.then(work)
      // The next one waits for the end, however it ended; the caller hears of a failure through `mine`.
      const tail = mine.then(
        () => undefined,
        () => undefined,
      )
      tails.set(key, tail)
      try {
        return await mine
      } finally {
        if (tails.get(key) === tail) tails.delete(key)
      }
    },
  }
}
