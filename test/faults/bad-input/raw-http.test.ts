import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Target, openTarget } from '../../support/hostile.ts'

/** What no client library sends: on the wire as it stands. */
describe('bytes that are hardly HTTP', () => {
  let target: Target
  let host: string
  beforeAll(async () => {
    target = await openTarget()
    host = `management.localhost:${target.server.port}`
  })
  afterAll(() => target[Symbol.asyncDispose]())

  const statuses = (heard: string) => [...heard.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => status)
  const ask = async (...lines: string[]) => statuses(await target.raw('management', lines.join('\r\n')))
  const get = 'GET /metadata/endpoints HTTP/1.1'

  it('the plain request that the others are bent from is served', async () => {
    expect(await ask(get, `Host: ${host}`, '', '')).toEqual(['200'])
  })

  describe('a second request hidden in a first one is never served', () => {
    const hidden = `GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n`
    it.each([
      ['Content-Length and Transfer-Encoding', ['Content-Length: 4', 'Transfer-Encoding: chunked']],
      ['Transfer-Encoding and Content-Length', ['Transfer-Encoding: chunked', 'Content-Length: 4']],
      ['two different lengths', ['Content-Length: 0', `Content-Length: ${hidden.length}`]],
      ['two equal lengths', ['Content-Length: 5', 'Content-Length: 5']],
      ['a length with a sign', ['Content-Length: +5']],
      ['a length in hex', ['Content-Length: 0x5']],
      ['a list of lengths', ['Content-Length: 5, 5']],
      ['a negative length', ['Content-Length: -1']],
      ['a length beyond all numbers', [`Content-Length: ${'9'.repeat(40)}`]],
      ['a blank before the colon', ['Content-Length : 5']],
      ['an encoding with a tab', ['Transfer-Encoding:\tchunked', 'Content-Length: 4']],
      ['an encoding that is not the last', ['Transfer-Encoding: chunked, identity']],
      ['an unknown encoding', ['Transfer-Encoding: xchunked']],
      ['a folded encoding', ['Transfer-Encoding:', ' chunked', 'Content-Length: 4']],
      ['a vertical tab', ['Transfer-Encoding: \u000bchunked', 'Content-Length: 4']],
    ])('%s', async (_what, headers) => {
      const heard = await target.raw(
        'management',
        ['POST /metadata/endpoints HTTP/1.1', `Host: ${host}`, ...headers, '', `0\r\n\r\n${hidden}`].join(
          '\r\n',
        ),
      )
      const [first, ...more] = statuses(heard)
      expect(['400', '405', '411', '413', '501']).toContain(first)
      // The rest is thrown away with the connection, or is what it always was: the body.
      expect(more.filter((status) => status !== '400')).toEqual([])
      expect(heard).not.toContain('HostNotFound')
    })
  })

  it.each([
    ['a bare line feed after the request line', `${get}\nHost: HOST\n\n`],
    ['a bare line feed between headers', `${get}\r\nHost: HOST\nX-A: b\r\n\r\n`],
    ['a bare carriage return in a value', `${get}\r\nHost: HOST\r\nX-A: a\rb\r\n\r\n`],
    ['a folded header', `${get}\r\nHost: HOST\r\nX-A: a\r\n b\r\n\r\n`],
    ['a NUL in a value', `${get}\r\nHost: HOST\r\nX-A: a\u0000b\r\n\r\n`],
    ['a NUL in the target', `GET /a\u0000b HTTP/1.1\r\nHost: HOST\r\n\r\n`],
    ['a blank in the target', `GET /a b HTTP/1.1\r\nHost: HOST\r\n\r\n`],
    ['no name before the colon', `${get}\r\nHost: HOST\r\n: b\r\n\r\n`],
    ['no Host', `${get}\r\nX-A: b\r\n\r\n`],
    ['two Hosts', `${get}\r\nHost: HOST\r\nHost: evil\r\n\r\n`],
    ['an empty Host', `${get}\r\nHost: \r\n\r\n`],
    ['a Host with a path', `${get}\r\nHost: HOST/x\r\n\r\n`],
    ['a Host with userinfo', `${get}\r\nHost: a@HOST\r\n\r\n`],
    ['two Hosts in one', `${get}\r\nHost: HOST, evil\r\n\r\n`],
    ['version 9', `GET / HTTP/9.9\r\nHost: HOST\r\n\r\n`],
    ['HTTP/2 by prior knowledge', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`],
    ['a method that is none', `G\u00c9T / HTTP/1.1\r\nHost: HOST\r\n\r\n`],
    ['TLS in TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'],
    ['nothing but line feeds', '\n'.repeat(5_000)],
    ['a request line without an end', `GET /${'a'.repeat(200_000)}`],
  ])('%s is refused with 4xx or silence', async (_what, bytes) => {
    const heard = await target.raw('management', Buffer.from(bytes.replaceAll('HOST', host), 'latin1'))
    expect(statuses(heard).filter((status) => !status?.startsWith('4'))).toEqual([])
  })

  it('a target in absolute form goes where it says, whatever the Host', async () => {
    const target1 = `GET https://login.localhost:1/common/discovery/keys HTTP/1.1`
    expect(await ask(target1, `Host: ${host}`, '', '')).toEqual(['200'])
  })

  it('CONNECT and Upgrade open no tunnel', async () => {
    const tunnel = await ask('CONNECT 127.0.0.1:22 HTTP/1.1', `Host: ${host}`, '', 'SSH-2.0-x\r\n')
    expect(tunnel.filter((status) => status?.startsWith('2'))).toEqual([])
    const upgraded = await ask(get, `Host: ${host}`, 'Connection: Upgrade', 'Upgrade: h2c, websocket', '', '')
    expect(upgraded.filter((status) => status === '101')).toEqual([])
  })

  it('headers beyond 32 KiB are 431, and many small ones are no way round that', async () => {
    expect(await ask(get, `Host: ${host}`, `X-A: ${'a'.repeat(40_000)}`, '', '')).toEqual(['431'])
    const many = Array.from({ length: 5_000 }, (_, index) => `X-${index}: a`)
    expect(await ask(get, `Host: ${host}`, ...many, '', '')).toEqual(['431'])
  })

  it('endless chunk extensions are cut off', async () => {
    const heard = await target.raw(
      'login',
      [
        `POST /${target.server.owner.tenantId}/oauth2/v2.0/token HTTP/1.1`,
        `Host: login.localhost:${target.server.port}`,
        'Transfer-Encoding: chunked',
        '',
        `1;${'a'.repeat(100_000)}`,
      ].join('\r\n'),
    )
    expect(statuses(heard)).toEqual(['413'])
  })

  it('a hundred requests sent ahead on one connection are answered in order', async () => {
    const one = (id: number) => [get, `Host: ${host}`, `X-Ms-Client-Request-Id: n${id}`, '', ''].join('\r\n')
    const heard = await target.raw(
      'management',
      Array.from({ length: 100 }, (_, id) => one(id)).join(''),
      1_500,
    )
    const ids = [...heard.matchAll(/x-ms-client-request-id: n(\d+)/gi)].map(([, id]) => Number(id))
    expect(ids).toEqual(Array.from({ length: 100 }, (_, id) => id))
  })

  it('nothing of this was news to the server', () => {
    expect(target.bugs()).toEqual([])
  })
})
