/** Runs one piece of work after the other, in the order in which they were handed in. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>

/**
 * For state that is kept in memory beside its records: what is checked, written and then taken over must not be
 * overtaken by the next change. A work that fails fails alone.
 */
export function inTurn(): InTurn {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const turn = last.then(work)
    last = turn.catch(() => undefined)
    return turn
  }
}
