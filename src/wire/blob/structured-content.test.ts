import { AnonymousCredential, BlobServiceClient, type ContainerClient } from '@azure/storage-blob'
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobBench, makeContainer, openBlobBench, serveBlobs } from '../../../test/support/blob-bench.ts'
import { type ServedProtocol, request } from '../../http/testing.ts'
import { type Bytes, collect } from '../../kernel/bytes.ts'
import { MIB } from '../../kernel/units.ts'
import { structuredBody } from '../shared/structured-body.ts'

const FORM = 'XSM/1.0; properties=crc64'

let bench: BlobBench
let served: ServedProtocol
/** Structured bodies both ways. */
let container: ContainerClient
beforeEach(async () => {
  bench = await openBlobBench()
  await makeContainer(bench, 'box')
  served = await serveBlobs(bench)
  const service = new BlobServiceClient(`${served.url}/account1`, new AnonymousCredential(), {
    retryOptions: { maxTries: 1 },
    uploadContentChecksumAlgorithm: 'StorageCrc64',
    downloadContentChecksumAlgorithm: 'StorageCrc64',
  })
  container = service.getContainerClient('box')
})
afterEach(async () => {
  expect(served.bugs).toEqual([])
  await served[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

async function send(method: string, path: string, headers: Record<string, string>, body?: Uint8Array) {
  return await request(`${served.url}/account1/box/${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  })
}

async function* one(bytes: Uint8Array): Bytes {
  if (bytes.length > 0) yield bytes
}

async function bodyOf(text: string): Promise<Buffer> {
  const content = Buffer.from(text)
  return await collect(structuredBody(one(content), content.length).stream)
}

const putting = (length: number, more: Record<string, string> = {}) => ({
  'x-ms-blob-type': 'BlockBlob',
  'x-ms-structured-body': FORM,
  'x-ms-structured-content-length': String(length),
  ...more,
})

describe('structured bodies, through the SDK', () => {
  it('carry a whole block blob, and its answer', async () => {
    const blob = container.getBlockBlobClient('whole')
    const bytes = randomBytes(9 * MIB + 5)
    expect((await blob.upload(bytes, bytes.length)).structuredBodyType).toBe(FORM)
    expect((await blob.getProperties()).contentLength).toBe(bytes.length)
    const { structuredBodyType, readableStreamBody } = await blob.download()
    const received: Buffer[] = []
    for await (const part of readableStreamBody ?? []) received.push(Buffer.from(part))
    expect(structuredBodyType).toBe(FORM)
    expect(Buffer.concat(received).equals(bytes)).toBe(true)
    expect((await blob.downloadToBuffer(MIB, 5 * MIB)).equals(bytes.subarray(MIB, 6 * MIB))).toBe(true)
  })

  it('carry blocks, appended blocks and pages of the largest size', async () => {
    const bytes = randomBytes(4 * MIB)
    const block = container.getBlockBlobClient('blocks')
    const id = Buffer.from('one').toString('base64')
    expect((await block.stageBlock(id, bytes, bytes.length)).structuredBodyType).toBe(FORM)
    await block.commitBlockList([id])
    const append = container.getAppendBlobClient('appended')
    await append.create()
    expect((await append.appendBlock(bytes, bytes.length)).structuredBodyType).toBe(FORM)
    const page = container.getPageBlobClient('pages')
    await page.create(bytes.length)
    expect((await page.uploadPages(bytes, 0, bytes.length)).structuredBodyType).toBe(FORM)
    for (const blob of [block, append, page]) expect((await blob.downloadToBuffer()).equals(bytes)).toBe(true)
  })

  it('carry nothing', async () => {
    expect((await send('PUT', 'empty', putting(0), await bodyOf(''))).status).toBe(201)
    const answer = await send('GET', 'empty', { 'x-ms-structured-body': FORM })
    expect(answer.body).toEqual(await bodyOf(''))
    expect(answer.headers).toMatchObject({ 'x-ms-structured-content-length': '0' })
  })
})

describe('a structured body', () => {
  it('is told of a range as of a whole', async () => {
    await send('PUT', 'b', putting(10), await bodyOf('HelloWorld'))
    const answer = await send('GET', 'b', { 'x-ms-structured-body': FORM, range: 'bytes=5-9' })
    expect(answer.status).toBe(206)
    expect(answer.body).toEqual(await bodyOf('World'))
    expect(answer.headers).toMatchObject({
      'content-range': 'bytes 5-9/10',
      'content-length': String(answer.body.length),
      'x-ms-structured-body': FORM,
      'x-ms-structured-content-length': '5',
    })
    expect((await send('GET', 'b', {})).text).toBe('HelloWorld')
  })

  it('that was damaged on the way leaves no blob, and says what differs', async () => {
    const body = await bodyOf('HelloWorld')
    body.write('J', 23)
    const answer = await send('PUT', 'b', putting(10), body)
    expect([answer.status, answer.headers['x-ms-error-code']]).toEqual([400, 'Crc64Mismatch'])
    expect((await send('GET', 'b', {})).status).toBe(404)
  })

  const refused: [string, Record<string, string>, number, string][] = [
    ['of another form', { 'x-ms-structured-body': 'XSM/2.0; properties=crc64' }, 400, 'InvalidHeaderValue'],
    ['without its length', { 'x-ms-structured-content-length': '' }, 400, 'MissingRequiredHeader'],
    ['without its form', { 'x-ms-structured-body': '' }, 400, 'MissingRequiredHeader'],
    ['whose length is none', { 'x-ms-structured-content-length': '-1' }, 400, 'InvalidHeaderValue'],
    ['whose length is another', { 'x-ms-structured-content-length': '9' }, 400, 'InvalidInput'],
    ['too large', { 'x-ms-structured-content-length': '9000000000' }, 413, 'RequestBodyTooLarge'],
    ['with a checksum beside', { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' }, 400, 'InvalidHeaderValue'],
  ]
  it.each(refused)('%s is refused', async (_what, headers, status, code) => {
    const answer = await send('PUT', 'b', putting(10, headers), await bodyOf('HelloWorld'))
    expect([answer.status, answer.headers['x-ms-error-code']]).toEqual([status, code])
    expect((await send('GET', 'b', {})).status).toBe(404)
  })

  it('that is none is refused', async () => {
    const answer = await send('PUT', 'b', putting(10), Buffer.from('HelloWorld'))
    expect([answer.status, answer.headers['x-ms-error-code']]).toEqual([400, 'InvalidInput'])
    expect((await send('GET', 'b', {})).status).toBe(404)
  })

  it('does not go with a checksum of the range', async () => {
    await send('PUT', 'b', putting(10), await bodyOf('HelloWorld'))
    const headers = {
      'x-ms-structured-body': FORM,
      range: 'bytes=5-9',
      'x-ms-range-get-content-md5': 'true',
    }
    const answer = await send('GET', 'b', headers)
    expect([answer.status, answer.headers['x-ms-error-code']]).toEqual([400, 'InvalidHeaderValue'])
  })

  it('is refused where an operation has none', async () => {
    const answer = await send('PUT', 'b?comp=blocklist', putting(10), await bodyOf('HelloWorld'))
    expect([answer.status, answer.headers['x-ms-error-code']]).toEqual([400, 'UnsupportedHeader'])
  })
})
