import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobClientBench, openBlobClient } from '../../../test/support/blob-client.ts'
import { request } from '../../http/testing.ts'
import { startCrc64 } from '../../kernel/crc64.ts'
import { MIB } from '../../kernel/units.ts'

let wire: BlobClientBench
const bytes = randomBytes(5 * MIB)
beforeEach(async () => {
  wire = await openBlobClient()
  await wire.container.getBlockBlobClient('b').upload(bytes, bytes.length)
})
afterEach(async () => {
  expect(wire.served.bugs).toEqual([])
  await wire[Symbol.asyncDispose]()
})

const read = (headers: Record<string, string>, name = 'b') =>
  request(`${wire.container.url}/${name}`, { headers })
const md5 = (part: Uint8Array) => createHash('md5').update(part).digest('base64')

describe('a range', () => {
  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=10-19', 10, 20],
    ['bytes=65526-65550', 65_526, 65_551],
    ['bytes=5242000-', 5_242_000, 5 * MIB],
    ['bytes=100-99999999', 100, 5 * MIB],
  ])('%s', async (range, start, end) => {
    const answer = await read({ 'x-ms-range': range, range: 'bytes=0-1' })
    expect(answer.status).toBe(206)
    expect(answer.body.equals(bytes.subarray(start, end))).toBe(true)
    expect(answer.headers).toMatchObject({
      'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
      'content-length': String(end - start),
      'x-ms-blob-content-md5': md5(bytes),
    })
    expect(answer.headers['content-md5']).toBeUndefined()
  })

  it('of another form means all of it', async () => {
    for (const range of ['bytes=-5', 'bytes=5-1,7-8', 'lines=1-2', 'bytes=x-y']) {
      const answer = await read({ range })
      expect([answer.status, answer.body.length]).toEqual([200, bytes.length])
      expect(answer.headers['content-md5']).toBe(md5(bytes))
    }
  })

  it('behind the end, or of an empty blob, is refused with the size', async () => {
    await wire.put('empty', '')
    for (const [name, size] of [
      ['b', bytes.length],
      ['empty', 0],
    ] as const) {
      const answer = await read({ range: `bytes=${size}-` }, name)
      expect(answer.status).toBe(416)
      expect(answer.headers).toMatchObject({
        'content-range': `bytes */${size}`,
        'x-ms-error-code': 'InvalidRange',
      })
    }
    expect((await wire.container.getBlobClient('empty').downloadToBuffer()).length).toBe(0)
  })

  it('comes with its checksum to whoever asks', async () => {
    const part = bytes.subarray(3, 3 + 4 * MIB)
    const range = `bytes=3-${2 + 4 * MIB}`
    const withMd5 = await read({ range, 'x-ms-range-get-content-md5': 'true' })
    expect(withMd5.headers).toMatchObject({ 'content-md5': md5(part), 'x-ms-blob-content-md5': md5(bytes) })
    expect(withMd5.body.equals(part)).toBe(true)
    const sum = startCrc64()
    sum.update(part)
    const withCrc = await read({ range, 'x-ms-range-get-content-crc64': 'true' })
    expect(withCrc.headers['x-ms-content-crc64']).toBe(sum.digestBase64())
    expect(withCrc.headers['content-md5']).toBeUndefined()
  })

  it.each([
    ['of more than 4 MiB', { range: `bytes=0-${4 * MIB}`, 'x-ms-range-get-content-md5': 'true' }],
    ['of no range', { 'x-ms-range-get-content-crc64': 'true' }],
    [
      'of both kinds',
      { range: 'bytes=0-1', 'x-ms-range-get-content-md5': 'true', 'x-ms-range-get-content-crc64': 'true' },
    ],
  ])('has no checksum %s', async (_, headers) => {
    const answer = await read(headers)
    expect([answer.status, answer.headers['x-ms-error-code']]).toEqual([400, 'InvalidHeaderValue'])
  })

  it('is only a range while the blob is the one it was taken of', async () => {
    const { etag = '', 'last-modified': date = '' } = (await read({ range: 'bytes=0-0' })).headers
    const range = 'bytes=0-9'
    for (const same of [etag, date]) expect((await read({ range, 'if-range': same })).status).toBe(206)
    for (const other of ['"0x1"', `W/${etag}`, 'Thu, 01 Jan 1970 00:00:00 GMT'])
      expect((await read({ range, 'if-range': other })).status).toBe(200)
  })
})
