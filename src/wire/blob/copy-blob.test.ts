import {
  AnonymousCredential,
  BlobServiceClient,
  type BlockBlobClient,
  type ContainerClient,
} from '@azure/storage-blob'
import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobBench, makeContainer, openBlobBench, serveBlobs } from '../../../test/support/blob-bench.ts'
import { bodyOf } from '../../../test/support/body.ts'
import { type ServedProtocol, request } from '../../http/testing.ts'
import type { ForeignContent } from '../../services/blob/copy-source.ts'
import { KIB, MIB } from '../../kernel/units.ts'

let bench: BlobBench
let served: ServedProtocol
let container: ContainerClient
let source: BlockBlobClient
let copy: BlockBlobClient
const bytes = randomBytes(2 * MIB)

beforeEach(async () => {
  bench = await openBlobBench()
  await makeContainer(bench, 'box')
  served = await serveBlobs(bench)
  const service = new BlobServiceClient(`${served.url}/account1`, new AnonymousCredential(), {
    retryOptions: { maxTries: 1 },
  })
  container = service.getContainerClient('box')
  source = container.getBlockBlobClient('source')
  copy = container.getBlockBlobClient('copy')
  await source.upload(bytes, bytes.length, {
    blobHTTPHeaders: { blobContentType: 'text/plain' },
    metadata: { from: 'source' },
    tags: { kept: 'yes' },
  })
})
afterEach(async () => {
  expect(served.bugs).toEqual([])
  expect(bench.bugs).toEqual([])
  await served[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

const refused = (statusCode: number, code: string) => ({ name: 'RestError', statusCode, code })
const polling = { intervalInMs: 10 }

async function send(method: string, path: string, headers: Record<string, string> = {}) {
  return await request(`${served.url}/account1/box/${path}`, { method, headers })
}

/** Another server's answer, whose bytes never come. */
function hangElsewhere(length = 200 * KIB) {
  const content: ForeignContent = {
    doc: { type: 'BlockBlob', length, headers: {} },
    etag: '0x9',
    metadata: {},
    async *read(signal) {
      yield* bodyOf(randomBytes(100))
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true })
      })
    },
    close: () => undefined,
  }
  bench.foreign = { open: () => Promise.resolve(content) }
}
const elsewhere = 'https://elsewhere.test/c/b?sig=secret&snapshot=2026-01-01T00:00:00.0000000Z'

describe('Copy Blob, through the SDK', () => {
  it('is done at once within an account', async () => {
    const poller = await copy.beginCopyFromURL(source.url, polling)
    const done = await poller.pollUntilDone()
    expect(done.copyStatus).toBe('success')
    const properties = await copy.getProperties()
    expect(properties).toMatchObject({
      copyId: done.copyId,
      copyStatus: 'success',
      copySource: source.url,
      copyProgress: `${bytes.length}/${bytes.length}`,
      contentType: 'text/plain',
      metadata: { from: 'source' },
      etag: done.etag,
    })
    expect(properties.copyCompletedOn).toBeInstanceOf(Date)
    expect(properties.tagCount).toBeUndefined()
    expect((await copy.downloadToBuffer()).equals(bytes)).toBe(true)
  })

  it('goes on in the background under another key, and is awaited', async () => {
    await bench.addScope('scope1')
    await bench.blobs.createContainer(
      { account: bench.account, container: 'scoped' },
      { metadata: {}, publicAccess: 'none', defaultScope: 'scope1', deniesScopeOverride: true },
    )
    const target = new BlobServiceClient(`${served.url}/account1`)
      .getContainerClient('scoped')
      .getBlobClient('copy')
    const poller = await target.beginCopyFromURL(source.url, {
      ...polling,
      metadata: { own: 'x' },
      tags: { a: 'b' },
    })
    const done = await poller.pollUntilDone()
    expect(done.copyStatus).toBe('success')
    expect((await target.downloadToBuffer()).equals(bytes)).toBe(true)
    expect(await target.getProperties()).toMatchObject({
      encryptionScope: 'scope1',
      metadata: { own: 'x' },
      tagCount: 1,
      copyProgress: `${bytes.length}/${bytes.length}`,
    })
  })

  it('is shown while it is pending, keeps others out, and is aborted', async () => {
    hangElsewhere()
    await copy.beginCopyFromURL(elsewhere, polling)
    const { copyId = '' } = await copy.getProperties()
    expect(await copy.getProperties()).toMatchObject({
      copyId,
      copyStatus: 'pending',
      contentLength: 0,
      copyProgress: `0/${200 * KIB}`,
      copySource: 'https://elsewhere.test/c/b?snapshot=2026-01-01T00%3A00%3A00.0000000Z',
    })
    const pending = refused(409, 'PendingCopyOperation')
    await expect(copy.upload('x', 1)).rejects.toMatchObject(pending)
    await expect(copy.delete()).rejects.toMatchObject(pending)
    await expect(copy.setMetadata({ a: 'b' })).rejects.toMatchObject(pending)
    await expect(copy.setHTTPHeaders({})).rejects.toMatchObject(pending)
    await expect(copy.createSnapshot()).rejects.toMatchObject(pending)
    await expect(copy.stageBlock('MQ==', 'x', 1)).rejects.toMatchObject(pending)
    await expect(copy.getBlobLeaseClient().acquireLease(60)).rejects.toMatchObject(pending)
    await expect(copy.beginCopyFromURL(source.url, polling)).rejects.toMatchObject(pending)
    const listed = []
    for await (const item of container.listBlobsFlat({ includeCopy: true, prefix: 'copy' })) listed.push(item)
    expect(listed[0]?.properties).toMatchObject({ copyId, copyStatus: 'pending' })
    const other = '00000000-0000-4000-8000-000000000000'
    await expect(copy.abortCopyFromURL(other)).rejects.toMatchObject(refused(409, 'CopyIdMismatch'))
    expect((await copy.abortCopyFromURL(copyId))._response.status).toBe(204)
    expect(await copy.getProperties()).toMatchObject({ copyStatus: 'aborted', contentLength: 0 })
    await expect(copy.abortCopyFromURL(copyId)).rejects.toMatchObject(refused(409, 'NoPendingCopyOperation'))
    await copy.upload('x', 1)
    expect((await copy.getProperties()).copyStatus).toBeUndefined()
  })

  it('is refused by conditions and leases with what Azure says', async () => {
    await copy.upload('x', 1)
    const wrong = { ifMatch: '"0x1"' }
    await expect(
      copy.beginCopyFromURL(source.url, { ...polling, sourceConditions: wrong }),
    ).rejects.toMatchObject(refused(412, 'SourceConditionNotMet'))
    await expect(copy.beginCopyFromURL(source.url, { ...polling, conditions: wrong })).rejects.toMatchObject(
      refused(412, 'TargetConditionNotMet'),
    )
    const lease = copy.getBlobLeaseClient()
    const { leaseId = '' } = await lease.acquireLease(60)
    await expect(copy.beginCopyFromURL(source.url, polling)).rejects.toMatchObject(
      refused(412, 'LeaseIdMissing'),
    )
    const conditions = { leaseId }
    await expect(copy.beginCopyFromURL(source.url, { ...polling, conditions })).rejects.toMatchObject(
      refused(412, 'InfiniteLeaseDurationRequired'),
    )
    await lease.releaseLease()
    const infinite = await lease.acquireLease(-1)
    const poller = await copy.beginCopyFromURL(source.url, {
      ...polling,
      conditions: { leaseId: infinite.leaseId ?? '' },
    })
    expect((await poller.pollUntilDone()).copyStatus).toBe('success')
  })

  it('of a page blob and of an append blob keeps their types', async () => {
    const page = container.getPageBlobClient('page')
    await page.create(2048)
    await page.uploadPages(randomBytes(512), 512, 512)
    const append = container.getAppendBlobClient('append')
    await append.create()
    await append.appendBlock('one', 3)
    await (await container.getBlobClient('page2').beginCopyFromURL(page.url, polling)).pollUntilDone()
    const poller = await container
      .getBlobClient('append2')
      .beginCopyFromURL(append.url, { ...polling, sealBlob: true })
    await poller.pollUntilDone()
    const pages = container.getPageBlobClient('page2')
    expect((await pages.downloadToBuffer()).equals(await page.downloadToBuffer())).toBe(true)
    expect((await pages.getPageRanges()).pageRange).toEqual((await page.getPageRanges()).pageRange)
    const copied = container.getAppendBlobClient('append2')
    expect((await copied.getProperties()).isSealed).toBe(true)
    await expect(copied.appendBlock('x', 1)).rejects.toMatchObject(refused(409, 'BlobIsSealed'))
  })
})

describe('Copy Blob From URL, through the SDK', () => {
  it('answers when all is there', async () => {
    const answer = await copy.syncCopyFromURL(source.url, {
      sourceContentMD5: createHash('md5').update(bytes).digest(),
      copySourceTags: 'COPY',
      tier: 'Cool',
    })
    expect(answer).toMatchObject({ copyStatus: 'success' })
    expect((await copy.downloadToBuffer()).equals(bytes)).toBe(true)
    expect(await copy.getProperties()).toMatchObject({
      copyStatus: 'success',
      copyId: answer.copyId,
      accessTier: 'Cool',
      tagCount: 1,
      metadata: { from: 'source' },
    })
  })

  it('into a scope is sealed anew', async () => {
    await bench.addScope('scope1')
    const { encryptionScope } = await copy.syncCopyFromURL(source.url, { encryptionScope: 'scope1' })
    expect(encryptionScope).toBe('scope1')
    expect((await copy.downloadToBuffer()).equals(bytes)).toBe(true)
  })

  it('takes block blobs alone, and the right checksum', async () => {
    const append = container.getAppendBlobClient('append')
    await append.create()
    await expect(copy.syncCopyFromURL(append.url)).rejects.toMatchObject(
      refused(409, 'InvalidSourceBlobType'),
    )
    const wrong = { sourceContentMD5: createHash('md5').update('x').digest() }
    await expect(copy.syncCopyFromURL(source.url, wrong)).rejects.toMatchObject(refused(400, 'Md5Mismatch'))
    await expect(
      copy.syncCopyFromURL(source.url, { copySourceTags: 'COPY', tags: { a: 'b' } }),
    ).rejects.toMatchObject(refused(409, 'BothUserTagsAndSourceTagsCopyPresentException'))
  })
})

describe('what is not right about a copy', () => {
  it.each([
    ['a tier of another type', { 'x-ms-access-tier': 'P10' }, 400],
    ['a tier that is none', { 'x-ms-access-tier': 'Warm' }, 400],
    ['a seal that is none', { 'x-ms-seal-blob': 'maybe' }, 400],
    ['a source lease', { 'x-ms-source-if-match': '"0x1"' }, 412],
    ['a body', { 'content-length': '1' }, 413],
  ])('%s is told', async (_, headers, status) => {
    const answer = await request(`${served.url}/account1/box/copy`, {
      method: 'PUT',
      headers: { 'x-ms-copy-source': source.url, ...headers },
      body: 'content-length' in headers ? 'x' : '',
    })
    expect(answer.status).toBe(status)
  })

  it('a copy id that is none is no copy', async () => {
    const answer = await send('PUT', 'source?comp=copy&copyid=x', { 'x-ms-copy-action': 'abort' })
    expect(answer.headers['x-ms-error-code']).toBe('InvalidQueryParameterValue')
    expect((await send('PUT', 'source?comp=copy&copyid=x')).status).toBe(400)
  })
})
