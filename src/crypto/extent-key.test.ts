import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ExtentKey } from './extent-key.ts'
import { SealFault } from './faults.ts'
import { randomBytes } from './random.ts'
import { RecordKey } from './record-key.ts'
import { SEGMENT_BYTES, sealedLength, segmentsOf } from './stream.ts'
import { StreamLayout } from './stream-layout.ts'

/** Segments so small that a few hundred bytes make many of them. */
const SMALL = 80

function sealed(
  plain: Uint8Array,
  cuts: readonly number[] = [],
  segmentBytes = SMALL,
): { key: ExtentKey; file: Buffer } {
  const key = ExtentKey.generate()
  const sealer = key.sealer('extent', segmentBytes)
  const out: Uint8Array[] = [sealer.header]
  const borders = [0, ...[...cuts].sort((a, b) => a - b), plain.length]
  for (let i = 1; i < borders.length; i++) {
    out.push(...sealer.push(Uint8Array.from(plain.subarray(borders[i - 1], borders[i]))))
  }
  out.push(...sealer.finish())
  return { key, file: Buffer.concat(out) }
}

interface Reading {
  readonly extentId?: string
  readonly length: number
  readonly segmentBytes?: number
}

/** Reads a range as a store would: only the bytes that `segmentsOf` names. */
function read(
  key: ExtentKey,
  file: Buffer,
  range: { start: number; end: number },
  { extentId = 'extent', length, segmentBytes = SMALL }: Reading,
): Buffer {
  const at = segmentsOf(range, length, segmentBytes)
  const layout = new StreamLayout(length, segmentBytes)
  const opener = key.opener(extentId, file.subarray(0, 40), length, segmentBytes)
  const plain: Buffer[] = []
  for (let i = at.first; i <= at.last; i++) {
    plain.push(opener.openSegment(i, file.subarray(layout.fileStart(i), layout.fileEnd(i))))
  }
  return Buffer.concat(plain).subarray(at.skip, at.skip + range.end - range.start)
}

const refusal = expect.objectContaining({ code: 'seal-broken', facts: { context: 'extent' } }) as SealFault

const bodies = fc.uint8Array({ maxLength: 700 })
const cutBody = bodies.chain((plain) =>
  fc.tuple(fc.constant(plain), fc.array(fc.nat(plain.length), { maxLength: 6 })),
)
const rangedBody = bodies.chain((plain) =>
  fc
    .tuple(fc.nat(plain.length), fc.nat(plain.length))
    .map(([a, b]) => ({ plain, start: Math.min(a, b), end: Math.max(a, b) })),
)

describe('a sealed stream', () => {
  test('opens whole, however the plaintext was cut, and has the announced length', () => {
    fc.assert(
      fc.property(cutBody, ([plain, cuts]) => {
        const { key, file } = sealed(plain, cuts)
        expect(file.length).toBe(sealedLength(plain.length, SMALL))
        const opened = read(key, file, { start: 0, end: plain.length }, { length: plain.length })
        expect(opened.equals(plain)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('gives every range from the bytes that segmentsOf() names alone', () => {
    fc.assert(
      fc.property(rangedBody, ({ plain, start, end }) => {
        const { key, file } = sealed(plain)
        const at = segmentsOf({ start, end }, plain.length, SMALL)
        // What lies outside the named bytes may be anything.
        const torn = Buffer.concat([
          file.subarray(0, 40),
          Buffer.alloc(at.fileStart - 40, 0xee),
          file.subarray(at.fileStart, at.fileEnd),
        ])
        const opened = read(key, torn, { start, end }, { length: plain.length })
        expect(opened.equals(plain.subarray(start, end))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('with any bit flipped, header included, is refused', () => {
    const plain = randomBytes(150)
    const { key, file } = sealed(plain)
    for (let bit = 0; bit < file.length * 8; bit++) {
      const altered = Buffer.from(file)
      altered[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => read(key, altered, { start: 0, end: 150 }, { length: 150 })).toThrow(refusal)
    }
  })

  test('truncated anywhere, also between segments, is refused', () => {
    const plain = randomBytes(300)
    const { key, file } = sealed(plain)
    const readAll = (part: Buffer, length: number) => read(key, part, { start: 0, end: length }, { length })
    for (let size = 40; size < file.length; size++) {
      expect(() => readAll(file.subarray(0, size), 300)).toThrow(refusal)
    }
    // An attacker who also claims the shorter length: the segment that would be the last is not marked so.
    for (let length = 0; length < 300; length++) {
      expect(() => readAll(file.subarray(0, sealedLength(length, SMALL)), length)).toThrow(refusal)
    }
    for (let length = 301; length < 400; length++) expect(() => readAll(file, length)).toThrow(refusal)
  })

  test('with two segments swapped is refused', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), (a, b) => {
        fc.pre(a !== b)
        const plain = randomBytes(24 + 64 * 5)
        const { key, file } = sealed(plain)
        const altered = Buffer.from(file)
        file.copy(altered, a * SMALL, b * SMALL, (b + 1) * SMALL)
        file.copy(altered, b * SMALL, a * SMALL, (a + 1) * SMALL)
        const range = { start: 0, end: plain.length }
        expect(() => read(key, altered, range, { length: plain.length })).toThrow(refusal)
      }),
    )
  })

  test('of another extent, another key or another segment size is refused', () => {
    const plain = randomBytes(200)
    const { key, file } = sealed(plain)
    const range = { start: 0, end: 200 }
    expect(() => read(key, file, range, { length: 200, extentId: 'extenT' })).toThrow(SealFault)
    expect(() => read(ExtentKey.generate(), file, range, { length: 200 })).toThrow(refusal)
    expect(() => read(key, file, range, { length: 200, segmentBytes: 81 })).toThrow(refusal)
    expect(read(key, file, range, { length: 200 }).equals(plain)).toBe(true)
  })

  test('does not take segments of another stream, under the same id', () => {
    const [one, two] = [sealed(randomBytes(200)), sealed(randomBytes(200))]
    const mixed = Buffer.concat([one.file.subarray(0, SMALL), two.file.subarray(SMALL)])
    expect(() => read(one.key, mixed, { start: 0, end: 200 }, { length: 200 })).toThrow(refusal)
    expect(read(one.key, mixed, { start: 0, end: 24 }, { length: 200 }).length).toBe(24)
  })
})

describe('ExtentKey', () => {
  test('seals once', () => {
    const key = ExtentKey.generate()
    const sealer = key.sealer('a')
    expect(() => key.sealer('b')).toThrow(/sealed already/)
    sealer.finish()
    expect(() => key.sealer('a')).toThrow(/sealed already/)
    expect(() => sealer.push(Buffer.alloc(1))).toThrow(/finished/)
    expect(() => sealer.finish()).toThrow(/finished/)
  })

  test('never seals after it was unwrapped', () => {
    const outer = RecordKey.generate()
    const again = outer.unwrapExtentKey('c', outer.wrap('c', ExtentKey.generate()))
    expect(() => again.sealer('a')).toThrow(/to open/)
  })

  test('streams in segments of 64 KiB unless told otherwise, holding back at most one', () => {
    const key = ExtentKey.generate()
    const sealer = key.sealer('e')
    const first = SEGMENT_BYTES - 56
    expect([...sealer.push(Buffer.alloc(first))]).toEqual([])
    const pieces = Buffer.concat([...sealer.push(Buffer.alloc(1))])
    expect(pieces.length).toBe(SEGMENT_BYTES - 40)
    const rest = Buffer.concat(sealer.finish())
    expect(rest.length).toBe(17)
    const opener = key.opener('e', sealer.header, first + 1)
    expect(opener.openSegment(0, pieces).length).toBe(first)
    expect(opener.openSegment(1, rest)).toEqual(Buffer.alloc(1))
    expect(() => opener.openSegment(2, rest)).toThrow(RangeError)
  })

  test('seals each segment when it is asked for, and frees what was pushed once all of it is sealed', () => {
    const sealer = ExtentKey.generate().sealer('e')
    const [pushed, more] = [Buffer.alloc(2 * SEGMENT_BYTES), Buffer.alloc(SEGMENT_BYTES)]
    const pieces = sealer.push(pushed)[Symbol.iterator]()
    expect(() => sealer.finish()).toThrow('not all that was pushed was sealed')
    const sealedBytes = () => {
      const next = pieces.next()
      return next.done === true ? 0 : next.value.length
    }
    expect([sealedBytes() + sealedBytes(), pushed.length]).toEqual([SEGMENT_BYTES - 40, 2 * SEGMENT_BYTES])
    expect([sealedBytes() + sealedBytes(), pushed.length]).toEqual([SEGMENT_BYTES, 2 * SEGMENT_BYTES])
    expect(Buffer.concat([...sealer.push(more)])).toHaveLength(SEGMENT_BYTES)
    expect([pushed.length, more.length]).toEqual([0, SEGMENT_BYTES])
    sealer.finish()
    expect(more).toHaveLength(0)
  })

  test('two streams of the same bytes have nothing in common', () => {
    const [a, b] = [sealed(Buffer.alloc(300)), sealed(Buffer.alloc(300))]
    for (let at = 1; at + 16 <= a.file.length; at += 16) {
      expect(a.file.subarray(at, at + 16).equals(b.file.subarray(at, at + 16))).toBe(false)
    }
  })

  test('refuses what is no header', () => {
    const { key, file } = sealed(Buffer.alloc(10))
    for (const header of [file.subarray(0, 39), file.subarray(0, 41), Buffer.alloc(0), Buffer.alloc(40)]) {
      expect(() => key.opener('extent', header, 10, SMALL)).toThrow(refusal)
    }
  })
})

describe('segmentsOf()', () => {
  test('names whole segments that cover the range, and no more', () => {
    const length = fc.integer({ min: 0, max: 2 ** 45 })
    const ranges = length.chain((n) => fc.tuple(fc.constant(n), fc.nat(2 ** 30), fc.nat(2 ** 22)))
    fc.assert(
      fc.property(ranges, fc.constantFrom(64, 4096, SEGMENT_BYTES), ([n, from, span], segmentBytes) => {
        fc.pre(n / (segmentBytes - 16) < 2 ** 31)
        const start = Math.min(from, n)
        const end = Math.min(start + span, n)
        const layout = new StreamLayout(n, segmentBytes)
        const at = segmentsOf({ start, end }, n, segmentBytes)
        const plainEnd = (i: number) => Math.min(layout.plainStart(i) + layout.capacity(i), n)
        expect(layout.plainStart(at.first) + at.skip).toBe(start)
        expect(plainEnd(at.last)).toBeGreaterThanOrEqual(end)
        if (end > start) {
          expect(plainEnd(at.first)).toBeGreaterThan(start)
          expect(layout.plainStart(at.last)).toBeLessThan(end)
        }
        expect(at.fileEnd - at.fileStart).toBe(
          plainEnd(at.last) - layout.plainStart(at.first) + 16 * (at.last - at.first + 1),
        )
      }),
    )
  })

  test('refuses ranges outside the stream and streams beyond the counter', () => {
    for (const [start, end] of [
      [-1, 0],
      [2, 1],
      [0, 11],
      [0.5, 1],
      [NaN, 1],
    ] as const) {
      expect(() => segmentsOf({ start, end }, 10)).toThrow(RangeError)
    }
    expect(() => sealedLength(2 ** 40, 64)).toThrow(RangeError)
    expect(() => sealedLength(-1)).toThrow(RangeError)
    expect(() => sealedLength(1, 63)).toThrow(RangeError)
  })
})
