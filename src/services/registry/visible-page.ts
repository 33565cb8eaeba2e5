const MAX_ROWS_AT_ONCE = 500

/** One page of what may be shown. `end` is its last row when more follows, null on the last page. */
export interface VisiblePage<T, R> {
  readonly items: readonly T[]
  readonly end: R | null
}

/** Walks rows until `n` of them may be shown and one more was seen: a page is short only when it is the last. */
export async function visiblePage<T, R>(
  n: number,
  fetch: (after: R | null, limit: number) => Promise<readonly R[]>,
  show: (row: R) => T | null,
): Promise<VisiblePage<T, R>> {
  const items: T[] = []
  let after: R | null = null
  let end: R | null = null
  while (n > 0) {
    const limit = Math.min(n + 1 - items.length, MAX_ROWS_AT_ONCE)
    const rows: readonly R[] = await fetch(after, limit)
    for (const row of rows) {
      after = row
      const item = show(row)
      if (item === null) continue
      if (items.length === n) return { items, end }
      items.push(item)
      end = row
    }
    if (rows.length < limit) break
  }
  return { items, end: null }
}
