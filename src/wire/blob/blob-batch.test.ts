import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeContainer } from '../../../test/support/blob-bench.ts'
import { type BlobClientBench, listed, openBlobClient } from '../../../test/support/blob-client.ts'
import { request } from '../../http/testing.ts'

let wire: BlobClientBench
beforeEach(async () => {
  wire = await openBlobClient()
})
afterEach(async () => {
  expect(wire.served.bugs).toEqual([])
  await wire[Symbol.asyncDispose]()
})

const names = async () => (await listed(wire.container.listBlobsFlat())).map(({ name }) => name)

describe('a batch', () => {
  it('deletes many blobs, each with an answer of its own', async () => {
    const blobs = await Promise.all(['a', 'b/c', 'ä & ö'].map((name) => wire.put(name, '')))
    const batch = wire.service.getBlobBatchClient()
    const gone = wire.container.getBlobClient('gone')
    const answer = await batch.deleteBlobs([blobs[0]!, gone, ...blobs.slice(1)])
    expect(answer).toMatchObject({ subResponsesSucceededCount: 3, subResponsesFailedCount: 1 })
    expect(answer.subResponses.map(({ status, errorCode }) => [status, errorCode])).toEqual([
      [202, undefined],
      [404, 'BlobNotFound'],
      [202, undefined],
      [202, undefined],
    ])
    expect(answer.subResponses[1]?.bodyAsText).toContain('<Code>BlobNotFound</Code>')
    expect(answer.subResponses[0]?.headers.get('x-ms-delete-type-permanent')).toBe('true')
    expect(await names()).toEqual([])
  })

  it('takes conditions, snapshots and tiers as single requests do', async () => {
    const [a, b] = [await wire.put('a', ''), await wire.put('b', '')]
    const { snapshot = '' } = await a.createSnapshot()
    const batch = wire.container.getBlobBatchClient()
    const tiered = await batch.setBlobsAccessTier([a, b], 'Cool')
    expect(tiered.subResponses.map(({ status }) => status)).toEqual([200, 200])
    expect((await b.getProperties()).accessTier).toBe('Cool')
    const one = batch.createBatch()
    await one.deleteBlob(b, { conditions: { ifMatch: '"0x1"' } })
    await one.deleteBlob(a.withSnapshot(snapshot))
    const answer = await batch.submitBatch(one)
    expect(answer.subResponses.map(({ errorCode }) => errorCode)).toEqual(['ConditionNotMet', undefined])
    expect((await batch.deleteBlobs([a, b])).subResponsesSucceededCount).toBe(2)
  })

  it('of a container reaches no other', async () => {
    await makeContainer(wire.bench, 'other')
    const other = wire.service.getContainerClient('other').getBlockBlobClient('a')
    await other.upload('', 0)
    const mine = await wire.put('a', '')
    const answer = await wire.container.getBlobBatchClient().deleteBlobs([other, mine])
    expect(answer.subResponses.map(({ status, errorCode }) => [status, errorCode])).toEqual([
      [400, 'InvalidInput'],
      [202, undefined],
    ])
    expect(await other.exists()).toBe(true)
  })

  it('holds up to 256 requests, and is for those who may', async () => {
    const blobs = Array.from({ length: 256 }, (_, n) => wire.container.getBlockBlobClient(`b${n}`))
    await Promise.all(blobs.map((blob) => blob.upload('', 0)))
    const answer = await wire.service.getBlobBatchClient().deleteBlobs(blobs)
    expect(answer.subResponsesSucceededCount).toBe(256)
    await using other = await openBlobClient(({ sas }) => !sas.some((letter) => letter === 'd'))
    const blob = await other.put('b', '')
    await expect(other.service.getBlobBatchClient().deleteBlobs([blob])).rejects.toMatchObject({
      statusCode: 403,
    })
  })

  it('asks for the right to each of its requests', async () => {
    await using other = await openBlobClient(({ sas }) => sas.length !== 1 || sas[0] !== 'x')
    other.setSettings({ isVersioningEnabled: true })
    const blob = await other.put('b', '')
    const { versionId = '' } = await blob.getProperties()
    await blob.upload('', 0)
    const answer = await other.service.getBlobBatchClient().deleteBlobs([blob.withVersion(versionId), blob])
    expect(answer.subResponses.map(({ status }) => status)).toEqual([403, 202])
  })

  it('while the key is away, deletes, and sets no tier', async () => {
    const blob = await wire.put('b', '')
    wire.bench.setKeyEnabled(false)
    const batch = wire.service.getBlobBatchClient()
    const tiered = await batch.setBlobsAccessTier([blob], 'Cool')
    expect(tiered.subResponses.map(({ errorCode }) => errorCode)).toEqual(['KeyVaultEncryptionKeyNotFound'])
    expect((await batch.deleteBlobs([blob])).subResponsesSucceededCount).toBe(1)
  })
})

describe('what is no batch', () => {
  const part = (line: string, more = '') =>
    `--b\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\r\n${line}\r\nx-ms-date: now\r\n${more}\r\n`
  const line = 'DELETE /account1/con/a HTTP/1.1'
  const send = async (body: string, type = 'multipart/mixed; boundary=b') => {
    const headers = { 'content-type': type }
    const answer = await request(`${wire.served.url}/account1/?comp=batch`, { method: 'POST', headers, body })
    return [answer.status, answer.headers['x-ms-error-code']]
  }

  it.each([
    ['empty', ''],
    ['without requests', '--b--\r\n'],
    ['without an end', part(line)],
    ['of more than 256', `${part(line).repeat(257)}--b--\r\n`],
    ['of something else', `--b\r\nContent-Type: text/plain\r\n\r\n${line}\r\n\r\n--b--\r\n`],
    ['with a read', `${part('GET /account1/con/a HTTP/1.1')}--b--\r\n`],
    ['with an absolute URL', `${part('DELETE http://x/account1/con/a HTTP/1.1')}--b--\r\n`],
    ['with a body', `${part(line, '\r\nbody\r\n')}--b--\r\n`],
    ['with a line that is no header', `${part(line, 'header\r\n')}--b--\r\n`],
    ['with a boundary alone', '--b\r\n--b--\r\n'],
  ])('%s, is refused as a whole', async (_, body) => {
    expect(await send(body)).toEqual([400, 'InvalidInput'])
  })

  it('and comes as another type, is refused', async () => {
    for (const type of ['text/plain', 'multipart/mixed', 'multipart/mixed; boundary=']) {
      expect(await send(`${part(line)}--b--\r\n`, type)).toEqual([400, 'InvalidHeaderValue'])
    }
    expect(await send('x'.repeat(4 * 1024 * 1024 + 1))).toEqual([413, 'RequestBodyTooLarge'])
  })

  it.each([
    '/account2/con/a',
    '/con/a',
    '/account1/con/a?comp=tags',
    '/account1/con/%ff',
    '/account1/con',
    '/account1/con/a?snapshot=x',
  ])('a request to %s is refused alone', async (target) => {
    const blob = await wire.put('a', '')
    const good = part(line).replace('Content-ID: 0', 'Content-ID: 1')
    const answer = await request(`${wire.served.url}/account1?comp=batch`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/mixed; boundary="b"' },
      body: `${part(`DELETE ${target} HTTP/1.1`)}${good}--b--\r\n`,
    })
    expect(answer.status).toBe(202)
    expect(answer.text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400', 'HTTP/1.1 202'])
    expect(await blob.exists()).toBe(false)
  })
})
