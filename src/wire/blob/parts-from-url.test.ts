import { AnonymousCredential, BlobServiceClient, type ContainerClient } from '@azure/storage-blob'
import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobBench, makeContainer, openBlobBench, serveBlobs } from '../../../test/support/blob-bench.ts'
import { type ServedProtocol, request } from '../../http/testing.ts'
import { MIB } from '../../kernel/units.ts'
import { LEASE_MS } from '../../services/keyring/testing/installation.ts'

const PAGE = 512

let bench: BlobBench
let served: ServedProtocol
let container: ContainerClient
beforeEach(async () => {
  bench = await openBlobBench()
  await makeContainer(bench, 'box')
  served = await serveBlobs(bench)
  const service = new BlobServiceClient(`${served.url}/account1`, new AnonymousCredential(), {
    retryOptions: { maxTries: 1 },
  })
  container = service.getContainerClient('box')
})
afterEach(async () => {
  expect(served.bugs).toEqual([])
  expect(bench.bugs).toEqual([])
  await served[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

const refused = (statusCode: number, code: string) => ({ name: 'RestError', statusCode, code })
const keyGone = refused(403, 'KeyVaultEncryptionKeyNotFound')

async function put(query: string, headers: Record<string, string>) {
  const { status, headers: answered } = await request(`${served.url}/account1/box/${query}`, {
    method: 'PUT',
    headers,
  })
  return [status, answered['x-ms-error-code']]
}

async function uploaded(bytes: Buffer): Promise<string> {
  const source = container.getBlockBlobClient('source')
  await source.upload(bytes, bytes.length)
  return source.url
}

describe('Append Block From URL', () => {
  it('appends all of a source, or a range of it', async () => {
    const bytes = randomBytes(100_000)
    const url = await uploaded(bytes)
    const blob = container.getAppendBlobClient('log')
    await blob.create()
    await blob.appendBlockFromURL(url, 0, bytes.length)
    const second = await blob.appendBlockFromURL(url, 10, 20)
    expect(second).toMatchObject({ blobAppendOffset: '100000', blobCommittedBlockCount: 2 })
    expect((await blob.downloadToBuffer()).equals(Buffer.concat([bytes, bytes.subarray(10, 30)]))).toBe(true)
  })

  it('takes no block whose source is not what the client says, or too long', async () => {
    const bytes = randomBytes(4 * MIB + 1)
    const url = await uploaded(bytes)
    const blob = container.getAppendBlobClient('log')
    await blob.create()
    const sourceContentMD5 = createHash('md5').update('other').digest()
    await expect(blob.appendBlockFromURL(url, 0, 10, { sourceContentMD5 })).rejects.toMatchObject(
      refused(400, 'Md5Mismatch'),
    )
    await expect(
      blob.appendBlockFromURL(url, 0, 10, { sourceConditions: { ifMatch: '"0x1"' } }),
    ).rejects.toMatchObject({ statusCode: 412 })
    const older = { 'x-ms-copy-source': url, 'x-ms-version': '2021-12-02' }
    expect((await put('log?comp=appendblock', older))[0]).toBeGreaterThanOrEqual(400)
    expect((await blob.getProperties()).contentLength).toBe(0)
  })

  it('fails while the key is away', async () => {
    const url = await uploaded(Buffer.from('abc'))
    const blob = container.getAppendBlobClient('log')
    await blob.create()
    bench.setKeyEnabled(false)
    await expect(blob.appendBlockFromURL(url, 0, 3)).rejects.toMatchObject(keyGone)
    bench.setKeyEnabled(true)
    bench.world.clock.advance(LEASE_MS)
    await blob.appendBlockFromURL(url, 0, 3)
    expect((await blob.downloadToBuffer()).toString()).toBe('abc')
  })
})

describe('Put Page From URL', () => {
  it('writes pages that a source has', async () => {
    const bytes = randomBytes(4 * PAGE)
    const url = await uploaded(bytes)
    const blob = container.getPageBlobClient('disk')
    await blob.create(8 * PAGE)
    await blob.uploadPagesFromURL(url, PAGE, 4 * PAGE, 2 * PAGE)
    const expected = Buffer.alloc(8 * PAGE)
    bytes.copy(expected, 4 * PAGE, PAGE, 3 * PAGE)
    expect((await blob.downloadToBuffer()).equals(expected)).toBe(true)
  })

  it('refuses ranges that do not fit each other, the blob, or the source', async () => {
    const url = await uploaded(randomBytes(PAGE))
    await container.getPageBlobClient('disk').create(PAGE)
    const headers = { 'x-ms-copy-source': url, 'x-ms-page-write': 'update', 'x-ms-range': 'bytes=0-511' }
    expect(await put('disk?comp=page', headers)).toEqual([400, 'MissingRequiredHeader'])
    const longer = { ...headers, 'x-ms-source-range': 'bytes=0-1023' }
    expect(await put('disk?comp=page', longer)).toEqual([400, 'InvalidHeaderValue'])
    const beyond = { ...headers, 'x-ms-source-range': 'bytes=100-611' }
    expect(await put('disk?comp=page', beyond)).toEqual([400, 'InvalidHeaderValue'])
    const outside = { ...headers, 'x-ms-range': 'bytes=512-1023', 'x-ms-source-range': 'bytes=0-511' }
    expect(await put('disk?comp=page', outside)).toEqual([416, 'InvalidPageRange'])
  })

  it('fails while the key is away', async () => {
    const url = await uploaded(randomBytes(PAGE))
    const blob = container.getPageBlobClient('disk')
    await blob.create(PAGE)
    bench.setKeyEnabled(false)
    await expect(blob.uploadPagesFromURL(url, 0, 0, PAGE)).rejects.toMatchObject(keyGone)
  })
})

describe('Incremental Copy Blob', () => {
  it('gives the destination a snapshot for each snapshot of the source, which differ as those do', async () => {
    const source = container.getPageBlobClient('disk')
    await source.create(20 * PAGE, { metadata: { from: 'disk' } })
    for (let page = 0; page < 20; page += 2) await source.uploadPages(randomBytes(PAGE), page * PAGE, PAGE)
    const first = await source.createSnapshot()
    const firstBytes = await source.downloadToBuffer()
    const copy = container.getPageBlobClient('copy')
    const begun = await copy.startCopyIncremental(source.withSnapshot(first.snapshot ?? '').url)
    expect(begun).toMatchObject({ copyStatus: 'success' })
    const { destinationSnapshot: one = '', isIncrementalCopy, copyStatus } = await copy.getProperties()
    expect({ isIncrementalCopy, copyStatus }).toEqual({ isIncrementalCopy: true, copyStatus: 'success' })

    await source.uploadPages(randomBytes(PAGE), PAGE, PAGE)
    const second = await source.createSnapshot()
    const secondBytes = await source.downloadToBuffer()
    await copy.startCopyIncremental(source.withSnapshot(second.snapshot ?? '').url)
    const { destinationSnapshot: two = '' } = await copy.getProperties()
    await source.delete({ deleteSnapshots: 'include' })
    bench.world.clock.advance(3 * 3_600_000)
    await bench.blobs.sweep()

    expect((await copy.withSnapshot(one).downloadToBuffer()).equals(firstBytes)).toBe(true)
    expect((await copy.withSnapshot(two).downloadToBuffer()).equals(secondBytes)).toBe(true)
    expect((await copy.withSnapshot(two).getProperties()).metadata).toEqual({ from: 'disk' })
    const { pageRange = [] } = await copy.withSnapshot(two).getPageRangesDiff(0, 20 * PAGE, one)
    expect(pageRange.map(({ offset }) => offset)).toEqual([PAGE])
  })

  it('seals all anew where the destination is under another key', async () => {
    await bench.addScope('apart')
    const { status } = await request(`${served.url}/account1/scoped?restype=container`, {
      method: 'PUT',
      headers: { 'x-ms-default-encryption-scope': 'apart' },
    })
    expect(status).toBe(201)
    const source = container.getPageBlobClient('disk')
    await source.create(20 * PAGE, { metadata: { from: 'disk' } })
    for (let page = 0; page < 20; page += 2) await source.uploadPages(randomBytes(PAGE), page * PAGE, PAGE)
    const expected = await source.downloadToBuffer()
    const { snapshot = '' } = await source.createSnapshot()
    const elsewhere = new BlobServiceClient(`${served.url}/account1`, new AnonymousCredential())
    const copy = elsewhere.getContainerClient('scoped').getPageBlobClient('copy')
    await copy.startCopyIncremental(source.withSnapshot(snapshot).url)
    const { destinationSnapshot = '' } = await copy.getProperties()
    const copied = copy.withSnapshot(destinationSnapshot)
    expect((await copied.downloadToBuffer()).equals(expected)).toBe(true)
    expect(await copied.getProperties()).toMatchObject({
      encryptionScope: 'apart',
      metadata: { from: 'disk' },
    })
    expect((await copied.getPageRanges()).pageRange?.length).toBe(10)
  })

  it('takes later snapshots of one blob alone, and its destination nothing else', async () => {
    const source = container.getPageBlobClient('disk')
    await source.create(PAGE)
    const early = (await source.createSnapshot()).snapshot ?? ''
    const late = (await source.createSnapshot()).snapshot ?? ''
    const copy = container.getPageBlobClient('copy')
    await copy.startCopyIncremental(source.withSnapshot(late).url)
    await expect(copy.startCopyIncremental(source.withSnapshot(early).url)).rejects.toMatchObject(
      refused(409, 'IncrementalCopyOfEarlierSnapshotNotAllowed'),
    )
    const other = container.getPageBlobClient('other')
    await other.create(PAGE)
    const foreign = (await other.createSnapshot()).snapshot ?? ''
    await expect(copy.startCopyIncremental(other.withSnapshot(foreign).url)).rejects.toMatchObject(
      refused(409, 'IncrementalCopyBlobMismatch'),
    )
    await expect(other.startCopyIncremental(source.withSnapshot(late).url)).rejects.toMatchObject(
      refused(409, 'IncrementalCopyBlobMismatch'),
    )
    const headers = { 'x-ms-copy-source': source.url }
    expect(await put('new?comp=incrementalcopy', headers)).toEqual([
      409,
      'IncrementalCopySourceMustBeSnapshot',
    ])
    const only = refused(409, 'OperationNotAllowedOnIncrementalCopyBlob')
    await expect(copy.downloadToBuffer(0, PAGE)).rejects.toMatchObject(only)
    await expect(copy.uploadPages(Buffer.alloc(PAGE), 0, PAGE)).rejects.toMatchObject(only)
    await expect(copy.resize(0)).rejects.toMatchObject(only)
    await expect(copy.createSnapshot()).rejects.toMatchObject(only)
    await expect(copy.setMetadata({ a: 'b' })).rejects.toMatchObject(only)
    await expect(copy.create(PAGE)).rejects.toMatchObject(only)
    await copy.delete({ deleteSnapshots: 'include' })
  })

  it('fails while the key is away', async () => {
    const source = container.getPageBlobClient('disk')
    await source.create(PAGE)
    const { snapshot = '' } = await source.createSnapshot()
    bench.setKeyEnabled(false)
    const copy = container.getPageBlobClient('copy')
    await expect(copy.startCopyIncremental(source.withSnapshot(snapshot).url)).rejects.toMatchObject(keyGone)
  })
})
