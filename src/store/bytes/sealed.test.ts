import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ExtentKey } from '../../crypto/extent-key.ts'
import { sealedLength } from '../../crypto/stream.ts'
import { type Bytes, collect } from '../../kernel/bytes.ts'
import { KIB, MIB } from '../../kernel/units.ts'
import { cut, pattern } from './byte-store.contract.ts'
import { type BytesRef, newBytesRef } from './byte-store.ts'
import { type FileByteStore, openFileByteStore } from './files/file-byte-store.ts'
import { type SealedBytes, sealedBytes } from './sealed.ts'

let root: string
let store: FileByteStore
let sealed: SealedBytes
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'strongroom-sealed-'))
  store = await openFileByteStore(root)
  sealed = sealedBytes(store)
})
afterEach(async () => {
  await store[Symbol.asyncDispose]()
  rmSync(root, { recursive: true })
})

const willing = { signal: new AbortController().signal, guard: { check: () => undefined } }
const fileOf = (ref: BytesRef): string => join(root, ref.slice(0, 2), ref)

interface Stored {
  readonly key: ExtentKey
  readonly ref: BytesRef
  readonly plain: Buffer
}

async function put(length: number, chunk?: number): Promise<Stored> {
  const stored = { key: ExtentKey.generate(), ref: newBytesRef(), plain: pattern(length) }
  const written = await sealed.write(stored.key, stored.ref, cut(stored.plain, chunk), willing)
  expect(written).toEqual({ length, sealedLength: sealedLength(length) })
  return stored
}

/** What came out, and the error that ended it, if any. A store of its own: nothing is remembered. */
async function get({ key, ref, plain }: Stored, start = 0, end = plain.length) {
  const got: Uint8Array[] = []
  let error: unknown = null
  try {
    for await (const chunk of sealedBytes(store).read(key, ref, plain.length, { start, end }, willing))
      got.push(chunk)
  } catch (thrown) {
    error = thrown
  }
  return { bytes: Buffer.concat(got), error }
}

describe('sealedBytes()', () => {
  const SEGMENT = 64 * KIB
  it.each([0, 1, SEGMENT - 57, SEGMENT - 56, SEGMENT - 55, 2 * SEGMENT - 72, 2 * SEGMENT - 71, 3 * MIB + 5])(
    'gives back %i bytes, and stores none of them in clear',
    async (length) => {
      const stored = await put(length)
      const { bytes, error } = await get(stored)
      expect(error).toBeNull()
      expect(bytes.equals(stored.plain)).toBe(true)
      const file = readFileSync(fileOf(stored.ref))
      expect(file).toHaveLength(sealedLength(length))
      if (length >= 64) expect(file.includes(stored.plain.subarray(0, 32))).toBe(false)
    },
  )

  it('gives back any range, however the body was cut', async () => {
    const length = 5 * SEGMENT
    const edges = [0, 1, SEGMENT - 56, 2 * SEGMENT - 72, length - 1, length]
    const offset = fc.oneof(fc.nat(length), fc.constantFrom(...edges))
    const stored = [await put(length), await put(length, 1000), await put(length, length)]
    await fc.assert(
      fc.asyncProperty(
        offset,
        offset,
        fc.constantFrom(...stored),
        fc.boolean(),
        async (a, b, one, isKnown) => {
          const [start, end] = [Math.min(a, b), Math.max(a, b)]
          const { key, ref, plain } = one
          const bytes = isKnown
            ? await collect(sealed.read(key, ref, length, { start, end }, willing))
            : (await get(one, start, end)).bytes
          expect(bytes.equals(plain.subarray(start, end))).toBe(true)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('refuses a range outside the extent', async () => {
    const { error } = await get(await put(100), 50, 101)
    expect(error).toBeInstanceOf(RangeError)
  })

  it('refuses damage anywhere, and yields nothing of the segment that was damaged', async () => {
    const stored = await put(3 * SEGMENT)
    const good = readFileSync(fileOf(stored.ref))
    const places = [
      0,
      1,
      20,
      39,
      40,
      41,
      SEGMENT - 17,
      SEGMENT - 16,
      SEGMENT - 1,
      SEGMENT,
      2 * SEGMENT,
      good.length - 17,
      good.length - 1,
    ]
    for (const place of places) {
      const bent = Buffer.from(good)
      bent[place]! ^= 1
      writeFileSync(fileOf(stored.ref), bent)
      const { bytes, error } = await get(stored)
      expect(error).toMatchObject({ name: 'SealFault', code: 'seal-broken' })
      const segment = Math.floor(place / SEGMENT)
      expect(bytes).toHaveLength(segment === 0 ? 0 : segment * (SEGMENT - 16) - 40)
      expect(stored.plain.subarray(0, bytes.length).equals(bytes)).toBe(true)
    }
  })

  it('refuses segments that changed places', async () => {
    const stored = await put(4 * SEGMENT)
    const file = readFileSync(fileOf(stored.ref))
    const second = Buffer.from(file.subarray(SEGMENT, 2 * SEGMENT))
    file.copy(file, SEGMENT, 2 * SEGMENT, 3 * SEGMENT)
    second.copy(file, 2 * SEGMENT)
    writeFileSync(fileOf(stored.ref), file)
    const { bytes, error } = await get(stored, SEGMENT, 2 * SEGMENT)
    expect(error).toMatchObject({ code: 'seal-broken' })
    expect(bytes).toHaveLength(0)
  })

  it('refuses the file of another extent in its place, whatever the key', async () => {
    const [one, other] = [await put(1000), await put(1000)]
    writeFileSync(fileOf(one.ref), readFileSync(fileOf(other.ref)))
    for (const key of [one.key, other.key]) {
      const { bytes, error } = await get({ ...one, key })
      expect(error).toMatchObject({ code: 'seal-broken' })
      expect(bytes).toHaveLength(0)
    }
  })

  it.each([
    ['a byte less', -1],
    ['a segment less', -SEGMENT],
    ['a byte more', 1],
    ['a segment more', SEGMENT],
    ['nothing at all', -Infinity],
  ])('refuses a file with %s, even for a range that is not touched', async (_case, change) => {
    const stored = await put(3 * SEGMENT)
    const file = readFileSync(fileOf(stored.ref))
    const changed =
      change > 0
        ? Buffer.concat([file, Buffer.alloc(change)])
        : file.subarray(0, Math.max(0, file.length + change))
    writeFileSync(fileOf(stored.ref), changed)
    for (const [start, end] of [
      [0, 10],
      [SEGMENT, SEGMENT + 10],
      [0, stored.plain.length],
    ] as const) {
      const { bytes, error } = await get(stored, start, end)
      expect(error).toMatchObject({ name: 'ByteFault', code: 'bytes-truncated' })
      expect(bytes).toHaveLength(0)
    }
  })

  it('refuses another length, even where the file would fit it', async () => {
    const stored = await put(3 * SEGMENT)
    writeFileSync(fileOf(stored.ref), readFileSync(fileOf(stored.ref)).subarray(0, SEGMENT))
    const { bytes, error } = await get({ ...stored, plain: stored.plain.subarray(0, SEGMENT - 56) })
    expect(error).toMatchObject({ code: 'seal-broken' })
    expect(bytes).toHaveLength(0)
  })

  it('refuses a file that is shortened or damaged after it was read once', async () => {
    const { key, ref, plain } = await put(3 * SEGMENT)
    const read = async (start: number, end: number): Promise<Buffer> =>
      await collect(sealed.read(key, ref, plain.length, { start, end }, willing))
    expect(await read(0, 10)).toHaveLength(10)
    const file = readFileSync(fileOf(ref))
    writeFileSync(fileOf(ref), file.subarray(0, SEGMENT))
    await expect(read(SEGMENT, 2 * SEGMENT)).rejects.toMatchObject({ code: 'bytes-truncated' })
    file.writeUInt8(file.readUInt8(SEGMENT) ^ 1, SEGMENT)
    writeFileSync(fileOf(ref), file)
    await expect(read(SEGMENT, 2 * SEGMENT)).rejects.toMatchObject({ code: 'seal-broken' })
  })

  it('tells that the bytes are gone, also those that were read before', async () => {
    const { key, ref, plain } = await put(100)
    const read = async (): Promise<Buffer> =>
      await collect(sealed.read(key, ref, plain.length, { start: 0, end: 5 }, willing))
    await read()
    rmSync(fileOf(ref))
    await expect(read()).rejects.toMatchObject({ code: 'bytes-missing' })
    await sealed.discard(ref)
    await expect(read()).rejects.toMatchObject({ code: 'bytes-missing' })
  })

  it('shows each unsealed chunk once, in order', async () => {
    const seen: Uint8Array[] = []
    const plain = pattern(3 * SEGMENT)
    const options = { ...willing, onPlain: (chunk: Uint8Array) => void seen.push(chunk) }
    await sealed.write(ExtentKey.generate(), newBytesRef(), cut(plain, 999), options)
    expect(Buffer.concat(seen).equals(plain)).toBe(true)
  })
})

describe('within()', () => {
  it.each([0, 1, 100_000, 3 * MIB + 7])(
    'puts a second layer around %i bytes, and both must open',
    async (length) => {
      const [inner, outer, other] = [ExtentKey.generate(), ExtentKey.generate(), ExtentKey.generate()]
      const ref = newBytesRef()
      const plain = pattern(length)
      const written = await sealed.within(outer).write(inner, ref, cut(plain), willing)
      expect(written).toEqual({ length, sealedLength: sealedLength(sealedLength(length)) })
      const read = async (
        layers: readonly [ExtentKey, ExtentKey],
        start = 0,
        end = length,
      ): Promise<Buffer> =>
        await collect(sealed.within(layers[0]).read(layers[1], ref, length, { start, end }, willing))
      expect((await read([outer, inner])).equals(plain)).toBe(true)
      const [start, end] = [Math.floor(length / 3), Math.ceil(length / 2)]
      expect((await read([outer, inner], start, end)).equals(plain.subarray(start, end))).toBe(true)
      await expect(read([other, inner])).rejects.toMatchObject({ code: 'seal-broken' })
      await expect(read([outer, other])).rejects.toMatchObject({ code: 'seal-broken' })
      const file = readFileSync(fileOf(ref))
      writeFileSync(fileOf(ref), file.subarray(0, file.length - 1))
      await expect(read([outer, inner])).rejects.toMatchObject({ code: 'bytes-truncated' })
    },
  )
})

describe('the guard', () => {
  /** Agrees `count` times, then throws; half of the times as a promise. */
  function guard(count: number) {
    let left = count
    return {
      check(): void | Promise<void> {
        if (left === 0) throw new Error('the lease has ended')
        left -= 1
        return left % 2 === 0 ? Promise.resolve() : undefined
      },
    }
  }

  it('stops a read between two segments', async () => {
    const { key, ref, plain } = await put(MIB)
    const got: Uint8Array[] = []
    const reading = (async () => {
      const range = { start: 0, end: plain.length }
      const options = { ...willing, guard: guard(3) }
      for await (const chunk of sealed.read(key, ref, plain.length, range, options)) got.push(chunk)
    })()
    await expect(reading).rejects.toThrow('the lease has ended')
    expect(Buffer.concat(got)).toHaveLength(3 * (64 * KIB - 16) - 40)
  })

  it.each([0, 1, 5])('stops a write after %i segments, and nothing stays behind', async (count) => {
    const ref = newBytesRef()
    const options = { ...willing, guard: guard(count) }
    await expect(sealed.write(ExtentKey.generate(), ref, cut(pattern(MIB), MIB), options)).rejects.toThrow(
      'the lease has ended',
    )
    expect(readdirSync(join(root, 'staging'))).toEqual([])
    expect(await store.length(ref)).toBeNull()
  })

  it('is asked before every segment', async () => {
    let asked = 0
    const counting = { ...willing, guard: { check: () => void (asked += 1) } }
    const key = ExtentKey.generate()
    const ref = newBytesRef()
    await sealed.write(key, ref, cut(pattern(MIB), MIB), counting)
    const segments = 17
    expect(asked).toBeGreaterThanOrEqual(segments)
    asked = 0
    await collect(sealed.read(key, ref, MIB, { start: 0, end: MIB }, counting))
    expect(asked).toBe(segments)
  })
})

describe('an abort', () => {
  it('of a write leaves no file', async () => {
    const abort = new AbortController()
    const ref = newBytesRef()
    const body = (async function* (): Bytes {
      yield pattern(2 * MIB)
      abort.abort(new Error('gone'))
      yield pattern(2 * MIB)
    })()
    const writing = sealed.write(ExtentKey.generate(), ref, body, { ...willing, signal: abort.signal })
    await expect(writing).rejects.toThrow('gone')
    expect(readdirSync(join(root, 'staging'))).toEqual([])
    expect(await store.length(ref)).toBeNull()
  })

  it('of a read ends it', async () => {
    const { key, ref, plain } = await put(8 * MIB)
    const abort = new AbortController()
    const reading = (async () => {
      const range = { start: 0, end: plain.length }
      const options = { ...willing, signal: abort.signal }
      for await (const _chunk of sealed.read(key, ref, plain.length, range, options))
        abort.abort(new Error('gone'))
    })()
    await expect(reading).rejects.toThrow('gone')
  })
})
