import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type BlobBench, openBlobBench } from '../../../test/support/blob-bench.ts'
import { randomHex } from '../../crypto/random.ts'
import type { BlobReads, BlobWrites } from '../../store/records/blob/containers.ts'
import { insertBlobExtent, useExtents } from '../../store/records/blob/extents.ts'
import { doomedMapNodes } from '../../store/records/blob/map-nodes.ts'
import { readParts, releaseParts, replaceParts, shareParts, writeParts } from './extent-map.ts'
import { type Difference, differences } from './map-diff.ts'
import { dissolveNode } from './map-node.ts'
import type { ExtentsDoc, Part } from './model.ts'
import { refsOf } from './parts.ts'
import { type ServiceSeal, openService } from './service-seal.ts'

let bench: BlobBench
let seal: ServiceSeal
beforeAll(async () => {
  bench = await openBlobBench()
  seal = await openService(bench.process.keyring, bench.account)
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
})
beforeEach(async () => {
  await bench.process.data.write(forgetAll)
})

const NOW = 1_000
const MAX_ENTRIES = 64

async function forgetAll(db: BlobWrites): Promise<void> {
  await db.deleteFrom('blob_map_nodes').execute()
  await db.deleteFrom('blob_extents').execute()
}

/** A map, and what it has to hold: each byte of the blob as the byte of an extent that it is, empty for a zero. */
interface Modelled {
  readonly extents: ExtentsDoc
  readonly bytes: readonly string[]
}

async function newPart(db: BlobWrites, length: number): Promise<Part> {
  const ref = randomHex(16)
  const row = { ref, length, is_inline: 1, outer: null, sealed: Buffer.alloc(1) }
  await insertBlobExtent(db, { ...row, account: seal.account.uid, uses: 1 })
  return { ref, at: 0, length }
}

/** One extent in two parts, the second half first. */
async function turnedParts(db: BlobWrites, length: number): Promise<readonly Part[]> {
  const { ref } = await newPart(db, length)
  if (ref !== null) await useExtents(db, [ref])
  const half = Math.ceil(length / 2)
  return [
    { ref, at: half, length: length - half },
    { ref, at: 0, length: half },
  ]
}

const zeros = (length: number): Part => ({ ref: null, at: 0, length })

function bytesOf(parts: readonly Part[]): readonly string[] {
  return parts.flatMap(({ ref, at, length }) =>
    Array.from({ length }, (_, index) => (ref === null ? '' : `${ref}+${at + index}`)),
  )
}

async function planted(db: BlobWrites, lengths: readonly number[]): Promise<Modelled> {
  const parts: Part[] = []
  for (const length of lengths) parts.push(await newPart(db, length))
  return { extents: await writeParts(db, seal, parts), bytes: bytesOf(parts) }
}

async function replaced(
  db: BlobWrites,
  { extents, bytes }: Modelled,
  { start, end, parts }: { readonly start: number; readonly end: number; readonly parts: readonly Part[] },
): Promise<Modelled> {
  return {
    extents: await replaceParts(db, seal, extents, { span: { start, end }, parts, now: NOW }),
    bytes: [...bytes.slice(0, start), ...bytesOf(parts), ...bytes.slice(end)],
  }
}

const truncated = (db: BlobWrites, one: Modelled, length: number) =>
  replaced(db, one, { start: length, end: one.bytes.length, parts: [] })

async function swept(db: BlobWrites): Promise<void> {
  for (;;) {
    const rows = await doomedMapNodes(db, seal.account.uid, { before: Infinity, limit: 100 })
    if (rows.length === 0) return
    for (const row of rows) await dissolveNode({ db, seal, now: NOW }, row)
  }
}

/** Whatever is wrong with any of the maps: their bytes, or how often nodes and extents say that they are named. */
async function expectSound(db: BlobReads, blobs: readonly Modelled[]): Promise<void> {
  for (const { extents, bytes } of blobs) {
    const parts = await readParts(db, seal, extents)
    expect(bytesOf(parts).join()).toBe(bytes.join())
    for (const [index, { start }] of parts.entries()) {
      const before = parts[index - 1]
      expect(start).toBe(before === undefined ? 0 : before.start + before.length)
    }
  }
  const names = await namesIn(db, blobs)
  const nodes = await db.selectFrom('blob_map_nodes').select(['node as name', 'uses', 'doomed_at']).execute()
  const extents = await db.selectFrom('blob_extents').select(['ref as name', 'uses', 'doomed_at']).execute()
  const rows = [...nodes, ...extents]
  const wrong = rows.filter(({ name, uses, doomed_at }) => {
    const expected = names.get(name) ?? 0
    return uses !== expected || doomed_at !== (expected === 0 ? NOW : null)
  })
  expect(wrong).toEqual([])
  const there = new Set(rows.map(({ name }) => name))
  expect([...names.keys()].filter((name) => !there.has(name))).toEqual([])
}

/** Counts anew, from all documents and all nodes, how often each node and extent is named. */
async function namesIn(db: BlobReads, blobs: readonly Modelled[]): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
  for (const { extents } of blobs) {
    if ('map' in extents) count(extents.map)
    else refsOf(extents.parts).forEach(count)
  }
  for (const { node, sealed } of await db.selectFrom('blob_map_nodes').selectAll().execute()) {
    const [, second, parts = []] = seal.node.open({ node }, sealed)
    const entries =
      typeof second === 'number' ? parts.map(([, ref]) => ref) : second.map(([, child]) => child)
    expect(entries.length).toBeLessThanOrEqual(MAX_ENTRIES)
    for (const name of entries) if (name !== null) count(name)
  }
  return counts
}

/** Byte by byte; what the older one has not counts as zeros. */
async function expectDifferences(db: BlobReads, older: Modelled, newer: Modelled): Promise<void> {
  const expected: Difference[] = []
  for (const [at, byte] of newer.bytes.entries()) {
    if (byte === (older.bytes[at] ?? '')) continue
    const last = expected.at(-1)
    const isCleared = byte === ''
    if (last?.end === at && last.isCleared === isCleared)
      expected[expected.length - 1] = { ...last, end: at + 1 }
    else expected.push({ start: at, end: at + 1, isCleared })
  }
  const span = { start: 0, end: newer.bytes.length }
  const found = await differences(db, seal, { older: older.extents, newer: newer.extents, span })
  expect(found).toEqual(expected)
}

type Step = (db: BlobWrites, blobs: Modelled[]) => Promise<void>

/** Does something to one of the blobs, and keeps what comes of it. */
function toOne(index: number, change: (db: BlobWrites, one: Modelled) => Promise<Modelled>): Step {
  return async (db, blobs) => {
    const at = index % Math.max(1, blobs.length)
    const one = blobs[at]
    if (one !== undefined) blobs[at] = await change(db, one)
  }
}

const plant = fc.nat(400).map((count): Step => async (db, blobs) => {
  const lengths = Array.from({ length: count }, (_, index) => 1 + (index % 3))
  blobs.push(await planted(db, lengths))
})
const share = fc.nat(9).map((index): Step => async (db, blobs) => {
  const one = blobs[index % Math.max(1, blobs.length)]
  if (one !== undefined) blobs.push({ ...one, extents: await shareParts(db, one.extents) })
})
const release = fc.nat(9).map((index): Step => async (db, blobs) => {
  const [one] = blobs.splice(index % Math.max(1, blobs.length), 1)
  if (one !== undefined) await releaseParts(db, seal, one.extents, NOW)
})
const append = fc
  .record({
    index: fc.nat(9),
    times: fc.integer({ min: 1, max: 150 }),
    length: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ index, times, length }) =>
    toOne(index, async (db, first) => {
      let one = first
      for (let time = 0; time < times; time++) {
        const end = one.bytes.length
        one = await replaced(db, one, { start: end, end, parts: [await newPart(db, length)] })
      }
      return one
    }),
  )
/** A place in a blob, as a share of it: evenly, as `fc.double` is not. */
const place = fc.nat(1_000_000).map((millionths) => millionths / 1_000_000)
const writes = fc
  .record({
    index: fc.nat(9),
    isTurned: fc.boolean(),
    writes: fc.array(fc.tuple(place, fc.integer({ min: 2, max: 6 })), { minLength: 1, maxLength: 60 }),
  })
  .map(({ index, isTurned, writes: all }) =>
    toOne(index, async (db, first) => {
      let one = first
      for (const [where, length] of all) {
        const start = Math.floor(where * one.bytes.length)
        const end = Math.min(one.bytes.length, start + length)
        if (end - start < 2) continue
        const parts = isTurned ? await turnedParts(db, end - start) : [await newPart(db, end - start)]
        one = await replaced(db, one, { start, end, parts })
      }
      return one
    }),
  )
const clear = fc.tuple(fc.nat(9), place, place).map(([index, one, other]) =>
  toOne(index, async (db, blob) => {
    const start = Math.floor(Math.min(one, other) * blob.bytes.length)
    const end = Math.floor(Math.max(one, other) * blob.bytes.length)
    return await replaced(db, blob, { start, end, parts: [zeros(end - start)] })
  }),
)
const truncate = fc
  .tuple(fc.nat(9), place)
  .map(([index, where]) =>
    toOne(index, async (db, one) => await truncated(db, one, Math.floor(where * one.bytes.length))),
  )
const extend = fc.tuple(fc.nat(9), fc.nat(500)).map(([index, length]) =>
  toOne(index, async (db, one) => {
    const end = one.bytes.length
    return await replaced(db, one, { start: end, end, parts: [zeros(length)] })
  }),
)
const steps = fc.oneof(
  { weight: 2, arbitrary: plant },
  { weight: 6, arbitrary: append },
  { weight: 12, arbitrary: writes },
  { weight: 5, arbitrary: clear },
  { weight: 3, arbitrary: truncate },
  { weight: 3, arbitrary: extend },
  { weight: 5, arbitrary: share },
  { weight: 2, arbitrary: release },
  { weight: 1, arbitrary: fc.constant<Step>(swept) },
)

const within = <T>(work: (db: BlobWrites) => Promise<T>) => bench.process.data.write(work)

describe('an extent map', () => {
  it('holds what was put where, and nodes and extents count who names them, whatever is done', async () => {
    const property = fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 25 }), (all) =>
      within(async (db) => {
        await forgetAll(db)
        const blobs: Modelled[] = []
        for (const step of all) await step(db, blobs)
        await expectSound(db, blobs)
        await swept(db)
        await expectSound(db, blobs)
        for (const older of blobs) for (const newer of blobs) await expectDifferences(db, older, newer)
        for (const { extents } of blobs) await releaseParts(db, seal, extents, NOW)
        await swept(db)
        await expectSound(db, [])
        expect(await db.selectFrom('blob_map_nodes').select('node').execute()).toEqual([])
      }),
    )
    await fc.assert(property, { numRuns: 100 })
  }, 120_000)

  it('of three levels does so too, before and after a snapshot', async () => {
    await within(async (db) => {
      let one = await planted(
        db,
        Array.from({ length: 20_000 }, () => 2),
      )
      const snapshot = { ...one, extents: await shareParts(db, one.extents) }
      for (let at = 0; at < 40_000; at += 397) {
        const end = Math.min(40_000, at + (at % 1_000))
        if (end > at) one = await replaced(db, one, { start: at, end, parts: [await newPart(db, end - at)] })
      }
      for (let time = 0; time < 200; time++) {
        const end = one.bytes.length
        one = await replaced(db, one, { start: end, end, parts: [await newPart(db, 1)] })
        one = await replaced(db, one, { start: 77 * time, end: 77 * time + 1, parts: [await newPart(db, 1)] })
      }
      await expectSound(db, [one, snapshot])
      one = await truncated(db, one, 21_000)
      await swept(db)
      await expectSound(db, [one, snapshot])
    })
  }, 60_000)

  it('can be cut off anywhere, down to nothing, and grow again', async () => {
    await within(async (db) => {
      let one = await planted(
        db,
        Array.from({ length: 700 }, () => 1),
      )
      const all = [one]
      for (let length = 699; length >= 0; length--) {
        if (length % 50 === 0) all.push({ ...one, extents: await shareParts(db, one.extents) })
        one = await truncated(db, one, length)
      }
      one = await replaced(db, one, { start: 0, end: 0, parts: [zeros(10)] })
      await swept(db)
      all[0] = one
      await expectSound(db, all)
    })
  })

  it('that becomes shorter keeps its end for the reads under way, until it is swept', async () => {
    await within(async (db) => {
      const one = await planted(
        db,
        Array.from({ length: 300 }, () => 1),
      )
      const shorter = await truncated(db, one, 10)
      expect(bytesOf(await readParts(db, seal, one.extents))).toEqual(one.bytes)
      await swept(db)
      await expect(readParts(db, seal, one.extents)).rejects.toMatchObject({ code: 'content-damaged' })
      await expectSound(db, [shorter])
      // A single leaf, without the levels above it.
      expect((await nodesOf(db)).size).toBe(1)
    })
  })

  it.each([
    ['forwards', (index: number) => index],
    ['backwards', (index: number) => 1_999 - index],
    ['here and there', (index: number) => (index * 777) % 2_000],
  ])('fills its leaves when it is written %s', async (_, order) => {
    await within(async (db) => {
      let one: Modelled = {
        extents: await writeParts(db, seal, [zeros(4_000)]),
        bytes: bytesOf([zeros(4_000)]),
      }
      for (let index = 0; index < 2_000; index++) {
        const start = 2 * order(index)
        one = await replaced(db, one, { start, end: start + 2, parts: [await newPart(db, 2)] })
      }
      expect((await nodesOf(db)).size).toBeLessThanOrEqual((2_000 / MAX_ENTRIES) * 2 + 2)
    })
  })

  it('is compared with another without opening what both share', async () => {
    await within(async (db) => {
      const older = await planted(
        db,
        Array.from({ length: 20_000 }, () => 2),
      )
      const copy = { ...older, extents: await shareParts(db, older.extents) }
      const newer = await replaced(db, copy, { start: 5_000, end: 5_001, parts: [await newPart(db, 1)] })
      await db
        .updateTable('blob_map_nodes')
        .set({ sealed: Buffer.alloc(9) })
        .where('uses', '>', 1)
        .execute()
      await expectDifferences(db, older, newer)
      await expect(readParts(db, seal, newer.extents)).rejects.toMatchObject({ code: 'seal-broken' })
    })
  })

  it('reads a span as the parts that hold any of it', async () => {
    await within(async (db) => {
      const { extents } = await planted(
        db,
        Array.from({ length: 2_000 }, () => 3),
      )
      const parts = await readParts(db, seal, extents)
      for (const [start, end] of [
        [0, 1],
        [2, 4],
        [380, 390],
        [3_000, 4_501],
        [5_999, 6_000],
      ] as const) {
        const expected = parts.filter((part) => part.start < end && part.start + part.length > start)
        expect(await readParts(db, seal, extents, { start, end })).toEqual(expected)
      }
    })
  })

  it('changes a few rows for a change, however long it is', async () => {
    const rowsFor = async (count: number) =>
      await within(async (db) => {
        await forgetAll(db)
        const one = await planted(
          db,
          Array.from({ length: count }, () => 2),
        )
        const snapshot = await shareParts(db, one.extents)
        const before = await nodesOf(db)
        const after = await replaced(db, one, { start: count, end: count + 2, parts: [await newPart(db, 2)] })
        const made = [...(await nodesOf(db))].filter((node) => !before.has(node)).length
        await replaced(db, after, { start: 0, end: 2 * count, parts: [zeros(2 * count)] })
        expect(bytesOf(await readParts(db, seal, snapshot))).toEqual(one.bytes)
        return made
      })
    expect(await rowsFor(300)).toBe(2)
    expect(await rowsFor(4_000)).toBe(2)
    expect(await rowsFor(5_000)).toBe(3)
  })
})

async function nodesOf(db: BlobReads): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom('blob_map_nodes').select('node').execute()
  return new Set(rows.map(({ node }) => node))
}
