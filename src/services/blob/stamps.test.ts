import { describe, expect, it } from 'vitest'
import { momentOfEtag, stamps } from './stamps.ts'

const NOON = Date.parse('2026-11-24T12:00:00.007Z')

/** Stamps by a clock that says these times, and then the last of them for ever. */
function stampsAt(...times: readonly number[]) {
  let calls = 0
  return stamps({ now: () => new Date(times[Math.min(calls++, times.length - 1)] ?? NOON) })
}

describe('stamps', () => {
  it('are the time, in units of 100 ns, as entity tag and as moment', () => {
    const { now, etag, moment, momentBefore } = stampsAt(NOON)()
    expect(now).toBe(NOON)
    expect(moment).toBe('2026-11-24T12:00:00.0070000Z')
    expect(momentBefore).toBe('2026-11-24T12:00:00.0069999Z')
    expect(momentOfEtag(etag)).toBe(moment)
    expect(BigInt(etag)).toBe(BigInt(NOON) * 10_000n + 621_355_968_000_000_000n)
  })

  it('only go up, and no moment comes twice, within one millisecond and beyond it', () => {
    const stamp = stampsAt(NOON)
    const moments = Array.from({ length: 6_000 }, stamp).flatMap(({ momentBefore, moment }) => [
      momentBefore,
      moment,
    ])
    expect(moments).toEqual([...new Set(moments)].sort())
    expect(moments.at(-1)).toBe('2026-11-24T12:00:00.0081998Z')
  })

  it('go up where the clock goes back', () => {
    const stamp = stampsAt(NOON, NOON - 1_000, NOON + 1)
    const [first, second, third] = [stamp(), stamp(), stamp()]
    expect(second.now).toBe(NOON - 1_000)
    expect(second.moment).toBe('2026-11-24T12:00:00.0070002Z')
    expect([first, second, third].map(({ etag }) => etag).sort()).toEqual([
      first.etag,
      second.etag,
      third.etag,
    ])
  })
})
