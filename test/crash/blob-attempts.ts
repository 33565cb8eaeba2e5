import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { sha256 } from '../support/rest-registry.ts'
import type { RestBlobs } from '../support/rest-blobs.ts'
import type { Attempt } from './crash-points.ts'
import { type Turn, inTurn } from './turns.ts'

const PAGES = 32 * 512
/** Longer than what is kept in the database, so that its bytes are a file. */
const LONG = 50_000

/** Attempts at every way to write, each in a container of its own. */
interface BlobWriting {
  begin(round: number): Promise<Attempt>
  /** Checks again what came of all that were begun, and deletes their containers. */
  end(): Promise<void>
}

export function blobWriting(blobs: RestBlobs): BlobWriting {
  const attempts: Attempt[] = []
  return {
    async begin(round) {
      const attempt = await blobWrites(blobs, round)
      attempts.push(attempt)
      return attempt
    },
    async end() {
      for (const attempt of attempts) await attempt.check()
      for (const round of attempts.keys()) await blobs.done('DELETE', `/writes${round}?restype=container`)
    },
  }
}

async function blobWrites(blobs: RestBlobs, round: number): Promise<Attempt> {
  const box = `/writes${round}`
  await blobs.done('PUT', `${box}?restype=container`)
  return inTurn([
    ...(await wholeBlob(blobs, `${box}/whole`)),
    ...(await blockList(blobs, `${box}/blocks`)),
    ...(await appends(blobs, `${box}/log`)),
    ...(await pages(blobs, `${box}/disk`)),
    ...(await sharedCopy(blobs, box)),
    ...(await snapshot(blobs, box)),
    ...(await tags(blobs, `${box}/tagged`, round)),
    ...(await deletion(blobs, `${box}/doomed`)),
  ])
}

async function put(blobs: RestBlobs, path: string, body: Buffer, meta = ''): Promise<void> {
  const headers = { 'x-ms-blob-type': 'BlockBlob', ...(meta === '' ? {} : { 'x-ms-meta-is': meta }) }
  await blobs.done('PUT', path, { body, headers })
}

/** @returns whether it is `after` and no more `before` */
function isAfter<T>(seen: T, { before, after }: { readonly before: T; readonly after: T }): boolean {
  expect([before, after]).toContainEqual(seen)
  return JSON.stringify(seen) === JSON.stringify(after)
}

async function wholeBlob(blobs: RestBlobs, path: string): Promise<readonly Turn[]> {
  const [old, young] = [randomBytes(LONG), randomBytes(LONG + 1)]
  await put(blobs, path, old, 'old')
  return [
    {
      what: 'Put Blob',
      run: () => put(blobs, path, young, 'young'),
      async isDone() {
        const { bytes, headers } = await blobs.done('GET', path)
        const [before, after] = [`old ${sha256(old)}`, `young ${sha256(young)}`]
        return isAfter(`${String(headers['x-ms-meta-is'])} ${sha256(bytes)}`, { before, after })
      },
    },
  ]
}

async function blockList(blobs: RestBlobs, path: string): Promise<readonly Turn[]> {
  const old = randomBytes(LONG)
  const blocks = ['AAAA', 'BBBB'].map((id) => ({ id, bytes: randomBytes(LONG) }))
  await put(blobs, path, old)
  const young = Buffer.concat(blocks.map(({ bytes }) => bytes))
  const list = `<BlockList>${blocks.map(({ id }) => `<Latest>${id}</Latest>`).join('')}</BlockList>`
  const staged = blocks.map(({ id, bytes }) => ({
    what: `Put Block ${id}`,
    run: () => blobs.done('PUT', `${path}?comp=block&blockid=${id}`, { body: bytes }),
    async isDone() {
      const { text } = await blobs.done('GET', `${path}?comp=blocklist&blocklisttype=all`)
      return text.includes(`<Name>${id}</Name><Size>${LONG}</Size>`)
    },
  }))
  return [
    ...staged,
    {
      what: 'Put Block List',
      run: () => blobs.done('PUT', `${path}?comp=blocklist`, { body: Buffer.from(list) }),
      isDone: async () => isAfter(await blobs.digest(path), { before: sha256(old), after: sha256(young) }),
    },
  ]
}

async function appends(blobs: RestBlobs, path: string): Promise<readonly Turn[]> {
  const parts = [LONG, 300, LONG].map((length) => randomBytes(length))
  await blobs.done('PUT', path, { headers: { 'x-ms-blob-type': 'AppendBlob' } })
  return parts.map((body, index) => ({
    what: `Append Block ${index}`,
    run: () => blobs.done('PUT', `${path}?comp=appendblock`, { body }),
    async isDone() {
      const { bytes, headers } = await blobs.done('GET', path)
      const count = Number(headers['x-ms-blob-committed-block-count'])
      expect(bytes.equals(Buffer.concat(parts.slice(0, count))), `${count} appended`).toBe(true)
      return count > index
    },
  }))
}

async function pages(blobs: RestBlobs, path: string): Promise<readonly Turn[]> {
  const old = randomBytes(4 * PAGES)
  const made = { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': String(old.length) }
  await blobs.done('PUT', path, { headers: made })
  const write = async (start: number, body: Buffer) => {
    const range = `bytes=${start}-${start + body.length - 1}`
    const headers = { 'x-ms-page-write': 'update', 'x-ms-range': range }
    await blobs.done('PUT', `${path}?comp=page`, { body, headers })
  }
  await write(0, old)
  const writes = [512, 2 * PAGES].map((length, index) => {
    return { start: PAGES - 512 + index * PAGES, body: randomBytes(length) }
  })
  const states = [old]
  for (const { start, body } of writes) {
    const next = Buffer.from(states.at(-1) ?? old)
    body.copy(next, start)
    states.push(next)
  }
  return writes.map(({ start, body }, index) => ({
    what: `Put Page ${index}`,
    run: () => write(start, body),
    async isDone() {
      const { bytes } = await blobs.done('GET', path)
      const count = states.findIndex((state) => state.equals(bytes))
      expect(count, 'a state that was written').not.toBe(-1)
      return count > index
    },
  }))
}

async function sharedCopy(blobs: RestBlobs, box: string): Promise<readonly Turn[]> {
  const bytes = randomBytes(LONG)
  await put(blobs, `${box}/source`, bytes)
  const headers = { 'x-ms-copy-source': blobs.source(`${box}/source`) }
  return [
    {
      what: 'Copy Blob',
      run: () => blobs.done('PUT', `${box}/copy`, { headers }),
      isDone: async () => isAfter(await blobs.digest(`${box}/copy`), { before: null, after: sha256(bytes) }),
    },
  ]
}

async function snapshot(blobs: RestBlobs, box: string): Promise<readonly Turn[]> {
  const bytes = randomBytes(LONG)
  await put(blobs, `${box}/snapped`, bytes)
  return [
    {
      what: 'Snapshot Blob',
      run: () => blobs.done('PUT', `${box}/snapped?comp=snapshot`),
      async isDone() {
        const list = `${box}?restype=container&comp=list&include=snapshots&prefix=snapped`
        const { text } = await blobs.done('GET', list)
        const times = [...text.matchAll(/<Snapshot>([^<]+)<\/Snapshot>/g)].map(([, time]) => time)
        expect(times.length).toBeLessThan(2)
        for (const time of times) {
          expect(await blobs.digest(`${box}/snapped?snapshot=${time ?? ''}`)).toBe(sha256(bytes))
        }
        return times.length === 1
      },
    },
  ]
}

async function tags(blobs: RestBlobs, path: string, round: number): Promise<readonly Turn[]> {
  await put(blobs, path, randomBytes(300))
  const set = `<Tags><TagSet><Tag><Key>round</Key><Value>${round}</Value></Tag></TagSet></Tags>`
  const where = encodeURIComponent(`"round"='${round}'`)
  return [
    {
      what: 'Set Blob Tags',
      run: () => blobs.done('PUT', `${path}?comp=tags`, { body: Buffer.from(set) }),
      async isDone() {
        const { text } = await blobs.done('GET', `${path}?comp=tags`)
        const found = await blobs.done('GET', `/?comp=blobs&where=${where}`)
        const isSet = text.includes(`<Value>${round}</Value>`)
        // The index and the tags are one.
        expect(found.text.includes('<Name>tagged</Name>')).toBe(isSet)
        return isSet
      },
    },
  ]
}

async function deletion(blobs: RestBlobs, path: string): Promise<readonly Turn[]> {
  const bytes = randomBytes(LONG)
  await put(blobs, path, bytes)
  return [
    {
      what: 'Delete Blob',
      run: () => blobs.done('DELETE', path),
      isDone: async () => isAfter(await blobs.digest(path), { before: sha256(bytes), after: null }),
    },
  ]
}
