import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:tls'
import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/kernel/json.ts'
import { type Target, formProblem, openTarget } from '../../support/hostile.ts'
import { randomImage } from '../../support/random-image.ts'
import { text } from '../../support/rest.ts'
import { type RestRegistry, restRegistry, sha256 } from '../../support/rest-registry.ts'

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const role = 'registry1.azurecr'

let target: Target
let registry: RestRegistry
let basic: string
let digest: string
let layer: { readonly digest: string; readonly bytes: Uint8Array }
beforeAll(async () => {
  target = await openTarget()
  const { clientId, clientSecret } = target.server.owner
  basic = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  registry = restRegistry(target.rest, 'registry1')
  const image = randomImage([200_000])
  await registry.push('hello', 'v1', image)
  digest = image.manifest.digest
  layer = image.layers[0]!
})
afterAll(() => target[Symbol.asyncDispose]())

/** Whatever was refused has changed nothing: the same repositories, tags and bytes. */
async function assertUnchanged(): Promise<void> {
  expect((await registry.send('GET', '/v2/_catalog')).json()).toEqual({ repositories: ['hello'] })
  expect((await registry.send('GET', '/v2/hello/tags/list')).json()).toEqual({ name: 'hello', tags: ['v1'] })
  expect(await registry.pull('hello', 'v1')).toBe(digest)
  expect(target.bugs()).toEqual([])
}

const ask = (
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string | Uint8Array,
) =>
  target.send({
    role,
    method,
    path,
    headers: { authorization: basic, ...headers },
    ...(body === undefined ? {} : { body }),
  })

async function codeOf(answer: Awaited<ReturnType<typeof ask>>): Promise<string> {
  expect(formProblem('registry', answer)).toBeNull()
  const [first] = (JSON.parse(answer.text) as { errors: readonly { code: string }[] }).errors
  return `${answer.status} ${first?.code}`
}

describe('names', () => {
  it.each([
    ['UPPER', 'HELLO'],
    ['traversal in clear', 'hello/../other'],
    ['encoded traversal', 'hello/%2e%2e/other'],
    ['an encoded slash and dots', '..%2f..%2fsecrets'],
    ['twice encoded', '%252e%252e%252fsecrets'],
    ['backslashes', 'hello%5c..%5cother'],
    ['NUL', 'hello%00'],
    ['a line break', 'hello%0d%0aX-A:%20b'],
    ['what is no UTF-8', 'hel%fflo'],
    ['an overlong slash', 'hello%c0%afother'],
    ['Hangul', '%ED%95%9C'],
    ['a quote', 'hel%22lo'],
    ['a dot first', '.hello'],
    ['a dash last', 'hello-'],
    ['a blank', 'hel%20lo'],
    ['300 letters', 'a'.repeat(300)],
    ['20,000 letters', 'a'.repeat(20_000)],
    ['20,000 dashes', `a${'-'.repeat(20_000)}`],
    ['__proto__', '__proto__'],
  ])('%s: refused for every route, in the form of OCI', async (_what, name) => {
    for (const [method, path] of [
      ['GET', `/v2/${name}/tags/list`],
      ['GET', `/v2/${name}/manifests/v1`],
      ['PUT', `/v2/${name}/manifests/v1`],
      ['POST', `/v2/${name}/blobs/uploads/`],
      ['POST', `/v2/${name}/blobs/uploads/?mount=${layer.digest}&from=hello`],
      ['GET', `/acr/v1/${name}`],
      ['DELETE', `/acr/v1/${name}`],
    ] as const) {
      const answer = await ask(method, path, {}, method === 'PUT' ? '{}' : undefined)
      expect([method, path.slice(0, 60), await codeOf(answer)]).toEqual([
        method,
        path.slice(0, 60),
        '400 NAME_INVALID',
      ])
      const anonymous = await target.send({ role, method, path })
      expect(['400', '401']).toContain(String(anonymous.status))
      expect(anonymous.headers['www-authenticate'] ?? '').not.toMatch(/hel"lo|x-a:/i)
    }
    await assertUnchanged()
  })

  it.each(['%00', 'a%2fb', '-v1', '.v1', 'v%201', 'v1%22', '%ED%95%9C', 'a'.repeat(129), '%0d%0a'])(
    'the tag %s is refused',
    async (tag) => {
      const answer = await ask('PUT', `/v2/hello/manifests/${tag}`, { 'content-type': MANIFEST }, '{}')
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.status).toBeLessThan(500)
      expect(formProblem('registry', answer)).toBeNull()
      await assertUnchanged()
    },
  )
})

describe('digests', () => {
  it.each([
    'sha256:',
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'a'.repeat(65)}`,
    `sha256:${'A'.repeat(64)}`,
    `sha256:${'g'.repeat(64)}`,
    `SHA256:${'a'.repeat(64)}`,
    `md5:${'a'.repeat(32)}`,
    `sha1:${'a'.repeat(40)}`,
    `sha512:${'a'.repeat(64)}`,
    `sha256:${'a'.repeat(63)}%00`,
    `sha256:..%5c${'a'.repeat(60)}`,
    `sha256:${'a'.repeat(64)}%0a`,
    `sha256:${'a'.repeat(20_000)}`,
  ])('%s is no digest anywhere', async (bad) => {
    for (const [method, path] of [
      ['GET', `/v2/hello/blobs/${bad}`],
      ['HEAD', `/v2/hello/blobs/${bad}`],
      ['DELETE', `/v2/hello/blobs/${bad}`],
      ['GET', `/v2/hello/manifests/${bad}`],
      ['GET', `/v2/hello/referrers/${bad}`],
      ['POST', `/v2/hello/blobs/uploads/?digest=${bad}`],
      ['POST', `/v2/hello/blobs/uploads/?mount=${bad}&from=hello`],
      ['DELETE', `/acr/v1/hello/_manifests/${bad}`],
      ['GET', `/acr/v1/hello/_tags?digest=${bad}`],
    ] as const) {
      const answer = await ask(method, path)
      expect([method, path.slice(0, 40), answer.status]).toEqual([method, path.slice(0, 40), 400])
      if (method !== 'HEAD') expect(formProblem('registry', answer)).toBeNull()
    }
    await assertUnchanged()
  })

  it('content that is not what its digest says becomes no blob', async () => {
    const wrong = `sha256:${'0'.repeat(64)}`
    const whole = await ask('POST', `/v2/hello/blobs/uploads/?digest=${wrong}`, {}, 'abc')
    expect(await codeOf(whole)).toBe('400 DIGEST_INVALID')
    const begun = await ask('POST', '/v2/hello/blobs/uploads/')
    const at = begun.headers.location ?? ''
    const finished = await ask('PUT', `${at}?digest=${wrong}`, {}, 'abc')
    expect(await codeOf(finished)).toBe('400 DIGEST_INVALID')
    expect((await ask('HEAD', `/v2/hello/blobs/${wrong}`)).status).toBe(404)
    expect((await ask('DELETE', at)).status).toBe(204)
    const manifest = await ask(
      'PUT',
      `/v2/hello/manifests/${wrong}`,
      { 'content-type': MANIFEST },
      '{"schemaVersion":2}',
    )
    expect(manifest.status).toBe(400)
    await assertUnchanged()
  })
})

describe('ranges', () => {
  it.each([
    ['bytes=9999999-', 416],
    ['bytes=5-2', 416],
    ['bytes=-0', 416],
    ['bytes=99999999999999999999-', 416],
    ['bytes=0-99999999999999999999', 206],
    ['bytes=199999-', 206],
    ['bytes=-99999999999999999999', 206],
    ['bytes=0-1,5-6', 200],
    ['bytes=a-b', 200],
    ['bytes=--1', 200],
    ['lines=0-1', 200],
    [`bytes=${'0-1,'.repeat(5_000)}0-1`, 200],
    ['', 200],
  ] as const)('%s answers %d', async (range, status) => {
    const answer = await ask('GET', `/v2/hello/blobs/${layer.digest}`, { range })
    expect(answer.status).toBe(status)
    if (status === 416) expect(answer.headers['content-range']).toMatch(/^bytes \*\/\d+$/)
  })

  it.each([
    '5-4',
    '1-3',
    '-1',
    'a-b',
    '0-',
    '0-99999999999999999999',
    'bytes 0-2/1',
    '0-2',
    'x'.repeat(5_000),
  ])('the chunk %s is refused, and the upload stays as it was', async (range) => {
    const begun = await ask('POST', '/v2/hello/blobs/uploads/')
    const at = begun.headers.location ?? ''
    const answer = await ask('PATCH', at, { 'content-range': range }, 'abcdefgh')
    expect([400, 416]).toContain(answer.status)
    expect(formProblem('registry', answer)).toBeNull()
    const state = await ask('GET', at)
    expect([state.status, state.headers.range]).toEqual([204, '0-0'])
    expect((await ask('DELETE', at)).status).toBe(204)
  })
})

describe('manifests', () => {
  const config = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: `sha256:${'0'.repeat(64)}`,
    size: 2,
  }
  const good = { schemaVersion: 2, mediaType: MANIFEST, config, layers: [] as unknown[] }
  it.each<readonly [string, string | Uint8Array, string?]>([
    ['nothing', ''],
    ['no JSON', '{'],
    ['a list', '[]'],
    ['null', 'null'],
    ['no UTF-8', new Uint8Array([0x7b, 0xff, 0x7d])],
    ['UTF-16', Buffer.from('\ufeff{"schemaVersion":2}', 'utf16le')],
    ['100,000 brackets', '['.repeat(100_000)],
    ['schema 1', '{"schemaVersion":1,"fsLayers":[]}'],
    ['schema "2"', '{"schemaVersion":"2"}'],
    ['__proto__', `{"__proto__":${JSON.stringify(good)}}`],
    ['both kinds at once', JSON.stringify({ ...good, manifests: [] })],
    ['a config that is none', JSON.stringify({ ...good, config: 1 })],
    ['a config with a wrong digest', JSON.stringify({ ...good, config: { ...config, digest: 'sha256:x' } })],
    ['a negative size', JSON.stringify({ ...good, config: { ...config, size: -1 } })],
    ['a size that is text', JSON.stringify({ ...good, config: { ...config, size: '2' } })],
    ['a size beyond numbers', JSON.stringify(good).replace('"size":2', '"size":1e400')],
    ['blobs that are not there', JSON.stringify(good)],
    ['20,000 layers', JSON.stringify({ ...good, layers: Array.from({ length: 20_000 }, () => config) })],
    ['layers that are text', JSON.stringify({ ...good, layers: 'x' })],
    ['annotations that are a list', JSON.stringify({ ...good, annotations: [1] })],
    ['a subject that is none', JSON.stringify({ ...good, subject: 'x' })],
    ['another type than it says', JSON.stringify(good), 'application/vnd.oci.image.index.v1+json'],
    ['a type that is none of ours', JSON.stringify({ ...good, mediaType: 'text/html' }), 'text/html'],
    ['a type that breaks out of its header', JSON.stringify({ ...good, mediaType: 'a/b\r\nX-A: b' }), ''],
  ])('%s is refused', async (_what, body, type) => {
    const headers = { 'content-type': typeof type === 'string' ? type : MANIFEST }
    const answer = await ask('PUT', '/v2/hello/manifests/bad', headers, body)
    expect(answer.status).toBe(400)
    expect(formProblem('registry', answer)).toBeNull()
    await assertUnchanged()
  })

  it('one beyond 4 MiB is 413, also when it says so beforehand or not at all', async () => {
    const large = JSON.stringify({ ...good, annotations: { a: 'x'.repeat(5 * 1024 * 1024) } })
    expect(
      await codeOf(await ask('PUT', '/v2/hello/manifests/bad', { 'content-type': MANIFEST }, large)),
    ).toBe('413 SIZE_INVALID')
    const huge = await target.raw(
      role,
      [
        'PUT /v2/hello/manifests/bad HTTP/1.1',
        `Host: ${role}.localhost:${target.server.port}`,
        `Authorization: ${basic}`,
        `Content-Type: ${MANIFEST}`,
        'Content-Length: 999999999999',
        '',
        '',
      ].join('\r\n'),
    )
    expect(huge).toMatch(/^HTTP\/1\.1 413/)
    await assertUnchanged()
  })

  it('a compressed one is no manifest, and a compressed blob is its own bytes: nothing is ever unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024))
    const headers = { 'content-type': MANIFEST, 'content-encoding': 'gzip' }
    expect(
      (await ask('PUT', '/v2/hello/manifests/bad', headers, gzipSync(JSON.stringify(good)))).status,
    ).toBe(400)
    const name = `sha256:${createHash('sha256').update(bomb).digest('hex')}`
    const pushed = await ask(
      'POST',
      `/v2/hello/blobs/uploads/?digest=${name}`,
      { 'content-encoding': 'gzip' },
      bomb,
    )
    expect(pushed.status).toBe(201)
    const head = await ask('HEAD', `/v2/hello/blobs/${name}`)
    expect([head.headers['content-length'], head.headers['content-encoding']]).toEqual([
      String(bomb.length),
      undefined,
    ])
    expect((await ask('DELETE', `/v2/hello/blobs/${name}`)).status).toBe(202)
    await assertUnchanged()
  })
})

describe('attributes and pages', () => {
  it.each<unknown>([[], 1, 'x', { deleteEnabled: 'false' }, { readEnabled: 1 }, { writeEnabled: {} }])(
    'the attributes %j are refused',
    async (body) => {
      for (const path of ['/acr/v1/hello', '/acr/v1/hello/_tags/v1', `/acr/v1/hello/_manifests/${digest}`]) {
        const answer = await ask('PATCH', path, { 'content-type': 'application/json' }, JSON.stringify(body))
        expect([path, answer.status]).toEqual([path, 400])
      }
      await assertUnchanged()
    },
  )

  it.each(['-1', 'x', '1.5', '1e3', '9'.repeat(40), '0x10', '%00'])(
    'the page size %s is refused',
    async (n) => {
      for (const path of ['/v2/_catalog', '/acr/v1/_catalog', '/v2/hello/tags/list', '/acr/v1/hello/_tags']) {
        expect([path, await codeOf(await ask('GET', `${path}?n=${n}`))]).toEqual([
          path,
          '400 PAGINATION_NUMBER_INVALID',
        ])
      }
    },
  )

  it('a place in a list that is none of ours leads nowhere', async () => {
    for (const last of [
      '%00',
      '../../x',
      '%ED%95%9C',
      "'; drop table tags; --",
      'x'.repeat(5_000),
      '%f0%9f%94%91',
    ]) {
      for (const path of [
        '/v2/_catalog',
        '/v2/hello/tags/list',
        '/acr/v1/hello/_tags',
        '/acr/v1/hello/_manifests',
      ]) {
        const answer = await ask(
          'GET',
          `${path}?n=1&last=${encodeURI(last)}&at=99999999999999999&orderby=timeasc`,
        )
        expect([path, last.slice(0, 20), answer.status]).toEqual([path, last.slice(0, 20), 200])
      }
    }
    await assertUnchanged()
  })
})

describe('uploads that break off', () => {
  it('one that is cut leaves the session as it was, and the next attempt goes on', async () => {
    const ca = await readFile(target.server.caFile, 'utf8')
    const begun = await ask('POST', '/v2/hello/blobs/uploads/')
    const at = begun.headers.location ?? ''
    for (let attempt = 0; attempt < 5; attempt++) {
      const socket = connect({
        host: '127.0.0.1',
        port: target.server.port,
        servername: `${role}.localhost`,
        ca,
      })
      socket.on('error', () => undefined)
      socket.write(
        [
          `PATCH ${at} HTTP/1.1`,
          `Host: ${role}.localhost:${target.server.port}`,
          `Authorization: ${basic}`,
          'Content-Length: 1000000',
          '',
          '',
        ].join('\r\n'),
      )
      socket.write(randomBytes(300_000))
      await new Promise((resolve) => setTimeout(resolve, 50))
      socket.destroy()
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
    const state = await ask('GET', at)
    expect([state.status, state.headers.range]).toEqual([204, '0-0'])
    const bytes = randomBytes(1_000)
    expect((await ask('PUT', `${at}?digest=${sha256(bytes)}`, {}, bytes)).status).toBe(201)
    expect((await ask('DELETE', `/v2/hello/blobs/${sha256(bytes)}`)).status).toBe(202)
    await assertUnchanged()
  })

  it('sessions are of their repository and registry alone', async () => {
    const begun = await ask('POST', '/v2/hello/blobs/uploads/')
    const id = (begun.headers.location ?? '').split('/').at(-1) ?? ''
    for (const path of [
      `/v2/other/blobs/uploads/${id}`,
      '/v2/hello/blobs/uploads/x',
      `/v2/hello/blobs/uploads/${'0'.repeat(36)}`,
    ]) {
      for (const method of ['GET', 'PATCH', 'DELETE']) {
        const answer = await ask(method, path, {}, method === 'PATCH' ? 'x' : undefined)
        expect([method, path, await codeOf(answer)]).toEqual([method, path, '404 BLOB_UPLOAD_UNKNOWN'])
      }
    }
    expect((await ask('DELETE', begun.headers.location ?? '')).status).toBe(204)
    await assertUnchanged()
  })
})

describe('what the registry hands out of what it was given', () => {
  it('is never HTML, whatever a client stored', async () => {
    const page = Buffer.from('<script>alert(1)</script>')
    expect(
      (
        await ask(
          'POST',
          `/v2/hello/blobs/uploads/?digest=${sha256(page)}`,
          { 'content-type': 'text/html' },
          page,
        )
      ).status,
    ).toBe(201)
    const { headers } = await ask('GET', `/v2/hello/blobs/${sha256(page)}`, { accept: 'text/html' })
    expect([headers['content-type'], headers['x-content-type-options']]).toEqual([
      'application/octet-stream',
      'nosniff',
    ])
    expect((await ask('DELETE', `/v2/hello/blobs/${sha256(page)}`)).status).toBe(202)
  })

  it('echoes no request id that is more than one', async () => {
    for (const id of ['a b', '<script>', 'x'.repeat(5_000), '\u00e9', '"']) {
      const { headers } = await ask('GET', '/v2/', { 'x-ms-client-request-id': id })
      expect([id.slice(0, 10), headers['x-ms-client-request-id']]).toEqual([id.slice(0, 10), undefined])
    }
  })

  it('a blob of another repository is not there, and mounting from where one may not pull tells nothing', async () => {
    const secret = randomBytes(500)
    expect(
      (await ask('POST', `/v2/private/blobs/uploads/?digest=${sha256(secret)}`, {}, secret)).status,
    ).toBe(201)
    expect((await ask('GET', `/v2/hello/blobs/${sha256(secret)}`)).status).toBe(404)
    // A token for `hello` alone: the source is out of its scope.
    const service = `${role}.localhost:${target.server.port}`
    const scope = 'repository:hello:pull,push'
    const token = await target.send({
      role,
      method: 'GET',
      path: `/oauth2/token?service=${service}&scope=${scope}`,
      headers: { authorization: basic },
    })
    const authorization = `Bearer ${text((JSON.parse(token.text) as JsonObject)['access_token'])}`
    const mount = (from: string, what: string) =>
      ask('POST', `/v2/hello/blobs/uploads/?mount=${what}&from=${from}`, { authorization })
    const known = await mount('private', sha256(secret))
    const unknown = await mount('private', `sha256:${'0'.repeat(64)}`)
    const nowhere = await mount('nowhere', sha256(secret))
    for (const answer of [known, unknown, nowhere]) {
      expect([answer.status, answer.text, answer.headers['docker-content-digest']]).toEqual([
        202,
        '',
        undefined,
      ])
    }
    expect((await ask('GET', `/v2/hello/blobs/${sha256(secret)}`)).status).toBe(404)
    expect((await ask('GET', '/v2/private/tags/list', { authorization })).status).toBe(401)
    // Deleted in one repository, gone from it at once, whatever the other one has (CVE-2026-35172).
    const own = await mount('private', sha256(secret)).then(() =>
      ask('POST', `/v2/hello/blobs/uploads/?mount=${sha256(secret)}&from=private`),
    )
    expect(own.status).toBe(201)
    expect((await ask('DELETE', `/v2/hello/blobs/${sha256(secret)}`)).status).toBe(202)
    expect((await ask('GET', `/v2/private/blobs/${sha256(secret)}`)).status).toBe(200)
    expect((await ask('GET', `/v2/hello/blobs/${sha256(secret)}`)).status).toBe(404)
  })

  it('locks hold on every way to a deletion (CVE-2026-41888)', async () => {
    await registry.push('locked', 'v1', randomImage([1_000]))
    const lock = await ask(
      'PATCH',
      '/acr/v1/locked/_tags/v1',
      { 'content-type': 'application/json' },
      '{"deleteEnabled":false}',
    )
    expect(lock.status).toBe(200)
    const { headers } = await ask('HEAD', '/v2/locked/manifests/v1')
    const pinned = String(headers['docker-content-digest'])
    for (const path of [
      '/v2/locked/manifests/v1',
      `/v2/locked/manifests/${pinned}`,
      '/acr/v1/locked/_tags/v1',
      `/acr/v1/locked/_manifests/${pinned}`,
      '/acr/v1/locked',
    ]) {
      expect([path, (await ask('DELETE', path)).status]).toEqual([path, 405])
    }
    expect((await ask('HEAD', '/v2/locked/manifests/v1')).status).toBe(200)
  })
})
