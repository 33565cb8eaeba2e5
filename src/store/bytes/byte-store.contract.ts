import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Bytes, collect } from '../../kernel/bytes.ts'
import { KIB, MIB } from '../../kernel/units.ts'
import { type ByteStore, type StoredBytes, newBytesRef } from './byte-store.ts'

const never = { signal: new AbortController().signal }

/** Bytes that tell where they stand. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32BE((at * 2_654_435_761) >>> 0, at)
  return bytes
}

/** Copies of `bytes` in chunks of `size`. */
export async function* cut(bytes: Uint8Array, size = 64 * KIB): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield Uint8Array.from(bytes.subarray(at, at + size))
}

/** The promises that every driver keeps. `open` opens an empty store. */
export function byteStoreContract(
  name: string,
  open: () => Promise<ByteStore & Partial<AsyncDisposable>>,
): void {
  describe(`${name} keeps the byte store contract`, () => {
    let store: ByteStore & Partial<AsyncDisposable>
    beforeEach(async () => {
      store = await open()
    })
    afterEach(async () => await store[Symbol.asyncDispose]?.())

    const all = async (): Promise<StoredBytes[]> => {
      const found: StoredBytes[] = []
      for await (const one of store.list()) found.push(one)
      return found
    }

    it.each([0, 1, 100, 64 * KIB, MIB, 3 * MIB + 7])(
      'write() keeps %i bytes as they were',
      async (length) => {
        const ref = newBytesRef()
        const bytes = pattern(length)
        expect(await store.write(ref, cut(bytes), never)).toEqual({ length })
        expect(await store.length(ref)).toBe(length)
        expect((await collect(store.read(ref, { start: 0, end: length }, never))).equals(bytes)).toBe(true)
      },
    )

    it.each([1, 1000, 700 * KIB])('write() takes chunks of any size (%i)', async (size) => {
      const ref = newBytesRef()
      const bytes = pattern(size === 1 ? 3000 : 2 * MIB + 3)
      await store.write(ref, cut(bytes, size), never)
      expect((await collect(store.read(ref, { start: 0, end: bytes.length }, never))).equals(bytes)).toBe(
        true,
      )
    })

    it('read() returns the half-open range that was asked for', async () => {
      const ref = newBytesRef()
      const bytes = pattern(2 * MIB + 100)
      await store.write(ref, cut(bytes), never)
      for (const [start, end] of [
        [4, 7],
        [0, 1],
        [MIB - 1, MIB + 1],
        [5, 2 * MIB + 100],
        [9, 9],
      ] as const) {
        expect(
          (await collect(store.read(ref, { start, end }, never))).equals(bytes.subarray(start, end)),
        ).toBe(true)
      }
    })

    it('read() yields large chunks', async () => {
      const ref = newBytesRef()
      await store.write(ref, cut(pattern(4 * MIB)), never)
      let count = 0
      for await (const _chunk of store.read(ref, { start: 0, end: 4 * MIB }, never)) count += 1
      expect(count).toBeLessThanOrEqual(16)
    })

    it('read() may be left half-way', async () => {
      const ref = newBytesRef()
      await store.write(ref, cut(pattern(4 * MIB)), never)
      for await (const _chunk of store.read(ref, { start: 0, end: 4 * MIB }, never)) break
      expect(await collect(store.read(ref, { start: 0, end: 10 }, never))).toHaveLength(10)
    })

    it('read() tells bytes that are missing from bytes that are too short', async () => {
      const ref = newBytesRef()
      const read = async (): Promise<unknown> => await collect(store.read(ref, { start: 5, end: 11 }, never))
      await expect(read()).rejects.toMatchObject({ name: 'ByteFault', code: 'bytes-missing', facts: { ref } })
      expect(await store.length(ref)).toBeNull()
      await store.write(ref, cut(pattern(10)), never)
      await expect(read()).rejects.toMatchObject({
        name: 'ByteFault',
        code: 'bytes-truncated',
        facts: { ref },
      })
    })

    it('read() ends with the reason of the signal', async () => {
      const ref = newBytesRef()
      await store.write(ref, cut(pattern(8 * MIB)), never)
      const abort = new AbortController()
      const reading = (async () => {
        for await (const _chunk of store.read(ref, { start: 0, end: 8 * MIB }, abort))
          abort.abort(new Error('gone'))
      })()
      await expect(reading).rejects.toThrow('gone')
    })

    it('write() never replaces', async () => {
      const ref = newBytesRef()
      await store.write(ref, cut(Buffer.from('first')), never)
      await expect(store.write(ref, cut(Buffer.from('second')), never)).rejects.toThrow('exist')
      expect((await collect(store.read(ref, { start: 0, end: 5 }, never))).toString()).toBe('first')
      expect(await all()).toHaveLength(1)
    })

    it('write() shows nothing before it is whole, and leaves nothing when the body fails', async () => {
      const ref = newBytesRef()
      const body = (async function* (): Bytes {
        yield pattern(2 * MIB)
        await setTimeout(5)
        expect(await store.length(ref)).toBeNull()
        expect(await all()).toEqual([])
        throw new Error('the client went away')
      })()
      await expect(store.write(ref, body, never)).rejects.toThrow('the client went away')
      expect(await store.length(ref)).toBeNull()
      expect(await all()).toEqual([])
    })

    it('write() ends with the reason of the signal, even while the body hangs, and tells the body', async () => {
      const ref = newBytesRef()
      const abort = new AbortController()
      const begun = Promise.withResolvers<undefined>()
      let wasTold = false
      const body: Bytes = {
        [Symbol.asyncIterator]: () => ({
          next: () => {
            begun.resolve(undefined)
            return new Promise(() => undefined)
          },
          return: async () => {
            wasTold = true
            return { done: true, value: undefined }
          },
        }),
      }
      const writing = store.write(ref, body, abort)
      await begun.promise
      abort.abort(new Error('gone'))
      await expect(writing).rejects.toThrow('gone')
      expect(wasTold).toBe(true)
      expect(await store.length(ref)).toBeNull()
    })

    it('write() begins nothing under a signal that is aborted', async () => {
      const signal = AbortSignal.abort(new Error('gone'))
      await expect(store.write(newBytesRef(), cut(pattern(5)), { signal })).rejects.toThrow('gone')
      expect(await all()).toEqual([])
    })

    it('discard() is idempotent', async () => {
      const ref = newBytesRef()
      await store.write(ref, cut(pattern(5)), never)
      await store.discard(ref)
      await store.discard(ref)
      expect(await store.length(ref)).toBeNull()
      expect(await all()).toEqual([])
    })

    it('list() yields all that is stored, with length and time', async () => {
      const before = Date.now()
      const written = await Promise.all(
        Array.from({ length: 40 }, async (_, length) => {
          const ref = newBytesRef()
          await store.write(ref, cut(pattern(length)), never)
          return { ref, length }
        }),
      )
      const found = await all()
      const byRef = (a: { ref: string }, b: { ref: string }): number => (a.ref < b.ref ? -1 : 1)
      expect(found.map(({ ref, length }) => ({ ref, length })).sort(byRef)).toEqual(written.sort(byRef))
      for (const { modifiedAt } of found) expect(Math.abs(modifiedAt.getTime() - before)).toBeLessThan(60_000)
    })
  })
}
