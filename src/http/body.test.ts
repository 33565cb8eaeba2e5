import { type ClientRequest, request as sendRequest } from 'node:http'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { parseJson } from './body.ts'
import { request, serveProtocol } from './testing.ts'
import { talk, toyProtocol } from './toy-protocol.ts'

const toy = toyProtocol()
const host = 'toy.localhost'
const pace = { idleMs: 200, graceMs: 400, minBytesPerSecond: 1_000 }
const server = await serveProtocol(toy, host, { pace })
afterAll(() => server.close())
beforeEach(() => {
  toy.events.length = 0
})

const send = (method: string, path: string, options: Parameters<typeof request>[1] = {}) =>
  request(`${server.url}${path}`, { host, method, ...options })
const headOf = (method: string, path: string, ...lines: readonly string[]) =>
  [`${method} ${path} HTTP/1.1`, `Host: ${host}`, ...lines, '', ''].join('\r\n')

test('a stream arrives whole, announced or chunked', async () => {
  const body = Buffer.alloc(1_000_000, 'y')
  const announced = await send('PUT', '/things/a', { body })
  expect(announced.json()).toEqual({ bytes: 1_000_000, announced: 1_000_000 })
  const chunked = await talk(
    server.port,
    headOf('PUT', '/things/a', 'Transfer-Encoding: chunked', 'Connection: close'),
    '3\r\nabc\r\n',
    '2\r\nde\r\n0\r\nTrailer: x\r\n\r\n',
  )
  expect(chunked).toContain('{"bytes":5,"announced":null}')
})

test('an announced body beyond the limit is refused before the operation runs', async () => {
  const answer = await send('PUT', '/things/a', { body: Buffer.alloc(3_000_001) })
  expect([answer.status, answer.json()]).toEqual([413, { toy: 'body-too-large' }])
  expect(toy.events).toEqual([])
})

test('a refused body of no end is not read on and on: the answer comes, then the connection goes', async () => {
  const { response, sent } = await endlessUpload('/things/a')
  expect(response).toMatch(/^HTTP\/1.1 413 /)
  expect(response).toMatch(/connection: close/i)
  expect(sent).toBeLessThan(20_000_000)
})

test('a body that the operation itself refuses midway is cut likewise', async () => {
  const { response, sent } = await endlessUpload('/break-off')
  expect(response).toMatch(/^HTTP\/1.1 403 /)
  expect(sent).toBeLessThan(20_000_000)
})

test('a small refused body leaves the connection usable', async () => {
  const answer = await talk(
    server.port,
    headOf('PUT', '/break-off', 'Content-Length: 200000'),
    Buffer.alloc(100_000),
    Buffer.alloc(100_000),
    headOf('GET', '/bytes', 'Connection: close'),
  )
  expect(answer.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 403', 'HTTP/1.1 200'])
})

test('a body that no operation asked for is read away', async () => {
  const answer = await talk(
    server.port,
    headOf('POST', '/ignore', 'Content-Length: 10'),
    'GET /bytes',
    headOf('GET', '/bytes', 'Connection: close'),
  )
  expect(answer.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200'])
})

test('JSON is read; nothing at all is no value', async () => {
  expect((await send('POST', '/json', { body: { a: ['ü'] } })).json()).toEqual({ got: { a: ['ü'] } })
  expect((await send('POST', '/json')).json()).toEqual({ got: 'nothing' })
})

test.each([
  ['cut off', '{"a":'],
  ['with more behind', '{} {}'],
  ['in invalid UTF-8', Buffer.from([0x22, 0xff, 0x22])],
  ['nested without end', '['.repeat(4_000)],
  ['nested too deep', `${'['.repeat(101)}${']'.repeat(101)}`],
])('JSON %s is 400 and not repeated', async (_what, body) => {
  const answer = await send('POST', '/json', { body })
  expect([answer.status, answer.json()]).toEqual([400, { toy: 'body-malformed' }])
})

test('parseJson() agrees with JSON.parse() on every value that is not nested deep', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 20 }), (text) => {
      expect(parseJson(Buffer.from(text))).toEqual(JSON.parse(text))
    }),
  )
  const brackets = '["[[[[", "\\"[[[", "\\\\", {"[": "]"}]'
  expect(parseJson(Buffer.from(brackets.repeat(1)))).toEqual(JSON.parse(brackets))
  const wide = `[${Array(500).fill('[[]]').join()}, "${'['.repeat(500)}\\"${'['.repeat(500)}"]`
  expect(parseJson(Buffer.from(wide))).toEqual(JSON.parse(wide))
})

test('a form is read; one that is not UTF-8 is 400', async () => {
  expect((await send('POST', '/form', { body: 'a=1&b=%ED%95%9C+x&a=2' })).json()).toEqual({
    a: '2',
    b: '한 x',
  })
  expect((await send('POST', '/form', { body: Buffer.from([0x61, 0x3d, 0xff]) })).status).toBe(400)
})

test('raw bytes come as they are', async () => {
  const body = Buffer.from([0, 255, 10, 13])
  expect((await send('POST', '/raw', { body })).body).toEqual(body)
})

test('a small body beyond its limit is 413, announced or chunked', async () => {
  expect((await send('POST', '/raw', { body: Buffer.alloc(4_097) })).status).toBe(413)
  const chunked = await talk(
    server.port,
    headOf('POST', '/json', 'Transfer-Encoding: chunked', 'Connection: close'),
    `1001\r\n${'x'.repeat(4_097)}\r\n`,
    '0\r\n\r\n',
  )
  expect(chunked).toMatch(/^HTTP\/1.1 413 /)
})

test('a Transfer-Encoding that is not undone is 400', async () => {
  const answer = await talk(
    server.port,
    headOf('PUT', '/things/a', 'Transfer-Encoding: gzip, chunked', 'Connection: close'),
    '0\r\n\r\n',
  )
  expect(answer).toMatch(/^HTTP\/1.1 400 /)
  expect(toy.events).toEqual([])
})

test('Expect: 100-continue is granted where the body is wanted', async () => {
  const answer = await talk(
    server.port,
    headOf('PUT', '/things/a', 'Expect: 100-continue', 'Content-Length: 3', 'Connection: close'),
    'abc',
  )
  expect(answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 201 /)
})

test.each([
  ['by the caller', '/things/a', 'Authorization: no', 3, 403],
  ['by its length', '/things/a', 'X-A: b', 3_000_001, 413],
  ['by its path', '/nothing', 'X-A: b', 3, 404],
])(
  'Expect: 100-continue that is refused %s costs no body, and the connection closes',
  async (_by, path, line, length, status) => {
    const answer = await talk(
      server.port,
      headOf('PUT', path, 'Expect: 100-continue', `Content-Length: ${length}`, line),
    )
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(answer).toMatch(/connection: close/i)
  },
)

test('an HTTP/1.0 client is never told to go on, and another expectation is ignored', async () => {
  const old = `PUT /things/a HTTP/1.0\r\nHost: ${host}\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc`
  expect(await talk(server.port, old)).toMatch(/^HTTP\/1.1 201 /)
  expect(await talk(server.port, headOf('GET', '/bytes', 'Expect: a-miracle', 'Connection: close'))).toMatch(
    /^HTTP\/1.1 200 /,
  )
})

test('an upload that breaks off ends the operation with a fault, not a bug', async () => {
  const socket = connect(server.port, '127.0.0.1')
  socket.write(headOf('PUT', '/things/a', 'Content-Length: 1000'))
  await expect.poll(() => toy.events).toEqual(['put began'])
  const seen = server.records.length
  socket.write('abc')
  socket.destroy()
  await expect.poll(() => server.records.length).toBe(seen + 1)
  expect(server.records.at(-1)).toMatchObject({ status: 0, isWhole: false })
  expect(toy.events).toEqual(['put began'])
})

test('a body that ends before its length is no upload', async () => {
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
  let heard = ''
  socket.on('data', (part: Buffer) => (heard += part.toString('latin1')))
  socket.on('error', () => undefined)
  socket.on('end', () => socket.end())
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  socket.end(`${headOf('PUT', '/things/a', 'Content-Length: 10')}abc`)
  await closed
  expect(heard).not.toContain('201')
  expect(toy.events).toEqual(['put began'])
})

test('a client that stops sending is told 408 and cut off, however fast it was before', async () => {
  await using fast = await serveProtocol(toy, host, { pace: { ...pace, graceMs: 60_000 } })
  const begun = performance.now()
  const answer = await talk(
    fast.port,
    headOf('PUT', '/things/a', 'Content-Length: 1000000'),
    Buffer.alloc(500_000),
  )
  expect(answer).toMatch(/^HTTP\/1.1 408 /)
  expect(performance.now() - begun).toBeLessThan(4_000)
  expect(toy.events).toEqual(['put began'])
})

test('a client that trickles is cut off though it never rests', async () => {
  const socket = connect(server.port, '127.0.0.1')
  let heard = ''
  socket.on('data', (part: Buffer) => (heard += part.toString('latin1')))
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  socket.write(headOf('PUT', '/things/a', 'Content-Length: 100000'))
  const drip = setInterval(() => socket.write('x'), 50)
  await closed
  clearInterval(drip)
  expect(heard).toMatch(/^HTTP\/1.1 408 /)
})

test('nothing of all this was a bug', () => {
  expect(server.bugs).toEqual([])
})

/** Sends without end, in chunks, until the server's answer has come and the connection is gone. */
async function endlessUpload(path: string): Promise<{ readonly response: string; readonly sent: number }> {
  const socket = connect(server.port, '127.0.0.1')
  let response = ''
  socket.on('data', (part: Buffer) => (response += part.toString('latin1')))
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  socket.write(headOf('PUT', path, 'Transfer-Encoding: chunked'))
  const part = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(0x10000), Buffer.from('\r\n')])
  // Between two parts the client looks whether it was answered: what it has not read is lost when the connection is reset.
  const more = () => {
    if (!socket.destroyed && socket.write(part)) setImmediate(more)
  }
  socket.on('drain', more)
  more()
  await closed
  return { response, sent: socket.bytesWritten }
}

test('a client that is refused while it sends reads the answer', async () => {
  for (let round = 0; round < 10; round++) {
    const status = await new Promise<number>((resolve, reject) => {
      const sending: ClientRequest = sendRequest(
        {
          port: server.port,
          host: '127.0.0.1',
          method: 'PUT',
          path: '/things/a',
          headers: { host, authorization: 'no' },
        },
        (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        },
      )
      sending.on('error', reject)
      sending.end(Buffer.alloc(900_000))
    })
    expect(status).toBe(403)
  }
})
