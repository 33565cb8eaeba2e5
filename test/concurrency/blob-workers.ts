import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Estate } from '../support/estate.ts'
import { type Rest, RestError } from '../support/rest.ts'
import type { RestBlobs } from '../support/rest-blobs.ts'
import { sha256 } from '../support/rest-registry.ts'
import { Known } from './known.ts'
import { type Tally, count, sharedBy } from './run-workers.ts'

/** What all workers share: an account with the container `box` and the encryption scope `apart`. */
export interface BlobArena extends Tally {
  readonly rest: Rest
  readonly estate: Estate
  readonly blobs: RestBlobs
}

export type BlobWorker = (arena: BlobArena, turn: number) => Promise<void>

/** Workers on the same thing. */
export interface CheckedWork {
  readonly workers: readonly BlobWorker[]
  /** What holds once they have ended, also where that was in the middle of a turn. */
  readonly check: (arena: BlobArena) => Promise<void>
}

export const blockBlob = { 'x-ms-blob-type': 'BlockBlob' }
const inScope = { ...blockBlob, 'x-ms-encryption-scope': 'apart' }

/** Of any length: in the database, in one piece of a file, in several. */
export const someBytes = (): Buffer => randomBytes(1 + randomInt([300, 60_000, 300_000][randomInt(3)] ?? 1))

/** One blob that all write over; a reader sees one of its contents, whole, and always the same for an entity tag. */
export function replaced(path: string, writers: number): CheckedWork {
  const known = new Known<string | null>(null)
  const contents = new Map<string, string>()
  const worker: BlobWorker = async (arena) => {
    const { blobs } = arena
    const body = someBytes()
    const digest = sha256(body)
    const written = await known.change(digest, () => blobs.done('PUT', path, { body, headers: blockBlob }))
    contents.set(String(written.headers.etag), digest)
    const { seen, possible } = await known.observe(() => blobs.done('GET', path))
    const got = sha256(seen.bytes)
    expect(possible).toContain(got)
    expect([got, undefined]).toContain(contents.get(String(seen.headers.etag)))
    count(arena, 'replacement')
  }
  return { workers: sharedBy(writers, worker), check: ({ blobs }) => expectKnown(blobs, path, known) }
}

async function expectKnown(blobs: RestBlobs, path: string, known: Known<string | null>): Promise<void> {
  const { seen, possible } = await known.observe(() => blobs.digest(path))
  expect(possible, path).toContain(seen)
}

/** A blob of blocks that several write under its lease: whoever holds it finds what he wrote, and nobody else's. */
export function leased(path: string, writers: number): CheckedWork {
  const known = new Known<string | null>(null)
  let made: Promise<unknown> | null = null
  const worker: BlobWorker = async (arena) => {
    const { blobs } = arena
    const empty = { body: Buffer.alloc(0), headers: blockBlob }
    await (made ??= known.change(sha256(empty.body), () => blobs.done('PUT', path, empty)))
    const lease = (action: string, more: Readonly<Record<string, string>>) =>
      blobs.done('PUT', `${path}?comp=lease`, { headers: { 'x-ms-lease-action': action, ...more } })
    const acquired = await unlessRefused(409, lease('acquire', { 'x-ms-lease-duration': '-1' }))
    if (acquired === null) {
      count(arena, 'lease that another had')
      return setTimeout(5)
    }
    const held = { 'x-ms-lease-id': String(acquired.headers['x-ms-lease-id']) }
    const digest = await putInBlocks(blobs, path, { held, known })
    const intruder = blobs.done('PUT', path, { body: Buffer.from('no'), headers: blockBlob })
    expect(await unlessRefused(412, intruder)).toBe(null)
    expect(await blobs.digest(path)).toBe(digest)
    await lease('release', held)
    count(arena, 'block list under a lease')
  }
  return { workers: sharedBy(writers, worker), check: ({ blobs }) => expectKnown(blobs, path, known) }
}

async function putInBlocks(
  blobs: RestBlobs,
  path: string,
  { held, known }: { readonly held: Readonly<Record<string, string>>; readonly known: Known<string | null> },
): Promise<string> {
  const blocks = ['AAAA', 'BBBB', 'CCCC'].map((id) => ({ id, body: someBytes() }))
  const staged = blocks.map(({ id, body }) =>
    blobs.done('PUT', `${path}?comp=block&blockid=${id}`, { body, headers: held }),
  )
  await Promise.all(staged)
  const digest = sha256(Buffer.concat(blocks.map(({ body }) => body)))
  const list = blocks.map(({ id }) => `<Uncommitted>${id}</Uncommitted>`).join('')
  const body = Buffer.from(`<BlockList>${list}</BlockList>`)
  await known.change(digest, () => blobs.done('PUT', `${path}?comp=blocklist`, { body, headers: held }))
  return digest
}

/** @returns null when the server refused it with that status */
async function unlessRefused<T>(status: number, work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (error instanceof RestError && error.answer.status === status) return null
    throw error
  }
}

/** Copies that outlive their sources, whose bytes they share or not, while all is swept. */
export function copies(prefix: string): CheckedWork {
  const kept = new Map<string, string>()
  const worker: BlobWorker = async (arena, turn) => {
    const { blobs } = arena
    const [source, path, body] = [`${prefix}-source${turn}`, `${prefix}-copy${turn}`, someBytes()]
    const isShared = turn % 2 === 0
    await blobs.done('PUT', source, { body, headers: isShared ? blockBlob : inScope })
    const headers = { 'x-ms-copy-source': blobs.source(source) }
    const begun = await blobs.done('PUT', path, { headers })
    expect(begun.headers['x-ms-copy-status']).toBe(isShared ? 'success' : 'pending')
    for (let status: unknown = 'pending'; status !== 'success';) {
      status = (await blobs.done('HEAD', path)).headers['x-ms-copy-status']
      expect(['pending', 'success']).toContain(status)
    }
    kept.set(path, sha256(body))
    await blobs.done('DELETE', source)
    expect(await blobs.digest(source)).toBe(null)
    expect(await blobs.digest(path)).toBe(sha256(body))
    count(arena, isShared ? 'copy that shares' : 'copy in the background')
  }
  return {
    workers: [worker],
    async check({ blobs }) {
      // Most of their sources are swept by now.
      for (const [path, digest] of kept) expect(await blobs.digest(path), path).toBe(digest)
    },
  }
}

/** A blob with snapshots, which stay as they were. */
export function snapshots(path: string): BlobWorker {
  return async (arena) => {
    const { blobs } = arena
    const taken: { readonly at: string; readonly digest: string }[] = []
    for (let at = 0; at < 3; at++) {
      const body = someBytes()
      await blobs.done('PUT', path, { body, headers: blockBlob })
      const { headers } = await blobs.done('PUT', `${path}?comp=snapshot`)
      taken.push({ at: `${path}?snapshot=${String(headers['x-ms-snapshot'])}`, digest: sha256(body) })
    }
    for (const { at, digest } of taken) expect(await blobs.digest(at)).toBe(digest)
    await blobs.done('DELETE', path, { headers: { 'x-ms-delete-snapshots': 'include' } })
    for (const { at } of [...taken, { at: path }]) expect(await blobs.digest(at)).toBe(null)
    count(arena, 'snapshots')
  }
}
