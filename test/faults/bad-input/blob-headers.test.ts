import { Agent } from 'node:http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Operation } from '../../../src/http/operation.ts'
import { type ServedProtocol, type TestResponse, request } from '../../../src/http/testing.ts'
import { blobProtocol } from '../../../src/wire/blob/index.ts'
import {
  type BlobBench,
  get,
  makeContainer,
  openBlobBench,
  put,
  serveBlobs,
} from '../../support/blob-bench.ts'

/** What `run` alone needs. */
const unused: object = new Proxy({}, { get: () => unused })
const { operations } = blobProtocol(unused as Parameters<typeof blobProtocol>[0])

const standard = [
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'content-md5',
  'content-type',
]
const names = (prefix: string, rest: string) => rest.split(' ').map((name) => `${prefix}${name}`)
/** Every header that any operation reads. */
const headerNames = [
  ...standard,
  ...names(
    'x-ms-',
    'access-tier blob-public-access blob-type client-request-id content-crc64 date default-encryption-scope',
  ),
  ...names(
    'x-ms-',
    'delete-snapshots delete-type-permanent deleted-container-name deleted-container-version',
  ),
  ...names(
    'x-ms-',
    'deny-encryption-scope-override encryption-algorithm encryption-key encryption-key-sha256 encryption-scope',
  ),
  ...names(
    'x-ms-',
    'if-tags immutability-policy-mode immutability-policy-until-date incremental-copy legal-hold page-write',
  ),
  ...names(
    'x-ms-',
    'previous-snapshot-url proposed-lease-id range range-get-content-crc64 range-get-content-md5',
  ),
  ...names(
    'x-ms-',
    'rehydrate-priority requires-sync seal-blob sequence-number-action snapshot structured-body',
  ),
  ...names('x-ms-', 'structured-content-length tags version meta- meta-a expiry-option expiry-time'),
  ...names(
    'x-ms-blob-',
    'cache-control condition-appendpos condition-maxsize content-disposition content-encoding',
  ),
  ...names('x-ms-blob-', 'content-language content-length content-md5 content-type sequence-number'),
  ...names('x-ms-copy-', 'action id source source-authorization source-blob-properties source-tag-option'),
  ...names('x-ms-if-sequence-number-', 'le lt eq'),
  ...names('x-ms-lease-', 'action break-period duration id'),
  ...names(
    'x-ms-source-',
    'range content-md5 content-crc64 if-match if-none-match if-modified-since if-tags',
  ),
  ...names('x-ms-source-', 'encryption-key encryption-key-sha256 encryption-algorithm if-unmodified-since'),
]
/** Each operation meets each header with this many of the values, in turn; BLOB_VALUES=5 takes all. */
const VALUES = Number(process.env['BLOB_VALUES'] ?? 2)
const values = ['', 'letters', '-1', `1${'0'.repeat(30)}`, '\u00ff\u00fe']

/** What an operation wants besides, so that the one nonsense is all that is wrong. */
const wanted: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  PutBlob: { 'x-ms-blob-type': 'BlockBlob' },
  PutPage: { 'x-ms-range': 'bytes=0-511', 'x-ms-page-write': 'update' },
  LeaseBlob: { 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '15' },
  LeaseContainer: { 'x-ms-lease-action': 'break' },
  PutAppendBlob: { 'x-ms-blob-type': 'AppendBlob' },
  SetBlobTier: { 'x-ms-access-tier': 'Cool' },
}

let bench: BlobBench
let served: ServedProtocol
const agent = new Agent({ keepAlive: true, maxSockets: 16 })
beforeAll(async () => {
  bench = await openBlobBench()
  await makeContainer(bench)
  await put(bench, 'kept', Buffer.from('kept'))
  served = await serveBlobs(bench)
})
afterAll(async () => {
  agent.destroy()
  await served[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

it('nonsense in any header of any operation is refused in the form of the protocol, or is not read', async () => {
  const wrong: string[] = []
  const codes = new Set<unknown>()
  for (const [row, operation] of operations.entries()) {
    await restock()
    await Promise.all(
      headerNames.map(async (name, column) => {
        for (let turn = 0; turn < VALUES; turn++) {
          const value = values[(row + column + turn) % values.length] ?? ''
          const answer = await ask(operation, { [name]: value })
          codes.add(answer.headers['x-ms-error-code'])
          const problem = problemOf(operation, answer)
          if (problem !== null) wrong.push(`${operation.id} with ${name}: ${value}: ${problem}`)
        }
      }),
    )
  }
  expect(wrong).toEqual([])
  // They came as far as the operations.
  expect(codes.size, [...codes].join()).toBeGreaterThan(12)
  expect(served.bugs).toEqual([])
  expect((await get(bench, 'kept')).toString()).toBe('kept')
})

type AnyOperation = Pick<Operation<never, never>, 'id' | 'method' | 'path' | 'query' | 'headers' | 'body'>

/** What the requests act upon; some of them delete it. */
async function restock(): Promise<void> {
  const url = `${served.url}/${bench.account.name}/scratch`
  await request(`${url}?restype=container`, { method: 'PUT', headers: version })
  await request(`${url}/blob`, {
    method: 'PUT',
    headers: { ...version, 'x-ms-blob-type': 'BlockBlob' },
    body: Buffer.alloc(2_000),
  })
}

const version = { 'x-ms-version': '2023-11-03' }

async function ask(
  operation: AnyOperation,
  headers: Readonly<Record<string, string>>,
): Promise<TestResponse> {
  const path = operation.path.replace('{container}', 'scratch').replace('{blob+}', 'blob')
  const query = Object.entries(operation.query ?? {}).map(
    ([name, value]) => `${name}=${value === true ? 'x' : value}`,
  )
  const given = Object.entries(operation.headers ?? {}).map(([name, value]) => [
    name,
    value === true ? 'x' : value,
  ])
  const body = operation.body.kind === 'none' ? undefined : Buffer.alloc(512)
  return await request(
    `${served.url}/${bench.account.name}${path}${query.length === 0 ? '' : '?'}${query.join('&')}`,
    {
      method: operation.method,
      headers: { ...version, ...(Object.fromEntries(given) as object), ...wanted[operation.id], ...headers },
      ...(body === undefined ? {} : { body }),
      agent,
    },
  )
}

function problemOf(
  { method }: Pick<AnyOperation, 'method'>,
  { status, headers, text }: TestResponse,
): string | null {
  if (status >= 500) return `${status} ${text}`
  if (status < 300) return null
  const code = headers['x-ms-error-code']
  if (typeof code !== 'string') return `${status} without a code`
  if (status === 304 || method === 'HEAD') return null
  const start = `\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>`
  return text.startsWith(start) && text.endsWith('</Error>')
    ? null
    : `${status} in another form: ${text.slice(0, 200)}`
}
