import type { Part } from './model.ts'

/** Half-open, in bytes of the blob. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface PlacedPart extends Part {
  readonly start: number
}

/** Parts that follow one another, the first of them at `start`. */
export function placed(parts: readonly Part[], start: number): readonly PlacedPart[] {
  let at = start
  return parts.map((part) => {
    const here = { ...part, start: at }
    at += part.length
    return here
  })
}

export function bare({ length, ref, at, block }: Part): Part {
  return { length, ref, at, ...(block === undefined ? {} : { block }) }
}

export function endOf({ start, length }: PlacedPart): number {
  return start + length
}

/** Those that hold any of the span, whole. */
export function within(parts: readonly PlacedPart[], { start, end }: Span): readonly PlacedPart[] {
  return parts.filter((part) => part.start < end && endOf(part) > start)
}

/** Of the parts, what lies in the span. */
export function cut(parts: readonly PlacedPart[], span: Span): readonly PlacedPart[] {
  return within(parts, span).map((part) => {
    const start = Math.max(part.start, span.start)
    const end = Math.min(endOf(part), span.end)
    if (end - start === part.length) return part
    return { ...part, start, length: end - start, at: part.ref === null ? 0 : part.at + start - part.start }
  })
}

/** The parts with `others` in the place of what the span holds. Neighbours that continue one another become one. */
export function spliced(
  parts: readonly PlacedPart[],
  span: Span,
  others: readonly PlacedPart[],
): readonly PlacedPart[] {
  return joined([
    ...cut(parts, { start: 0, end: span.start }),
    ...others,
    ...cut(parts, { start: span.end, end: Number.MAX_SAFE_INTEGER }),
  ])
}

/** Neighbours that hold zeros, or go on in the same extent, become one; but each block of a block list stays as it came. */
function joined(parts: readonly PlacedPart[]): readonly PlacedPart[] {
  const made: PlacedPart[] = []
  for (const part of parts) {
    const last = made.at(-1)
    if (last !== undefined && continues(last, part)) {
      made[made.length - 1] = { ...last, length: last.length + part.length }
    } else if (part.length > 0) made.push(part)
  }
  return made
}

function continues(last: PlacedPart, next: PlacedPart): boolean {
  if (last.ref !== next.ref || last.block !== undefined || next.block !== undefined) return false
  return next.ref === null || last.at + last.length === next.at
}

export function refsOf(parts: readonly Part[]): readonly string[] {
  return parts.flatMap(({ ref }) => ref ?? [])
}

/**
 * Extents that what is there `after` a change names more often, or less often, than what was there `before`, and than what came
 * with it, which counts as used already. Several times where it is by several.
 */
export function changedUses(
  before: readonly Part[],
  added: readonly Part[],
  after: readonly Part[],
): { readonly used: readonly string[]; readonly released: readonly string[] } {
  const counts = new Map<string, number>()
  const count = (parts: readonly Part[], by: number) => {
    for (const ref of refsOf(parts)) counts.set(ref, (counts.get(ref) ?? 0) + by)
  }
  const [start, end] = sameEnds(before, after)
  count(after.slice(start, after.length - end), 1)
  count(before.slice(start, before.length - end), -1)
  count(added, -1)
  const times = (sign: number) =>
    [...counts].flatMap(([ref, by]) => Array.from({ length: Math.max(0, by * sign) }, () => ref))
  return { used: times(1), released: times(-1) }
}

/** How many parts at the beginning, and at the end, are the very same: nearly all, after most changes. */
function sameEnds(before: readonly Part[], after: readonly Part[]): readonly [start: number, end: number] {
  const most = Math.min(before.length, after.length)
  let start = 0
  while (start < most && before[start] === after[start]) start++
  let end = 0
  while (start + end < most && before.at(-1 - end) === after.at(-1 - end)) end++
  return [start, end]
}
