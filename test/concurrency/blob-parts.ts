import { randomInt } from 'node:crypto'
import { expect } from 'vitest'
import { type BlobArena, type BlobWorker, type CheckedWork, someBytes } from './blob-workers.ts'
import { Known } from './known.ts'
import { count, sharedBy } from './run-workers.ts'

interface Appended {
  readonly offset: number
  readonly bytes: Buffer
}

/** One append blob that several append to: it has all that was acknowledged, each once and where it was said to be. */
export function appended(path: string, writers: number): CheckedWork {
  const acknowledged: Appended[] = []
  let made: Promise<unknown> | null = null
  let underWay = 0
  const worker: BlobWorker = async (arena, turn) => {
    const { blobs } = arena
    await (made ??= blobs.done('PUT', path, { headers: { 'x-ms-blob-type': 'AppendBlob' } }))
    const bytes = someBytes().subarray(0, 20_000)
    underWay++
    const { headers } = await blobs.done('PUT', `${path}?comp=appendblock`, { body: bytes })
    underWay--
    acknowledged.push({ offset: Number(headers['x-ms-blob-append-offset']), bytes })
    count(arena, 'append')
    if (turn % 20 === 19) await found(arena, path, [...acknowledged])
  }
  return {
    workers: sharedBy(writers, worker),
    async check(arena) {
      if (acknowledged.length === 0) return
      const [length, blocks] = await found(arena, path, acknowledged)
      const unknown = blocks - acknowledged.length
      expect(unknown).toBeGreaterThanOrEqual(0)
      expect(unknown).toBeLessThanOrEqual(underWay)
      const total = acknowledged.reduce((sum, { bytes }) => sum + bytes.length, 0)
      if (unknown === 0) expect(length).toBe(total)
    },
  }
}

/**
 * Nothing that was acknowledged overlaps; so if each is where it belongs, each is there once.
 * @returns how many bytes there are, and how many blocks
 */
async function found(
  { blobs }: BlobArena,
  path: string,
  acknowledged: readonly Appended[],
): Promise<readonly [number, number]> {
  const { bytes, headers } = await blobs.done('GET', path)
  let end = 0
  for (const { offset, bytes: wanted } of [...acknowledged].sort((one, other) => one.offset - other.offset)) {
    expect(offset).toBeGreaterThanOrEqual(end)
    end = offset + wanted.length
    expect(bytes.subarray(offset, end).equals(wanted), `what was appended at ${offset}`).toBe(true)
  }
  return [bytes.length, Number(headers['x-ms-blob-committed-block-count'])]
}

const PAGE = 512
/** Of each writer, and of all of them. */
const AREA = 48 * PAGE

interface Area {
  readonly at: number
  /** As it was acknowledged. */
  is: Buffer
  /** With the write that is under way. */
  next: Buffer
}

/** One page blob: an area for each writer, in which he finds what he wrote, and one that all write over as a whole. */
export function pages(path: string, writers: number): CheckedWork {
  const common = new Known(0)
  const areas = Array.from({ length: writers }, (_, writer): Area => {
    return { at: (1 + writer) * AREA, is: Buffer.alloc(AREA), next: Buffer.alloc(AREA) }
  })
  let made: Promise<unknown> | null = null
  const make = ({ blobs }: BlobArena) => {
    const length = { 'x-ms-blob-content-length': String((writers + 1) * AREA) }
    return (made ??= blobs.done('PUT', path, { headers: { 'x-ms-blob-type': 'PageBlob', ...length } }))
  }
  const expectCommon = async (arena: BlobArena) => {
    const { seen, possible } = await common.observe(() => read(arena, path, 0))
    const [first = -1] = seen
    expect(seen.equals(Buffer.alloc(AREA, first)), 'one write, whole').toBe(true)
    expect(possible).toContain(first)
  }
  return {
    workers: areas.map((area, writer) => async (arena, turn) => {
      await make(arena)
      const stamp = 1 + ((turn * writers + writer) % 255)
      await writeSome(arena, path, area, turn % 4 === 3 ? null : stamp)
      await common.change(stamp, () => write(arena, path, 0, Buffer.alloc(AREA, stamp)))
      await expectCommon(arena)
    }),
    async check(arena) {
      if (made === null || (await arena.blobs.digest(path)) === null) return
      for (const { at, is, next } of areas) expect([is, next]).toContainEqual(await read(arena, path, at))
      await expectCommon(arena)
    },
  }
}

/** @param stamp null: clears them */
async function writeSome(arena: BlobArena, path: string, area: Area, stamp: number | null): Promise<void> {
  const start = PAGE * randomInt(AREA / PAGE)
  const end = start + PAGE * randomInt(1, (AREA - start) / PAGE + 1)
  area.next = Buffer.from(area.is).fill(stamp ?? 0, start, end)
  const what = stamp === null ? end - start : area.next.subarray(start, end)
  await write(arena, path, area.at + start, what)
  area.is = area.next
  expect((await read(arena, path, area.at)).equals(area.is), 'the area of a writer').toBe(true)
  count(arena, stamp === null ? 'clearing of pages' : 'write of pages')
}

/** @param what bytes, or how many are to be cleared */
async function write(
  { blobs }: BlobArena,
  path: string,
  start: number,
  what: Uint8Array | number,
): Promise<void> {
  const isCleared = typeof what === 'number'
  const range = `bytes=${start}-${start + (isCleared ? what : what.length) - 1}`
  const headers = { 'x-ms-range': range, 'x-ms-page-write': isCleared ? 'clear' : 'update' }
  await blobs.done('PUT', `${path}?comp=page`, { headers, ...(isCleared ? {} : { body: what }) })
}

async function read({ blobs }: BlobArena, path: string, start: number): Promise<Buffer> {
  const headers = { range: `bytes=${start}-${start + AREA - 1}` }
  return (await blobs.done('GET', path, { headers })).bytes
}
