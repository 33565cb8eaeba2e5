import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { collect } from '../../src/kernel/bytes.ts'
import { DAY_MS, HOUR_MS } from '../../src/kernel/units.ts'
import { noConditions } from '../../src/services/blob/conditions.ts'
import { verifyBlobs } from '../../src/services/blob/verify.ts'
import { type BlobBench, makeContainer, never, openBlobBench, reading } from '../support/blob-bench.ts'
import { type Command, commands } from '../support/blob-model-commands.ts'
import { setKey, take } from '../support/blob-model-runner.ts'
import { type Kept, type Model, newModel, pageRuns } from '../support/blob-model.ts'
import { miscounts, strayFiles } from '../support/blob-recount.ts'

/** The same sequences each time; MODEL_SEED tries others, MODEL_RUNS more. */
const SEED = Number(process.env['MODEL_SEED'] ?? 20_261_124)
const RUNS = Number(process.env['MODEL_RUNS'] ?? 60)

let bench: BlobBench
beforeAll(async () => {
  bench = await openBlobBench()
})
afterAll(() => bench[Symbol.asyncDispose]())

it('whatever is done to blobs, they are what a map of bytes would be, and what nobody needs goes', async () => {
  console.log(`seed ${SEED}, ${RUNS} runs: MODEL_SEED and MODEL_RUNS change them`)
  let runs = 0
  const counts = new Map<string, number>()
  const property = fc.asyncProperty(commands, (list) => holds(list, `run${runs++}`, counts))
  await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: false })
  // What is never done, or never refused, says nothing.
  const kinds = [...counts.keys()].map((outcome) => outcome.split(' ')[0])
  for (const kind of new Set(kinds)) expect(counts.get(`${kind} done`), kind).toBeGreaterThan(2)
  const refused = [...counts].filter(([outcome]) => outcome.endsWith('refused'))
  expect(refused.length).toBeGreaterThan(14)
})

/** In a container of its own, which goes in the end: the next run finds nothing but what it does itself. */
async function holds(
  list: readonly Command[],
  container: string,
  counts: Map<string, number>,
): Promise<void> {
  const model = newModel()
  const run = { bench, model, container }
  await makeContainer(bench, container)
  try {
    for (const command of list) {
      const outcome = `${command.do} ${await take(run, command)}`
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
    }
    setKey(run, false)
    await expectAll(model, container)
    expect(await miscounts(bench)).toEqual([])
    await bench.restart()
    bench.world.clock.advance(2 * HOUR_MS)
    await expectSwept()
    await expectAll(model, container)
  } finally {
    setKey(run, false)
    await forget(container)
  }
  expect(await bench.process.data.read.selectFrom('blob_extents').select('ref').execute()).toEqual([])
  expect(await strayFiles(bench)).toEqual([])
}

async function expectAll(model: Model, container: string): Promise<void> {
  for (const [name, blob] of model.blobs) {
    for (const one of [{ ...blob, moment: null }, ...blob.snapshots])
      await expectBlob({ container, name, moment: one.moment }, one)
  }
  await expectBlocks(model, container)
  expect(await listed(container)).toEqual(expectedList(model))
}

async function expectBlob(
  { container, name, moment }: { container: string; name: string; moment: string | null },
  wanted: Kept,
): Promise<void> {
  const { account, blobs } = bench
  const path = { account, container, blob: name, moment }
  const found = await blobs.getBlob(path, reading, never)
  const { view } = found
  const { type, etag, length, headers } = view.doc
  expect({ type, etag, length, metadata: view.metadata, contentType: headers.contentType }).toEqual({
    type: wanted.type,
    etag: wanted.etag,
    length: wanted.bytes.length,
    metadata: wanted.metadata,
    contentType: wanted.contentType,
  })
  const bytes = await collect(found.read({ start: 0, end: length }, never))
  expect(bytes.equals(wanted.bytes), `the bytes of ${name} of ${moment}`).toBe(true)
  if (type !== 'PageBlob') return
  const { ranges } = await blobs.getPageRanges(path, {
    conditions: noConditions,
    leaseId: null,
    spanIn: (size) => ({ start: 0, end: size }),
    from: 0,
    limit: 100,
    previous: null,
  })
  expect(ranges.map(({ start, end }) => ({ start, end }))).toEqual(pageRuns(wanted))
}

async function expectBlocks({ blobs, uncommitted }: Model, container: string): Promise<void> {
  const names = [...blobs].flatMap(([name, { type }]) => (type === 'BlockBlob' ? [name] : []))
  for (const name of new Set([...names, ...uncommitted.keys()])) {
    const blob = blobs.get(name)
    if (blob !== undefined && blob.type !== 'BlockBlob') continue
    const list = await bench.blobs.getBlockList(
      { account: bench.account, container, blob: name, moment: null },
      { kind: 'all', conditions: noConditions, leaseId: null },
    )
    const sorted = [...(uncommitted.get(name) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))
    expect(list.committed).toEqual((blob?.blocks ?? []).map(([id, { length }]) => ({ id, length })))
    expect(list.uncommitted).toEqual(sorted.map(([id, { length }]) => ({ id, length })))
  }
}

/** Of each name: its snapshots by time, the blob; or that there are only blocks. */
function expectedList({ blobs, uncommitted }: Model): readonly unknown[] {
  const names = [...new Set([...blobs.keys(), ...uncommitted.keys()])].sort()
  return names.flatMap((name) => {
    const blob = blobs.get(name)
    if (blob === undefined) return [[name, 'uncommitted']]
    return [
      ...blob.snapshots.map(({ moment, metadata }) => [name, moment, metadata]),
      [name, null, blob.metadata],
    ]
  })
}

async function listed(container: string): Promise<readonly unknown[]> {
  const include = { snapshots: true, uncommitted: true, metadata: true }
  const others = { versions: false, deleted: false, deletedWithVersions: false }
  const found: unknown[] = []
  for (let from = { name: '', moment: '' }; ;) {
    const query = { prefix: '', delimiter: null, endBefore: null, onlyDeleted: false, limit: 2, from }
    const page = await bench.blobs.listBlobs(
      { account: bench.account, container },
      { query: { ...query, include: { ...include, ...others } }, show: (some) => some },
      never,
    )
    for (const item of page.parts.flat()) {
      if ('uncommitted' in item) found.push([item.uncommitted.name, 'uncommitted'])
      if ('blob' in item) found.push([item.blob.name, item.blob.snapshot, item.blob.metadata])
    }
    if (page.next === null) return found
    from = page.next
  }
}

async function expectSwept(): Promise<void> {
  await bench.blobs.sweep()
  await expectSound()
  const { read } = bench.process.data
  expect(await read.selectFrom('blob_extents').select('ref').where('uses', '=', 0).execute()).toEqual([])
  expect(await read.selectFrom('blob_map_nodes').select('node').where('uses', '=', 0).execute()).toEqual([])
}

async function expectSound(): Promise<void> {
  const { process, bytes, account } = bench
  const damage: string[] = []
  await verifyBlobs(
    {
      records: process.data,
      bytes,
      keyring: process.keyring,
      accounts: { findScope: async () => null, findScopeByUid: async () => null },
    },
    account,
    { damage: (where, problem) => void damage.push(`${where}: ${problem}`), opened: () => undefined },
    never,
  )
  expect(damage).toEqual([])
  expect(await miscounts(bench)).toEqual([])
  expect(await strayFiles(bench)).toEqual([])
}

async function forget(container: string): Promise<void> {
  await bench.blobs.deleteContainer(
    { account: bench.account, container },
    { conditions: noConditions, leaseId: null },
  )
  for (let sweeps = 0; sweeps < 2; sweeps++) {
    bench.world.clock.advance(DAY_MS)
    await bench.blobs.sweep()
  }
}
