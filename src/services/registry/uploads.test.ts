import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type RegistryBench,
  chunkOf,
  extentsIn,
  never,
  openRegistryBench,
  pullBlob,
  pushBlob,
  sha,
} from '../../../test/support/registry-bench.ts'
import { bodyOf } from '../../../test/support/body.ts'
import { HttpFault } from '../../http/faults.ts'
import { collect } from '../../kernel/bytes.ts'
import { MAX_INLINE_BYTES } from '../../store/bytes/staged.ts'
import type { Chunk } from './append-upload.ts'
import type { Digest } from './digest.ts'

let bench: RegistryBench
beforeAll(async () => {
  bench = await openRegistryBench()
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
})

const name = 'team/app'
/** So that it is a file. */
const LONG = MAX_INLINE_BYTES + 1
const at = () => ({ registry: bench.registry, name })
const begin = async (algorithm: 'sha256' | 'sha512' = 'sha256') => {
  const { uploadId } = await bench.content.startUpload({ ...at(), algorithm }, never)
  return { ...at(), uploadId }
}
const append = (path: Awaited<ReturnType<typeof begin>>, chunk: Chunk) =>
  bench.content.appendUpload(path, chunk, never)
const finish = (path: Awaited<ReturnType<typeof begin>>, digest: Digest, bytes = Buffer.alloc(0)) =>
  bench.content.finishUpload({ ...path, digest }, chunkOf(bytes), never)
const ranged = (bytes: Buffer, first: number, last = first + bytes.length - 1): Chunk => ({
  ...chunkOf(bytes),
  range: { first, last },
})

describe('an upload', () => {
  it('gives back the bytes of its chunks in their order', async () => {
    const parts = [randomBytes(100_000), randomBytes(1), randomBytes(70_000)]
    const upload = await begin()
    await append(upload, chunkOf(parts[0]!))
    const { size } = await append(upload, ranged(parts[1]!, 100_000))
    expect(size).toBe(100_001)
    const whole = Buffer.concat(parts)
    await finish(upload, sha(whole), parts[2])
    expect((await pullBlob(bench, name, sha(whole))).equals(whole)).toBe(true)
  })

  it('takes no extent for an empty blob or an empty chunk', async () => {
    const before = await extentsIn(bench)
    const upload = await begin()
    await append(upload, chunkOf(Buffer.alloc(0)))
    await finish(upload, sha(Buffer.alloc(0)))
    expect(await extentsIn(bench)).toBe(before)
    expect(await pullBlob(bench, name, sha(Buffer.alloc(0)))).toHaveLength(0)
  })

  it('makes no file of a short chunk, and gives every range of what stands in rows and files', async () => {
    const before = await extentsIn(bench)
    const upload = await begin()
    const parts = [10, LONG, MAX_INLINE_BYTES, 1].map((length) => randomBytes(length))
    for (const part of parts) await append(upload, chunkOf(part))
    expect(await extentsIn(bench)).toBe(before + 1)
    const whole = Buffer.concat(parts)
    await finish(upload, sha(whole))
    const blob = await bench.content.getBlob({ ...at(), digest: sha(whole) }, never)
    for (const [start, end] of [
      [0, whole.length],
      [3, 7],
      [9, 11],
      [LONG + 5, LONG + 20],
      [LONG + 10 + MAX_INLINE_BYTES - 1, whole.length],
    ] as const)
      expect((await collect(blob.read({ start, end }, never))).equals(whole.subarray(start, end))).toBe(true)
  })

  it('keeps a short body once too when it is pushed in one request', async () => {
    const bytes = randomBytes(100)
    const push = () => bench.content.putBlob({ ...at(), digest: sha(bytes) }, chunkOf(bytes), never)
    await push()
    const rows = () => bench.process.data.read.selectFrom('registry_extents').select('ref').execute()
    const before = (await rows()).length
    await push()
    expect(await rows()).toHaveLength(before)
    expect((await pullBlob(bench, name, sha(bytes))).equals(bytes)).toBe(true)
  })

  it('refuses a chunk out of order, keeps nothing of it, and goes on', async () => {
    const [a, b] = [randomBytes(10), randomBytes(LONG)]
    const upload = await begin()
    await append(upload, ranged(a, 0))
    const before = await extentsIn(bench)
    for (const chunk of [ranged(b, 0), ranged(b, 11), ranged(b, 9), ranged(b, 10, 3)]) {
      await expect(append(upload, chunk)).rejects.toMatchObject({
        code: 'upload-range-invalid',
        facts: { size: 10 },
      })
    }
    await expect(
      bench.content.finishUpload({ ...upload, digest: sha(Buffer.concat([a, b])) }, ranged(b, 20), never),
    ).rejects.toMatchObject({ code: 'upload-range-invalid' })
    expect(await extentsIn(bench)).toBe(before)
    await append(upload, ranged(b, 10))
    await finish(upload, sha(Buffer.concat([a, b])))
  })

  it('refuses a chunk that is not as long as its range, announced or not', async () => {
    const upload = await begin()
    const before = await extentsIn(bench)
    await expect(append(upload, ranged(randomBytes(LONG), 0, 9))).rejects.toMatchObject({
      code: 'size-invalid',
    })
    const unannounced = { ...ranged(randomBytes(LONG), 0, 9), length: null }
    await expect(append(upload, unannounced)).rejects.toMatchObject({ code: 'size-invalid' })
    expect(await extentsIn(bench)).toBe(before)
    expect((await bench.content.getUpload(upload, never)).size).toBe(0)
  })

  it('of two chunks at once keeps one', async () => {
    const upload = await begin()
    const parts = [randomBytes(50_000), randomBytes(50_000)]
    const outcomes = await Promise.allSettled(parts.map((part) => append(upload, chunkOf(part))))
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const kept = parts[outcomes.findIndex(({ status }) => status === 'fulfilled')]!
    await finish(upload, sha(kept))
    expect((await pullBlob(bench, name, sha(kept))).equals(kept)).toBe(true)
  })

  it('is as it was after a chunk that breaks off', async () => {
    const upload = await begin()
    const [a, b] = [randomBytes(1_000), randomBytes(200_000)]
    await append(upload, chunkOf(a))
    const before = await extentsIn(bench)
    async function* broken() {
      yield* bodyOf(b.subarray(0, 150_000), 10_000)
      throw new HttpFault('body-aborted', {})
    }
    const chunk = { body: broken(), length: b.length, range: null }
    await expect(append(upload, chunk)).rejects.toMatchObject({ code: 'body-aborted' })
    expect(await extentsIn(bench)).toBe(before)
    await append(upload, chunkOf(b))
    await finish(upload, sha(Buffer.concat([a, b])))
  })

  it('is as it was after a digest that does not match', async () => {
    const upload = await begin()
    const [a, b] = [randomBytes(20), randomBytes(LONG)]
    await append(upload, chunkOf(a))
    const before = await extentsIn(bench)
    await expect(finish(upload, sha(a), b)).rejects.toMatchObject({ code: 'digest-invalid' })
    expect(await extentsIn(bench)).toBe(before)
    await finish(upload, sha(Buffer.concat([a, b])), b)
  })

  it('goes on after a restart: what was staged is hashed again', async () => {
    const upload = await begin()
    const [a, b] = [randomBytes(150_000), randomBytes(10)]
    await append(upload, chunkOf(a))
    await bench.restart()
    await append(upload, chunkOf(b))
    const whole = Buffer.concat([a, b])
    await expect(finish(upload, sha(a))).rejects.toMatchObject({ code: 'digest-invalid' })
    await finish(upload, sha(whole))
    expect((await pullBlob(bench, name, sha(whole))).equals(whole)).toBe(true)
  })

  it.each(['sha256', 'sha512'] as const)('may end as sha512 when it began with %s', async (algorithm) => {
    const upload = await begin(algorithm)
    const [a, b] = [randomBytes(100), randomBytes(200)]
    await append(upload, chunkOf(a))
    const digest = sha(Buffer.concat([a, b]), 'sha512')
    await finish(upload, digest, b)
    expect(await pullBlob(bench, name, digest)).toHaveLength(300)
    await expect(pullBlob(bench, name, sha(Buffer.concat([a, b])))).rejects.toMatchObject({
      code: 'blob-unknown',
    })
  })

  it('is gone after it was cancelled, with its bytes', async () => {
    const before = await extentsIn(bench)
    const upload = await begin()
    await append(upload, chunkOf(randomBytes(LONG)))
    await append(upload, chunkOf(randomBytes(10)))
    await bench.content.cancelUpload(upload, never)
    expect(await extentsIn(bench)).toBe(before)
    const gone = { code: 'upload-unknown' }
    await expect(append(upload, chunkOf(randomBytes(1)))).rejects.toMatchObject(gone)
    await expect(finish(upload, sha(randomBytes(1)))).rejects.toMatchObject(gone)
    await expect(bench.content.getUpload(upload, never)).rejects.toMatchObject(gone)
    await expect(bench.content.cancelUpload(upload, never)).rejects.toMatchObject(gone)
  })

  it('belongs to its repository and registry', async () => {
    const upload = await begin()
    const other = await bench.addRegistry()
    for (const path of [
      { ...upload, name: 'other' },
      { ...upload, registry: other },
    ]) {
      await expect(bench.content.getUpload(path, never)).rejects.toMatchObject({ code: 'upload-unknown' })
    }
  })
})

describe('content that is there already', () => {
  it('is kept once in a registry, whichever repository pushes it', async () => {
    const bytes = randomBytes(90_000)
    await pushBlob(bench, 'one', bytes)
    const before = await extentsIn(bench)
    const used = await bench.content.usedBytes(bench.registry.uid)
    await pushBlob(bench, 'two', bytes)
    const upload = await begin()
    await append(upload, chunkOf(bytes.subarray(0, 40_000)))
    await finish(upload, sha(bytes), bytes.subarray(40_000))
    expect(await extentsIn(bench)).toBe(before)
    expect(await bench.content.usedBytes(bench.registry.uid)).toBe(used)
    expect((await pullBlob(bench, 'two', sha(bytes))).equals(bytes)).toBe(true)
  })

  it('is kept twice in two registries: they share no key', async () => {
    const bytes = randomBytes(LONG)
    await pushBlob(bench, 'one', bytes)
    const before = await extentsIn(bench)
    const registry = await bench.addRegistry()
    await pushBlob(bench, 'one', bytes, registry)
    expect(await extentsIn(bench)).toBe(before + 1)
    expect(await bench.content.usedBytes(registry.uid)).toBe(LONG)
  })
})
