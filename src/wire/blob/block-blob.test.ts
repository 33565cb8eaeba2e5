import {
  AnonymousCredential,
  BlobServiceClient,
  type BlockBlobClient,
  type ContainerClient,
} from '@azure/storage-blob'
import { createHash, randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type BlobBench,
  customerKeyOf,
  makeContainer,
  openBlobBench,
  serveBlobs,
} from '../../../test/support/blob-bench.ts'
import { startCrc64 } from '../../kernel/crc64.ts'
import { type ServedProtocol, request } from '../../http/testing.ts'
import { MIB } from '../../kernel/units.ts'
import { parseXml } from '../shared/xml.ts'

let bench: BlobBench
let served: ServedProtocol
let container: ContainerClient
let blob: BlockBlobClient
let denied: ReadonlySet<string>
beforeEach(async () => {
  bench = await openBlobBench()
  await makeContainer(bench, 'box')
  denied = new Set()
  served = await serveBlobs(bench, ({ sas }) => !sas.some((letter) => denied.has(letter)))
  const service = new BlobServiceClient(`${served.url}/account1`, new AnonymousCredential(), {
    retryOptions: { maxTries: 1 },
  })
  container = service.getContainerClient('box')
  blob = container.getBlockBlobClient('a/b')
})
afterEach(async () => {
  expect(served.bugs).toEqual([])
  await served[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest()
const idOf = (number: number) => Buffer.from(String(number).padStart(6, '0')).toString('base64')
const refused = (statusCode: number, code: string) => ({ name: 'RestError', statusCode, code })
const clientKey = (fill: number) => ({
  encryptionKey: Buffer.alloc(32, fill).toString('base64'),
  encryptionKeySha256: customerKeyOf(fill).sha256,
  encryptionAlgorithm: 'AES256' as const,
})

async function send(method: string, path: string, headers: Record<string, string> = {}, body = '') {
  return await request(`${served.url}/account1/box/${path}`, { method, headers, body })
}

describe('a block blob, through the SDK', () => {
  it('is uploaded from a file, block by block, and comes back whole', async () => {
    const bytes = randomBytes(9 * MIB + 17)
    const file = join(tmpdir(), `strongroom-upload-${process.pid}`)
    await writeFile(file, bytes)
    try {
      await blob.uploadFile(file, {
        blockSize: MIB,
        maxSingleShotSize: MIB,
        blobHTTPHeaders: { blobContentType: 'text/plain', blobContentMD5: md5(bytes) },
        metadata: { a: 'b' },
        tags: { x: 'y' },
        tier: 'Cool',
      })
    } finally {
      await rm(file)
    }
    expect((await blob.downloadToBuffer()).equals(bytes)).toBe(true)
    const properties = await blob.getProperties()
    expect(properties).toMatchObject({
      blobType: 'BlockBlob',
      contentType: 'text/plain',
      metadata: { a: 'b' },
      accessTier: 'Cool',
      tagCount: 1,
    })
    expect(Buffer.from(properties.contentMD5 ?? []).equals(md5(bytes))).toBe(true)
    const list = await blob.getBlockList('all')
    expect(list.committedBlocks).toHaveLength(10)
    expect(list.uncommittedBlocks ?? []).toEqual([])
    expect(list.blobContentLength).toBe(bytes.length)
  })

  it('has metadata of any name that a client may choose, __proto__ too', async () => {
    const sent = { 'x-ms-meta-__proto__': 'a', 'x-ms-meta-constructor': 'b' }
    await send('PUT', 'odd', { 'x-ms-blob-type': 'BlockBlob', ...sent })
    expect((await send('GET', 'odd')).headers).toMatchObject(sent)
  })

  it('is staged, listed and committed', async () => {
    const one = randomBytes(100)
    const staged = await blob.stageBlock(idOf(1), one, one.length, { transactionalContentMD5: md5(one) })
    expect(Buffer.from(staged.contentMD5 ?? []).equals(md5(one))).toBe(true)
    expect(staged.isServerEncrypted).toBe(true)
    const crc = startCrc64()
    crc.update(one)
    const sum = Buffer.from(crc.digestBase64(), 'base64')
    for (const asked of [{ transactionalContentCrc64: sum }, {}]) {
      const again = await blob.stageBlock(idOf(2), one, one.length, asked)
      expect(Buffer.from(again.xMsContentCrc64 ?? []).equals(sum)).toBe(true)
      expect(again.contentMD5).toBeUndefined()
    }
    await expect(blob.getProperties()).rejects.toMatchObject({ statusCode: 404 })
    const before = await blob.getBlockList('all')
    expect(before.etag).toBeUndefined()
    expect(before.blobContentLength).toBe(0)
    expect(before.uncommittedBlocks).toEqual([1, 2].map((id) => ({ name: idOf(id), size: 100 })))
    const leased = { conditions: { leaseId: '11111111-1111-4111-8111-111111111111' } }
    await expect(blob.getBlockList('all', leased)).rejects.toMatchObject(
      refused(412, 'LeaseNotPresentWithBlobOperation'),
    )
    const { etag } = await blob.commitBlockList([idOf(2), idOf(1)], { conditions: { ifNoneMatch: '*' } })
    const after = await blob.getBlockList('committed')
    expect(after.etag).toBe(etag)
    expect(after.committedBlocks).toEqual([2, 1].map((id) => ({ name: idOf(id), size: 100 })))
    await expect(blob.commitBlockList([], { conditions: { ifNoneMatch: '*' } })).rejects.toMatchObject(
      refused(409, 'BlobAlreadyExists'),
    )
  })

  it('is refused with what Azure says', async () => {
    const stage = (id: string, body = 'x') => blob.stageBlock(id, body, body.length)
    await stage(idOf(1))
    await expect(stage(Buffer.from('1').toString('base64'))).rejects.toMatchObject(
      refused(400, 'InvalidBlobOrBlock'),
    )
    await expect(stage('no base64')).rejects.toMatchObject(refused(400, 'InvalidQueryParameterValue'))
    await expect(stage(randomBytes(65).toString('base64'))).rejects.toMatchObject(
      refused(400, 'InvalidQueryParameterValue'),
    )
    await expect(stage(idOf(1), '')).rejects.toMatchObject(refused(400, 'InvalidHeaderValue'))
    const wrong = { transactionalContentMD5: md5(Buffer.from('y')) }
    await expect(blob.stageBlock(idOf(1), 'x', 1, wrong)).rejects.toMatchObject(refused(400, 'Md5Mismatch'))
    await expect(blob.commitBlockList([idOf(7)])).rejects.toMatchObject(refused(400, 'InvalidBlockList'))
    const nothing = container.getBlockBlobClient('nothing')
    await expect(nothing.getBlockList('all')).rejects.toMatchObject(refused(404, 'BlobNotFound'))
    await container.getPageBlobClient('page').create(512)
    const page = container.getBlockBlobClient('page')
    await expect(page.stageBlock(idOf(1), 'x', 1)).rejects.toMatchObject(refused(409, 'InvalidBlobType'))
    await expect(page.getBlockList('all')).rejects.toMatchObject(refused(409, 'InvalidBlobType'))
  })

  it('with a lease takes blocks and lists with its id alone', async () => {
    await blob.upload('whole', 5)
    const { leaseId } = await blob.getBlobLeaseClient().acquireLease(60)
    const conditions = { leaseId: leaseId ?? '' }
    await expect(blob.stageBlock(idOf(1), 'x', 1)).rejects.toMatchObject(refused(412, 'LeaseIdMissing'))
    await blob.stageBlock(idOf(1), 'x', 1, { conditions })
    await expect(blob.commitBlockList([idOf(1)])).rejects.toMatchObject(refused(412, 'LeaseIdMissing'))
    await blob.commitBlockList([idOf(1)], { conditions })
  })

  it("under the client's own key needs that key throughout", async () => {
    const headers = (fill: number) => ({
      'x-ms-encryption-key': clientKey(fill).encryptionKey,
      'x-ms-encryption-key-sha256': clientKey(fill).encryptionKeySha256,
      'x-ms-encryption-algorithm': 'AES256',
    })
    const staged = await send('PUT', `b?comp=block&blockid=${idOf(1)}`, headers(1), 'x')
    expect(staged.headers['x-ms-encryption-key-sha256']).toBe(clientKey(1).encryptionKeySha256)
    const list = `<BlockList><Latest>${idOf(1)}</Latest></BlockList>`
    expect((await send('PUT', 'b?comp=blocklist', {}, list)).headers['x-ms-error-code']).toBe(
      'BlobUsesCustomerSpecifiedEncryption',
    )
    expect((await send('PUT', 'b?comp=blocklist', headers(2), list)).status).toBe(409)
    expect((await send('PUT', 'b?comp=blocklist', headers(1), list)).status).toBe(201)
    expect((await send('GET', 'b', headers(1))).text).toBe('x')
  })

  it('has tags only from whoever may set them', async () => {
    denied = new Set(['t'])
    await expect(blob.upload('x', 1, { tags: { a: 'b' } })).rejects.toMatchObject({ statusCode: 403 })
    await blob.upload('x', 1)
  })
})

describe('Put Block List', () => {
  const listOf = (inner: string) => `<?xml version="1.0" encoding="utf-8"?><BlockList>${inner}</BlockList>`
  it.each([
    ['nothing', '', 'InvalidXmlDocument'],
    ['another document', '<Blocks/>', 'InvalidXmlDocument'],
    ['a document type', '<!DOCTYPE x [<!ENTITY a "b">]><BlockList/>', 'InvalidXmlDocument'],
    ['another element', listOf('<Newest>MQ==</Newest>'), 'InvalidBlockList'],
    ['what is no base64', listOf('<Latest>1</Latest>'), 'InvalidBlockId'],
    ['an empty id', listOf('<Latest></Latest>'), 'InvalidBlockId'],
    ['a long id', listOf(`<Latest>${Buffer.alloc(65).toString('base64')}</Latest>`), 'InvalidBlockId'],
    ['a block that is not there', listOf('<Latest>MQ==</Latest>'), 'InvalidBlockList'],
    ['50,001 blocks', listOf('<Latest>MQ==</Latest>'.repeat(50_001)), 'BlockListTooLong'],
  ])('refuses %s', async (_, body, code) => {
    const answer = await send('PUT', 'b?comp=blocklist', {}, body)
    expect(answer.status).toBe(400)
    expect(answer.headers['x-ms-error-code']).toBe(code)
  })

  it('checks the checksum of the list itself', async () => {
    const body = listOf('')
    const wrong = { 'content-md5': md5(Buffer.from('x')).toString('base64') }
    expect((await send('PUT', 'b?comp=blocklist', wrong, body)).headers['x-ms-error-code']).toBe(
      'Md5Mismatch',
    )
    const right = { 'content-md5': md5(Buffer.from(body)).toString('base64') }
    const answer = await send('PUT', 'b?comp=blocklist', right, body)
    expect(answer.headers['content-md5']).toBe(right['content-md5'])
  })
})

describe('Put Blob', () => {
  it('checks the MD5 that is to be stored, too, and stores the one that is true', async () => {
    const put = (headers: Record<string, string>) =>
      send('PUT', 'b', { 'x-ms-blob-type': 'BlockBlob', ...headers }, 'x')
    const wrong = md5(Buffer.from('y')).toString('base64')
    const right = md5(Buffer.from('x')).toString('base64')
    expect((await put({ 'x-ms-blob-content-md5': wrong })).headers['x-ms-error-code']).toBe('Md5Mismatch')
    expect((await put({ 'content-md5': 'short' })).headers['x-ms-error-code']).toBe('InvalidMd5')
    const crc64 = Buffer.alloc(8).toString('base64')
    expect((await put({ 'x-ms-content-crc64': crc64 })).headers['x-ms-error-code']).toBe('Crc64Mismatch')
    expect((await put({})).headers['content-md5']).toBe(right)
    expect((await send('HEAD', 'b')).headers['content-md5']).toBe(right)
  })

  it('takes 5,000 MiB, a block 4,000 MiB, and no byte more', async () => {
    const announced = (bytes: number) => ({ 'x-ms-blob-type': 'BlockBlob', 'content-length': String(bytes) })
    const blob = await send('PUT', 'b', announced(5_000 * MIB + 1))
    expect([blob.status, blob.headers['x-ms-error-code']]).toEqual([413, 'RequestBodyTooLarge'])
    const block = await send('PUT', `b?comp=block&blockid=${idOf(1)}`, announced(4_000 * MIB + 1))
    expect([block.status, block.headers['x-ms-error-code']]).toEqual([413, 'RequestBodyTooLarge'])
  })

  it('is protected only where its container is', async () => {
    const headers = { 'x-ms-blob-type': 'BlockBlob', 'x-ms-legal-hold': 'true' }
    expect((await send('PUT', 'b', headers, 'x')).headers['x-ms-error-code']).toBe('FeatureNotEnabled')
    denied = new Set(['i'])
    expect((await send('PUT', 'b', headers, 'x')).status).toBe(403)
  })

  it('says what it does not know', async () => {
    expect((await send('PUT', 'b')).headers['x-ms-error-code']).toBe('MissingRequiredHeader')
    expect((await send('PUT', 'b', { 'x-ms-blob-type': 'Block' })).headers['x-ms-error-code']).toBe(
      'InvalidHeaderValue',
    )
    expect((await send('PUT', 'b?comp=nonsense')).headers['x-ms-error-code']).toBe(
      'InvalidQueryParameterValue',
    )
    const tier = { 'x-ms-blob-type': 'BlockBlob', 'x-ms-access-tier': 'Warm' }
    expect((await send('PUT', 'b', tier, 'x')).status).toBe(400)
  })
})

describe('from a URL of this server', () => {
  let source: BlockBlobClient
  const bytes = randomBytes(100_000)
  beforeEach(async () => {
    source = container.getBlockBlobClient('source')
    await source.upload(bytes, bytes.length, {
      blobHTTPHeaders: { blobContentType: 'text/plain', blobCacheControl: 'no-store' },
      metadata: { from: 'source' },
      tags: { kept: 'yes' },
    })
  })

  it('a block is a range of another blob', async () => {
    await blob.stageBlockFromURL(idOf(1), source.url, 10, 500, {
      sourceContentMD5: md5(bytes.subarray(10, 510)),
    })
    await blob.stageBlockFromURL(idOf(2), source.url)
    await blob.commitBlockList([idOf(2), idOf(1)])
    const whole = Buffer.concat([bytes, bytes.subarray(10, 510)])
    expect((await blob.downloadToBuffer()).equals(whole)).toBe(true)
    const wrong = { sourceContentMD5: md5(bytes) }
    await expect(blob.stageBlockFromURL(idOf(3), source.url, 10, 500, wrong)).rejects.toMatchObject(
      refused(400, 'Md5Mismatch'),
    )
  })

  it('a blob comes with its properties, or with those that are given', async () => {
    const answer = await blob.syncUploadFromURL(source.url)
    expect(Buffer.from(answer.contentMD5 ?? []).equals(md5(bytes))).toBe(true)
    expect((await blob.downloadToBuffer()).equals(bytes)).toBe(true)
    expect(await blob.getProperties()).toMatchObject({
      contentType: 'text/plain',
      cacheControl: 'no-store',
      metadata: { from: 'source' },
    })
    expect((await blob.getProperties()).tagCount).toBeUndefined()
    await blob.syncUploadFromURL(source.url, {
      blobHTTPHeaders: { blobContentType: 'text/html' },
      metadata: { own: 'x' },
      copySourceTags: 'COPY',
    })
    expect(await blob.getProperties()).toMatchObject({
      contentType: 'text/html',
      cacheControl: 'no-store',
      metadata: { own: 'x' },
      tagCount: 1,
    })
    await blob.syncUploadFromURL(source.url, { copySourceBlobProperties: false })
    const bare = await blob.getProperties()
    expect([bare.contentType, bare.cacheControl, bare.metadata]).toEqual([
      'application/octet-stream',
      undefined,
      {},
    ])
    await expect(
      blob.syncUploadFromURL(source.url, { copySourceTags: 'COPY', tags: { a: 'b' } }),
    ).rejects.toMatchObject({ statusCode: 409 })
  })

  it('what is refused names the source or the target', async () => {
    await blob.upload('x', 1)
    const wrong = { ifMatch: '"0x1"' }
    await expect(blob.syncUploadFromURL(source.url, { sourceConditions: wrong })).rejects.toMatchObject(
      refused(412, 'SourceConditionNotMet'),
    )
    await expect(blob.syncUploadFromURL(source.url, { conditions: wrong })).rejects.toMatchObject(
      refused(412, 'TargetConditionNotMet'),
    )
    await expect(
      blob.syncUploadFromURL(source.url, { conditions: { ifNoneMatch: '*' } }),
    ).rejects.toMatchObject(refused(409, 'BlobAlreadyExists'))
    const nothing = container.getBlobClient('nothing').url
    await expect(blob.syncUploadFromURL(nothing)).rejects.toMatchObject({
      statusCode: 404,
      code: 'CannotVerifyCopySource',
      details: { copySourceStatusCode: 404, copySourceErrorCode: 'BlobNotFound' },
    })
    denied = new Set(['r'])
    await expect(blob.stageBlockFromURL(idOf(1), source.url)).rejects.toMatchObject({
      statusCode: 403,
      code: 'CannotVerifyCopySource',
      details: { copySourceErrorCode: 'AuthorizationPermissionMismatch' },
    })
  })

  it("under the client's own key is read with that key", async () => {
    const key = clientKey(1)
    const own = {
      'x-ms-encryption-key': key.encryptionKey,
      'x-ms-encryption-key-sha256': key.encryptionKeySha256,
    }
    const ofSource = {
      'x-ms-source-encryption-key': key.encryptionKey,
      'x-ms-source-encryption-key-sha256': key.encryptionKeySha256,
      'x-ms-source-encryption-algorithm': 'AES256',
    }
    await send('PUT', 'secret', { 'x-ms-blob-type': 'BlockBlob', ...own }, 'sealed')
    const copying = {
      'x-ms-blob-type': 'BlockBlob',
      'x-ms-copy-source': container.getBlobClient('secret').url,
    }
    const without = await send('PUT', 'copy', copying)
    expect(without.status).toBe(409)
    expect(without.headers['x-ms-copy-source-error-code']).toBe('BlobUsesCustomerSpecifiedEncryption')
    expect((await send('PUT', 'copy', { ...copying, ...ofSource })).status).toBe(201)
    expect((await send('GET', 'copy')).text).toBe('sealed')
  })

  it.each([
    ['what is no URL', 'no URL', 'InvalidHeaderValue'],
    ['FTP', 'ftp://127.0.0.1/a/b', 'InvalidHeaderValue'],
    ['plain HTTP', 'http://example.com/a/b', 'InvalidHeaderValue'],
    ['a long URL', `https://127.0.0.1/${'x'.repeat(2048)}`, 'InvalidHeaderValue'],
    ['another port', 'https://127.0.0.1:1/account1/box/source', 'CannotVerifyCopySource'],
    ['another port by name', 'https://account1.blob.core.localhost:1/box/source', 'CannotVerifyCopySource'],
  ])('%s is no source', async (_, url, code) => {
    const headers = { 'x-ms-blob-type': 'BlockBlob', 'x-ms-copy-source': url }
    const answer = await send('PUT', 'copy', headers)
    expect(answer.status).toBe(400)
    expect(answer.headers['x-ms-error-code']).toBe(code)
    expect(parseXml(answer.body)).not.toBeNull()
  })
})
