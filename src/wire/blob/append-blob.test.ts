import { AnonymousCredential, type AppendBlobClient, BlobServiceClient } from '@azure/storage-blob'
import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobBench, makeContainer, openBlobBench, serveBlobs } from '../../../test/support/blob-bench.ts'
import type { ServedProtocol } from '../../http/testing.ts'
import { MIB } from '../../kernel/units.ts'
import { LEASE_MS } from '../../services/keyring/testing/installation.ts'

let bench: BlobBench
let served: ServedProtocol
let blob: AppendBlobClient
beforeEach(async () => {
  bench = await openBlobBench()
  await makeContainer(bench, 'logs')
  served = await serveBlobs(bench)
  const service = new BlobServiceClient(`${served.url}/account1`, new AnonymousCredential(), {
    retryOptions: { maxTries: 1 },
  })
  blob = service.getContainerClient('logs').getAppendBlobClient('log')
})
afterEach(async () => {
  expect(served.bugs).toEqual([])
  await served[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest()
const refused = (statusCode: number, code: string) => ({ name: 'RestError', statusCode, code })

describe('an append blob, through the SDK', () => {
  it('grows block by block, and tells where each begins', async () => {
    await blob.create({ metadata: { a: 'b' }, blobHTTPHeaders: { blobContentType: 'text/x-log' } })
    const blocks = [randomBytes(10), randomBytes(20_000), randomBytes(5 * MIB)]
    let offset = 0
    for (const [index, block] of blocks.entries()) {
      const answer = await blob.appendBlock(block, block.length)
      expect(answer.blobAppendOffset).toBe(String(offset))
      expect(answer.blobCommittedBlockCount).toBe(index + 1)
      expect(answer.isServerEncrypted).toBe(true)
      offset += block.length
    }
    const properties = await blob.getProperties()
    expect(properties).toMatchObject({
      blobType: 'AppendBlob',
      contentLength: offset,
      contentType: 'text/x-log',
      blobCommittedBlockCount: 3,
      metadata: { a: 'b' },
    })
    expect(properties.accessTier).toBeUndefined()
    expect(properties.blobSequenceNumber).toBeUndefined()
    const whole = Buffer.concat(blocks)
    expect((await blob.downloadToBuffer()).equals(whole)).toBe(true)
    expect((await blob.downloadToBuffer(9, 20_000)).equals(whole.subarray(9, 20_009))).toBe(true)
  })

  it('has another entity tag with every block', async () => {
    const { etag } = await blob.create()
    const first = await blob.appendBlock('a', 1, { conditions: { ifMatch: etag ?? '' } })
    await expect(blob.appendBlock('b', 1, { conditions: { ifMatch: etag ?? '' } })).rejects.toMatchObject(
      refused(412, 'ConditionNotMet'),
    )
    expect((await blob.getProperties()).etag).toBe(first.etag)
  })

  it('takes a block only where it is wanted, and only up to the wanted size', async () => {
    await blob.create()
    await blob.appendBlock('abc', 3, { conditions: { appendPosition: 0, maxSize: 3 } })
    await expect(blob.appendBlock('d', 1, { conditions: { appendPosition: 2 } })).rejects.toMatchObject(
      refused(412, 'AppendPositionConditionNotMet'),
    )
    await expect(blob.appendBlock('d', 1, { conditions: { maxSize: 3 } })).rejects.toMatchObject(
      refused(412, 'MaxBlobSizeConditionNotMet'),
    )
    await blob.appendBlock('d', 1, { conditions: { appendPosition: 3, maxSize: 4 } })
    expect((await blob.downloadToBuffer()).toString()).toBe('abcd')
  })

  it('tells the checksum that was sent, or else CRC-64, and takes no block whose checksum is wrong', async () => {
    await blob.create()
    const block = randomBytes(30_000)
    const sent = await blob.appendBlock(block, block.length, { transactionalContentMD5: md5(block) })
    expect(Buffer.from(sent.contentMD5 ?? []).equals(md5(block))).toBe(true)
    expect(sent.xMsContentCrc64).toBeUndefined()
    const { xMsContentCrc64, contentMD5 } = await blob.appendBlock(block, block.length)
    expect(contentMD5).toBeUndefined()
    await blob.appendBlock(block, block.length, {
      transactionalContentCrc64: xMsContentCrc64 ?? new Uint8Array(),
    })
    for (const wrong of [
      { transactionalContentMD5: md5(Buffer.from('x')) },
      { transactionalContentCrc64: Buffer.alloc(8, 1) },
    ]) {
      await expect(blob.appendBlock(block, block.length, wrong)).rejects.toMatchObject({ statusCode: 400 })
    }
    expect((await blob.getProperties()).blobCommittedBlockCount).toBe(3)
  })

  it('once sealed takes no block, and says so; sealing changes no entity tag', async () => {
    const { etag } = await blob.create()
    await expect(blob.seal({ conditions: { appendPosition: 1 } })).rejects.toMatchObject(
      refused(412, 'AppendPositionConditionNotMet'),
    )
    for (let time = 0; time < 2; time++) expect(await blob.seal()).toMatchObject({ isSealed: true })
    await expect(blob.appendBlock('a', 1)).rejects.toMatchObject(refused(409, 'BlobIsSealed'))
    expect(await blob.getProperties()).toMatchObject({ isSealed: true, etag })
  })

  it('is made only where it may be, and over what is there', async () => {
    await blob.create()
    await blob.appendBlock('a', 1)
    expect((await blob.createIfNotExists()).succeeded).toBe(false)
    await blob.create()
    expect((await blob.getProperties()).contentLength).toBe(0)
    const { blobCommittedBlockCount } = await blob.getProperties()
    expect(blobCommittedBlockCount).toBe(0)
  })

  it('under a lease takes blocks from whoever holds it', async () => {
    await blob.create()
    const lease = blob.getBlobLeaseClient()
    const { leaseId = '' } = await lease.acquireLease(-1)
    await expect(blob.appendBlock('a', 1)).rejects.toMatchObject(refused(412, 'LeaseIdMissing'))
    await blob.appendBlock('a', 1, { conditions: { leaseId } })
  })

  it('is not there, or is another kind of blob', async () => {
    await expect(blob.appendBlock('a', 1)).rejects.toMatchObject(refused(404, 'BlobNotFound'))
    await blob.getBlockBlobClient().upload('a', 1)
    await expect(blob.appendBlock('a', 1)).rejects.toMatchObject(refused(409, 'InvalidBlobType'))
    await expect(blob.seal()).rejects.toMatchObject(refused(409, 'InvalidBlobType'))
  })

  it('while the key is away takes no block and no new blob, and may be sealed', async () => {
    await blob.create()
    await blob.appendBlock('a', 1)
    bench.setKeyEnabled(false)
    const key = refused(403, 'KeyVaultEncryptionKeyNotFound')
    await expect(blob.appendBlock('b', 1)).rejects.toMatchObject(key)
    await expect(blob.create()).rejects.toMatchObject(key)
    await blob.seal()
    bench.setKeyEnabled(true)
    bench.world.clock.advance(LEASE_MS)
    expect((await blob.downloadToBuffer()).toString()).toBe('a')
  })
})

describe('Append Block', () => {
  const append = (body: Buffer, headers: Record<string, string> = {}) =>
    fetch(`${blob.url}?comp=appendblock`, { method: 'PUT', body, headers })
  const codeOf = (answer: Response) => [answer.status, answer.headers.get('x-ms-error-code')]

  it('takes 100 MiB, before version 2022-11-02 only 4 MiB', async () => {
    await blob.create()
    const body = Buffer.alloc(4 * MIB + 1, 1)
    expect(codeOf(await append(body, { 'x-ms-version': '2021-12-02' }))).toEqual([413, 'RequestBodyTooLarge'])
    expect((await append(body, { 'x-ms-version': '2022-11-02' })).status).toBe(201)
    expect((await append(body.subarray(1), { 'x-ms-version': '2021-12-02' })).status).toBe(201)
  })

  it('tells MD5 to versions that know no CRC-64', async () => {
    await blob.create()
    const answer = await append(Buffer.from('abc'), { 'x-ms-version': '2018-11-09' })
    expect(answer.headers.get('content-md5')).toBe(md5(Buffer.from('abc')).toString('base64'))
    expect(answer.headers.get('x-ms-content-crc64')).toBeNull()
  })

  it.each([
    ['x-ms-blob-condition-appendpos', '-1'],
    ['x-ms-blob-condition-maxsize', 'x'],
    ['x-ms-blob-condition-maxsize', '99999999999999999999'],
    ['content-md5', 'abc'],
    ['x-ms-content-crc64', 'abc'],
    ['x-ms-lease-id', 'abc'],
  ])('refuses %s: %s', async (name, value) => {
    await blob.create()
    expect((await append(Buffer.from('a'), { [name]: value })).status).toBe(400)
  })

  it('refuses an empty block', async () => {
    await blob.create()
    expect(codeOf(await append(Buffer.alloc(0)))).toEqual([400, 'InvalidHeaderValue'])
  })
})
