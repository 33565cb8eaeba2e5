/** One page of a list that is walked by key: `next` is where the following page begins, null on the last one. */
export interface Page<T, C = string> {
  readonly items: readonly T[]
  readonly next: C | null
}
