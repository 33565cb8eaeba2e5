import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type BlobBench,
  customerKeyOf,
  get,
  makeContainer,
  never,
  openBlobBench,
  pathOf,
  put,
  reading,
} from '../../../test/support/blob-bench.ts'
import { miscounts, strayFiles } from '../../../test/support/blob-recount.ts'
import { bodyOf } from '../../../test/support/body.ts'
import { copyCommandOf, endedCopy, holdReads, putBlocks } from '../../../test/support/copy-bench.ts'
import { collect } from '../../kernel/bytes.ts'
import { HOUR_MS, KIB } from '../../kernel/units.ts'
import { noConditions } from './conditions.ts'
import type { OwnSource } from './copy-source.ts'
import { noEncryption } from './encryption.ts'
import type { BlobPath } from './model.ts'
import { noSequenceConditions } from './sequence-number.ts'

/** Two accounts: blobs of the first are copied, from which two extents each are read. */
let bench: BlobBench
let first: BlobBench['account']
beforeEach(async () => {
  bench = await openBlobBench()
  first = bench.account
  await makeContainer(bench)
  await bench.addScope('scope1')
})
afterEach(async () => {
  expect(bench.bugs).toEqual([])
  expect([await miscounts(bench), await strayFiles(bench)]).toEqual([[], []])
  await bench[Symbol.asyncDispose]()
})

const HALF = 32 * KIB
const halves = () => [randomBytes(HALF), randomBytes(HALF)] as const
const changing = { conditions: noConditions, leaseId: null }
const checksum = { md5: null, crc64: null }
const at = (): BlobPath => ({ account: first, container: 'c1', blob: 'a', moment: null })

/** A source as it is when its copy begins, and what becomes of it meanwhile. */
interface Changing {
  readonly source: OwnSource
  readonly before: Buffer
  readonly change: () => Promise<unknown>
}

type Make = () => Promise<Changing>

async function blockBlob(change: () => Promise<unknown>): Promise<Changing> {
  const parts = halves()
  await putBlocks(bench, 'a', parts)
  return { source: { kind: 'own', at: at() }, before: Buffer.concat(parts), change: inFirst(change) }
}

/** Runs it with the bench on the first account, whichever it is on. */
function inFirst(work: () => Promise<unknown>): () => Promise<void> {
  return async () => {
    const { account } = bench
    bench.account = first
    await work()
    bench.account = account
  }
}

async function overwriteAndSweep(): Promise<void> {
  await put(bench, 'a', randomBytes(HALF))
  bench.world.clock.advance(2 * HOUR_MS)
  await bench.blobs.sweep()
}

async function snapshotOf(made: Changing): Promise<Changing> {
  const options = { ...changing, metadata: null, encryption: noEncryption }
  const { snapshot } = await bench.blobs.snapshotBlob(at(), options, never)
  const source = { kind: 'own', at: { ...at(), moment: snapshot.moment, kind: 'snapshot' } } as const
  return { ...made, source, change: () => bench.blobs.deleteBlob(source.at, changing) }
}

async function appendBlob(): Promise<Changing> {
  const { blobs } = bench
  const options = { ...copyCommandOf({ kind: 'own', at: at() }), headers: {} }
  await blobs.putEmptyBlob({ at: at(), command: { ...options, blob: { type: 'AppendBlob' } } }, never)
  const command = { ...options, position: null, maxBytes: null, checksum, knowsCrc64: true }
  const append = (bytes: Uint8Array) => blobs.appendBlock({ at: at(), command }, bodyOf(bytes), never)
  const parts = halves()
  for (const part of parts) await append(part)
  const change = () => append(randomBytes(HALF))
  return { source: { kind: 'own', at: at() }, before: Buffer.concat(parts), change }
}

async function pageBlob(): Promise<Changing> {
  const { blobs } = bench
  const options = { ...copyCommandOf({ kind: 'own', at: at() }), headers: {} }
  const blob = { type: 'PageBlob', length: 2 * HALF, sequenceNumber: '0', tier: null } as const
  await blobs.putEmptyBlob({ at: at(), command: { ...options, blob } }, never)
  const write = (start: number, bytes: Uint8Array) => {
    const span = { start, end: start + bytes.length }
    const command = { ...options, span, sequence: noSequenceConditions, checksum, knowsCrc64: true }
    return blobs.putPage({ at: at(), command }, bodyOf(bytes), never)
  }
  const parts = halves()
  for (const [index, part] of parts.entries()) await write(index * HALF, part)
  const change = () => write(HALF / 2, randomBytes(HALF))
  return { source: { kind: 'own', at: at() }, before: Buffer.concat(parts), change }
}

const blockChanges: Readonly<Record<string, Make>> = {
  'is overwritten': () => blockBlob(() => put(bench, 'a', randomBytes(3 * HALF))),
  'is deleted': () => blockBlob(() => bench.blobs.deleteBlob(at(), changing)),
  'gets another block list': () => blockBlob(() => putBlocks(bench, 'a', halves())),
  'is a snapshot that is deleted': async () => snapshotOf(await blockBlob(async () => undefined)),
}
const changes: Readonly<Record<string, Make>> = {
  ...blockChanges,
  'is overwritten, and its bytes are swept': () => blockBlob(overwriteAndSweep),
  'is appended to': appendBlob,
  'has its pages written over': pageBlob,
  'is a snapshot of pages that is deleted': async () => snapshotOf(await pageBlob()),
}

/** Begins a copy, and changes its source once half of it was read. */
async function copyWhileChanging<T>({ change }: Changing, copy: () => Promise<T>): Promise<T> {
  const held = holdReads(bench, 1)
  const copying = copy()
  // Told when it is awaited.
  copying.catch(() => undefined)
  await held.reached
  await change()
  held.release()
  return await copying
}

async function toSecondAccount(): Promise<void> {
  bench.others.push(first)
  bench.account = await bench.addAccount('account2')
  await makeContainer(bench)
}

const scoped = { scope: 'scope1', customerKey: null }

describe.each(Object.entries(changes))('a copy in the background whose source %s', (_, make) => {
  it.each(['another account', 'an encryption scope'])(
    'fails, to %s: no byte of it is seen',
    async (where) => {
      const changed = await make()
      const isFar = where === 'another account'
      if (isFar) await toSecondAccount()
      const encryption = isFar ? noEncryption : scoped
      const command = { ...copyCommandOf(changed.source), encryption, sealsBlob: false }
      await copyWhileChanging(changed, () =>
        bench.blobs.copyBlob({ at: pathOf(bench, 'copy'), command }, never),
      )
      const { copy, length, type } = await endedCopy(bench)
      expect(copy).toMatchObject({ status: 'failed' })
      expect(copy?.statusDescription).toMatch(/^(412 ConditionNotMet|404 BlobNotFound) /)
      expect(length, type).toBe(0)
    },
  )
})

describe.each(Object.entries(blockChanges))('a copy that is waited for, whose source %s', (_, make) => {
  it('is what the source was, to an encryption scope', async () => {
    const changed = await make()
    const command = { ...copyCommandOf(changed.source), encryption: scoped, copiesTags: false, checksum }
    const { doc } = await copyWhileChanging(changed, () =>
      bench.blobs.copyBlobFromUrl({ at: pathOf(bench, 'copy'), command }, never),
    )
    expect(doc.copy?.status).toBe('success')
    expect((await get(bench, 'copy')).equals(changed.before)).toBe(true)
  })

  it("is what the source was, under a client's own key", async () => {
    const changed = await make()
    const customerKey = customerKeyOf(1)
    const encryption = { scope: null, customerKey }
    const options = { ...copyCommandOf(changed.source), encryption, copiesTags: false, checksum }
    const command = { ...options, headers: {}, copiesProperties: true, knowsCrc64: true }
    await copyWhileChanging(changed, () =>
      bench.blobs.putBlobFromUrl({ at: pathOf(bench, 'copy'), command }, never),
    )
    const found = await bench.blobs.getBlob(pathOf(bench, 'copy'), { ...reading, customerKey }, never)
    const bytes = await collect(found.read({ start: 0, end: found.view.doc.length }, never))
    expect(bytes.equals(changed.before)).toBe(true)
  })
})

it('an incremental copy to another account is what its snapshot was, though that is deleted meanwhile', async () => {
  const changed = await snapshotOf(await pageBlob())
  await toSecondAccount()
  const { source, shown } = copyCommandOf(changed.source)
  const { doc } = await copyWhileChanging(changed, () =>
    bench.blobs.incrementalCopyBlob(
      { at: pathOf(bench, 'copy'), command: { source, shown, conditions: noConditions } },
      never,
    ),
  )
  const moment = doc.copy?.destinationSnapshot ?? ''
  expect((await get(bench, 'copy', moment)).equals(changed.before)).toBe(true)
})
