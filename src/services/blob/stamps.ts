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
const TICKS_A_MS = 10_000

/** A time as milliseconds since 1970 and, above them, units of 100 ns: in one number it would lose its last digits. */
interface Ticks {
  readonly ms: number
  readonly above: number
}

/** Makes stamps that only go up, whatever the clock does: entity tags and moments must differ. */
export function stamps(clock: Clock): () => Stamp {
  let last: Ticks = { ms: 0, above: 0 }
  return () => {
    const now = clock.now().getTime()
    last = now > last.ms ? { ms: now, above: 0 } : after(last)
    return new TickStamp(now, last)
  }
}

/** Printed when it is asked for: reads want the time alone. */
class TickStamp implements Stamp {
  readonly now: number
  readonly #at: Ticks

  constructor(now: number, at: Ticks) {
    this.now = now
    this.#at = at
  }

  get etag(): string {
    return etagOf(this.#at)
  }

  get moment(): string {
    return momentOf(this.#at)
  }

  get momentBefore(): string {
    return momentOf(before(this.#at))
  }
}

/** Two later: the one in between is `momentBefore`. */
function after({ ms, above }: Ticks): Ticks {
  return above + 2 < TICKS_A_MS ? { ms, above: above + 2 } : { ms: ms + 1, above: 0 }
}

function before({ ms, above }: Ticks): Ticks {
  return above > 0 ? { ms, above: above - 1 } : { ms: ms - 1, above: TICKS_A_MS - 1 }
}

function etagOf({ ms, above }: Ticks): string {
  const ticks = BigInt(ms) * BigInt(TICKS_A_MS) + BigInt(above) + TICKS_TO_1970
  return `0x${ticks.toString(16).toUpperCase()}`
}

/** The moment at which what has that entity tag was written. */
export function momentOfEtag(etag: string): string {
  const ticks = BigInt(etag) - TICKS_TO_1970
  const each = BigInt(TICKS_A_MS)
  return momentOf({ ms: Number(ticks / each), above: Number(ticks % each) })
}

function momentOf({ ms, above }: Ticks): string {
  const iso = new Date(ms).toISOString()
  return `${iso.slice(0, -1)}${String(above).padStart(4, '0')}Z`
}

/** @returns the moment as rows have it, with seven digits; null when it is none */
export function parseMoment(text: string): string | null {
  const found = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?Z$/.exec(text)
  if (found?.[1] === undefined || Number.isNaN(Date.parse(`${found[1]}Z`))) return null
  return `${found[1]}.${(found[2] ?? '').padEnd(7, '0')}Z`
}
