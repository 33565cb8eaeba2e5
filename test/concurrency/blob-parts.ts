import { randomInt } from 'node:crypto'
import { expect } from 'vitest'
import { type BlobArena, type BlobWorker, type CheckedWorker, someBytes } from './blob-workers.ts'
import { Known } from './known.ts'
import { count } from './run-workers.ts'

interface Appended {
  readonly offset: number
  readonly bytes: Buffer
}

/** One append blob that several append to: it has all that was acknowledged, each once and where it was said to be. */
export function appended(path: string): CheckedWorker {
  const acknowledged: Appended[] = []
  let made: Promise<unknown> | null = null
  return {
    async worker(arena, turn) {
      const { blobs } = arena
      await (made ??= blobs.done('PUT', path, { headers: { 'x-ms-blob-type': 'AppendBlob' } }))
      const bytes = someBytes().subarray(0, 20_000)
      const { headers } = await blobs.done('PUT', `${path}?comp=appendblock`, { body: bytes })
      acknowledged.push({ offset: Number(headers['x-ms-blob-append-offset']), bytes })
      count(arena, 'append')
      if (turn % 20 === 19) await found(arena, path, [...acknowledged])
    },
    async check(arena) {
      const total = acknowledged.reduce((sum, { bytes }) => sum + bytes.length, 0)
      expect(await found(arena, path, acknowledged)).toEqual([total, acknowledged.length])
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

/** One page blob: an area for each writer, in which he finds what he wrote, and one that all write over as a whole. */
export function pages(path: string, writers: number): readonly BlobWorker[] {
  const common = new Known(0)
  let made: Promise<unknown> | null = null
  const make = ({ blobs }: BlobArena) => {
    const length = { 'x-ms-blob-content-length': String((writers + 1) * AREA) }
    return (made ??= blobs.done('PUT', path, { headers: { 'x-ms-blob-type': 'PageBlob', ...length } }))
  }
  return Array.from({ length: writers }, (_, writer): BlobWorker => {
    const mine = Buffer.alloc(AREA)
    return async (arena, turn) => {
      await make(arena)
      const stamp = 1 + ((turn * writers + writer) % 255)
      const start = PAGE * randomInt(AREA / PAGE)
      const end = start + PAGE * randomInt(1, (AREA - start) / PAGE + 1)
      const isCleared = turn % 4 === 3
      mine.fill(isCleared ? 0 : stamp, start, end)
      const at = (1 + writer) * AREA
      await write(arena, path, at + start, isCleared ? end - start : mine.subarray(start, end))
      expect((await read(arena, path, at)).equals(mine), 'the area of a writer').toBe(true)

      await common.change(stamp, () => write(arena, path, 0, Buffer.alloc(AREA, stamp)))
      const { seen, possible } = await common.observe(() => read(arena, path, 0))
      const [first = -1] = seen
      expect(seen.equals(Buffer.alloc(AREA, first)), 'one write, whole').toBe(true)
      expect(possible).toContain(first)
      count(arena, isCleared ? 'clearing of pages' : 'write of pages')
    }
  })
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
