import { get as getFrom } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { request, serveProtocol } from './testing.ts'
import { talk, toyProtocol } from './toy-protocol.ts'

const toy = toyProtocol()
const host = 'toy.localhost'
const server = await serveProtocol(toy, host)
afterAll(() => server.close())
beforeEach(() => {
  toy.events.length = 0
})
const get = (path: string) => request(`${server.url}${path}`, { host })

test('a stream arrives whole, with its length or chunked', async () => {
  const whole = await get('/whole')
  expect([whole.headers['content-length'], whole.body.length]).toEqual(['200000', 200_000])
  const chunked = await get('/chunked')
  expect([chunked.headers['content-length'], chunked.body.length]).toEqual([undefined, 200_000])
})

test('headers go out byte for byte, with a body in one piece too', async () => {
  const { headers } = await get('/bytes')
  expect(Buffer.from(headers['content-disposition'] ?? '', 'latin1').toString()).toBe('한')
})

test.each(['/breaks', '/refused-midway', '/short'])(
  'a stream that ends early (%s) leaves a body that the client sees is incomplete',
  async (path) => {
    await expect(get(path)).rejects.toThrow(/aborted|ECONNRESET|socket hang up/)
    expect(toy.events).toEqual([`${path} returned`])
  },
)

test('a chunked stream that is cut has no last chunk', async () => {
  const head = `GET /breaks HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  const heard = await talk(server.port, head)
  expect(heard).toMatch(/^HTTP\/1.1 200 /)
  expect(heard.length).toBeLessThan(400_000)
})

test('never a byte beyond the announced length reaches the client', async () => {
  const heard = await talk(server.port, `GET /long HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  const body = heard.slice(heard.indexOf('\r\n\r\n') + 4)
  expect(body.length).toBeLessThanOrEqual(100_000)
  expect(toy.events).toEqual(['/long returned'])
})

test('a broken stream is told as a bug, a refused one is not', async () => {
  const before = server.bugs.length
  await get('/refused-midway').catch(() => undefined)
  expect(server.bugs.length).toBe(before)
  await get('/breaks').catch(() => undefined)
  await expect.poll(() => server.bugs.slice(before)).toEqual([new Error('the disk broke')])
})

test('a client that leaves stops the stream, which is told so', async () => {
  const before = server.bugs.length
  await new Promise<void>((resolve) => {
    const sending = getFrom(
      { host: '127.0.0.1', port: server.port, path: '/endless', headers: { host } },
      (response) => {
        response.once('data', () => {
          sending.destroy()
          resolve()
        })
      },
    )
  })
  await expect.poll(() => toy.events).toEqual(['/endless returned'])
  await expect
    .poll(() => server.records.at(-1))
    .toMatchObject({ operation: 'Stream /endless', isWhole: false })
  expect(server.bugs.length).toBe(before)
})

test('a client that stops reading is held back, and cut off when nothing moves', async () => {
  await using slow = await serveProtocol(toy, host, { limits: { socketIdleMs: 300 } })
  const socket = connect(slow.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(`GET /endless HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  socket.pause()
  await expect.poll(() => toy.events, { timeout: 5_000 }).toEqual(['/endless returned'])
  expect(slow.records[0]?.bytesSent).toBeLessThan(50_000_000)
  socket.destroy()
})

test('an operation whose client leaves is aborted, without a bug', async () => {
  const before = server.bugs.length
  const socket = connect(server.port, '127.0.0.1')
  socket.write(`GET /wait HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  await expect.poll(() => toy.events).toEqual(['waiting'])
  socket.destroy()
  await expect.poll(() => toy.events).toEqual(['waiting', 'aborted'])
  expect(server.bugs.length).toBe(before)
})
