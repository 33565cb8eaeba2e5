import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type BlobBench,
  makeContainer,
  never,
  openBlobBench,
  pathOf,
  reading,
} from '../../../test/support/blob-bench.ts'
import { bodyOf } from '../../../test/support/body.ts'
import { collect } from '../../kernel/bytes.ts'
import { HOUR_MS } from '../../kernel/units.ts'
import { noConditions } from './conditions.ts'
import { noEncryption } from './encryption.ts'
import { noSequenceConditions } from './sequence-number.ts'

const PAGE = 512
/** Too many to stand in the blob's own document. */
const PAGES = 20
const SIZE = PAGES * PAGE

let bench: BlobBench
let before: Buffer
beforeAll(async () => {
  bench = await openBlobBench()
  await makeContainer(bench)
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
})

const options = { conditions: noConditions, leaseId: null, encryption: noEncryption }
const at = () => pathOf(bench, 'disk')

async function write(start: number, bytes: Buffer): Promise<void> {
  const checksum = { md5: null, crc64: null }
  const span = { start, end: start + bytes.length }
  const command = { ...options, span, sequence: noSequenceConditions, checksum, knowsCrc64: true }
  await bench.blobs.putPage({ at: at(), command }, bodyOf(bytes), never)
}

async function create(): Promise<void> {
  const blob = { type: 'PageBlob', length: SIZE, sequenceNumber: '0', tier: null } as const
  const command = { ...options, blob, headers: {}, metadata: {}, tags: null, mayOverwrite: true }
  await bench.blobs.putEmptyBlob({ at: at(), command }, never)
}

beforeEach(async () => {
  await create()
  before = randomBytes(SIZE)
  for (let start = 0; start < SIZE; start += PAGE) await write(start, before.subarray(start, start + PAGE))
})

/** What was found is read only once `step` is done. */
async function readAfter(step: () => Promise<unknown>, change: Partial<typeof reading> = {}) {
  const found = await bench.blobs.getBlob(at(), { ...reading, ...change }, never)
  await step()
  return await collect(found.read({ start: 0, end: found.view.doc.length }, never))
}

describe('a read of a blob that is changed before its first byte', () => {
  const change = () => write(PAGE, Buffer.alloc(PAGE, 1))

  it('has the new pages when it asked for nothing else', async () => {
    const expected = Buffer.from(before)
    expected.fill(1, PAGE, 2 * PAGE)
    expect((await readAfter(change)).equals(expected)).toBe(true)
  })

  it('is refused when it asked for the entity tag that the blob had', async () => {
    const { view } = await bench.blobs.getBlob(at(), reading, never)
    const conditions = { ...noConditions, ifMatch: [view.doc.etag] }
    await expect(readAfter(change, { conditions })).rejects.toMatchObject({ code: 'condition-not-met' })
  })

  it.each([
    ['replaced', create],
    ['cut off', () => resize(PAGE)],
    ['deleted', () => remove()],
    [
      'snapshotted and written to',
      async () => {
        await bench.blobs.snapshotBlob(at(), { ...options, metadata: null }, never)
        await change()
      },
    ],
  ])('has the bytes that were there when the blob is %s meanwhile', async (_, step) => {
    const { view } = await bench.blobs.getBlob(at(), reading, never)
    const conditions = { ...noConditions, ifMatch: [view.doc.etag] }
    expect((await readAfter(step, { conditions })).equals(before)).toBe(true)
  })

  it('finds nothing any more when that was long ago', async () => {
    const read = readAfter(async () => {
      await remove()
      bench.world.clock.advance(2 * HOUR_MS)
      await bench.blobs.sweep()
    })
    await expect(read).rejects.toMatchObject({ code: 'content-damaged' })
  })
})

async function resize(length: number): Promise<void> {
  const pages = { length, sequence: null }
  await bench.blobs.setBlobProperties(at(), { ...options, headers: null, pages })
}

async function remove(): Promise<void> {
  await bench.blobs.deleteBlob(at(), { ...options, snapshots: 'include' })
}
