import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { get as getSecurely } from 'node:https'
import { connect } from 'node:net'
import { type SecureVersion, connect as connectSecurely } from 'node:tls'
import { expect, test } from 'vitest'
import { createAuthority, issueServerCertificate } from '../crypto/certificate.ts'
import { type Bytes, collect } from '../kernel/bytes.ts'
import { KIB, MIB } from '../kernel/units.ts'
import { hostTable } from './hosts.ts'
import { type Listener, type ListenerLimits, listen } from './listener.ts'
import { pipeline } from './pipeline.ts'
import { writeReply } from './reply.ts'
import { request, serveProtocol } from './testing.ts'
import { talk, toyProtocol } from './toy-protocol.ts'

const host = 'toy.localhost'
const head = (path: string, ...lines: readonly string[]) =>
  [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...lines, '', ''].join('\r\n')

test('headers that come too slowly are 408', async () => {
  await using server = await serveProtocol(toyProtocol(), host, { limits: { headersTimeoutMs: 200 } })
  expect(await talk(server.port, 'GET / HTTP/1.1\r\nHost: toy')).toMatch(/^HTTP\/1.1 408 /)
})

test('a connection that says nothing is cut off', async () => {
  await using server = await serveProtocol(toyProtocol(), host, { limits: { headersTimeoutMs: 200 } })
  const begun = performance.now()
  await talk(server.port)
  expect(performance.now() - begun).toBeLessThan(3_000)
})

test('huge headers are 431', async () => {
  await using server = await serveProtocol(toyProtocol(), host, { limits: { maxHeaderBytes: 2_048 } })
  expect(await talk(server.port, head('/bytes', `X-A: ${'a'.repeat(5_000)}`))).toMatch(/^HTTP\/1.1 431 /)
})

test('what is no HTTP is 400, and the connection closes', async () => {
  await using server = await serveProtocol(toyProtocol(), host)
  for (const text of [
    '\u0016\u0003\u0001\u0000',
    'nonsense\r\n\r\n',
    head('/bytes', 'Content-Length: 1', 'Transfer-Encoding: chunked'),
  ]) {
    expect(await talk(server.port, text)).toMatch(/^HTTP\/1.1 400 [^]*Connection: close\r\n/)
  }
})

test('nonsense behind a request under way is not answered into its answer', async () => {
  const toy = toyProtocol()
  await using server = await serveProtocol(toy, host)
  const heard = await talk(server.port, head('/endless'), 'nonsense\r\n\r\n')
  expect(heard.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200'])
  await expect.poll(() => toy.events).toEqual(['/endless returned'])
})

test('connections beyond the limit are dropped, and room is made when others go', async () => {
  await using server = await serveProtocol(toyProtocol(), host, { limits: { maxConnections: 1 } })
  const first = connect(server.port, '127.0.0.1')
  await new Promise((resolve) => first.once('connect', resolve))
  expect(await talk(server.port, head('/bytes', 'Connection: close'))).toBe('')
  first.destroy()
  await expect.poll(() => talk(server.port, head('/bytes', 'Connection: close'))).toMatch(/^HTTP\/1.1 200 /)
})

test('close() lets a transfer finish, and nothing else hold it up', async () => {
  const toy = toyProtocol()
  const server = await serveProtocol(toy, host)
  const silent = connect(server.port, '127.0.0.1')
  const half = connect(server.port, '127.0.0.1')
  half.write('GET /bytes HTTP/1.1\r\n')
  for (const socket of [silent, half]) socket.on('error', () => undefined)
  const answer = request(`${server.url}/wait`, { host })
  await expect.poll(() => toy.events).toEqual(['waiting'])
  const closed = server.close(60_000)
  await expect(request(`${server.url}/bytes`, { host })).rejects.toThrow('ECONNREFUSED')
  toy.release()
  expect(await answer).toMatchObject({ status: 200, text: '"done"' })
  await closed
})

test('close() ends connections on which nothing is asked, at once', async () => {
  const server = await serveProtocol(toyProtocol(), host)
  const kept = connect(server.port, '127.0.0.1')
  kept.write(head('/bytes'))
  await new Promise((resolve) => kept.once('data', resolve))
  const half = connect(server.port, '127.0.0.1').on('error', () => undefined)
  half.write('GET /bytes HTTP/1.1\r\nHost: ')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const begun = performance.now()
  await server.close(60_000)
  expect(performance.now() - begun).toBeLessThan(1_000)
})

test('close() ends a kept connection once the answer that had begun before is whole', async () => {
  const toy = toyProtocol()
  const server = await serveProtocol(toy, host, { limits: { keepAliveMs: 60_000 } })
  const answer = talk(server.port, head('/gated'))
  await expect.poll(() => toy.events).toEqual(['half sent'])
  const closed = server.close(60_000)
  toy.release()
  expect(await answer).toMatch(/half and half$/)
  await closed
})

test('close() cuts at the deadline what is not finished, and the operation learns of it', async () => {
  const toy = toyProtocol()
  const server = await serveProtocol(toy, host)
  const answer = request(`${server.url}/wait`, { host })
  const lost = expect(answer).rejects.toThrow('socket hang up')
  await expect.poll(() => toy.events).toEqual(['waiting'])
  const begun = performance.now()
  await server.close(100)
  expect(performance.now() - begun).toBeLessThan(1_000)
  await lost
  await expect.poll(() => toy.events).toEqual(['waiting', 'aborted'])
  expect(server.bugs).toEqual([])
})

const limits: ListenerLimits = {
  maxConnections: 100,
  maxHeaderBytes: 16_384,
  headersTimeoutMs: 2_000,
  keepAliveMs: 2_000,
  socketIdleMs: 5_000,
}

async function serveSecurely(toy = toyProtocol()) {
  const handler = pipeline({
    hosts: hostTable([{ host, protocol: toy }]),
    pace: { idleMs: 1_000, graceMs: 1_000, minBytesPerSecond: 1 },
    newRequestId: () => 'id',
    observe: { finished: () => undefined, bug: () => undefined },
  })
  return { ...(await listenSecurely(handler)), toy }
}

async function listenSecurely(handler: RequestListener) {
  const authority = await createAuthority('Test CA', new Date(Date.now() - 1_000))
  const issue = async (name: string) => {
    const request = {
      authority,
      names: [name],
      addresses: [],
      validFrom: new Date(Date.now() - 1_000),
      days: 1,
    }
    const pair = await issueServerCertificate(request)
    return { certificatePem: pair.certPem, privateKeyPem: pair.keyPem }
  }
  const listener = await listen(handler, { host: '127.0.0.1', port: 0, tls: await issue(host), limits })
  return { listener, ca: authority.certPem, issue }
}

/** Status and body of a GET over TLS, its certificate checked for `name`. */
function getOver(
  listener: Listener,
  ca: string,
  path: string,
  { name = host, maxVersion = 'TLSv1.3' }: { name?: string; maxVersion?: SecureVersion } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const sending = getSecurely(
      {
        host: '127.0.0.1',
        port: listener.port,
        servername: name,
        ca,
        path,
        headers: { host },
        agent: false,
        maxVersion,
      },
      (response) => {
        let text = `${response.statusCode} `
        response.setEncoding('utf8')
        response.on('data', (part: string) => (text += part))
        response.on('end', () => resolve(text))
        response.on('error', reject)
      },
    )
    sending.on('error', reject)
  })
}

test('TLS serves the same, and takes a renewed certificate for new connections', async () => {
  const { listener, ca, issue } = await serveSecurely()
  expect(await getOver(listener, ca, '/bytes')).toBe('200 twelve bytes')
  await expect(getOver(listener, ca, '/bytes', { name: 'renewed.localhost' })).rejects.toThrow(
    'Hostname/IP does not match',
  )
  listener.replaceCertificate(await issue('renewed.localhost'))
  expect(await getOver(listener, ca, '/bytes', { name: 'renewed.localhost' })).toBe('200 twelve bytes')
  await listener.close(0)
})

async function* zeros(length: number, piece: number): Bytes {
  for (let at = 0; at < length; at += piece) yield new Uint8Array(piece)
}

const large = 8 * MIB
test.each([
  ['a stream', () => ({ length: large, stream: zeros(large, 64 * KIB) })],
  ['in one piece', () => new Uint8Array(large)],
])('a body over TLS is taken that comes while the answer before, %s, is on its way', async (_, body) => {
  const { listener, ca } = await listenSecurely((request, response) => {
    const options = { headers: {}, isHead: false, signal: new AbortController().signal }
    const answer = async () => {
      const got = (await collect(request)).length
      const reply = request.method === 'GET' ? body() : { got }
      await writeReply(response, { status: 200, body: reply }, options)
    }
    void answer().catch(String)
  })
  const client = connectSecurely({ host: '127.0.0.1', port: listener.port, servername: host, ca })
  client.write(head('/large'))
  await once(client, 'readable')
  // All of it at once for the server, in several records of TLS.
  client.cork()
  client.write(`PUT / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${MIB}\r\nConnection: close\r\n\r\n`)
  client.write(Buffer.alloc(MIB))
  client.uncork()
  const heard = Buffer.from(await collect(client)).subarray(large)
  expect(heard.toString('latin1')).toContain(`{"got":${MIB}}`)
  await listener.close(0)
})

test('a request knows the version of TLS it came over, and that it came over none', async () => {
  const seen: unknown[] = []
  const toy = toyProtocol()
  const noting: typeof toy = {
    ...toy,
    admit(head, matched) {
      seen.push(head.tlsVersion)
      return toy.admit(head, matched)
    },
  }
  const { listener, ca } = await serveSecurely(noting)
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
    await getOver(listener, ca, '/bytes', { maxVersion })
  await listener.close(0)
  await using plain = await serveProtocol(noting, host)
  await talk(plain.port, head('/bytes'))
  expect(seen).toEqual(['TLSv1.2', 'TLSv1.3', null])
})

test('TLS below 1.2, and plain HTTP on the TLS port, get no answer', async () => {
  const { listener, ca } = await serveSecurely()
  const old = connectSecurely({
    host: '127.0.0.1',
    port: listener.port,
    ca,
    servername: host,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
  })
  await expect(
    new Promise((resolve, reject) => old.on('secureConnect', resolve).on('error', reject)),
  ).rejects.toThrow()
  expect(await talk(listener.port, head('/bytes'))).not.toContain('200')
  await listener.close(0)
})

test('close() over TLS lets a transfer finish, though others hang in their handshake', async () => {
  const { listener, ca, toy } = await serveSecurely()
  const silent = connect(listener.port, '127.0.0.1').on('error', () => undefined)
  const idle = connectSecurely({ host: '127.0.0.1', port: listener.port, ca, servername: host }).on(
    'error',
    () => undefined,
  )
  await new Promise((resolve) => idle.once('secureConnect', resolve))
  const answer = getOver(listener, ca, '/wait')
  await expect.poll(() => toy.events).toEqual(['waiting'])
  const closed = listener.close(60_000)
  toy.release()
  expect(await answer).toBe('200 "done"')
  await closed
  silent.destroy()
})

test('close() over TLS cuts at the deadline', async () => {
  const { listener, ca, toy } = await serveSecurely()
  const lost = expect(getOver(listener, ca, '/endless')).rejects.toThrow()
  await new Promise((resolve) => setTimeout(resolve, 100))
  await listener.close(100)
  await lost
  await expect.poll(() => toy.events).toEqual(['/endless returned'])
})

test('a port that is taken is the system’s error', async () => {
  await using server = await serveProtocol(toyProtocol(), host)
  const again = listen(() => undefined, { host: '127.0.0.1', port: server.port, tls: null, limits })
  await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('a kept connection that rests is closed', async () => {
  await using server = await serveProtocol(toyProtocol(), host, { limits: { keepAliveMs: 100 } })
  const begun = performance.now()
  expect(await talk(server.port, head('/bytes'))).toMatch(/^HTTP\/1.1 200 /)
  expect(performance.now() - begun).toBeLessThan(4_000)
})
