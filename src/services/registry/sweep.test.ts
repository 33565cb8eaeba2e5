import { randomBytes } from 'node:crypto'
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type RegistryBench,
  chunkOf,
  extentsIn,
  imageOf,
  never,
  openRegistryBench,
  pullBlob,
  pushBlob,
  pushImage,
  pushManifest,
  sha,
} from '../../../test/support/registry-bench.ts'
import { bodyOf } from '../../../test/support/body.ts'
import { collect } from '../../kernel/bytes.ts'
import { Outage } from '../../kernel/fault.ts'
import { DAY_MS, HOUR_MS } from '../../kernel/units.ts'
import { newBytesRef } from '../../store/bytes/byte-store.ts'
import { MAX_INLINE_BYTES } from '../../store/bytes/staged.ts'
import { openRegistryContent } from './registry-content.ts'

const GRACE = 4 * HOUR_MS
let bench: RegistryBench
beforeEach(async () => {
  bench = await openRegistryBench({
    unreferencedGraceMs: GRACE,
    readGraceMs: HOUR_MS,
    idleUploadMs: 7 * DAY_MS,
  })
})
afterEach(async () => {
  await bench[Symbol.asyncDispose]()
})

/** So that it is a file. */
const LONG = MAX_INLINE_BYTES + 1
const nothing = { uploads: 0, memberships: 0, blobs: 0, extents: 0, orphans: 0 }
const path = (name: string) => ({ registry: bench.registry, name })

describe('sweep()', () => {
  it('keeps what a manifest names, however old', async () => {
    const layer = randomBytes(100)
    await pushImage(bench, 'app', imageOf([layer]))
    bench.world.clock.advance(365 * DAY_MS)
    expect(await bench.content.sweep()).toEqual(nothing)
    expect((await pullBlob(bench, 'app', sha(layer))).equals(layer)).toBe(true)
  })

  it('takes a blob that no manifest has named for the grace, and its bytes after the reads’ grace', async () => {
    const digest = await pushBlob(bench, 'app', randomBytes(LONG))
    bench.world.clock.advance(GRACE)
    expect(await bench.content.sweep()).toEqual(nothing)
    bench.world.clock.advance(1)
    expect(await bench.content.sweep()).toEqual({ ...nothing, memberships: 1, blobs: 1 })
    await expect(pullBlob(bench, 'app', digest)).rejects.toMatchObject({ code: 'blob-unknown' })
    expect(await extentsIn(bench)).toBe(1)
    bench.world.clock.advance(HOUR_MS + 1)
    expect(await bench.content.sweep()).toEqual({ ...nothing, extents: 1 })
    expect(await extentsIn(bench)).toBe(0)
    expect(await bench.content.usedBytes(bench.registry.uid)).toBe(0)
  })

  it('leaves nothing of a short blob once it is deleted: neither row nor body', async () => {
    const digest = await pushBlob(bench, 'app', randomBytes(100))
    await bench.content.deleteBlob({ ...path('app'), digest }, never)
    expect(await bench.process.data.read.selectFrom('registry_extents').selectAll().execute()).toEqual([])
    bench.world.clock.advance(DAY_MS)
    expect(await bench.content.sweep()).toEqual(nothing)
  })

  it('lets a download go on that had begun before', async () => {
    const bytes = randomBytes(400_000)
    const digest = await pushBlob(bench, 'app', bytes)
    const blob = await bench.content.getBlob({ ...path('app'), digest }, never)
    const chunks = blob.read({ start: 0, end: bytes.length }, never)[Symbol.asyncIterator]()
    const first = await chunks.next()
    await bench.content.deleteBlob({ ...path('app'), digest }, never)
    await bench.content.sweep()
    const rest = await collect({ [Symbol.asyncIterator]: () => chunks })
    expect(Buffer.concat([first.value as Uint8Array, rest]).equals(bytes)).toBe(true)
  })

  it('keeps a blob that somebody was told exists, until he has pushed his manifest', async () => {
    const layer = randomBytes(100)
    const image = imageOf([layer])
    await pushBlob(bench, 'app', layer)
    await pushBlob(bench, 'app', image.config)
    bench.world.clock.advance(GRACE - 1)
    for (const bytes of [layer, image.config]) {
      await bench.content.getBlob({ ...path('app'), digest: sha(bytes) }, never)
    }
    bench.world.clock.advance(GRACE - 1)
    expect(await bench.content.sweep()).toEqual(nothing)
    await pushManifest(bench, 'app', image)
    bench.world.clock.advance(365 * DAY_MS)
    expect(await bench.content.sweep()).toEqual(nothing)
  })

  it('keeps a blob that is named, or asked for, between its search and its transaction', async () => {
    const [named, asked, left] = [randomBytes(10), randomBytes(11), randomBytes(12)]
    const image = imageOf([named])
    for (const bytes of [named, image.config, asked, left]) await pushBlob(bench, 'app', bytes)
    bench.world.clock.advance(DAY_MS)
    const { process, bytes, world } = bench
    let isFirst = true
    const overtaken = openRegistryContent({
      records: {
        read: process.data.read,
        async write(work) {
          if (isFirst) {
            isFirst = false
            await pushManifest(bench, 'app', image)
            await bench.content.getBlob({ ...path('app'), digest: sha(asked) }, never)
          }
          return await process.data.write(work)
        },
      },
      bytes,
      keyring: process.keyring,
      clock: { now: () => new Date(world.clock.wall()) },
      times: { unreferencedGraceMs: GRACE },
    })
    expect(await overtaken.sweep()).toMatchObject({ memberships: 1, blobs: 1 })
    for (const kept of [named, image.config, asked]) await pullBlob(bench, 'app', sha(kept))
    await expect(pullBlob(bench, 'app', sha(left))).rejects.toMatchObject({ code: 'blob-unknown' })
  })

  it('begins the grace anew when the last manifest that names a blob goes, and not before', async () => {
    const layer = randomBytes(100)
    const one = imageOf([layer], { annotations: { n: '1' } })
    const two = imageOf([layer], { annotations: { n: '2' } })
    await pushImage(bench, 'app', one)
    await pushImage(bench, 'app', two)
    bench.world.clock.advance(DAY_MS)
    await bench.content.deleteManifest({ ...path('app'), digest: one.digest }, never)
    bench.world.clock.advance(DAY_MS)
    expect(await bench.content.sweep()).toEqual(nothing)
    await bench.content.deleteManifest({ ...path('app'), digest: two.digest }, never)
    bench.world.clock.advance(GRACE - 1)
    expect(await bench.content.sweep()).toEqual(nothing)
    bench.world.clock.advance(2)
    expect(await bench.content.sweep()).toMatchObject({ memberships: 2, blobs: 2 })
  })

  it('keeps a blob for the repositories that still have it', async () => {
    const layer = randomBytes(100)
    await pushImage(bench, 'kept', imageOf([layer]))
    await pushBlob(bench, 'left', layer)
    bench.world.clock.advance(DAY_MS)
    expect(await bench.content.sweep()).toMatchObject({ memberships: 1, blobs: 0 })
    expect((await pullBlob(bench, 'kept', sha(layer))).equals(layer)).toBe(true)
    await expect(pullBlob(bench, 'left', sha(layer))).rejects.toMatchObject({ code: 'blob-unknown' })
  })

  it('ends idle uploads and frees their bytes; one in use stays', async () => {
    const begin = () => bench.content.startUpload({ ...path('app'), algorithm: 'sha256' }, never)
    const [idle, used] = [await begin(), await begin()]
    for (const { uploadId } of [idle, used]) {
      await bench.content.appendUpload({ ...path('app'), uploadId }, chunkOf(randomBytes(LONG)), never)
      await bench.content.appendUpload({ ...path('app'), uploadId }, chunkOf(randomBytes(10)), never)
    }
    bench.world.clock.advance(6 * DAY_MS)
    await bench.content.appendUpload(
      { ...path('app'), uploadId: used.uploadId },
      chunkOf(randomBytes(LONG)),
      never,
    )
    bench.world.clock.advance(2 * DAY_MS)
    expect(await bench.content.sweep()).toEqual({ ...nothing, uploads: 1 })
    expect(await extentsIn(bench)).toBe(2)
    expect(await bench.content.getUpload({ ...path('app'), ...used }, never)).toMatchObject({
      size: 2 * LONG + 10,
    })
  })

  it('discards old bytes that no row names, and no others', async () => {
    const bytes = randomBytes(LONG)
    await pushBlob(bench, 'app', bytes)
    const [old, young] = [newBytesRef(), newBytesRef()]
    for (const ref of [old, young]) await bench.bytes.write(ref, bodyOf(randomBytes(10)), { signal: never })
    for await (const { ref } of bench.bytes.list()) if (ref !== young) await age(ref)
    expect(await bench.content.sweep()).toEqual({ ...nothing, orphans: 1 })
    expect(await bench.bytes.length(old)).toBeNull()
    expect(await bench.bytes.length(young)).toBe(10)
    expect((await pullBlob(bench, 'app', sha(bytes))).equals(bytes)).toBe(true)
  })

  it.each(['of what was deleted', 'that no row names'])(
    'destroys no bytes %s while a power cut may still bring their row back',
    async (which) => {
      if (which === 'that no row names') await agedOrphan()
      else {
        const digest = await pushBlob(bench, 'app', randomBytes(LONG))
        await bench.content.deleteBlob({ ...path('app'), digest }, never)
        bench.world.clock.advance(HOUR_MS + 1)
      }
      const { process, bytes, world } = bench
      const inDoubt = openRegistryContent({
        records: {
          read: process.data.read,
          write: () => Promise.reject(new Outage('the log could not be made durable')),
        },
        bytes,
        keyring: process.keyring,
        clock: { now: () => new Date(world.clock.wall()) },
        times: { readGraceMs: HOUR_MS },
      })
      await expect(inDoubt.sweep()).rejects.toThrow(Outage)
      expect(await extentsIn(bench)).toBe(1)
      await bench.content.sweep()
      expect(await extentsIn(bench)).toBe(0)
    },
  )
})

/** Bytes of long ago that no row names. */
async function agedOrphan(): Promise<void> {
  const ref = newBytesRef()
  await bench.bytes.write(ref, bodyOf(randomBytes(10)), { signal: never })
  await age(ref)
}

async function age(ref: string): Promise<void> {
  const past = new Date(Date.now() - 2 * DAY_MS)
  await utimes(join(bench.folder, 'bytes', ref.slice(0, 2), ref), past, past)
}

describe('discard()', () => {
  it('drops all of one registry, and its bytes with the sweeps after', async () => {
    const other = await bench.addRegistry()
    const bytes = randomBytes(LONG)
    await pushBlob(bench, 'app', bytes, other)
    for (const name of ['app', 'b/c']) await pushImage(bench, name, imageOf([bytes, randomBytes(9)]), ['v1'])
    await bench.content.startUpload({ ...path('app'), algorithm: 'sha256' }, never)
    await bench.content.discard(bench.registry.uid)
    expect(await bench.content.usedBytes(bench.registry.uid)).toBe(0)
    expect(
      await bench.content.listRepositories({ registry: bench.registry, after: '', limit: 9 }, never),
    ).toEqual({
      items: [],
      next: null,
    })
    bench.world.clock.advance(2 * HOUR_MS)
    await bench.content.sweep()
    expect(await extentsIn(bench)).toBe(1)
    expect(await bench.content.usedBytes(other.uid)).toBe(LONG)
  })
})
