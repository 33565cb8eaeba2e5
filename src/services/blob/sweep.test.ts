import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobBench, get, makeContainer, openBlobBench, put } from '../../../test/support/blob-bench.ts'
import { DAY_MS, HOUR_MS } from '../../kernel/units.ts'
import { openRegistryContent } from '../registry/registry-content.ts'
import { noConditions } from './conditions.ts'

let bench: BlobBench
beforeEach(async () => {
  bench = await openBlobBench()
  await makeContainer(bench)
})
afterEach(async () => {
  await bench[Symbol.asyncDispose]()
})

const small = randomBytes(100)
const large = randomBytes(100_000)
const nothing = { containers: 0, blobs: 0, blocks: 0, extents: 0 }
const deleting = { conditions: noConditions, leaseId: null }

async function files(): Promise<number> {
  let count = 0
  for await (const _ of bench.bytes.list()) count++
  return count
}

describe('sweep()', () => {
  it('takes the bytes of what was replaced, once reads have had their time', async () => {
    for (const name of ['a', 'b']) for (const bytes of [small, large]) await put(bench, name, bytes)
    await put(bench, 'b', small)
    expect(await bench.blobs.sweep()).toEqual(nothing)
    bench.world.clock.advance(2 * HOUR_MS)
    expect(await bench.blobs.sweep()).toEqual({ ...nothing, extents: 3 })
    expect(await files()).toBe(1)
    expect((await get(bench, 'a')).equals(large)).toBe(true)
    expect((await get(bench, 'b')).equals(small)).toBe(true)
    expect(await bench.blobs.usedBytes(bench.account.uid)).toBe(large.length + small.length)
  })

  it('takes a deleted container with all it held, and not another of its name', async () => {
    await put(bench, 'a', large)
    const path = { account: bench.account, container: 'c1' }
    await bench.blobs.deleteContainer(path, deleting)
    await makeContainer(bench)
    await put(bench, 'a', large)
    bench.world.clock.advance(2 * HOUR_MS)
    expect(await bench.blobs.sweep()).toMatchObject({ containers: 1 })
    bench.world.clock.advance(2 * HOUR_MS)
    await bench.blobs.sweep()
    expect(await files()).toBe(1)
    expect((await get(bench, 'a')).equals(large)).toBe(true)
  })

  it('keeps a deleted blob for as long as the account says', async () => {
    const blobService = { ...bench.account.blobService, deleteRetentionDays: 7 }
    bench.account = { ...bench.account, blobService }
    await put(bench, 'a', large)
    await bench.blobs.deleteBlob(
      { account: bench.account, container: 'c1', blob: 'a', moment: null },
      deleting,
    )
    bench.world.clock.advance(6 * DAY_MS)
    expect(await bench.blobs.sweep()).toEqual(nothing)
    bench.world.clock.advance(2 * DAY_MS)
    expect(await bench.blobs.sweep()).toMatchObject({ blobs: 1 })
    bench.world.clock.advance(2 * HOUR_MS)
    await bench.blobs.sweep()
    expect(await files()).toBe(0)
  })
})

describe('discard()', () => {
  it('drops all of an account, needs no key, and leaves others alone', async () => {
    const first = bench.account
    await put(bench, 'a', large)
    bench.account = await bench.addAccount('account2')
    await makeContainer(bench)
    await put(bench, 'a', large)
    bench.setKeyEnabled(false)
    await bench.blobs.discard(first.uid)
    bench.setKeyEnabled(true)
    bench.world.clock.advance(2 * HOUR_MS)
    await bench.blobs.sweep()
    expect(await files()).toBe(1)
    expect((await get(bench, 'a')).equals(large)).toBe(true)
  })
})

it('the sweeper of the registries, which takes orphans, leaves the bytes of blobs alone', async () => {
  await put(bench, 'a', large)
  const { process, bytes, world } = bench
  await using registries = openRegistryContent({
    records: process.data,
    bytes,
    keyring: process.keyring,
    clock: { now: () => new Date(world.clock.wall()) },
    times: { orphanAgeMs: -HOUR_MS },
  })
  expect(await registries.sweep()).toMatchObject({ orphans: 0 })
  expect((await get(bench, 'a')).equals(large)).toBe(true)
})
