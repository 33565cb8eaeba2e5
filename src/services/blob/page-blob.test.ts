import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type BlobBench,
  get,
  makeContainer,
  never,
  openBlobBench,
  pathOf,
} from '../../../test/support/blob-bench.ts'
import { bodyOf } from '../../../test/support/body.ts'
import { noConditions } from './conditions.ts'
import { noEncryption } from './encryption.ts'
import { noSequenceConditions } from './sequence-number.ts'

const PAGE = 512
/** So many pages that the map becomes a tree of several leaves. */
const PAGES = 1_200

let bench: BlobBench
beforeAll(async () => {
  bench = await openBlobBench()
  await makeContainer(bench)
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
})

const options = { conditions: noConditions, leaseId: null, encryption: noEncryption }
const writing = {
  ...options,
  sequence: noSequenceConditions,
  checksum: { md5: null, crc64: null },
  knowsCrc64: true,
}
const at = () => pathOf(bench, 'disk')

async function create(pages: number): Promise<void> {
  const blob = { type: 'PageBlob', length: pages * PAGE, sequenceNumber: '0', tier: null } as const
  const command = { ...options, blob, headers: {}, metadata: {}, tags: null, mayOverwrite: true }
  await bench.blobs.putEmptyBlob({ at: at(), command }, never)
}

async function snapshot(): Promise<string> {
  const { snapshot: made } = await bench.blobs.snapshotBlob(at(), { ...options, metadata: null }, never)
  return made.moment
}

/** Another object after each write; bytes null: never written, or cleared. */
interface Page {
  readonly bytes: Buffer | null
}
interface Model {
  pages: Page[]
}

const empty: Page = { bytes: null }

type Step = (model: Model) => Promise<void>
type Moment = { readonly moment: string; readonly model: Model }

function spanOf({ pages }: Model, where: number, count: number) {
  const first = Math.floor(where * pages.length)
  const last = Math.min(pages.length, first + count)
  return { first, last, span: { start: first * PAGE, end: last * PAGE } }
}

/** Where in the blob, as a share of it: evenly, as `fc.double` is not. */
const place = fc.nat(999_999).map((millionths) => millionths / 1_000_000)
const write = fc.tuple(place, fc.integer({ min: 1, max: 4 })).map(([where, count]): Step => async (model) => {
  const { first, last, span } = spanOf(model, where, count)
  if (first === last) return
  const bytes = randomBytes(span.end - span.start)
  await bench.blobs.putPage({ at: at(), command: { ...writing, span } }, bodyOf(bytes), never)
  for (let page = first; page < last; page++) {
    const start = (page - first) * PAGE
    model.pages[page] = { bytes: bytes.subarray(start, start + PAGE) }
  }
})
const clear = fc
  .tuple(place, fc.integer({ min: 1, max: 300 }))
  .map(([where, count]): Step => async (model) => {
    const { first, last, span } = spanOf(model, where, count)
    if (first === last) return
    await bench.blobs.clearPages({ at: at(), command: { ...writing, span } }, never)
    for (let page = first; page < last; page++) model.pages[page] = empty
  })
const resize = fc.integer({ min: 0, max: PAGES }).map((pages): Step => async (model) => {
  const change = { length: pages * PAGE, sequence: null }
  await bench.blobs.setBlobProperties(at(), { ...options, headers: null, pages: change })
  model.pages = Array.from({ length: pages }, (_, page) => model.pages[page] ?? empty)
})
const steps = fc.oneof(
  { weight: 20, arbitrary: write },
  { weight: 3, arbitrary: clear },
  { weight: 1, arbitrary: resize },
)

function runsOf(model: Model, kindOf: (page: number) => string | null) {
  const runs: { start: number; end: number; isCleared: boolean }[] = []
  for (const page of model.pages.keys()) {
    const kind = kindOf(page)
    if (kind === null) continue
    const [start, end, isCleared] = [page * PAGE, (page + 1) * PAGE, kind === 'cleared']
    const last = runs.at(-1)
    if (last?.end === start && last.isCleared === isCleared) last.end = end
    else runs.push({ start, end, isCleared })
  }
  return runs
}

/** All of the list, three ranges at a time. */
async function ranges(moment: string | null, previous: string | null) {
  const found = []
  for (let from: number | null = 0; from !== null;) {
    const query = { conditions: noConditions, leaseId: null, limit: 3, previous, from }
    const spanIn = (size: number) => ({ start: 0, end: size })
    const page = await bench.blobs.getPageRanges({ ...at(), moment }, { ...query, spanIn })
    found.push(...page.ranges)
    from = page.next
  }
  return found
}

async function expectAsModelled(model: Model, moment: string | null): Promise<void> {
  const expected = Buffer.concat(model.pages.map(({ bytes }) => bytes ?? Buffer.alloc(PAGE)))
  expect((await get(bench, 'disk', moment)).equals(expected)).toBe(true)
  const written = runsOf(model, (page) => (model.pages[page]?.bytes == null ? null : 'written'))
  expect(await ranges(moment, null)).toEqual(written)
}

/** What was written since counts, also over what was the same; what was cleared, only where there was something. */
function differencesOf(older: Model, newer: Model) {
  return runsOf(newer, (page) => {
    const [before, after] = [older.pages[page], newer.pages[page]]
    if (after?.bytes != null) return after === before ? null : 'written'
    return before?.bytes == null ? null : 'cleared'
  })
}

describe('a page blob', () => {
  it('and its snapshots hold what was written, list it, and tell how they differ', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.array(steps, { minLength: 1, maxLength: 250, size: 'max' }), {
        minLength: 1,
        maxLength: 4,
        size: 'max',
      }),
      async (phases) => {
        await create(PAGES)
        const model: Model = { pages: Array.from({ length: PAGES }, () => empty) }
        const moments: Moment[] = []
        for (const phase of phases) {
          for (const step of phase) await step(model)
          moments.push({ moment: await snapshot(), model: { pages: [...model.pages] } })
        }
        for (const { moment, model: then } of moments) await expectAsModelled(then, moment)
        for (const [index, newer] of moments.entries()) {
          for (const older of moments.slice(0, index)) {
            const expected = differencesOf(older.model, newer.model)
            expect(await ranges(newer.moment, older.moment)).toEqual(expected)
          }
        }
        await expectAsModelled(model, null)
      },
    )
    await fc.assert(property, { numRuns: 12 })
  }, 120_000)
})
