/** How often each thing was done: what was never done was not tested. */
export interface Tally {
  readonly done: Map<string, number>
}

export function count({ done }: Tally, what: string): void {
  done.set(what, (done.get(what) ?? 0) + 1)
}

/** Lets every worker take one turn after the other, all at once, for so long. The first failure is thrown once all have ended. */
export async function runWorkers<A>(
  workers: readonly ((arena: A, turn: number) => Promise<void>)[],
  arena: A,
  ms: number,
): Promise<void> {
  const stopped = AbortSignal.timeout(ms)
  const failed = new AbortController()
  const outcomes = await Promise.allSettled(
    workers.map(async (worker) => {
      try {
        for (let turn = 0; !stopped.aborted && !failed.signal.aborted; turn++) await worker(arena, turn)
      } catch (error) {
        failed.abort()
        throw error
      }
    }),
  )
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

export function sharedBy<T>(sharing: number, worker: T): readonly T[] {
  return Array.from({ length: sharing }, () => worker)
}
