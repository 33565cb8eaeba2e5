import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { TestResponse } from '../../src/http/testing.ts'
import { type RegistryTarget, codeOf, digestOf, freshName, header } from './registry-target.ts'

const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar'

/**
 * OCI distribution-spec 1.1 and what ACR adds to it, in our own words and over real HTTP. Every test makes a repository
 * of its own.
 */
export function registryConformance(title: string, open: () => Promise<RegistryTarget>): void {
  describe(title, () => {
    let target: RegistryTarget
    beforeAll(async () => {
      target = await open()
    })
    const send: RegistryTarget['send'] = (...args) => target.send(...args)
    base(send)
    pulling(send)
    ranges(send)
    uploads(send)
    mounting(send)
    manifests(send)
    referrers(send)
    lists(send)
    deleting(send)
    errors(send)
    acr(send)
  })
}

type Send = RegistryTarget['send']
interface Described {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

const describeBlob = (mediaType: string, bytes: Buffer, algorithm = 'sha256'): Described => ({
  mediaType,
  digest: digestOf(bytes, algorithm),
  size: bytes.length,
})

async function pushBlob(send: Send, name: string, bytes: Buffer, algorithm = 'sha256'): Promise<string> {
  const digest = digestOf(bytes, algorithm)
  const pushed = await send('POST', `/v2/${name}/blobs/uploads/?digest=${digest}`, { body: bytes })
  expect(pushed.status, pushed.text).toBe(201)
  return digest
}

interface Image {
  readonly body: Buffer
  readonly digest: string
  readonly layer: Buffer
  readonly config: Buffer
}

function imageOf(more: object = {}, mediaType = OCI_MANIFEST): Image {
  const layer = randomBytes(2_000)
  const config = Buffer.from(
    JSON.stringify({ architecture: 'amd64', os: 'linux', salt: randomBytes(4).toString('hex') }),
  )
  const body = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: describeBlob(CONFIG, config),
      layers: [describeBlob(LAYER, layer)],
      ...more,
    }),
  )
  return { body, digest: digestOf(body), layer, config }
}

async function put(
  send: Send,
  name: string,
  reference: string,
  body: Buffer,
  type = OCI_MANIFEST,
): Promise<TestResponse> {
  return await send('PUT', `/v2/${name}/manifests/${reference}`, { body, headers: { 'content-type': type } })
}

async function pushImage(send: Send, name: string, reference: string, image: Image, type = OCI_MANIFEST) {
  await pushBlob(send, name, image.config)
  await pushBlob(send, name, image.layer)
  const pushed = await put(send, name, reference, image.body, type)
  expect(pushed.status, pushed.text).toBe(201)
  return pushed
}

async function begin(send: Send, name: string, query = ''): Promise<string> {
  const begun = await send('POST', `/v2/${name}/blobs/uploads/${query}`)
  expect(begun.status).toBe(202)
  expect(header(begun, 'range')).toMatch(/^0-0$/)
  expect(header(begun, 'docker-upload-uuid')).not.toBe('')
  return location(begun)
}

/** Locations are relative: Azure's SDK takes nothing else. */
function location(response: TestResponse): string {
  const found = header(response, 'location')
  expect(found).toMatch(/^\/v2\//)
  return found
}

const withQuery = (path: string, query: string) => `${path}${path.includes('?') ? '&' : '?'}${query}`

function base(send: Send): void {
  it('1: tells that it is a registry, with or without the slash', async () => {
    for (const path of ['/v2/', '/v2']) {
      const answer = await send('GET', path)
      expect(answer.status).toBe(200)
      expect(header(answer, 'docker-distribution-api-version')).toBe('registry/2.0')
      expect(answer.json()).toEqual({})
    }
  })

  it('b.2: answers with ids, and headers that browsers heed', async () => {
    const answer = await send('GET', '/v2/', { headers: { 'x-ms-client-request-id': 'abc-1' } })
    expect(header(answer, 'x-ms-correlation-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    expect(header(answer, 'x-ms-client-request-id')).toBe('abc-1')
    expect(header(answer, 'x-content-type-options')).toBe('nosniff')
    expect(header(answer, 'strict-transport-security')).toContain('max-age=31536000')
  })
}

function pulling(send: Send): void {
  it('2: gives a manifest back byte for byte, by tag and digest, GET and HEAD', async () => {
    const name = freshName()
    const image = imageOf()
    await pushImage(send, name, 'v1', image, `${OCI_MANIFEST}; charset=utf-8`)
    for (const reference of ['v1', image.digest, encodeURIComponent(image.digest)]) {
      const got = await send('GET', `/v2/${name}/manifests/${reference}`)
      expect(got.status).toBe(200)
      expect(got.body.equals(image.body)).toBe(true)
      const head = await send('HEAD', `/v2/${name}/manifests/${reference}`)
      expect(head.status).toBe(200)
      expect(head.body).toHaveLength(0)
      for (const answer of [got, head]) {
        expect(header(answer, 'content-type')).toBe(OCI_MANIFEST)
        expect(header(answer, 'content-length')).toBe(String(image.body.length))
        expect(header(answer, 'docker-content-digest')).toBe(image.digest)
        expect(header(answer, 'etag')).toBe(`"${image.digest}"`)
      }
    }
  })

  it('2: says MANIFEST_UNKNOWN or refuses a malformed digest, never 500', async () => {
    const name = freshName()
    for (const reference of ['nothing', digestOf('nothing'), digestOf('nothing', 'sha512')]) {
      const got = await send('GET', `/v2/${name}/manifests/${reference}`)
      expect([got.status, codeOf(got)]).toEqual([404, 'MANIFEST_UNKNOWN'])
    }
    for (const reference of ['sha256:bad', 'sha256:', 'md5:00', ':', `sha256:${'A'.repeat(64)}`]) {
      const got = await send('GET', `/v2/${name}/manifests/${reference}`)
      expect([400, 404], reference).toContain(got.status)
      expect(['DIGEST_INVALID', 'MANIFEST_UNKNOWN']).toContain(codeOf(got))
    }
  })

  it('3: answers 304 to whoever has it, quoted or bare', async () => {
    const name = freshName()
    const image = imageOf()
    await pushImage(send, name, 'v1', image)
    const layer = digestOf(image.layer)
    for (const [path, digest] of [
      [`/v2/${name}/manifests/v1`, image.digest],
      [`/v2/${name}/blobs/${layer}`, layer],
    ] as const) {
      for (const tag of [`"${digest}"`, digest, `W/"${digest}"`, `"x", "${digest}"`, '*']) {
        const got = await send('GET', path, { headers: { 'if-none-match': tag } })
        expect([got.status, got.body.length], tag).toEqual([304, 0])
      }
      expect((await send('GET', path, { headers: { 'if-none-match': '"sha256:other"' } })).status).toBe(200)
    }
  })

  it('4: gives the stored document whatever is accepted, but its image to a client that knows no lists', async () => {
    const name = freshName()
    const image = imageOf({}, DOCKER_MANIFEST)
    await pushImage(send, name, 'image', image, DOCKER_MANIFEST)
    const entry = {
      ...describeBlob(DOCKER_MANIFEST, image.body),
      platform: { architecture: 'amd64', os: 'linux' },
    }
    const list = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: DOCKER_LIST, manifests: [entry] }))
    expect((await put(send, name, 'list', list, DOCKER_LIST)).status).toBe(201)
    const digest = async (reference: string, accept?: string | string[]) =>
      header(
        await send('GET', `/v2/${name}/manifests/${reference}`, {
          headers: accept === undefined ? {} : { accept },
        }),
        'docker-content-digest',
      )
    const listDigest = digestOf(list)
    expect(await digest('list')).toBe(listDigest)
    expect(await digest('list', '*/*')).toBe(listDigest)
    expect(await digest('list', `${DOCKER_MANIFEST};q=0.5, ${DOCKER_LIST}`)).toBe(listDigest)
    expect(await digest('list', [DOCKER_LIST, DOCKER_MANIFEST])).toBe(listDigest)
    expect(await digest('list', DOCKER_MANIFEST)).toBe(image.digest)
    expect(await digest(listDigest, DOCKER_MANIFEST)).toBe(listDigest)
    expect(await digest('image', OCI_INDEX)).toBe(image.digest)
  })

  it('11: gives a blob with all that a cache and a resuming client need', async () => {
    const name = freshName()
    const bytes = randomBytes(200_000)
    const digest = await pushBlob(send, name, bytes)
    const got = await send('GET', `/v2/${name}/blobs/${digest}`)
    expect(got.body.equals(bytes)).toBe(true)
    const head = await send('HEAD', `/v2/${name}/blobs/${encodeURIComponent(digest)}`)
    for (const answer of [got, head]) {
      expect(answer.status).toBe(200)
      expect(answer.headers).toMatchObject({
        'docker-content-digest': digest,
        'content-length': '200000',
        'accept-ranges': 'bytes',
        etag: `"${digest}"`,
        'cache-control': 'max-age=31536000',
        'content-type': 'application/octet-stream',
      })
    }
    const missing = await send('GET', `/v2/${name}/blobs/${digestOf('missing')}`)
    expect([missing.status, codeOf(missing)]).toEqual([404, 'BLOB_UNKNOWN'])
  })
}

function ranges(send: Send): void {
  const bytes = randomBytes(150_000)
  const digest = digestOf(bytes)
  let path = ''
  beforeAll(async () => {
    const name = freshName()
    await pushBlob(send, name, bytes)
    path = `/v2/${name}/blobs/${digest}`
  })

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=500-1499', 500, 1_499],
    ['bytes=149999-', 149_999, 149_999],
    ['bytes=-500', 149_500, 149_999],
    ['bytes=-500000', 0, 149_999],
    ['bytes=65400-131200', 65_400, 131_200],
    ['bytes=140000-5000000', 140_000, 149_999],
    ['70000-', 70_000, 149_999],
  ])('12: %s is a part', async (range, first, last) => {
    const got = await send('GET', path, { headers: { range } })
    expect(got.status).toBe(206)
    expect(header(got, 'content-range')).toBe(`bytes ${first}-${last}/150000`)
    expect(header(got, 'content-length')).toBe(String(last - first + 1))
    expect(got.body.equals(bytes.subarray(first, last + 1))).toBe(true)
  })

  it.each(['bytes=500-0', 'bytes=150000-', 'bytes=200000-300000', 'bytes=-0'])(
    '12: %s cannot be',
    async (range) => {
      const got = await send('GET', path, { headers: { range } })
      expect(got.status).toBe(416)
      expect(header(got, 'content-range')).toBe('bytes */150000')
      expect(got.json()).toHaveProperty('errors')
    },
  )

  it('12: a stale If-Range, several ranges, or another unit give the whole', async () => {
    for (const headers of [
      { range: 'bytes=0-9', 'if-range': '"sha256:other"' },
      { range: 'bytes=0-9', 'if-range': 'Wed, 21 Oct 2015 07:28:00 GMT' },
      { range: 'bytes=0-9,20-29' },
      { range: 'lines=0-9' },
    ]) {
      const got = await send('GET', path, { headers })
      expect([got.status, got.body.length]).toEqual([200, 150_000])
    }
    const fresh = await send('GET', path, { headers: { range: 'bytes=0-9', 'if-range': `"${digest}"` } })
    expect(fresh.status).toBe(206)
  })
}

function uploads(send: Send): void {
  const bytes = randomBytes(30_000)
  const digest = digestOf(bytes)
  const check = async (name: string, response: TestResponse, wanted = digest, content = bytes) => {
    expect(response.status, response.text).toBe(201)
    expect(header(response, 'docker-content-digest')).toBe(wanted)
    expect(location(response)).toBe(`/v2/${name}/blobs/${wanted}`)
    expect((await send('GET', location(response))).body.equals(content)).toBe(true)
  }

  it.each(['sha256', 'sha512'])(
    '13, 14, 16: takes a blob in one request, in two, and streamed, as %s',
    async (algorithm) => {
      const wanted = digestOf(bytes, algorithm)
      const [a, b, c] = [freshName(), freshName(), freshName()]
      await check(a, await send('POST', `/v2/${a}/blobs/uploads/?digest=${wanted}`, { body: bytes }), wanted)
      const monolithic = await begin(send, b, algorithm === 'sha512' ? '?digest-algorithm=sha512' : '')
      await check(b, await send('PUT', withQuery(monolithic, `digest=${wanted}`), { body: bytes }), wanted)
      const streamed = await send('PATCH', await begin(send, c), { body: bytes })
      expect([streamed.status, header(streamed, 'range')]).toEqual([202, '0-29999'])
      await check(
        c,
        await send('PUT', withQuery(location(streamed), `digest=${encodeURIComponent(wanted)}`)),
        wanted,
      )
    },
  )

  it('13: refuses an algorithm that it cannot compute', async () => {
    const begun = await send('POST', `/v2/${freshName()}/blobs/uploads/?digest-algorithm=md5`)
    expect([begun.status, codeOf(begun)]).toEqual([400, 'DIGEST_INVALID'])
  })

  it('15, 16, 17: takes chunks in their order only, and goes on after one out of order', async () => {
    const name = freshName()
    let at = await begin(send, name)
    const chunk = (first: number, last: number) => ({
      body: bytes.subarray(first, last + 1),
      headers: { 'content-range': `${first}-${last}`, 'content-type': 'application/octet-stream' },
    })
    const outOfOrder = async (response: TestResponse, range: string) => {
      expect([response.status, codeOf(response)]).toEqual([416, 'BLOB_UPLOAD_RANGE_INVALID'])
      const status = await send('GET', location(response))
      expect([status.status, header(status, 'range')]).toEqual([204, range])
      return location(status)
    }
    at = await outOfOrder(await send('PATCH', at, chunk(10_000, 19_999)), '0-0')
    const first = await send('PATCH', at, chunk(0, 9_999))
    expect([first.status, header(first, 'range')]).toEqual([202, '0-9999'])
    at = await outOfOrder(await send('PATCH', location(first), chunk(20_000, 29_999)), '0-9999')
    at = await outOfOrder(await send('PATCH', at, chunk(0, 9_999)), '0-9999')
    at = await outOfOrder(
      await send('PUT', withQuery(at, `digest=${digest}`), chunk(20_000, 29_999)),
      '0-9999',
    )
    const second = await send('PATCH', at, { ...chunk(10_000, 19_999), headers: {} })
    expect([second.status, header(second, 'range')]).toEqual([202, '0-19999'])
    await check(
      name,
      await send('PUT', withQuery(location(second), `digest=${digest}`), chunk(20_000, 29_999)),
    )
    expect((await send('GET', at)).status).toBe(404)
  })

  it('15: refuses a range that is none, or that the body does not fill', async () => {
    const at = await begin(send, freshName())
    const send10 = (range: string) =>
      send('PATCH', at, { body: bytes.subarray(0, 10), headers: { 'content-range': range } })
    const none = await send10('all of it')
    expect([none.status, codeOf(none)]).toEqual([400, 'BLOB_UPLOAD_INVALID'])
    const short = await send10('0-99')
    expect([short.status, codeOf(short)]).toEqual([400, 'SIZE_INVALID'])
    expect((await send10('0-9')).status).toBe(202)
  })

  it('16: refuses content that is not what its digest says, and digests that are none', async () => {
    const name = freshName()
    const bad = async (response: TestResponse) =>
      expect([response.status, codeOf(response)]).toEqual([400, 'DIGEST_INVALID'])
    const at = await begin(send, name)
    for (const query of [
      '',
      'digest=',
      'digest=sha256:00',
      `digest=md5:${'0'.repeat(32)}`,
      `digest=${digestOf('x')}`,
    ]) {
      await bad(await send('PUT', withQuery(at, query), { body: bytes }))
    }
    await bad(await send('POST', `/v2/${name}/blobs/uploads/?digest=${digestOf('x')}`, { body: bytes }))
    await check(name, await send('PUT', withQuery(at, `digest=${digest}`), { body: bytes }))
  })

  it('18: ends an upload, which then is unknown', async () => {
    const at = await begin(send, freshName())
    await send('PATCH', at, { body: bytes })
    const ended = await send('DELETE', at)
    expect([ended.status, ended.body.length]).toEqual([204, 0])
    for (const answer of [
      await send('GET', at),
      await send('PATCH', at, { body: bytes }),
      await send('PUT', withQuery(at, `digest=${digest}`), { body: bytes }),
      await send('DELETE', at),
    ]) {
      expect([answer.status, codeOf(answer)]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN'])
    }
  })

  it('18: keeps an upload to its repository', async () => {
    const at = await begin(send, freshName())
    const elsewhere = `/v2/${freshName()}/blobs/uploads/${at.split('/').at(-1) ?? ''}`
    expect((await send('GET', elsewhere)).status).toBe(404)
  })

  it('24: takes a blob of no bytes', async () => {
    const name = freshName()
    const none = Buffer.alloc(0)
    const wanted = digestOf(none)
    await check(name, await send('PUT', withQuery(await begin(send, name), `digest=${wanted}`)), wanted, none)
    expect(
      (await send('GET', `/v2/${name}/blobs/${wanted}`, { headers: { range: 'bytes=0-' } })).status,
    ).toBe(416)
  })

  it('b.3: takes what Azure’s SDK sends: escaped paths, chunks without a range, a closing PUT without a body', async () => {
    const name = freshName()
    const escaped = encodeURIComponent(name)
    let at = location(await send('POST', `/v2/${escaped}/blobs/uploads/`))
    for (const start of [0, 10_000, 20_000]) {
      at = location(await send('PATCH', at, { body: bytes.subarray(start, start + 10_000) }))
    }
    const closed = await send('PUT', withQuery(at, `digest=${encodeURIComponent(digest)}`), {
      headers: { 'content-length': '0' },
    })
    expect(closed.status).toBe(201)
    expect((await send('GET', `/v2/${escaped}/blobs/${encodeURIComponent(digest)}`)).status).toBe(200)
  })
}

function mounting(send: Send): void {
  it('19: mounts a blob from another repository, and begins an upload where it cannot', async () => {
    const [from, to] = [freshName(), freshName()]
    const bytes = randomBytes(100)
    const digest = await pushBlob(send, from, bytes)
    const mount = (query: string) => send('POST', `/v2/${to}/blobs/uploads/?${query}`)
    for (const query of [
      `mount=${digest}`,
      `mount=${digest}&from=${freshName()}`,
      `mount=${digest}&from=NOT-A-NAME`,
      `mount=${digestOf('absent')}&from=${from}`,
    ]) {
      const begun = await mount(query)
      expect(begun.status, query).toBe(202)
      expect(location(begun)).toContain('/blobs/uploads/')
      expect((await send('HEAD', `/v2/${to}/blobs/${digest}`)).status).toBe(404)
    }
    const mounted = await mount(`mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`)
    expect(mounted.status).toBe(201)
    expect(header(mounted, 'docker-content-digest')).toBe(digest)
    expect((await send('GET', location(mounted))).body.equals(bytes)).toBe(true)
  })
}

function manifests(send: Send): void {
  it('5, 6: takes a manifest by tag and digest, sha512 too', async () => {
    const name = freshName()
    const image = imageOf({ 'x-unknown': { kept: [1] }, annotations: { a: 'b' } })
    const byTag = await pushImage(send, name, 'v1', image)
    const sha512 = digestOf(image.body, 'sha512')
    for (const [pushed, digest] of [
      [byTag, image.digest],
      [await put(send, name, image.digest, image.body), image.digest],
      [await put(send, name, sha512, image.body), sha512],
    ] as const) {
      expect(pushed.status).toBe(201)
      expect(header(pushed, 'docker-content-digest')).toBe(digest)
      const got = await send('GET', location(pushed))
      expect(header(got, 'docker-content-digest')).toBe(digest)
      expect(got.body.equals(image.body)).toBe(true)
    }
  })

  it('5: refuses what is no manifest, is of another type than it says, or names what is not there', async () => {
    const name = freshName()
    const image = imageOf()
    const refused = async (body: Buffer | string, type: string, code: string) => {
      const pushed = await put(send, name, 'v1', Buffer.from(body), type)
      expect([pushed.status, codeOf(pushed)]).toEqual([400, code])
    }
    await refused(image.body, OCI_MANIFEST, 'MANIFEST_BLOB_UNKNOWN')
    await pushBlob(send, name, image.config)
    await refused(image.body, OCI_MANIFEST, 'MANIFEST_BLOB_UNKNOWN')
    await pushBlob(send, name, image.layer)
    await refused('', OCI_MANIFEST, 'MANIFEST_INVALID')
    await refused('not json', OCI_MANIFEST, 'MANIFEST_INVALID')
    await refused(image.body, DOCKER_MANIFEST, 'MANIFEST_INVALID')
    await refused(image.body, 'application/json', 'MANIFEST_INVALID')
    expect((await send('GET', `/v2/${name}/manifests/v1`)).status).toBe(404)
    expect((await put(send, name, 'v1', image.body)).status).toBe(201)
  })

  it('6: refuses a manifest that is not what its digest says', async () => {
    const name = freshName()
    const image = imageOf()
    await pushBlob(send, name, image.config)
    await pushBlob(send, name, image.layer)
    for (const reference of [digestOf('x'), 'sha256:baddigeststring', digestOf('x', 'sha512')]) {
      const pushed = await put(send, name, reference, image.body)
      expect([pushed.status, codeOf(pushed)]).toEqual([400, 'DIGEST_INVALID'])
    }
  })

  it.each(['sha256', 'sha512'])('7: sets tags with a push by %s', async (algorithm) => {
    const name = freshName()
    const image = imageOf()
    await pushImage(send, name, 'first', image)
    const tags = Array.from({ length: 12 }, (_, n) => `t${n}`)
    const query = tags.map((tag) => `tag=${tag}`).join('&')
    const digest = digestOf(image.body, algorithm)
    const pushed = await put(send, name, `${digest}?${query}`, image.body)
    expect(pushed.status).toBe(201)
    expect(header(pushed, 'oci-tag').split(/, */).sort()).toEqual([...tags].sort())
    for (const tag of tags) {
      expect(header(await send('HEAD', `/v2/${name}/manifests/${tag}`), 'docker-content-digest')).toBe(digest)
    }
    const many = Array.from({ length: 500 }, (_, n) => `tag=t${n}`).join('&')
    expect((await put(send, name, `${digest}?${many}`, image.body)).status).toBe(414)
    expect((await put(send, name, `${digest}?tag=-no-tag`, image.body)).status).toBe(400)
  })

  it('8: takes 4 MiB, and refuses more with 413', async () => {
    const name = freshName()
    const sized = (bytes: number) => {
      const image = imageOf({ annotations: { fill: '' } })
      const body = Buffer.from(
        image.body.toString().replace('"fill":""', `"fill":"${'x'.repeat(bytes - image.body.length)}"`),
      )
      expect(body).toHaveLength(bytes)
      return { ...image, body, digest: digestOf(body) }
    }
    const large = sized(4 * 1024 * 1024)
    await pushImage(send, name, 'large', large)
    expect((await send('GET', `/v2/${name}/manifests/large`)).body.equals(large.body)).toBe(true)
    const tooLarge = await put(send, name, 'too-large', sized(5 * 1024 * 1024).body)
    expect([tooLarge.status, codeOf(tooLarge)]).toEqual([413, 'SIZE_INVALID'])
  })

  it('24: takes each shape that clients push', async () => {
    const name = freshName()
    const empty = Buffer.from('{}')
    await pushBlob(send, name, empty)
    const emptyConfig = describeBlob('application/vnd.oci.empty.v1+json', empty)
    const foreign = {
      ...describeBlob('application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', randomBytes(9)),
      urls: ['https://example.com/x'],
    }
    const shapes: readonly [string, object][] = [
      [OCI_MANIFEST, { config: emptyConfig, layers: [], artifactType: 'application/x-art' }],
      [OCI_MANIFEST, { config: emptyConfig, layers: null }],
      [
        OCI_MANIFEST,
        { config: { ...emptyConfig, data: 'e30=' }, layers: [{ ...emptyConfig, data: 'e30=' }] },
      ],
      [OCI_MANIFEST, { config: emptyConfig, layers: [foreign] }],
      [OCI_INDEX, { manifests: [] }],
      [
        OCI_INDEX,
        { manifests: [describeBlob(OCI_MANIFEST, randomBytes(9))], artifactType: 'application/x-art' },
      ],
      [
        DOCKER_MANIFEST,
        {
          config: { ...emptyConfig, mediaType: 'application/vnd.docker.container.image.v1+json' },
          layers: [],
        },
      ],
      [DOCKER_LIST, { manifests: [] }],
    ]
    for (const [mediaType, fields] of shapes) {
      const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }))
      const pushed = await put(send, name, digestOf(body), body, mediaType)
      expect(pushed.status, `${body.toString()}: ${pushed.text}`).toBe(201)
      expect((await send('GET', location(pushed))).body.equals(body)).toBe(true)
    }
  })
}

function referrers(send: Send): void {
  const refer = async (name: string, subject: string, more: object) => {
    const image = imageOf({ subject: { mediaType: OCI_MANIFEST, digest: subject, size: 9 }, ...more })
    const pushed = await pushImage(send, name, image.digest, image)
    expect(header(pushed, 'oci-subject')).toBe(subject)
    return image
  }
  const list = async (name: string, subject: string, query = '') => {
    const answer = await send('GET', `/v2/${name}/referrers/${subject}${query}`)
    expect(answer.status).toBe(200)
    expect(header(answer, 'content-type')).toBe(OCI_INDEX)
    const body = answer.json() as {
      schemaVersion: number
      mediaType: string
      manifests: Record<string, unknown>[]
    }
    expect(body).toMatchObject({ schemaVersion: 2, mediaType: OCI_INDEX })
    return { answer, manifests: body.manifests }
  }

  it('9, 10: lists who refers to a subject, whether that is there or not', async () => {
    const name = freshName()
    const subject = digestOf(randomBytes(9))
    expect((await list(name, subject)).manifests).toEqual([])
    const typed = await refer(name, subject, {
      artifactType: 'application/x-sbom',
      annotations: { 'org.example': 'ä' },
    })
    const plain = await refer(name, subject, {})
    await refer(name, digestOf('other'), {})
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [],
        subject: { mediaType: OCI_MANIFEST, digest: subject, size: 9 },
      }),
    )
    expect((await put(send, name, digestOf(index), index, OCI_INDEX)).status).toBe(201)
    const { manifests } = await list(name, subject)
    expect(manifests).toHaveLength(3)
    expect(manifests).toEqual(
      expect.arrayContaining([
        {
          mediaType: OCI_MANIFEST,
          digest: typed.digest,
          size: typed.body.length,
          artifactType: 'application/x-sbom',
          annotations: { 'org.example': 'ä' },
        },
        { mediaType: OCI_MANIFEST, digest: plain.digest, size: plain.body.length, artifactType: CONFIG },
        { mediaType: OCI_INDEX, digest: digestOf(index), size: index.length },
      ]),
    )
    const filtered = await list(name, subject, '?artifactType=application%2Fx-sbom')
    expect(header(filtered.answer, 'oci-filters-applied')).toBe('artifactType')
    expect(filtered.manifests.map(({ digest }) => digest)).toEqual([typed.digest])
    expect((await send('DELETE', `/v2/${name}/manifests/${typed.digest}`)).status).toBe(202)
    expect((await list(name, subject)).manifests).toHaveLength(2)
  })

  it('10: pages by Link, and refuses a digest that is none', async () => {
    const name = freshName()
    const subject = digestOf(randomBytes(9), 'sha512')
    const pushed: string[] = []
    for (let n = 0; n < 5; n++)
      pushed.push((await refer(name, subject, { annotations: { n: String(n) } })).digest)
    const seen: unknown[] = []
    let query: string | undefined = '?n=2'
    while (query !== undefined) {
      const { answer, manifests } = await list(name, subject, query)
      seen.push(...manifests.map(({ digest }) => digest))
      query = /^<[^>?]+(\?[^>]+)>; rel="next"$/.exec(header(answer, 'link'))?.[1]
    }
    expect(seen.sort()).toEqual(pushed.sort())
    const bad = await send('GET', `/v2/${name}/referrers/sha256:bad`)
    expect([bad.status, codeOf(bad)]).toEqual([400, 'DIGEST_INVALID'])
  })
}

function lists(send: Send): void {
  const walk = async (first: string, field: string) => {
    const seen: string[] = []
    let path: string | undefined = first
    while (path !== undefined) {
      const answer: TestResponse = await send('GET', path)
      expect(answer.status, answer.text).toBe(200)
      seen.push(...(answer.json() as Record<string, string[]>)[field]!)
      // az takes the link apart at ? and =.
      path = /^<(\/[^>?]+\?[^>=]+=[^>]*)>; rel="next"$/.exec(header(answer, 'link'))?.[1]
    }
    return seen
  }

  it('20: lists tags in ASCII order, in pages', async () => {
    const name = freshName()
    const image = imageOf()
    const tags = ['b', 'a', 'B', '1', '_', 'a.1', 'a-1', 'latest']
    await pushImage(send, name, 'b', image)
    await put(send, name, `${image.digest}?${tags.map((tag) => `tag=${tag}`).join('&')}`, image.body)
    const sorted = [...tags].sort()
    const whole = await send('GET', `/v2/${name}/tags/list`)
    expect(whole.json()).toEqual({ name, tags: sorted })
    expect(header(whole, 'link')).toBe('')
    for (const n of [1, 3, 8, 100_000])
      expect(await walk(`/v2/${name}/tags/list?n=${n}`, 'tags')).toEqual(sorted)
    const none = await send('GET', `/v2/${name}/tags/list?n=0`)
    expect([none.json(), header(none, 'link')]).toEqual([{ name, tags: [] }, ''])
    const after = await send('GET', `/v2/${name}/tags/list?last=a&n=2`)
    expect(after.json()).toEqual({ name, tags: ['a-1', 'a.1'] })
    for (const n of ['-1', 'x', '1.5']) {
      const bad = await send('GET', `/v2/${name}/tags/list?n=${n}`)
      expect([bad.status, codeOf(bad)]).toEqual([400, 'PAGINATION_NUMBER_INVALID'])
    }
    const unknown = await send('GET', `/v2/${freshName()}/tags/list`)
    expect([unknown.status, codeOf(unknown)]).toEqual([404, 'NAME_UNKNOWN'])
  })

  it('27: lists repositories that have a manifest, in pages', async () => {
    const prefix = freshName('catalog')
    const names = ['a', 'a/b', 'a-b', 'c'].map((end) => `${prefix}/${end}`)
    for (const name of names) await pushImage(send, name, 'v1', imageOf())
    await pushBlob(send, `${prefix}/no-manifest`, randomBytes(9))
    for (const path of ['/v2/_catalog?n=2', '/acr/v1/_catalog?n=3', '/v2/_catalog']) {
      const mine = (await walk(path, 'repositories')).filter((name) => name.startsWith(prefix))
      expect(mine).toEqual([...names].sort())
    }
  })
}

function deleting(send: Send): void {
  it('21, 22, 23: deletes a tag, a manifest, a blob, each at once and alone', async () => {
    const [name, other] = [freshName(), freshName()]
    const image = imageOf()
    await pushImage(send, name, 'v1', image)
    await pushImage(send, name, 'v2', image)
    await pushImage(send, other, 'v1', image)
    const status = async (method: string, path: string) => (await send(method, path)).status
    expect(await status('DELETE', `/v2/${name}/manifests/v1`)).toBe(202)
    expect(await status('HEAD', `/v2/${name}/manifests/v1`)).toBe(404)
    expect(await status('HEAD', `/v2/${name}/manifests/v2`)).toBe(200)
    expect(await status('DELETE', `/v2/${name}/manifests/v1`)).toBe(404)
    expect(await status('DELETE', `/v2/${name}/manifests/${image.digest}`)).toBe(202)
    expect(await status('HEAD', `/v2/${name}/manifests/${image.digest}`)).toBe(404)
    expect(await status('HEAD', `/v2/${name}/manifests/v2`)).toBe(404)
    expect(await status('DELETE', `/v2/${name}/manifests/${image.digest}`)).toBe(404)
    const blob = `blobs/${digestOf(image.layer)}`
    expect(await status('HEAD', `/v2/${name}/${blob}`)).toBe(200)
    expect(await status('DELETE', `/v2/${name}/${blob}`)).toBe(202)
    expect(await status('GET', `/v2/${name}/${blob}`)).toBe(404)
    expect(await status('DELETE', `/v2/${name}/${blob}`)).toBe(404)
    expect(await status('GET', `/v2/${other}/${blob}`)).toBe(200)
    expect(await status('GET', `/v2/${other}/manifests/v1`)).toBe(200)
  })
}

function errors(send: Send): void {
  it('25, 26: refuses names that are none, in its own form', async () => {
    const long = Array.from({ length: 60 }, () => 'abcd').join('/')
    for (const name of ['UPPER', 'a..b', 'a_-b', '-a', 'a/-b', 'a%20b', 'a__', 'ü', long]) {
      for (const path of [
        `/v2/${name}/manifests/v1`,
        `/v2/${name}/tags/list`,
        `/v2/${name}/blobs/${digestOf('x')}`,
      ]) {
        const answer = await send('GET', encodeURI(path).replaceAll('%25', '%'))
        expect([400, 404], path).toContain(answer.status)
        expect(
          ['NAME_INVALID', 'NAME_UNKNOWN', 'UNSUPPORTED', 'MANIFEST_UNKNOWN', 'BLOB_UNKNOWN'],
          path,
        ).toContain(codeOf(answer))
      }
      const begun = await send('POST', `/v2/${encodeURI(name).replaceAll('%25', '%')}/blobs/uploads/`)
      expect([400, 404], name).toContain(begun.status)
    }
    const good = ['a', 'a/b/c', 'a.b', 'a_b', 'a__b', 'a---b', '0/1']
    for (const name of good) expect((await send('POST', `/v2/${name}/blobs/uploads/`)).status, name).toBe(202)
  })

  it('26: refuses tags that are none', async () => {
    const name = freshName()
    const image = imageOf()
    await pushImage(send, name, 'v1', image)
    for (const tag of ['-a', '.a', 'a b', 'a~', 'x'.repeat(129)]) {
      const pushed = await put(send, name, encodeURIComponent(tag), image.body)
      expect([pushed.status, codeOf(pushed)], tag).toEqual([400, 'MANIFEST_INVALID'])
      expect((await send('GET', `/v2/${name}/manifests/${encodeURIComponent(tag)}`)).status).toBe(404)
    }
    expect((await put(send, name, 'x'.repeat(128), image.body)).status).toBe(201)
  })

  it('26: says which methods there are, and what it does not know', async () => {
    const wrong = await send('DELETE', `/v2/${freshName()}/tags/list`)
    expect([wrong.status, codeOf(wrong)]).toEqual([405, 'UNSUPPORTED'])
    expect(header(wrong, 'allow')).toBe('GET, HEAD')
    const unknown = await send('GET', '/v3/')
    expect([unknown.status, codeOf(unknown)]).toEqual([404, 'UNSUPPORTED'])
  })

  it('25: refuses hostile paths without a fault of its own', async () => {
    for (const path of [
      '/v2/%',
      '/v2/%00/tags/list',
      '/v2/a/../b/tags/list',
      '/v2/a/manifests/%ff',
      '/v2/%2e%2e/x/tags/list',
      `/v2/${'a'.repeat(4_000)}/tags/list`,
    ]) {
      const answer = await send('GET', path)
      expect(answer.status, path).toBeGreaterThanOrEqual(400)
      expect(answer.status, path).toBeLessThan(500)
      expect(answer.json(), path).toHaveProperty('errors')
    }
  })
}

function acr(send: Send): void {
  const setUp = async () => {
    const name = freshName('acr')
    const image = imageOf()
    await pushImage(send, name, 'v1', image)
    return { name, image, at: `/acr/v1/${name}` }
  }
  const patch = (path: string, body: Record<string, boolean>) =>
    send('PATCH', path, { body, headers: { 'content-type': 'application/json' } })
  const someTime: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/)
  const unlocked = { deleteEnabled: true, writeEnabled: true, readEnabled: true, listEnabled: true }

  it('b.4: describes a repository, its tags and its manifests', async () => {
    const { name, image, at } = await setUp()
    const repository = (await send('GET', at)).json()
    expect(repository).toMatchObject({
      imageName: name,
      manifestCount: 1,
      tagCount: 1,
      changeableAttributes: unlocked,
    })
    expect(repository).toMatchObject({
      createdTime: someTime,
      lastUpdateTime: someTime,
    })
    const tag = {
      name: 'v1',
      digest: image.digest,
      createdTime: someTime,
      changeableAttributes: unlocked,
    }
    expect((await send('GET', `${at}/_tags`)).json()).toMatchObject({ imageName: name, tags: [tag] })
    expect((await send('GET', `${at}/_tags/v1`)).json()).toMatchObject({ imageName: name, tag })
    const manifest = {
      digest: image.digest,
      imageSize: image.config.length + image.layer.length,
      mediaType: OCI_MANIFEST,
      configMediaType: CONFIG,
      architecture: 'amd64',
      os: 'linux',
      tags: ['v1'],
      changeableAttributes: unlocked,
    }
    expect((await send('GET', `${at}/_manifests`)).json()).toMatchObject({
      imageName: name,
      manifests: [manifest],
    })
    const one = await send('GET', `${at}/_manifests/${encodeURIComponent(image.digest)}`)
    expect(one.json()).toMatchObject({ imageName: name, manifest })
  })

  it('b.4: pages and orders tags, whatever az passes along', async () => {
    const { name, image, at } = await setUp()
    for (const tag of ['v3', 'v2']) await put(send, name, tag, image.body)
    const names = async (query: string) => {
      const answer = await send('GET', `${at}/_tags?${query}`)
      const { tags } = answer.json() as { tags: { name: string }[] }
      return [...tags.map((tag) => tag.name), ...(header(answer, 'link') === '' ? [] : ['…'])]
    }
    expect(await names('n=2&orderby=')).toEqual(['v1', 'v2', '…'])
    expect(await names('last=v2&n=2&orderby=')).toEqual(['v3'])
    expect(await names(`digest=${image.digest}&api-version=2021-07-01`)).toEqual(['v1', 'v2', 'v3'])
    expect(await names(`digest=${digestOf('x')}`)).toEqual([])
  })

  it('b.4: sets locks, which hold on every route', async () => {
    const { name, image, at } = await setUp()
    const locked = await patch(`${at}/_tags/v1`, { writeEnabled: false })
    expect(locked.status).toBe(200)
    expect(locked.json()).toMatchObject({
      tag: { changeableAttributes: { ...unlocked, writeEnabled: false } },
    })
    const disallowed = async (response: TestResponse) => {
      expect([response.status, codeOf(response)]).toEqual([405, 'UNSUPPORTED'])
      expect(response.text).toContain('The operation is disallowed on this registry, repository or image')
    }
    await disallowed(await send('DELETE', `/v2/${name}/manifests/v1`))
    await disallowed(await send('DELETE', `${at}/_tags/v1`))
    await disallowed(await send('DELETE', `/v2/${name}/manifests/${image.digest}`))
    await disallowed(await send('DELETE', at))
    const other = imageOf()
    await pushBlob(send, name, other.config)
    await pushBlob(send, name, other.layer)
    await disallowed(await put(send, name, 'v1', other.body))
    expect((await patch(at, { readEnabled: false })).status).toBe(200)
    await disallowed(await send('GET', `/v2/${name}/manifests/v1`))
    await patch(at, { readEnabled: true })
    await patch(`${at}/_tags/v1`, { writeEnabled: true })
    expect((await patch(`${at}/_manifests/${image.digest}`, { deleteEnabled: false })).status).toBe(200)
    await disallowed(await send('DELETE', `${at}/_manifests/${image.digest}`))
    await patch(`${at}/_manifests/${image.digest}`, { deleteEnabled: true })
    expect((await send('DELETE', `${at}/_manifests/${image.digest}`)).status).toBe(202)
  })

  it('b.4: deletes a repository and says what went', async () => {
    const { image, at } = await setUp()
    const gone = await send('DELETE', at)
    expect(gone.status).toBe(202)
    expect(gone.json()).toEqual({ manifestsDeleted: [image.digest], tagsDeleted: ['v1'] })
    for (const path of [at, `${at}/_tags`, `${at}/_manifests`, `${at}/_tags/v1`]) {
      const answer = await send('GET', path)
      expect([answer.status, codeOf(answer)]).toEqual([404, 'NAME_UNKNOWN'])
    }
    expect((await send('DELETE', at)).status).toBe(404)
  })

  it('b.4: refuses attributes that are none', async () => {
    const { at } = await setUp()
    for (const body of ['{', '[]', '{"writeEnabled":"no"}']) {
      const answer = await send('PATCH', at, { body, headers: { 'content-type': 'application/json' } })
      expect(answer.status, body).toBe(400)
      expect(answer.json()).toHaveProperty('errors')
    }
  })
}
