import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  type RegistryBench,
  type TestImage,
  imageOf,
  never,
  openRegistryBench,
  pullBlob,
  pushBlob,
  pushManifest,
  sha,
} from '../../../test/support/registry-bench.ts'
import { RegistryFault } from './faults.ts'

const GRACE = 1_000
let bench: RegistryBench
beforeAll(async () => {
  bench = await openRegistryBench({ unreferencedGraceMs: GRACE, readGraceMs: GRACE, idleUploadMs: 100_000 })
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
})

/** Layers that many images share, in files and in rows, so that pushes, deletions and collection meet at the same blobs. */
const layers = Array.from({ length: 16 }, (_, index) => randomBytes(index % 2 === 0 ? 20_000 : 5_000))
const repositories = ['one', 'two', 'three/four']
const WORKERS = 6
const ROUNDS = 40

it(
  'pushes, mounts, pulls, deletions and sweeps at once lose nothing that a manifest names',
  { timeout: 120_000 },
  async () => {
    let random = 1
    // The same run each time.
    const pick = <T>(from: readonly T[]): T => {
      random = (random * 48_271) % 2_147_483_647
      return from[random % from.length]!
    }
    let pushed = 0
    let late = 0

    /** As clients do: ask whether it is there, else mount it from elsewhere, else push it. */
    const provide = async (name: string, bytes: Buffer) => {
      const path = { registry: bench.registry, name, digest: sha(bytes) }
      try {
        await bench.content.getBlob(path, never)
      } catch (error) {
        if (!(error instanceof RegistryFault)) throw error
        const isMounted = await bench.content.mountBlob({ ...path, from: pick(repositories) }, never)
        if (!isMounted) await pushBlob(bench, name, bytes)
      }
    }

    const remove = (name: string, { digest }: TestImage) =>
      bench.content.deleteManifest({ registry: bench.registry, name, digest }, never)

    const worker = async (worker: number) => {
      for (let round = 0; round < ROUNDS; round++) {
        const name = pick(repositories)
        const image: TestImage = imageOf([pick(layers), pick(layers)], {
          annotations: { is: `${worker}/${round}` },
        })
        const blobs = [image.config, ...image.layers]
        const began = bench.world.clock.wall()
        for (const bytes of blobs) {
          await provide(name, bytes)
          bench.world.clock.advance(GRACE / 100)
        }
        const outcome = await pushManifest(bench, name, image, [`w${worker}`]).catch(
          (error: unknown) => error,
        )
        if (bench.world.clock.wall() - began > GRACE / 2) {
          // Too slow for what the grace promises: whatever came of it is right, a manifest that lacks a layer too.
          late++
          if (!(outcome instanceof RegistryFault)) await remove(name, image)
          continue
        }
        expect(outcome).toBe(image.digest)
        pushed++
        // From here on the manifest names them: they are readable, whatever the others delete and the sweeper finds.
        for (const bytes of blobs) expect((await pullBlob(bench, name, sha(bytes))).equals(bytes)).toBe(true)
        const reference = { tag: `w${worker}` }
        const pulled = await bench.content.getManifest({ registry: bench.registry, name, reference }, never)
        expect(Buffer.from(await pulled.read()).equals(image.body)).toBe(true)
        if (round % 4 !== 3) {
          await remove(name, image)
        }
      }
    }
    let isDone = false
    let swept = 0
    const sweeper = async () => {
      while (!isDone) {
        swept += (await bench.content.sweep()).memberships
        bench.world.clock.advance(GRACE / 20)
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    // The first one walks over all folders, and would still do so when the others are done.
    await bench.content.sweep()
    const sweeping = sweeper()
    try {
      await Promise.all(Array.from({ length: WORKERS }, (_, n) => worker(n)))
    } finally {
      isDone = true
      await sweeping
    }
    expect(pushed + late).toBe(WORKERS * ROUNDS)
    expect(pushed).toBeGreaterThan(WORKERS * ROUNDS * 0.5)
    // The sweeper did get in between.
    expect(swept).toBeGreaterThan(0)

    await everythingNamedIsReadable()
    for (const name of repositories) {
      await bench.content
        .deleteRepository({ registry: bench.registry, name }, never)
        .catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'name-unknown' })
        })
    }
    bench.world.clock.advance(10 * GRACE)
    await bench.content.sweep()
    await bench.content.sweep()
    expect(await bench.content.usedBytes(bench.registry.uid)).toBe(0)
    let left = 0
    for await (const _ of bench.bytes.list()) left++
    expect(left).toBe(0)
  },
)

async function everythingNamedIsReadable(): Promise<void> {
  bench.world.clock.advance(10 * GRACE)
  await bench.content.sweep()
  let count = 0
  for (const name of repositories) {
    const path = { registry: bench.registry, name }
    const list = { ...path, order: 'key', after: null, limit: 1_000 } as const
    const found = await bench.content.listManifests(list, never).catch(() => ({ items: [] }))
    for (const { digest } of found.items) {
      const manifest = await bench.content.getManifest({ ...path, reference: { digest } }, never)
      const document = JSON.parse(Buffer.from(await manifest.read()).toString()) as {
        config: { digest: never }
        layers: { digest: never }[]
      }
      for (const blob of [document.config, ...document.layers]) {
        expect(sha(await pullBlob(bench, name, blob.digest))).toBe(blob.digest)
        count++
      }
    }
  }
  expect(count).toBeGreaterThan(0)
}
