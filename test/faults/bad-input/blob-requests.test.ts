import { Agent } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  type ServedProtocol,
  type TestRequest,
  type TestResponse,
  request,
} from '../../../src/http/testing.ts'
import { type BlobBench, makeContainer, openBlobBench, serveBlobs } from '../../support/blob-bench.ts'

let bench: BlobBench
let served: ServedProtocol
const agent = new Agent({ keepAlive: true, maxSockets: 8 })
const kept = Buffer.from('what was there before')
beforeAll(async () => {
  bench = await openBlobBench()
  await makeContainer(bench, 'con1')
  served = await serveBlobs(bench)
  await ask('/con1/kept', { method: 'PUT', headers: blockBlob, body: kept })
})
afterAll(async () => {
  // Whatever came, nothing of what was there is lost, and nobody met what nobody foresaw.
  expect((await ask('/con1/kept')).body).toEqual(kept)
  expect(served.bugs).toEqual([])
  agent.destroy()
  await served[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

async function ask(path: string, { headers, ...options }: TestRequest = {}): Promise<TestResponse> {
  return await request(`${served.url}/account1${path}`, {
    ...options,
    headers: { 'x-ms-version': '2023-11-03', ...headers },
    agent,
  })
}

/** Status and code, or what is wrong with the form of the answer. */
function told({ status, headers, text: body }: TestResponse): string {
  if (status < 300) return String(status)
  const code = String(headers['x-ms-error-code'])
  const start = `\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>`
  if (status < 500 && body.startsWith(start) && body.endsWith('</Error>')) return `${status} ${code}`
  return `${status} in another form: ${body.slice(0, 200)}`
}

const blockBlob = { 'x-ms-blob-type': 'BlockBlob' }
const one = Buffer.from('b0').toString('base64')

const lists: readonly (readonly [what: string, body: string | Uint8Array])[] = [
  ['nothing', ''],
  ['no XML', 'b0'],
  ['JSON', '{"Latest":["YjA="]}'],
  ['an open element', '<BlockList><Latest>YjA='],
  ['crossed elements', '<BlockList><Latest>YjA=</BlockList></Latest>'],
  ['another root', '<Blocks><Latest>YjA=</Latest></Blocks>'],
  ['an element that there is not', `<BlockList><Newest>${one}</Newest></BlockList>`],
  ['two roots', '<BlockList/><BlockList/>'],
  ['an id that is no base64', '<BlockList><Latest>***</Latest></BlockList>'],
  ['an empty id', '<BlockList><Latest></Latest></BlockList>'],
  ['an id of 65 bytes', `<BlockList><Latest>${Buffer.alloc(65).toString('base64')}</Latest></BlockList>`],
  ['a block that is not there', `<BlockList><Latest>${one}</Latest></BlockList>`],
  ['a document type', `<!DOCTYPE x [<!ENTITY a "${one}">]><BlockList><Latest>&a;</Latest></BlockList>`],
  ['an entity that grows', '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><BlockList>&b;</BlockList>'],
  [
    'a file for an entity',
    '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><BlockList>&a;</BlockList>',
  ],
  ['a character that XML has not', '<BlockList><Latest>\u0000</Latest></BlockList>'],
  ['bytes that are no UTF-8', Buffer.from([0x3c, 0xff, 0xfe, 0x80, 0x3e])],
  ['ten thousand levels', `${'<a>'.repeat(10_000)}${'</a>'.repeat(10_000)}`],
  ['50,001 blocks', `<BlockList>${`<Latest>${one}</Latest>`.repeat(50_001)}</BlockList>`],
  ['words between', `<BlockList>words<Latest>${one}</Latest></BlockList>`],
]

it.each(lists)('a block list that is %s is refused, and the blob stays', async (_what, body) => {
  const answer = await ask('/con1/kept?comp=blocklist', { method: 'PUT', body: Buffer.from(body) })
  expect(told(answer)).toMatch(/^(400|413) /)
  expect((await ask('/con1/kept')).body).toEqual(kept)
})

const documents: readonly (readonly [method: string, path: string])[] = [
  ['PUT', '/con1/kept?comp=tags'],
  ['PUT', '/con1?restype=container&comp=acl'],
  ['PUT', '/?restype=service&comp=properties'],
  ['POST', '/?restype=service&comp=userdelegationkey'],
]

it.each(documents)('%s %s takes none of these documents', async (method, path) => {
  const wrong: string[] = []
  for (const [what, body] of lists) {
    const answer = told(await ask(path, { method, body: Buffer.from(body) }))
    // Set Container ACL without a body takes all policies away.
    const isMeant = what === 'nothing' && answer === '200'
    if (!isMeant && !/^4\d\d /.test(answer)) wrong.push(`${what}: ${answer}`)
  }
  expect(wrong).toEqual([])
})

const sums: readonly (readonly [header: string, value: string])[] = [
  ['content-md5', Buffer.alloc(16).toString('base64')],
  ['content-md5', 'x'],
  ['content-md5', Buffer.alloc(15).toString('base64')],
  ['x-ms-content-crc64', Buffer.alloc(8).toString('base64')],
  ['x-ms-content-crc64', 'x'],
]

it.each(sums)('a body that %s: %s does not fit is not kept', async (name, value) => {
  const writes: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['/con1/kept', blockBlob],
    [`/con1/kept?comp=block&blockid=${one}`, {}],
  ]
  for (const [path, headers] of writes) {
    const answer = await ask(path, {
      method: 'PUT',
      headers: { ...headers, [name]: value },
      body: Buffer.from('x'),
    })
    expect(told(answer)).toMatch(/^400 (Md5Mismatch|InvalidMd5|Crc64Mismatch|InvalidHeaderValue)$/)
  }
  expect((await ask('/con1/kept')).body).toEqual(kept)
  expect(told(await ask(`/con1/kept?comp=blocklist`, { method: 'PUT', body: listOf(one) }))).toMatch(/^400 /)
})

const listOf = (id: string) => Buffer.from(`<BlockList><Latest>${id}</Latest></BlockList>`)

it.each(['-1', '1e3', '0x10', 'ten', '9'.repeat(30), '5, 6'])(
  'a Content-Length of %s ends the connection with 4xx',
  async (length) => {
    const socket = connect(served.port, '127.0.0.1')
    const lines = [
      'PUT /account1/con1/kept HTTP/1.1',
      'host: 127.0.0.1',
      'x-ms-blob-type: BlockBlob',
      `content-length: ${length}`,
    ]
    socket.end(`${lines.join('\r\n')}\r\n\r\nsome`)
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect((await ask('/con1/kept')).body).toEqual(kept)
  },
)

it('a body that ends before its announced length changes nothing', async () => {
  const socket = connect(served.port, '127.0.0.1')
  const lines = [
    'PUT /account1/con1/kept HTTP/1.1',
    'host: 127.0.0.1',
    'x-ms-blob-type: BlockBlob',
    'content-length: 100',
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\nsome`)
  await text(socket)
  expect((await ask('/con1/kept')).body).toEqual(kept)
})

const size = kept.length
const ranges: readonly (readonly [range: string, status: number])[] = [
  ['bytes=-1', 200],
  ['bytes=5-1', 416],
  ['bytes=a-b', 200],
  ['bytes=', 200],
  ['bits=0-1', 200],
  ['bytes=0-1,3-4', 200],
  ['bytes=--5', 200],
  [`bytes=${'9'.repeat(30)}-`, 416],
  [`bytes=${size}-`, 416],
  [`bytes=${size}-${size + 5}`, 416],
  [`bytes=0-${'9'.repeat(30)}`, 206],
  [`bytes=${size - 1}-${size - 1}`, 206],
]

it.each(ranges)('Get Blob with the range %s answers as it should', async (range, status) => {
  for (const name of ['range', 'x-ms-range']) {
    const answer = await ask('/con1/kept', { headers: { [name]: range } })
    expect(answer.status, `${name}: ${answer.text}`).toBe(status)
    if (status === 416) expect(told(answer)).toBe('416 InvalidRange')
    if (status === 200) expect(answer.body).toEqual(kept)
  }
})

const longest = 'n'.repeat(1_024)
const blobNames: readonly (readonly [name: string, status: RegExp])[] = [
  [longest, /^201$/],
  [`${longest}n`, /^400 /],
  [encodeURIComponent('한'.repeat(400)), /^201$/],
  [encodeURIComponent('🔑 ключ é'), /^201$/],
  ['a%2Fb', /^201$/],
  ['a%252Fb', /^201$/],
  ['%5Cback', /^201$/],
  ['sp%20ace+plus', /^201$/],
  ['%3Fcomp%3Dx%23y', /^201$/],
  ['%00', /^4\d\d /],
  ['a%00b', /^4\d\d /],
  ['%ff%fe', /^4\d\d /],
  ['%ED%A0%80', /^4\d\d /],
  ['%', /^4\d\d /],
  ['%zz', /^4\d\d /],
]

it.each(blobNames)('a blob named %s is kept by that name or refused', async (name, status) => {
  await makeContainer(bench, 'names').catch(() => undefined)
  const put = await ask(`/names/${name}`, { method: 'PUT', headers: blockBlob, body: Buffer.from(name) })
  expect(told(put)).toMatch(status)
  if (put.status !== 201) return
  expect((await ask(`/names/${name}`)).text).toBe(name)
  expect((await ask('/names?restype=container&comp=list')).status).toBe(200)
  expect(told(await ask(`/names/${name}`, { method: 'DELETE' }))).toBe('202')
})

it.each([
  'c',
  'ab',
  'a'.repeat(64),
  'Upper',
  'a--b',
  '-ab',
  'ab-',
  'a_b',
  'a.b',
  '%C3%A9%C3%A9%C3%A9',
  '%24other',
  '%2e%2e',
  'a%00b',
])('a container cannot be named %s', async (name) => {
  expect(told(await ask(`/${name}?restype=container`, { method: 'PUT' }))).toMatch(/^400 /)
})

it.each([
  ['more than 8 KiB in one', { 'x-ms-meta-a': 'x'.repeat(8_193) }],
  [
    'more than 8 KiB in many',
    Object.fromEntries(Array.from({ length: 90 }, (_, at) => [`x-ms-meta-a${at}`, 'x'.repeat(100)])),
  ],
  ['a name that is no identifier', { 'x-ms-meta-1a': 'x' }],
  ['a name with a dash', { 'x-ms-meta-a-b': 'x' }],
  ['no name', { 'x-ms-meta-': 'x' }],
])('metadata with %s is refused', async (_what, headers) => {
  const paths = [
    '/con1/kept',
    '/con1/kept?comp=metadata',
    '/con1/kept?comp=snapshot',
    '/con9?restype=container',
  ]
  for (const path of paths) {
    const answer = await ask(path, { method: 'PUT', headers: { ...blockBlob, ...headers } })
    expect(told(answer), path).toMatch(/^400 /)
  }
})
