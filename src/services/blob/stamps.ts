import type { Clock } from '../../kernel/clock.ts'

/** One moment, unlike any other of this process. */
export interface Stamp {
  /** Milliseconds since 1970. */
  readonly now: number
  /** Without quotes: `0x8DE2B0A9C3F1A00`, the moment in units of 100 ns since the year 1, as Azure makes them. */
  readonly etag: string
  /** As snapshots and versions are named: `2026-11-24T09:15:06.1234567Z`. */
  readonly moment: string
  /** Just before it, and as much its own: for what is kept of what it replaces. */
  readonly momentBefore: string
}

/** Between the year 1 and 1970, in units of 100 ns. */
const TICKS_TO_1970 = 621_355_968_000_000_000n
const TICKS_A_MS = 10_000n

/** Makes stamps that only go up, whatever the clock does: entity tags and moments must differ. */
export function stamps(clock: Clock): () => Stamp {
  let last = 0n
  return () => {
    const now = clock.now().getTime()
    const ticks = BigInt(now) * TICKS_A_MS
    last = ticks > last + 1n ? ticks : last + 2n
    const before = last - 1n
    return {
      now,
      etag: etagOf(last),
      moment: momentOf(last),
      get momentBefore() {
        return momentOf(before)
      },
    }
  }
}

function etagOf(ticks: bigint): string {
  return `0x${(ticks + TICKS_TO_1970).toString(16).toUpperCase()}`
}

/** The moment at which what has that entity tag was written. */
export function momentOfEtag(etag: string): string {
  return momentOf(BigInt(etag) - TICKS_TO_1970)
}

function momentOf(ticks: bigint): string {
  const iso = new Date(Number(ticks / TICKS_A_MS)).toISOString()
  return `${iso.slice(0, -1)}${String(ticks % TICKS_A_MS).padStart(4, '0')}Z`
}

/** @returns the moment as rows have it, with seven digits; null when it is none */
export function parseMoment(text: string): string | null {
  const found = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?Z$/.exec(text)
  if (found?.[1] === undefined || Number.isNaN(Date.parse(`${found[1]}Z`))) return null
  return `${found[1]}.${(found[2] ?? '').padEnd(7, '0')}Z`
}
