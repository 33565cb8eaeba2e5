import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CertificatePair } from '../../crypto/certificate.ts'
import { Outage } from '../../kernel/fault.ts'
import { type HttpsClient, httpsClient } from './https-client.ts'
import { type TlsServer, json, newAuthority, tlsServer } from './testing/tls-server.ts'

let authority: CertificatePair
let server: TlsServer
let client: HttpsClient

beforeEach(async () => {
  authority = await newAuthority()
  server = await tlsServer(authority)
  client = httpsClient(server.ca)
})
afterEach(async () => {
  client[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const never = new AbortController().signal
const get = (signal = never, through = client, to = server) =>
  through.send({ method: 'GET', url: new URL(`${to.url}/a?b=c`), headers: { 'x-mark': '1' } }, signal)
async function outage(sending: Promise<unknown>): Promise<Outage> {
  const error = await sending.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (error instanceof Outage) return error
  throw new Error('no outage', { cause: error })
}

describe('a request to another server', () => {
  it('comes as it was sent, and its answer comes back whole', async () => {
    server.answer = json(403, { a: 1 }, { 'x-answer': 'yes' })
    const url = new URL(`${server.url}/keys`)
    const answer = await client.send(
      { method: 'POST', url, headers: { 'x-mark': '2' }, body: '{"ä":1}' },
      never,
    )
    expect(answer.body.toString()).toBe('{"a":1}')
    expect([answer.status, answer.headers['x-answer']]).toEqual([403, 'yes'])
    const [seen] = server.requests
    expect(seen).toMatchObject({ method: 'POST', path: '/keys', body: '{"ä":1}' })
    expect(seen?.headers).toMatchObject({ 'x-mark': '2', 'content-length': '8' })
  })

  it('goes over a connection that is kept, and over a new one where the server closed it meanwhile', async () => {
    await get()
    await get()
    expect(server.connections()).toBe(1)
    // The client's side does not know yet: its next request meets a closed connection.
    const dropped = server.dropConnections()
    expect((await get()).status).toBe(200)
    await dropped
    expect(server.requests).toHaveLength(3)
  })

  it('follows no redirect', async () => {
    await using other = await tlsServer(authority)
    server.answer = json(307, {}, { location: `${other.url}/elsewhere` })
    expect((await get()).status).toBe(307)
    expect(other.requests).toEqual([])
  })
})

describe('no answer, and so no refusal, is', () => {
  it('a certificate of another authority, whatever the environment says', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    await using other = await tlsServer(await newAuthority())
    const { detail } = await outage(get(never, client, other))
    expect(detail).toMatch(/^The certificate of https:\/\/127\.0\.0\.1:\d+ is not trusted \(\w+\)/)
    expect(other.requests).toEqual([])
    vi.unstubAllEnvs()
  })

  it('a certificate of ours where only public ones are trusted', async () => {
    using publicOnly = httpsClient(null)
    expect((await outage(get(never, publicOnly))).detail).toContain('is not trusted')
  })

  it('a certificate for another name, or one that has expired', async () => {
    await using named = await tlsServer(authority, { addresses: ['127.0.0.2'] })
    await using expired = await tlsServer(authority, { days: 1 })
    for (const one of [named, expired])
      expect((await outage(get(never, client, one))).detail).toContain('is not trusted')
  })

  it('a port where nobody listens', async () => {
    const { url } = server
    await server[Symbol.asyncDispose]()
    const { detail } = await outage(get())
    expect(detail).toBe(`${url} cannot be reached (ECONNREFUSED).`)
    server = await tlsServer(authority)
  })

  it('silence until the caller gives up, and the connection is not kept', async () => {
    server.answer = () => undefined
    const gaveUp = new AbortController()
    const asked = outage(get(gaveUp.signal))
    await vi.waitFor(() => expect(server.requests).toHaveLength(1))
    gaveUp.abort()
    expect((await asked).detail).toContain('did not answer in time')
    await vi.waitFor(() => expect(server.connections()).toBe(0))
  })

  it('a body that is broken off, or that has no end', async () => {
    server.answer = (_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"half":')
      response.destroy()
    }
    await outage(get())
    server.answer = (_, response) => {
      const flood = setInterval(() => response.write(Buffer.alloc(16_384)), 1)
      response.on('close', () => clearInterval(flood))
    }
    await outage(get())
    await vi.waitFor(() => expect(server.connections()).toBe(0))
  })

  it('a connection that is closed again and again', async () => {
    server.answer = (_, response) => response.destroy()
    expect((await outage(get())).detail).toContain('cannot be reached')
    // It was a new connection: nothing tells that the request was not seen.
    expect(server.requests).toHaveLength(1)
  })
})
