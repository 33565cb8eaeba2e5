import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { newBytesRef } from '../../src/store/bytes/byte-store.ts'
import { openFileByteStore } from '../../src/store/bytes/files/file-byte-store.ts'
import { bodyOf } from '../support/body.ts'
import { randomImage } from '../support/random-image.ts'
import type { RestBlobs } from '../support/rest-blobs.ts'
import type { CrashSite } from './crash-site.ts'

/** Longer than what is kept in the database, so that its bytes are a file. */
const LONG = 20_000
/** More blocks than one node of a map holds. */
const MANY = 130

const id = (index: number) => String(index).padStart(4, '0')

async function put(blobs: RestBlobs, path: string, length = LONG, tags = ''): Promise<void> {
  const headers = { 'x-ms-blob-type': 'BlockBlob', ...(tags === '' ? {} : { 'x-ms-tags': tags }) }
  await blobs.done('PUT', path, { body: randomBytes(length), headers })
}

async function commit(blobs: RestBlobs, path: string, count: number): Promise<void> {
  const list = Array.from({ length: count }, (_, index) => `<Latest>${id(index)}</Latest>`)
  const body = Buffer.from(`<BlockList>${list.join('')}</BlockList>`)
  await blobs.done('PUT', `${path}?comp=blocklist`, { body })
}

/** A blob with a map; one of its blocks is a file. */
async function putMapped(blobs: RestBlobs, path: string): Promise<void> {
  for (let index = 0; index < MANY; index++) {
    const body = randomBytes(index === 100 ? LONG : 100)
    await blobs.done('PUT', `${path}?comp=block&blockid=${id(index)}`, { body })
  }
  await commit(blobs, path, MANY)
}

async function copy(blobs: RestBlobs, from: string, to: string): Promise<void> {
  await blobs.done('PUT', to, { headers: { 'x-ms-copy-source': blobs.source(from) } })
}

/** Blobs that are there to stay, some of which share their bytes with what `makeGarbage` deletes. */
export async function makeKept(blobs: RestBlobs): Promise<void> {
  for (const box of ['kept', 'doomed']) await blobs.done('PUT', `/${box}?restype=container`)
  await put(blobs, '/kept/plain', LONG, 'is=kept')
  await put(blobs, '/kept/source')
  await copy(blobs, '/kept/source', '/kept/copy')
  await putMapped(blobs, '/kept/snapped')
  await blobs.done('PUT', '/kept/snapped?comp=snapshot')
  await putMapped(blobs, '/kept/mapped')
  await copy(blobs, '/kept/mapped', '/kept/mapped-copy')
}

/** Something for every step of the sweepers to take. */
export async function makeGarbage({ rest, registry }: CrashSite, blobs: RestBlobs): Promise<void> {
  // What shares its bytes with what is kept.
  await blobs.done('DELETE', '/kept/source')
  await put(blobs, '/kept/snapped', 100)
  await commit(blobs, '/kept/mapped', 70)
  // What shares them with nothing.
  await putMapped(blobs, '/kept/gone')
  await blobs.done('DELETE', '/kept/gone')
  for (const length of [LONG, 200, 100]) await put(blobs, '/kept/overwritten', length)
  await blobs.done('PUT', '/kept/staged?comp=block&blockid=AAAA', { body: randomBytes(LONG) })
  for (const name of ['one', 'two']) await put(blobs, `/doomed/${name}`, LONG, 'is=doomed')
  await putMapped(blobs, '/doomed/mapped')
  await blobs.done('PUT', '/doomed/staged?comp=block&blockid=AAAA', { body: randomBytes(LONG) })
  await blobs.done('DELETE', '/doomed?restype=container')
  // Deleted softly, and its time is over.
  await put(blobs, '/kept/soft', LONG, 'is=soft')
  const keepDeleted = (enabled: boolean) => {
    const deleteRetentionPolicy = { enabled, ...(enabled ? { days: 1 } : {}) }
    return rest.armDone('PUT', `${blobs.path}/blobServices/default`, {
      properties: { deleteRetentionPolicy },
    })
  }
  await keepDeleted(true)
  await blobs.done('DELETE', '/kept/soft')
  await keepDeleted(false)
  // Of the registry: an image that was deleted, an upload that was left.
  const image = randomImage([LONG])
  await registry.push('garbage', 'v1', image)
  await registry.send('DELETE', `/v2/garbage/manifests/${image.manifest.digest}`)
  const { headers } = await registry.send('POST', '/v2/garbage/blobs/uploads/')
  await registry.send('PATCH', headers.location ?? '', { body: randomBytes(LONG) })
}

/** Bytes that no row names, in a folder that no server uses. */
export async function makeOrphan(dataDir: string): Promise<void> {
  await using bytes = await openFileByteStore(join(dataDir, 'bytes'))
  await bytes.write(newBytesRef(), bodyOf(randomBytes(LONG)), { signal: new AbortController().signal })
}
