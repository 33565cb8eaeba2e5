import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type RegistryBench,
  chunkOf,
  imageOf,
  never,
  openRegistryBench,
  pullBlob,
  pushImage,
  sha,
} from '../../../test/support/registry-bench.ts'
import { collect } from '../../kernel/bytes.ts'
import { DAY_MS } from '../../kernel/units.ts'
import { LEASE_MS } from '../keyring/testing/installation.ts'
import type { RegistryContent } from './registry-content.ts'

let bench: RegistryBench
beforeEach(async () => {
  bench = await openRegistryBench()
})
afterEach(async () => {
  await bench[Symbol.asyncDispose]()
})

const refused = { name: 'KeyringFault', code: 'key-refused', facts: { cause: 'key-disabled' } }
const layer = randomBytes(300_000)

describe('while the key is away', () => {
  it('refuses every operation on content, as long as one can be named here', async () => {
    const { registry } = bench
    const image = imageOf([layer])
    const digest = await pushImage(bench, 'app', image, ['v1'])
    const { uploadId } = await bench.content.startUpload(
      { registry, name: 'app', algorithm: 'sha256' },
      never,
    )
    bench.setKeyEnabled(false)
    const at = { registry, name: 'app' }
    const list = { ...at, order: 'key', after: null, limit: 10 } as const
    const calls: { readonly [K in keyof RegistryContent]?: () => Promise<unknown> } = {
      startUpload: () => bench.content.startUpload({ ...at, algorithm: 'sha256' }, never),
      getUpload: () => bench.content.getUpload({ ...at, uploadId }, never),
      appendUpload: () => bench.content.appendUpload({ ...at, uploadId }, chunkOf(layer), never),
      finishUpload: () =>
        bench.content.finishUpload({ ...at, uploadId, digest: sha(layer) }, chunkOf(layer), never),
      cancelUpload: () => bench.content.cancelUpload({ ...at, uploadId }, never),
      putBlob: () => bench.content.putBlob({ ...at, digest: sha(layer) }, chunkOf(layer), never),
      mountBlob: () => bench.content.mountBlob({ ...at, digest: sha(layer), from: 'app' }, never),
      getBlob: () => bench.content.getBlob({ ...at, digest: sha(layer) }, never),
      deleteBlob: () => bench.content.deleteBlob({ ...at, digest: sha(layer) }, never),
      getManifest: () => bench.content.getManifest({ ...at, reference: { tag: 'v1' } }, never),
      putManifest: () =>
        bench.content.putManifest({ ...at, digest, tags: [], contentType: null, body: image.body }, never),
      deleteManifest: () => bench.content.deleteManifest({ ...at, digest }, never),
      deleteTag: () => bench.content.deleteTag({ ...at, tag: 'v1' }, never),
      listReferrers: () =>
        bench.content.listReferrers(
          { ...at, subject: digest, artifactType: null, after: null, limit: 9 },
          never,
        ),
      listTags: () => bench.content.listTags({ ...list, digest: null }, never),
      getTag: () => bench.content.getTag({ ...at, tag: 'v1' }, never),
      updateTag: () => bench.content.updateTag({ ...at, tag: 'v1' }, {}, never),
      listManifests: () => bench.content.listManifests(list, never),
      getManifestView: () => bench.content.getManifestView({ ...at, digest }, never),
      updateManifest: () => bench.content.updateManifest({ ...at, digest }, {}, never),
      listRepositories: () => bench.content.listRepositories({ registry, after: '', limit: 9 }, never),
      getRepositoryView: () => bench.content.getRepositoryView(at, never),
      updateRepository: () => bench.content.updateRepository(at, {}, never),
      deleteRepository: () => bench.content.deleteRepository(at, never),
    }
    const keyless = ['usedBytes', 'discard', 'sweep']
    expect([...Object.keys(calls), ...keyless].sort()).toEqual(Object.keys(bench.content).sort())
    for (const [name, call] of Object.entries(calls)) {
      await expect(call(), name).rejects.toMatchObject(refused)
    }
    bench.setKeyEnabled(true)
    bench.world.clock.advance(LEASE_MS)
    expect((await pullBlob(bench, 'app', sha(layer))).equals(layer)).toBe(true)
  })

  it('ends a download under way', async () => {
    await pushImage(bench, 'app', imageOf([layer]))
    const blob = await bench.content.getBlob(
      { registry: bench.registry, name: 'app', digest: sha(layer) },
      never,
    )
    const chunks = blob.read({ start: 0, end: layer.length }, never)[Symbol.asyncIterator]()
    expect((await chunks.next()).done).toBe(false)
    bench.setKeyEnabled(false)
    await expect(collect({ [Symbol.asyncIterator]: () => chunks })).rejects.toMatchObject(refused)
  })

  it('ends an upload under way, uncommitted', async () => {
    const path = { registry: bench.registry, name: 'app' }
    const { uploadId } = await bench.content.startUpload({ ...path, algorithm: 'sha256' }, never)
    async function* revoking() {
      yield layer.subarray(0, 100_000)
      bench.setKeyEnabled(false)
      yield layer.subarray(100_000)
    }
    const chunk = { body: revoking(), length: layer.length, range: null }
    await expect(bench.content.appendUpload({ ...path, uploadId }, chunk, never)).rejects.toMatchObject(
      refused,
    )
    bench.setKeyEnabled(true)
    bench.world.clock.advance(LEASE_MS)
    expect((await bench.content.getUpload({ ...path, uploadId }, never)).size).toBe(0)
  })

  it('still counts, sweeps and discards', async () => {
    const digest = await pushImage(bench, 'app', imageOf([layer]), ['v1'])
    await bench.content.deleteManifest({ registry: bench.registry, name: 'app', digest }, never)
    bench.setKeyEnabled(false)
    expect(await bench.content.usedBytes(bench.registry.uid)).toBeGreaterThan(layer.length)
    bench.world.clock.advance(DAY_MS)
    expect(await bench.content.sweep()).toMatchObject({ memberships: 2, blobs: 2 })
    await bench.content.discard(bench.registry.uid)
    expect(await bench.content.usedBytes(bench.registry.uid)).toBe(0)
  })
})
