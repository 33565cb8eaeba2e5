import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Estate, newKeyVersion } from '../support/estate.ts'
import type { Rest } from '../support/rest.ts'
import { type RestBlobs, accountUnder, scopeUnder } from '../support/rest-blobs.ts'
import { sha256 } from '../support/rest-registry.ts'
import { Known } from './known.ts'
import { type Tally, count } from './run-workers.ts'

/** What all workers share: an account with the container `box` and the encryption scope `apart`. */
export interface BlobArena extends Tally {
  readonly rest: Rest
  readonly estate: Estate
  readonly blobs: RestBlobs
}

export type BlobWorker = (arena: BlobArena, turn: number) => Promise<void>

const blockBlob = { 'x-ms-blob-type': 'BlockBlob' }
const inScope = { ...blockBlob, 'x-ms-encryption-scope': 'apart' }

/** Of any length: in the database, in one piece of a file, in several. */
export const someBytes = (): Buffer => randomBytes(1 + randomInt([300, 60_000, 300_000][randomInt(3)] ?? 1))

/** One blob that all write over; a reader sees one of its contents, whole, and always the same for an entity tag. */
export function replaced(path: string): BlobWorker {
  const known = new Known('')
  const contents = new Map<string, string>()
  return async (arena) => {
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
}

/** A blob of blocks that several write under its lease: whoever holds it finds what he wrote, and nobody else's. */
export function leased(path: string): BlobWorker {
  return async (arena) => {
    const { blobs } = arena
    const lease = (action: string, more: Readonly<Record<string, string>>) =>
      blobs.send('PUT', `${path}?comp=lease`, { headers: { 'x-ms-lease-action': action, ...more } })
    const acquired = await lease('acquire', { 'x-ms-lease-duration': '-1' })
    expect([201, 409], acquired.text).toContain(acquired.status)
    if (acquired.status === 409) {
      count(arena, 'lease that another had')
      return setTimeout(5)
    }
    const held = { 'x-ms-lease-id': String(acquired.headers['x-ms-lease-id']) }
    const blocks = ['AAAA', 'BBBB', 'CCCC'].map((id) => ({ id, bytes: someBytes() }))
    await Promise.all(
      blocks.map(({ id, bytes: body }) =>
        blobs.done('PUT', `${path}?comp=block&blockid=${id}`, { body, headers: held }),
      ),
    )
    const list = `<BlockList>${blocks.map(({ id }) => `<Uncommitted>${id}</Uncommitted>`).join('')}</BlockList>`
    await blobs.done('PUT', `${path}?comp=blocklist`, { body: Buffer.from(list), headers: held })
    const intruder = await blobs.send('PUT', path, { body: Buffer.from('no'), headers: blockBlob })
    expect(intruder.status).toBe(412)
    expect(await blobs.digest(path)).toBe(sha256(Buffer.concat(blocks.map(({ bytes }) => bytes))))
    expect((await lease('release', held)).status).toBe(200)
    count(arena, 'block list under a lease')
  }
}

/** A worker, and what must hold once all workers have ended. */
export interface CheckedWorker {
  readonly worker: BlobWorker
  readonly check: (arena: BlobArena) => Promise<void>
}

/** Copies that outlive their sources, whose bytes they share or not, while all is swept. */
export function copies(box: string): CheckedWorker {
  const kept = new Map<string, string>()
  return {
    async worker(arena, turn) {
      const { blobs } = arena
      const [source, path, body] = [`${box}/source${turn}`, `${box}/copy${turn}`, someBytes()]
      const isShared = turn % 2 === 0
      await blobs.done('PUT', source, { body, headers: isShared ? blockBlob : inScope })
      const headers = { 'x-ms-copy-source': blobs.source(source) }
      const begun = await blobs.done('PUT', path, { headers })
      expect(begun.headers['x-ms-copy-status']).toBe(isShared ? 'success' : 'pending')
      for (let status: unknown = 'pending'; status !== 'success';) {
        status = (await blobs.done('HEAD', path)).headers['x-ms-copy-status']
        expect(['pending', 'success']).toContain(status)
      }
      await blobs.done('DELETE', source)
      expect(await blobs.digest(source)).toBe(null)
      expect(await blobs.digest(path)).toBe(sha256(body))
      kept.set(path, sha256(body))
      count(arena, isShared ? 'copy that shares' : 'copy in the background')
    },
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

/** Names below a prefix that this worker alone puts and deletes: a listing has just these, however many pages it takes. */
export function listed(box: string, prefix: string): BlobWorker {
  const there = new Set<string>()
  return async (arena, turn) => {
    const { blobs } = arena
    const name = `${prefix}${String(turn).padStart(6, '0')}`
    const tags = { 'x-ms-tags': `list=${prefix}` }
    await blobs.done('PUT', `${box}/${name}`, { body: someBytes(), headers: { ...blockBlob, ...tags } })
    there.add(name)
    if (there.size > 9) {
      const [gone = ''] = there
      there.delete(gone)
      await blobs.done('DELETE', `${box}/${gone}`)
      count(arena, 'delete')
    }
    const names: string[] = []
    for (let marker: string | undefined = ''; marker !== undefined;) {
      const page = `${box}?restype=container&comp=list&prefix=${prefix}&maxresults=4&marker=${marker}`
      const { text } = await blobs.done('GET', page)
      names.push(...namesIn(text))
      marker = /<NextMarker>([^<]+)/.exec(text)?.[1]
    }
    expect(names).toEqual([...there])
    const where = encodeURIComponent(`"list"='${prefix}'`)
    expect(namesIn((await blobs.done('GET', `/?comp=blobs&where=${where}`)).text)).toEqual([...there])
    count(arena, 'list')
  }
}

export function namesIn(xml: string): readonly string[] {
  return [...xml.matchAll(/<Name>([^<]+)<\/Name>/g)].map(([, name = '']) => name)
}

/** A whole container that comes and goes. */
export function wholeContainer(name: string): BlobWorker {
  return async (arena, turn) => {
    const { blobs } = arena
    const box = `/${name}${turn}`
    await blobs.done('PUT', `${box}?restype=container`)
    const paths = [1, 2, 3].map((at) => `${box}/blob${at}`)
    await Promise.all(paths.map((path) => blobs.done('PUT', path, { body: someBytes(), headers: blockBlob })))
    await blobs.done('DELETE', `${box}?restype=container`)
    for (const path of paths) expect(await blobs.digest(path)).toBe(null)
    count(arena, 'delete of a container')
  }
}

/**
 * The account under a new version of the customer's key, under the next, under the service's, and over again; and its scope likewise. What a key was
 * for is taken away as soon as the account is said to be under another.
 */
export function keySwitches(): BlobWorker {
  let old: string | null = null
  return async (arena, turn) => {
    const { rest, estate, blobs } = arena
    const keyId = turn % 3 === 2 ? null : await newKeyVersion(rest, estate.vault, 'switched')
    await rest.armDone('PATCH', blobs.path, { properties: accountUnder(estate, keyId) })
    await rest.armDone('PATCH', `${blobs.path}/encryptionScopes/apart`, { properties: scopeUnder(keyId) })
    if (old !== null) {
      const attributes = { enabled: false }
      await rest.vaultDone(estate.vault, 'PATCH', new URL(old).pathname, { attributes })
    }
    const what = keyId === null ? 'key disabled' : old === null ? 'key enabled' : 'key rotated'
    count(arena, what)
    old = keyId
    await setTimeout(50)
  }
}
