import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collect } from '../../kernel/bytes.ts'
import { noConditions } from '../blob/conditions.ts'
import type { ForeignSources } from '../blob/copy-source.ts'
import { type TlsServer, newAuthority, tlsServer } from '../remote-vault/testing/tls-server.ts'
import { httpsSources } from './https-sources.ts'
import { isPublicAddress } from './public-address.ts'

let server: TlsServer
let sources: ForeignSources & Disposable
let looked: string[]
const LOOPBACK = { address: '127.0.0.1', family: 4 }

beforeEach(async () => {
  server = await tlsServer(await newAuthority())
  looked = []
  sources = httpsSources({
    lookup: async (hostname) => {
      looked.push(hostname)
      return [LOOPBACK]
    },
    isPublic: () => true,
    ca: server.ca,
  })
})
afterEach(async () => {
  sources[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const never = new AbortController().signal
const port = () => new URL(server.url).port
const whole = { range: null, conditions: noConditions }
const at = (url: string, bearer: string | null = null) => ({ kind: 'foreign' as const, url, bearer })
const open = (
  wanted: Partial<typeof whole | { range: { start: number; end: number } }> = {},
  path = '/c/b',
) => sources.open(at(`${server.url}${path}`), { ...whole, ...wanted }, never)

describe('a source on another server', () => {
  it('comes with its bytes, its headers and its metadata', async () => {
    server.answer = (_, response) => {
      response.writeHead(200, {
        etag: '"0x1"',
        'content-type': 'text/plain',
        'content-length': '5',
        'cache-control': 'no-store',
        'x-ms-blob-type': 'AppendBlob',
        'x-ms-meta-Name': 'value',
        'x-ms-meta-not-allowed': 'x',
      })
      response.end('hello')
    }
    const found = await open({}, '/c/b?sig=x')
    expect(found).toMatchObject({
      etag: '0x1',
      doc: {
        type: 'AppendBlob',
        length: 5,
        headers: { contentType: 'text/plain', cacheControl: 'no-store' },
      },
      metadata: { Name: 'value' },
    })
    expect((await collect(found.read(never))).toString()).toBe('hello')
    expect(server.requests[0]).toMatchObject({ method: 'GET', path: '/c/b?sig=x' })
    expect(server.requests[0]?.headers.authorization).toBeUndefined()
  })

  it('is asked for a range, with conditions and with the token that is for it', async () => {
    server.answer = (_, response) => {
      response.writeHead(206, { 'content-length': '2', 'content-range': 'bytes 1-2/5' }).end('el')
    }
    const conditions = { ...noConditions, ifMatch: ['0x1'], ifUnmodifiedSince: 0 }
    const source = at(`${server.url}/b`, 'token')
    const found = await sources.open(source, { range: { start: 1, end: 3 }, conditions }, never)
    expect(found.doc.length).toBe(5)
    expect((await collect(found.read(never))).toString()).toBe('el')
    expect(server.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer token',
      range: 'bytes=1-2',
      'if-match': '"0x1"',
      'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT',
    })
  })

  it.each([
    [
      404,
      { 'x-ms-error-code': 'BlobNotFound' },
      { code: 'copy-source-refused', facts: { status: 404, code: 'BlobNotFound' } },
    ],
    [403, {}, { code: 'copy-source-refused', facts: { status: 403, code: null } }],
    [
      302,
      { location: 'https://127.0.0.1/' },
      { code: 'copy-source-refused', facts: { status: 302, code: null } },
    ],
    [412, {}, { code: 'source-condition-not-met' }],
    [304, {}, { code: 'source-condition-not-met' }],
    [200, { 'transfer-encoding': 'chunked' }, { code: 'copy-source-unreachable' }],
  ])('that answers %i is refused, and not followed', async (status, headers, expected) => {
    server.answer = (_, response) => response.writeHead(status, headers).end()
    await expect(open()).rejects.toMatchObject(expected)
    expect(server.requests).toHaveLength(1)
  })

  it('that does not serve the range is refused', async () => {
    server.answer = (_, response) => response.writeHead(200, { 'content-length': '5' }).end('hello')
    await expect(open({ range: { start: 1, end: 3 } })).rejects.toMatchObject({
      code: 'copy-source-unreachable',
    })
    const all = await open({ range: { start: 0, end: 5 } })
    expect((await collect(all.read(never))).toString()).toBe('hello')
  })

  it('that breaks off is no source', async () => {
    server.answer = (_, response) => {
      response.writeHead(200, { 'content-length': '10' })
      response.write('hello')
      setImmediate(() => response.destroy())
    }
    const found = await open()
    await expect(collect(found.read(never))).rejects.toMatchObject({ code: 'copy-source-unreachable' })
  })

  it('that is not trusted, or not there, is no source', async () => {
    using untrusting = httpsSources({ lookup: async () => [LOOPBACK], isPublic: () => true, ca: null })
    const refused = { code: 'copy-source-unreachable' }
    await expect(untrusting.open(at(server.url), whole, never)).rejects.toMatchObject(refused)
    await expect(sources.open(at('https://127.0.0.1:1/'), whole, never)).rejects.toMatchObject(refused)
  })

  it('ends with the signal', async () => {
    const ending = new AbortController()
    server.answer = (_, response) => {
      response.writeHead(200, { 'content-length': '10' })
      response.write('hello')
    }
    const found = await open()
    const reading = collect(found.read(ending.signal))
    ending.abort(new Error('enough'))
    await expect(reading).rejects.toBeDefined()
  })
})

describe('a source that may not be asked', () => {
  const guarded = (addresses: readonly string[]) =>
    httpsSources({
      lookup: async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      isPublic: isPublicAddress,
      ca: server.ca,
    })
  const refused = { code: 'copy-source-unreachable', facts: { reason: 'The source has no public address.' } }

  it.each([
    'https://127.0.0.1:PORT/',
    'https://[::1]:PORT/',
    'https://[::ffff:127.0.0.1]:PORT/',
    'https://2130706433:PORT/',
    'https://0x7f.1:PORT/',
    'https://169.254.169.254/metadata/identity',
    'https://10.0.0.1/',
  ])('%s', async (url) => {
    using closed = guarded(['8.8.8.8'])
    await expect(closed.open(at(url.replace('PORT', port())), whole, never)).rejects.toMatchObject(refused)
    expect(server.requests).toHaveLength(0)
  })

  it.each([[['127.0.0.1']], [['8.8.8.8', '127.0.0.1']], [['::1']], [['fe80::1']], [[]]])(
    'by a name of %j',
    async (addresses) => {
      using closed = guarded(addresses)
      const source = at(`https://server.test:${port()}/`)
      await expect(closed.open(source, whole, never)).rejects.toMatchObject(refused)
      expect(server.requests).toHaveLength(0)
    },
  )

  it('by plain HTTP', async () => {
    await expect(sources.open(at('http://server.test/'), whole, never)).rejects.toMatchObject({
      code: 'copy-source-invalid',
    })
  })
})

it('connects to the address that was checked, whatever the name resolves to afterwards', async () => {
  server.answer = (_, response) => response.writeHead(200, { 'content-length': '0' }).end()
  const found = await sources.open(at(`https://server.test:${port()}/`), whole, never)
  found.close()
  expect(looked).toEqual(['server.test'])
  expect(server.requests[0]?.headers.host).toBe(`server.test:${port()}`)
})
