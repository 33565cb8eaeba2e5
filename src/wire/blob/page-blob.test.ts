import { AnonymousCredential, BlobServiceClient, type PageBlobClient } from '@azure/storage-blob'
import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobBench, makeContainer, openBlobBench, serveBlobs } from '../../../test/support/blob-bench.ts'
import type { ServedProtocol } from '../../http/testing.ts'
import { KIB, MIB } from '../../kernel/units.ts'
import { LEASE_MS } from '../../services/keyring/testing/installation.ts'

let bench: BlobBench
let served: ServedProtocol
let blob: PageBlobClient
beforeEach(async () => {
  bench = await openBlobBench()
  await makeContainer(bench, 'disks')
  served = await serveBlobs(bench)
  const service = new BlobServiceClient(`${served.url}/account1`, new AnonymousCredential(), {
    retryOptions: { maxTries: 1 },
  })
  blob = service.getContainerClient('disks').getPageBlobClient('a disk')
})
afterEach(async () => {
  expect(served.bugs).toEqual([])
  await served[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

const PAGE = 512
const refused = (statusCode: number, code: string) => ({ name: 'RestError', statusCode, code })
/** The SDK counts a range's last byte out. */
const rangesOf = (ranges: readonly { readonly offset: number; readonly count?: number | undefined }[] = []) =>
  ranges.map(({ offset, count = 0 }) => [offset, offset + count + 1])

describe('a page blob, through the SDK', () => {
  it('begins as zeros without pages, and has what is written and cleared', async () => {
    await blob.create(8 * MIB, { blobSequenceNumber: 7 })
    expect((await blob.getPageRanges()).pageRange ?? []).toEqual([])
    const pages = randomBytes(4 * MIB)
    const written = await blob.uploadPages(pages, MIB, pages.length)
    expect(written).toMatchObject({ blobSequenceNumber: 7, isServerEncrypted: true })
    await blob.uploadPages(pages.subarray(0, PAGE), 0, PAGE)
    await blob.clearPages(2 * MIB, PAGE)
    const expected = Buffer.alloc(8 * MIB)
    pages.copy(expected, MIB)
    pages.copy(expected, 0, 0, PAGE)
    expected.fill(0, 2 * MIB, 2 * MIB + PAGE)
    expect((await blob.downloadToBuffer()).equals(expected)).toBe(true)
    expect(
      (await blob.downloadToBuffer(MIB - 5, 70 * KIB)).equals(expected.subarray(MIB - 5, MIB - 5 + 70 * KIB)),
    ).toBe(true)
    const { pageRange, blobContentLength } = await blob.getPageRanges()
    expect(blobContentLength).toBe(8 * MIB)
    expect(rangesOf(pageRange)).toEqual([
      [0, PAGE],
      [MIB, 2 * MIB],
      [2 * MIB + PAGE, 5 * MIB],
    ])
    const some = await blob.getPageRanges(PAGE, 2 * MIB - PAGE)
    expect(rangesOf(some.pageRange)).toEqual([[MIB, 2 * MIB]])
    expect(await blob.getProperties()).toMatchObject({
      blobType: 'PageBlob',
      contentLength: 8 * MIB,
      blobSequenceNumber: 7,
    })
  })

  it('lists its ranges page by page', async () => {
    await blob.create(100 * PAGE)
    for (let at = 0; at < 100; at += 3) await blob.uploadPages(randomBytes(PAGE), at * PAGE, PAGE)
    const found: number[] = []
    let pages = 0
    for await (const { pageRange } of blob.listPageRanges().byPage({ maxPageSize: 10 })) {
      pages++
      found.push(...(pageRange ?? []).map(({ start }) => start / PAGE))
    }
    expect(pages).toBe(4)
    expect(found).toEqual(Array.from({ length: 34 }, (_, index) => 3 * index))
  })

  it('is resized: what is cut off does not come back', async () => {
    await blob.create(4 * PAGE)
    await blob.uploadPages(Buffer.alloc(4 * PAGE, 1), 0, 4 * PAGE)
    const { etag } = await blob.getProperties()
    await blob.resize(PAGE)
    expect((await blob.getProperties()).etag).not.toBe(etag)
    await blob.resize(3 * PAGE)
    const expected = Buffer.concat([Buffer.alloc(PAGE, 1), Buffer.alloc(2 * PAGE)])
    expect((await blob.downloadToBuffer()).equals(expected)).toBe(true)
    expect(rangesOf((await blob.getPageRanges()).pageRange)).toEqual([[0, PAGE]])
    await expect(blob.uploadPages(Buffer.alloc(PAGE), 3 * PAGE, PAGE)).rejects.toMatchObject(
      refused(416, 'InvalidPageRange'),
    )
  })

  it('counts with its sequence number, and is written only where that fits', async () => {
    await blob.create(PAGE)
    expect((await blob.updateSequenceNumber('update', 5)).blobSequenceNumber).toBe(5)
    expect((await blob.updateSequenceNumber('max', 3)).blobSequenceNumber).toBe(5)
    expect((await blob.updateSequenceNumber('max', 8)).blobSequenceNumber).toBe(8)
    expect((await blob.updateSequenceNumber('increment')).blobSequenceNumber).toBe(9)
    const write = (conditions: object) => blob.uploadPages(Buffer.alloc(PAGE), 0, PAGE, { conditions })
    for (const met of [
      { ifSequenceNumberLessThanOrEqualTo: 9 },
      { ifSequenceNumberLessThan: 10 },
      { ifSequenceNumberEqualTo: 9 },
    ]) {
      await write(met)
    }
    for (const unmet of [
      { ifSequenceNumberLessThanOrEqualTo: 8 },
      { ifSequenceNumberLessThan: 9 },
      { ifSequenceNumberEqualTo: 10 },
    ]) {
      await expect(write(unmet)).rejects.toMatchObject(refused(412, 'SequenceNumberConditionNotMet'))
      await expect(blob.clearPages(0, PAGE, { conditions: unmet })).rejects.toMatchObject(
        refused(412, 'SequenceNumberConditionNotMet'),
      )
    }
  })

  it('differs from its snapshots where it was written or cleared since', async () => {
    await blob.create(10 * PAGE)
    await blob.uploadPages(randomBytes(4 * PAGE), 0, 4 * PAGE)
    const { snapshot: first = '' } = await blob.createSnapshot()
    await blob.uploadPages(randomBytes(PAGE), 0, PAGE)
    await blob.clearPages(3 * PAGE, 2 * PAGE)
    const { snapshot: second = '' } = await blob.createSnapshot()
    await blob.uploadPages(randomBytes(PAGE), 8 * PAGE, PAGE)
    const diff = async (older: string, newer: PageBlobClient = blob) => {
      const { pageRange, clearRange } = await newer.getPageRangesDiff(0, 10 * PAGE, older)
      return { pages: rangesOf(pageRange), cleared: rangesOf(clearRange) }
    }
    const cleared = [[3 * PAGE, 4 * PAGE]]
    expect(await diff(first, blob.withSnapshot(second))).toEqual({ pages: [[0, PAGE]], cleared })
    expect(await diff(first)).toEqual({
      pages: [
        [0, PAGE],
        [8 * PAGE, 9 * PAGE],
      ],
      cleared,
    })
    expect(await diff(second)).toEqual({ pages: [[8 * PAGE, 9 * PAGE]], cleared: [] })
    await expect(diff(second, blob.withSnapshot(first))).rejects.toMatchObject(
      refused(409, 'PreviousSnapshotCannotBeNewer'),
    )
    await expect(diff('2020-01-01T00:00:00.0000000Z')).rejects.toMatchObject(
      refused(409, 'PreviousSnapshotNotFound'),
    )
    const byUrl = await blob.getPageRangesDiffForManagedDisks(0, 10 * PAGE, blob.withSnapshot(second).url)
    expect(rangesOf(byUrl.pageRange)).toEqual([[8 * PAGE, 9 * PAGE]])
    const found: unknown[] = []
    for await (const range of blob.listPageRangesDiff(0, 10 * PAGE, first)) found.push(range)
    expect(found).toEqual([
      { start: 0, end: PAGE - 1, isClear: false },
      { start: 3 * PAGE, end: 4 * PAGE - 1, isClear: true },
      { start: 8 * PAGE, end: 9 * PAGE - 1, isClear: false },
    ])
    await blob.create(10 * PAGE)
    await expect(diff(first)).rejects.toMatchObject(refused(409, 'BlobOverwritten'))
  })

  it('keeps its snapshots as they were', async () => {
    await blob.create(2 * PAGE)
    const before = randomBytes(2 * PAGE)
    await blob.uploadPages(before, 0, before.length)
    const { snapshot = '' } = await blob.createSnapshot()
    await blob.uploadPages(randomBytes(PAGE), PAGE, PAGE)
    await blob.resize(PAGE)
    expect((await blob.withSnapshot(snapshot).downloadToBuffer()).equals(before)).toBe(true)
    const { pageRange } = await blob.withSnapshot(snapshot).getPageRanges()
    expect(rangesOf(pageRange)).toEqual([[0, 2 * PAGE]])
  })

  it('tells the checksum that was sent, or else CRC-64, and takes no pages whose checksum is wrong', async () => {
    await blob.create(64 * KIB)
    const pages = randomBytes(64 * KIB)
    const md5 = createHash('md5').update(pages).digest()
    const sent = await blob.uploadPages(pages, 0, pages.length, { transactionalContentMD5: md5 })
    expect(Buffer.from(sent.contentMD5 ?? []).equals(md5)).toBe(true)
    const { xMsContentCrc64 = new Uint8Array() } = await blob.uploadPages(pages, 0, pages.length)
    expect(xMsContentCrc64.length).toBe(8)
    await blob.uploadPages(pages, 0, pages.length, { transactionalContentCrc64: xMsContentCrc64 })
    const other = randomBytes(64 * KIB)
    await expect(
      blob.uploadPages(other, 0, other.length, { transactionalContentMD5: md5 }),
    ).rejects.toMatchObject(refused(400, 'Md5Mismatch'))
    await expect(
      blob.uploadPages(other, 0, other.length, { transactionalContentCrc64: xMsContentCrc64 }),
    ).rejects.toMatchObject(refused(400, 'Crc64Mismatch'))
    expect((await blob.downloadToBuffer()).equals(pages)).toBe(true)
  })

  it('while the key is away is neither written nor cleared; it is resized, counted and listed', async () => {
    await blob.create(4 * PAGE)
    await blob.uploadPages(Buffer.alloc(4 * PAGE, 1), 0, 4 * PAGE)
    bench.setKeyEnabled(false)
    const key = refused(403, 'KeyVaultEncryptionKeyNotFound')
    await expect(blob.uploadPages(Buffer.alloc(PAGE), 0, PAGE)).rejects.toMatchObject(key)
    await expect(blob.clearPages(0, PAGE)).rejects.toMatchObject(key)
    await expect(blob.create(PAGE)).rejects.toMatchObject(key)
    await blob.resize(2 * PAGE)
    await blob.updateSequenceNumber('increment')
    const { snapshot = '' } = await blob.createSnapshot()
    expect(rangesOf((await blob.getPageRanges()).pageRange)).toEqual([[0, 2 * PAGE]])
    expect((await blob.getPageRangesDiff(0, PAGE, snapshot)).pageRange ?? []).toEqual([])
    bench.setKeyEnabled(true)
    bench.world.clock.advance(LEASE_MS)
    expect((await blob.downloadToBuffer()).equals(Buffer.alloc(2 * PAGE, 1))).toBe(true)
  })
})

describe('Put Page', () => {
  const put = async (headers: Record<string, string>, body = Buffer.alloc(PAGE, 1)) => {
    const answer = await fetch(`${blob.url}?comp=page`, { method: 'PUT', body, headers })
    return [answer.status, answer.headers.get('x-ms-error-code')]
  }
  const update = { 'x-ms-page-write': 'update' }
  beforeEach(async () => {
    await blob.create(8 * MIB)
  })

  it.each([
    { ...update, 'x-ms-range': 'bytes=0-510' },
    { ...update, 'x-ms-range': 'bytes=1-512' },
    { ...update, 'x-ms-range': 'bytes=512-511' },
    { ...update, 'x-ms-range': 'bytes=0-' },
    { ...update, 'x-ms-range': 'bytes=0-1023' },
    { ...update, 'x-ms-range': 'pages=0-511' },
    { ...update, 'x-ms-range': 'bytes=9007199254740480-9007199254740991' },
    { ...update, 'x-ms-range': 'bytes=0-511', 'x-ms-if-sequence-number-le': '-1' },
    { ...update, 'x-ms-range': 'bytes=0-511', 'x-ms-if-sequence-number-eq': '9223372036854775808' },
    { 'x-ms-page-write': 'erase', 'x-ms-range': 'bytes=0-511' },
    { 'x-ms-page-write': 'clear', 'x-ms-range': 'bytes=0-511' },
  ])('refuses %j', async (headers) => {
    expect(await put(headers)).toEqual([400, 'InvalidHeaderValue'])
  })

  it('refuses what is missing, and what is too much', async () => {
    const range = { 'x-ms-range': 'bytes=0-511' }
    expect(await put(range)).toEqual([400, 'MissingRequiredHeader'])
    expect(await put(update)).toEqual([400, 'MissingRequiredHeader'])
    const wide = { ...update, 'x-ms-range': `bytes=0-${4 * MIB + PAGE - 1}` }
    expect(await put(wide, Buffer.alloc(4 * MIB + PAGE))).toEqual([413, 'RequestBodyTooLarge'])
    expect(await put(wide)).toEqual([413, 'RequestBodyTooLarge'])
    expect(await put({ ...update, 'x-ms-range': `bytes=${8 * MIB}-${8 * MIB + 511}` })).toEqual([
      416,
      'InvalidPageRange',
    ])
    const all = { 'x-ms-page-write': 'clear', 'x-ms-range': `bytes=0-${8 * MIB - 1}` }
    expect(await put(all, Buffer.alloc(0))).toEqual([201, null])
    expect(await put({ ...update, range: 'bytes=0-511' })).toEqual([201, null])
  })
})

describe('Put Blob of a page blob', () => {
  const put = async (headers: Record<string, string>, body = Buffer.alloc(0)) => {
    const answer = await fetch(blob.url, {
      method: 'PUT',
      body,
      headers: { 'x-ms-blob-type': 'PageBlob', ...headers },
    })
    return [answer.status, answer.headers.get('x-ms-error-code')]
  }

  it.each([
    { 'x-ms-blob-content-length': '511' },
    { 'x-ms-blob-content-length': '-512' },
    { 'x-ms-blob-content-length': String(8 * 1024 ** 4 + PAGE) },
    { 'x-ms-blob-content-length': '512', 'x-ms-blob-sequence-number': '9223372036854775808' },
    { 'x-ms-blob-content-length': '512', 'x-ms-blob-sequence-number': '1.5' },
  ])('refuses %j', async (headers) => {
    expect(await put(headers)).toEqual([400, 'InvalidHeaderValue'])
  })

  it('takes 8 TiB, and needs a length, and no body', async () => {
    const largest = { 'x-ms-blob-content-length': String(8 * 1024 ** 4) }
    expect(await put({})).toEqual([400, 'MissingRequiredHeader'])
    expect(await put(largest, Buffer.alloc(1))).toEqual([413, 'RequestBodyTooLarge'])
    expect(await put({ ...largest, 'x-ms-blob-sequence-number': '9223372036854775807' })).toEqual([201, null])
    const answer = await fetch(blob.url, { method: 'HEAD' })
    expect(answer.headers.get('x-ms-blob-sequence-number')).toBe('9223372036854775807')
    const increment = { 'x-ms-sequence-number-action': 'increment' }
    const incremented = await fetch(`${blob.url}?comp=properties`, { method: 'PUT', headers: increment })
    expect(incremented.headers.get('x-ms-error-code')).toBe('SequenceNumberIncrementTooLarge')
  })

  it('is refused where the kind of account has none', async () => {
    bench.account = { ...bench.account, kind: 'BlockBlobStorage', sku: 'Premium_LRS' }
    expect(await put({ 'x-ms-blob-content-length': '512' })).toEqual([400, 'BlobTypeNotSupported'])
    bench.account = { ...bench.account, kind: 'StorageV2' }
    expect(await put({ 'x-ms-blob-content-length': '512', 'x-ms-access-tier': 'P10' })).toEqual([201, null])
    expect((await blob.getProperties()).accessTier).toBe('P10')
    expect(await put({ 'x-ms-blob-content-length': '512', 'x-ms-access-tier': 'Hot' })).toEqual([
      400,
      'AccessTierNotSupportedForBlobType',
    ])
    expect(await put({ 'x-ms-blob-type': 'AppendBlob' })).toEqual([400, 'BlobTypeNotSupported'])
  })
})

describe('Set Blob Properties of a page blob', () => {
  const set = async (headers: Record<string, string>) => {
    const answer = await fetch(`${blob.url}?comp=properties`, { method: 'PUT', headers })
    return [answer.status, answer.headers.get('x-ms-error-code')]
  }

  it('changes size, sequence number and headers at once, or leaves them alone', async () => {
    await blob.create(PAGE, { blobHTTPHeaders: { blobContentType: 'a/b' } })
    const action = { 'x-ms-sequence-number-action': 'update', 'x-ms-blob-sequence-number': '3' }
    await set({ 'x-ms-blob-content-length': '1024', ...action })
    const first = await blob.getProperties()
    expect(first).toMatchObject({ contentLength: 1024, blobSequenceNumber: 3, contentType: 'a/b' })
    await set({ 'x-ms-blob-content-length': '512', 'x-ms-blob-content-language': 'de' })
    const second = await blob.getProperties()
    expect(second).toMatchObject({ contentLength: 512, blobSequenceNumber: 3, contentLanguage: 'de' })
    expect(second.contentType).toBe('application/octet-stream')
  })

  it.each([
    [{ 'x-ms-blob-content-length': '1' }, 'InvalidHeaderValue'],
    [{ 'x-ms-sequence-number-action': 'reset', 'x-ms-blob-sequence-number': '1' }, 'InvalidHeaderValue'],
    [{ 'x-ms-sequence-number-action': 'increment', 'x-ms-blob-sequence-number': '1' }, 'InvalidHeaderValue'],
    [{ 'x-ms-sequence-number-action': 'max' }, 'MissingRequiredHeader'],
    [{ 'x-ms-blob-sequence-number': '1' }, 'MissingRequiredHeader'],
  ])('refuses %j', async (headers, code) => {
    await blob.create(PAGE)
    expect(await set(headers)).toEqual([400, code])
  })

  it('is refused for another kind of blob', async () => {
    await blob.getBlockBlobClient().upload('a', 1)
    expect(await set({ 'x-ms-blob-content-length': '512' })).toEqual([409, 'InvalidBlobType'])
    expect(await set({ 'x-ms-sequence-number-action': 'increment' })).toEqual([409, 'InvalidBlobType'])
  })
})

describe('Get Page Ranges', () => {
  const list = async (query: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${blob.url}?comp=pagelist${query}`, { headers })
    return { code: answer.headers.get('x-ms-error-code'), status: answer.status, text: await answer.text() }
  }

  it('answers as the service does', async () => {
    await blob.create(4 * PAGE)
    await blob.uploadPages(Buffer.alloc(PAGE), PAGE, PAGE)
    const range = '<PageRange><Start>512</Start><End>1023</End></PageRange>'
    const head = '<?xml version="1.0" encoding="utf-8"?>'
    expect((await list('')).text).toBe(`${head}<PageList>${range}<NextMarker /></PageList>`)
    const older = { 'x-ms-version': '2020-08-04' }
    expect((await list('&maxresults=0', older)).text).toBe(`${head}<PageList>${range}</PageList>`)
    expect((await list('', { 'x-ms-range': 'bytes=600-' })).text).toContain(range)
  })

  it('refuses what is wrong', async () => {
    await blob.create(4 * PAGE)
    expect(await list('&maxresults=0')).toMatchObject({ status: 400, code: 'OutOfRangeQueryParameterValue' })
    expect(await list('&marker=x')).toMatchObject({ status: 400, code: 'InvalidQueryParameterValue' })
    expect(await list('&prevsnapshot=x')).toMatchObject({ status: 400, code: 'InvalidQueryParameterValue' })
    expect(await list('', { 'x-ms-range': 'bytes=2048-4095' })).toMatchObject({
      status: 416,
      code: 'InvalidPageRange',
    })
    const url = { 'x-ms-previous-snapshot-url': `${blob.url}2?snapshot=2020-01-01T00:00:00.0000000Z` }
    expect(await list('', url)).toMatchObject({ status: 400, code: 'InvalidHeaderValue' })
    await blob.getBlockBlobClient().upload('a', 1)
    expect(await list('')).toMatchObject({ status: 409, code: 'InvalidBlobType' })
  })
})
