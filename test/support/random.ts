/** Numbers that look random and are the same for the same seed (mulberry32). */
export interface Random {
  /** From 0 to below `below`. */
  number(below: number): number
  chance(probability: number): boolean
  /** @throws Error for an empty list */
  of<T>(list: readonly T[]): T
  one<T>(list: readonly T[]): T | undefined
}

export function random(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const number = (below: number) => Math.floor(next() * below)
  const one = <T>(list: readonly T[]): T | undefined => list[number(list.length)]
  return {
    number,
    chance: (probability) => next() < probability,
    one,
    of<T>(list: readonly T[]): T {
      if (list.length === 0) throw new Error('nothing to choose from')
      return one(list) as T
    },
  }
}
