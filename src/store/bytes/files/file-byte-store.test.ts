import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Bytes, collect } from '../../../kernel/bytes.ts'
import { Outage } from '../../../kernel/fault.ts'
import { KIB, MIB } from '../../../kernel/units.ts'
import { byteStoreContract, cut, pattern } from '../byte-store.contract.ts'
import { type BytesRef, type ByteStore, newBytesRef } from '../byte-store.ts'
import { asOutage } from './disk-outage.ts'
import { openFileByteStore } from './file-byte-store.ts'

const never = { signal: new AbortController().signal }
let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'strongroom-bytes-'))
})
afterEach(() => rmSync(root, { recursive: true }))

async function listed(store: ByteStore): Promise<readonly BytesRef[]> {
  const refs: BytesRef[] = []
  for await (const { ref } of store.list()) refs.push(ref)
  return refs.toSorted()
}

let count = 0
byteStoreContract('The driver for files', async () => await openFileByteStore(join(root, String(count++))))

describe('openFileByteStore()', () => {
  it('lays files out as documented, for nobody else to read', async () => {
    await using store = await openFileByteStore(join(root, 'bytes'))
    const ref = newBytesRef()
    await store.write(ref, cut(pattern(5)), never)
    const file = join(root, 'bytes', ref.slice(0, 2), ref)
    expect(statSync(file)).toMatchObject({ size: 5 })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(join(root, 'bytes')).mode & 0o777).toBe(0o700)
    expect(statSync(join(root, 'bytes', ref.slice(0, 2))).mode & 0o777).toBe(0o700)
    expect(readdirSync(join(root, 'bytes')).toSorted()).toEqual([ref.slice(0, 2), 'staging'])
    expect(readdirSync(join(root, 'bytes', 'staging'))).toEqual([])
  })

  it('removes what a killed process left half-written, and keeps what is whole', async () => {
    const ref = newBytesRef()
    {
      await using store = await openFileByteStore(root)
      await store.write(ref, cut(pattern(5)), never)
    }
    writeFileSync(join(root, 'staging', newBytesRef()), 'half')
    await using again = await openFileByteStore(root)
    expect(readdirSync(join(root, 'staging'))).toEqual([])
    expect(await collect(again.read(ref, { start: 0, end: 5 }, never))).toHaveLength(5)
  })

  it('passes over files that are none of its own', async () => {
    mkdirSync(join(root, 'ab'))
    writeFileSync(join(root, 'ab', 'README'), 'x')
    mkdirSync(join(root, 'lost+found'))
    await using store = await openFileByteStore(root)
    expect(await listed(store)).toEqual([])
  })

  it('finds what stood there before, and what came since', async () => {
    const [before, since] = [newBytesRef(), newBytesRef()]
    {
      await using store = await openFileByteStore(root)
      await store.write(before, cut(pattern(5)), never)
    }
    await using store = await openFileByteStore(root)
    expect(await listed(store)).toEqual([before])
    await store.write(since, cut(pattern(5)), never)
    expect(await listed(store)).toEqual([before, since].toSorted())
  })

  it('writes to a folder that could not be made before', async () => {
    await using store = await openFileByteStore(root)
    const ref = newBytesRef()
    const inTheWay = join(root, ref.slice(0, 2))
    symlinkSync(join(root, 'nowhere'), inTheWay)
    await expect(store.write(ref, cut(pattern(5)), never)).rejects.toThrow('ENOENT')
    expect(readdirSync(join(root, 'staging'))).toEqual([])
    expect(await listed(store)).toEqual([])
    rmSync(inTheWay)
    await store.write(ref, cut(pattern(5)), never)
    expect(await listed(store)).toEqual([ref])
  })

  it('leaves nothing in staging when a body fails or is aborted', async () => {
    await using store = await openFileByteStore(root)
    const abort = new AbortController()
    const failing = (async function* (): Bytes {
      yield pattern(700 * KIB)
      yield pattern(700 * KIB)
      abort.abort(new Error('gone'))
      yield pattern(10)
    })()
    await expect(store.write(newBytesRef(), failing, abort)).rejects.toThrow('gone')
    expect(readdirSync(join(root, 'staging'))).toEqual([])
  })

  it('writes a thousand small ones at once, whatever the bound on open files', async () => {
    await using store = await openFileByteStore(root)
    const refs = Array.from({ length: 1000 }, newBytesRef)
    await Promise.all(refs.map((ref) => store.write(ref, cut(pattern(100)), never)))
    const lengths = await Promise.all(refs.map((ref) => store.length(ref)))
    expect(new Set(lengths)).toEqual(new Set([100]))
    const readers = refs.map((ref) => collect(store.read(ref, { start: 0, end: 100 }, never)))
    expect((await Promise.all(readers)).every((bytes) => bytes.length === 100)).toBe(true)
  })

  it('frees what a failed write or read held', async () => {
    await using store = await openFileByteStore(root)
    // eslint-disable-next-line require-yield -- fails before its first chunk
    const failing = async function* (): Bytes {
      throw new Error('the client went away')
    }
    const attempts = Array.from({ length: 1500 }, async (_, index) => {
      if (index % 2 === 0) await store.write(newBytesRef(), failing(), never)
      else await collect(store.read(newBytesRef(), { start: 0, end: 1 }, never))
    })
    const results = await Promise.allSettled(attempts)
    expect(results.every(({ status }) => status === 'rejected')).toBe(true)
    await store.write(newBytesRef(), cut(pattern(5)), never)
  })

  it('holds a body back while the disk is behind', async () => {
    await using store = await openFileByteStore(root)
    const ref = newBytesRef()
    const behind: number[] = []
    const body = (async function* (): Bytes {
      for (let index = 0; index < 48; index++) {
        behind.push(index * MIB - statSync(join(root, 'staging', ref)).size)
        yield pattern(MIB)
      }
    })()
    await store.write(ref, body, never)
    expect(Math.max(...behind)).toBeLessThanOrEqual(MIB)
  })
})

describe('asOutage()', () => {
  it.each(['ENOSPC', 'EROFS', 'EIO', 'EMFILE', 'EDQUOT', 'EACCES'])(
    'makes an Outage of %s, in words of ours',
    (code) => {
      const error = Object.assign(new Error('/srv/data is in the way'), { code })
      expect(asOutage(error)).toBeInstanceOf(Outage)
      expect(String(asOutage(error))).not.toContain('/srv/data')
    },
  )

  it('leaves everything else as it was', () => {
    const error = Object.assign(new Error('x'), { code: 'EBADF' })
    expect(asOutage(error)).toBe(error)
    expect(asOutage(undefined)).toBe(undefined)
  })
})
