import { Agent } from 'node:http'
import type { Socket } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { serveProtocol, request } from './testing.ts'
import { talk, toyProtocol } from './toy-protocol.ts'

const toy = toyProtocol()
const server = await serveProtocol(toy, ['*.toy.localhost', 'toy.localhost'])
afterAll(() => server.close())

const host = 'one.toy.localhost:8443'
const get = (path: string, options: Parameters<typeof request>[1] = {}) =>
  request(`${server.url}${path}`, { host, ...options })
const raw = (...lines: readonly string[]) => talk(server.port, `${lines.join('\r\n')}\r\n\r\n`)

test('the Host alone decides, in any letter case, with or without port and final dot', async () => {
  for (const name of ['one.toy.localhost', 'ONE.Toy.localhost:8443', 'one.toy.localhost.:1']) {
    const answer = await get('/things/a', { host: name })
    expect(answer.status).toBe(200)
    expect(answer.json()).toMatchObject({ subject: 'one' })
  }
  expect((await get('/things/a')).json()).toMatchObject({ authority: host })
})

test('an unknown host is 404 with a request id', async () => {
  const answer = await get('/things/a', { host: 'toy.example' })
  expect(answer.status).toBe(404)
  expect(answer.headers['x-ms-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  expect(answer.json()).toMatchObject({ error: { code: 'HostNotFound' } })
})

test.each([
  ['none', ['GET /things/a HTTP/1.1']],
  ['two', ['GET /things/a HTTP/1.1', `Host: ${host}`, `host: ${host}`]],
  ['an empty one', ['GET /things/a HTTP/1.1', 'Host:']],
  ['an invalid one', ['GET /things/a HTTP/1.1', 'Host: a@b']],
  ['none in HTTP/1.0', ['GET /things/a HTTP/1.0']],
  ['none beside an absolute target', ['GET http://one.toy.localhost/things/a HTTP/1.1']],
  [
    'two, the second far behind',
    ['GET /things/a HTTP/1.1', `Host: ${host}`, ...Array<string>(2_500).fill('a:'), 'Host: b'],
  ],
])('a request with %s Host is 400 with a request id', async (_what, lines) => {
  const answer = await raw(...lines, 'Connection: close')
  expect(answer).toMatch(/^HTTP\/1.1 400 /)
  expect(answer).toMatch(/x-ms-request-id: [0-9a-f-]{36}/)
})

test('an absolute-form target overrides the Host', async () => {
  const answer = await raw(
    'GET http://two.toy.localhost:99/things/a?b=c HTTP/1.1',
    `Host: ${host}`,
    'Connection: close',
  )
  expect(answer).toMatch(/^HTTP\/1.1 200 /)
  expect(answer).toContain('"subject":"two"')
  expect(answer).toContain('"authority":"two.toy.localhost:99"')
  expect(answer).toContain('"query":"b=c"')
})

test('a target of another form is 400', async () => {
  expect(
    await raw('GET ftp://one.toy.localhost/things/a HTTP/1.1', `Host: ${host}`, 'Connection: close'),
  ).toMatch(/^HTTP\/1.1 400 /)
  expect(
    await raw('GET http://u:p@one.toy.localhost/ HTTP/1.1', `Host: ${host}`, 'Connection: close'),
  ).toMatch(/^HTTP\/1.1 400 /)
})

test('the path is decoded once, slashes in it count and double ones are one', async () => {
  expect((await get('/things/a%2520b')).json()).toMatchObject({ name: 'a%20b' })
  expect((await get('//things///%ED%95%9C')).json()).toMatchObject({ name: '한', path: '/things/한' })
  expect((await get('/files/a%2Fb')).json()).toEqual({ name: 'a/b' })
  expect((await get('/things/a%2Fb')).status).toBe(404)
})

test.each(['/things/a%00', '/things/../a', '/things/%2e%2e/a', '/things/%ff', '/things/a%0d%0aSet-Cookie:x'])(
  'the path %s is refused in the words of the protocol, with its headers',
  async (path) => {
    const answer = await get(path)
    expect(answer.status).toBe(400)
    expect(answer.json()).toEqual({ toy: 'path-malformed' })
    expect(answer.headers['x-toy-request-id']).toBeDefined()
  },
)

test('an unknown path is the 404 of the protocol; a known one with another method 405, with Allow', async () => {
  const unknown = await get('/nothing')
  expect([unknown.status, unknown.json()]).toEqual([404, { toy: 'operation-unknown' }])
  const wrong = await get('/things/a', { method: 'PATCH' })
  expect([wrong.status, wrong.json()]).toEqual([405, { toy: 'method-not-allowed' }])
  expect(wrong.headers.allow?.split(', ').sort()).toEqual(['DELETE', 'GET', 'HEAD', 'PUT'])
  expect((await get('/things/a', { method: 'PROPFIND' })).status).toBe(405)
  expect((await get('/things/a', { method: 'TRACE' })).status).toBe(405)
})

test('who is refused learns it before an unknown path does', async () => {
  expect((await get('/nothing', { headers: { authorization: 'no' } })).status).toBe(403)
})

test('repeated headers arrive joined, none left out', async () => {
  const answer = await raw(
    'GET /things/a HTTP/1.1',
    `Host: ${host}`,
    'Authorization: no',
    'Authorization: yes',
    'Connection: close',
  )
  expect(answer).toMatch(/^HTTP\/1.1 200 /)
})

test('HEAD answers as GET would, without its body', async () => {
  for (const [path, length] of [
    ['/bytes', '12'],
    ['/whole', '200000'],
    ['/things/abc', String((await get('/things/abc')).body.length)],
    ['/empty', '0'],
  ] as const) {
    const answer = await get(path, { method: 'HEAD' })
    expect([answer.status, answer.headers['content-length'], answer.body.length]).toEqual([200, length, 0])
  }
})

test('every answer has a Content-Length; 204 has neither that nor a body', async () => {
  for (const path of ['/things/a', '/empty', '/bytes', '/nothing', '/bug', '/outage', '/whole']) {
    const answer = await get(path)
    expect(Number(answer.headers['content-length'])).toBe(answer.body.length)
  }
  const dropped = await get('/things/a', { method: 'DELETE' })
  expect(dropped.status).toBe(204)
  expect(dropped.headers['content-length']).toBeUndefined()
  expect(dropped.headers['transfer-encoding']).toBeUndefined()
})

test('a bug is 500 without our words, and is told to us; an outage is none', async () => {
  const before = server.bugs.length
  const answer = await get('/bug')
  expect([answer.status, answer.text]).toEqual([500, '{"toy":"bug"}'])
  expect(server.bugs.slice(before)).toEqual([new Error('the secret is 12345')])
  expect((await get('/outage')).status).toBe(503)
  expect(server.bugs.length).toBe(before + 1)
})

test('an answer that cannot be written is a bare 500 with the request id', async () => {
  const before = server.bugs.length
  const answer = await get('/bad-header')
  expect([answer.status, answer.text]).toEqual([500, ''])
  expect(answer.headers['x-ms-request-id']).toBeDefined()
  expect(server.bugs.length).toBe(before + 1)
})

test('a connection goes on after refusals', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ports = new Set<number | undefined>()
  agent.on('free', (socket: Socket) => ports.add(socket.localPort))
  const requests = [
    ['GET', '/nothing'],
    ['GET', '/things/%ff'],
    ['PATCH', '/things/a'],
    ['POST', '/json'],
    ['POST', '/ignore'],
    ['GET', '/bug'],
    ['DELETE', '/things/a'],
    ['GET', '/things/a'],
  ] as const
  const statuses = []
  for (const [method, path] of requests) {
    const body = method === 'POST' ? { body: '{' } : {}
    statuses.push((await get(path, { method, agent, ...body })).status)
  }
  agent.destroy()
  expect(statuses).toEqual([404, 400, 405, 400, 200, 500, 204, 200])
  expect(ports.size).toBe(1)
})

test('requests sent ahead on one connection are answered in order', async () => {
  const one = (path: string) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n`
  const answers = await talk(
    server.port,
    `${one('/things/a')}\r\n${one('/nothing')}\r\n${one('/things/b')}Connection: close\r\n\r\n`,
  )
  expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200'])
})

test('what is told of a request names its operation, never its query', async () => {
  const seen = server.records.length
  await get('/things/a?sig=secret', { agent: new Agent() })
  await get('/nothing?sig=secret')
  await expect.poll(() => server.records.length).toBe(seen + 2)
  expect(server.records[seen]).toMatchObject({
    protocol: 'toy',
    operation: 'GetThing',
    subject: 'one',
    method: 'GET',
    path: '/things/a',
    status: 200,
    isWhole: true,
    remoteAddress: '127.0.0.1',
  })
  expect(server.records[seen]?.bytesReceived).toBeGreaterThan('GET /things/a?sig=secret HTTP/1.1'.length)
  expect(server.records[seen]?.bytesSent).toBeGreaterThan(100)
  expect(server.records[seen + 1]).toMatchObject({ operation: 'none', status: 404 })
  expect(JSON.stringify(server.records)).not.toContain('secret')
})

test('an Upgrade that nobody offers is ignored', async () => {
  const answer = await raw(
    'GET /things/a HTTP/1.1',
    `Host: ${host}`,
    'Connection: Upgrade, close',
    'Upgrade: h2c',
  )
  expect(answer).toMatch(/^HTTP\/1.1 200 /)
})
