import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ServedProtocol, type TestResponse, request } from '../../../src/http/testing.ts'
import { type BlobBench, makeContainer, openBlobBench, serveBlobs } from '../../support/blob-bench.ts'

interface Sound {
  readonly method: string
  /** Below the container. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

const guid = '11111111-1111-4111-8111-111111111111'
const long = 'Mon, 01 Jan 2001 00:00:00 GMT'
const bytes = (length: number) => Buffer.alloc(length, 7)
const pages = { 'x-ms-page-write': 'update', 'x-ms-range': 'bytes=0-511' }
const block = { 'x-ms-blob-type': 'BlockBlob' }
const blockId = Buffer.from('b00').toString('base64')

/** Each is done as it stands: with one header more, or another one, that is what is judged. */
const sound = {
  putBlob: { method: 'PUT', path: '/block', headers: block, body: bytes(9) },
  putAppendBlob: { method: 'PUT', path: '/new', headers: { 'x-ms-blob-type': 'AppendBlob' } },
  putPageBlob: {
    method: 'PUT',
    path: '/new',
    headers: { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': '512' },
  },
  putBlock: { method: 'PUT', path: `/block?comp=block&blockid=${blockId}`, body: bytes(9) },
  appendBlock: { method: 'PUT', path: '/append?comp=appendblock', body: bytes(9) },
  putPage: { method: 'PUT', path: '/page?comp=page', headers: pages, body: bytes(512) },
  getBlob: { method: 'GET', path: '/block' },
  getPageRanges: { method: 'GET', path: '/page?comp=pagelist' },
  setProperties: { method: 'PUT', path: '/page?comp=properties' },
  setMetadata: { method: 'PUT', path: '/block?comp=metadata' },
  setTier: { method: 'PUT', path: '/block?comp=tier', headers: { 'x-ms-access-tier': 'Cool' } },
  snapshot: { method: 'PUT', path: '/block?comp=snapshot' },
  lease: {
    method: 'PUT',
    path: '/leased?comp=lease',
    headers: { 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '15', 'x-ms-proposed-lease-id': guid },
  },
  breakLease: { method: 'PUT', path: '/leased?comp=lease', headers: { 'x-ms-lease-action': 'break' } },
  deleteBlob: { method: 'DELETE', path: '/gone' },
  setAccess: { method: 'PUT', path: '?restype=container&comp=acl' },
  setContainerMetadata: { method: 'PUT', path: '?restype=container&comp=metadata' },
} as const satisfies Readonly<Record<string, Sound>>

type Row = readonly [of: keyof typeof sound, header: string, value: string, status: number, code: string]

const otherMd5 = createHash('md5').update('another').digest('base64')
const ofAny: readonly (readonly [string, string, number, string])[] = [
  ['x-ms-lease-id', 'letters', 400, 'InvalidHeaderValue'],
  ['x-ms-lease-id', guid, 412, 'LeaseNotPresentWithBlobOperation'],
  ['if-match', '"0x1"', 412, 'ConditionNotMet'],
  ['if-unmodified-since', long, 412, 'ConditionNotMet'],
]
const ofWrites: readonly (readonly [string, string, number, string])[] = [
  ...ofAny,
  ['if-match', '"0x1", "0x2"', 400, 'MultipleConditionHeadersNotSupported'],
]

const rows: readonly Row[] = [
  ...(['getBlob', 'getPageRanges'] as const).flatMap((of) => ofAny.map((row): Row => [of, ...row])),
  ...(['putBlob', 'appendBlock', 'putPage', 'setMetadata', 'setProperties', 'snapshot'] as const).flatMap(
    (of) => ofWrites.map((row): Row => [of, ...row]),
  ),
  ...(
    ['putBlob', 'putAppendBlob', 'putPageBlob', 'setMetadata', 'snapshot', 'setContainerMetadata'] as const
  ).flatMap((of): Row[] => [
    [of, 'x-ms-meta-1a', 'x', 400, 'InvalidMetadata'],
    [of, 'x-ms-meta-', 'x', 400, 'EmptyMetadataKey'],
    [of, 'x-ms-meta-a', 'x'.repeat(8_192), 400, 'MetadataTooLarge'],
  ]),
  ...(['putBlob', 'putBlock', 'appendBlock', 'putPage'] as const).flatMap((of): Row[] => [
    [of, 'content-md5', 'letters', 400, 'InvalidMd5'],
    [of, 'content-md5', otherMd5, 400, 'Md5Mismatch'],
    [of, 'x-ms-content-crc64', 'letters', 400, 'InvalidHeaderValue'],
    [of, 'x-ms-content-crc64', Buffer.alloc(8).toString('base64'), 400, 'Crc64Mismatch'],
  ]),
  ...(['putBlob', 'putAppendBlob', 'putPageBlob', 'appendBlock', 'putPage'] as const).flatMap((of): Row[] => [
    [of, 'x-ms-encryption-key', 'letters', 400, 'MissingRequiredHeader'],
    [of, 'x-ms-encryption-key-sha256', 'letters', 400, 'MissingRequiredHeader'],
  ]),
  ...(['putBlob', 'putAppendBlob', 'putPageBlob'] as const).flatMap((of): Row[] => [
    [of, 'x-ms-blob-content-md5', 'letters', 400, 'InvalidMd5'],
    [of, 'x-ms-tags', 'a=%3C', 400, 'InvalidTag'],
    [of, 'x-ms-encryption-scope', 'nowhere', 400, 'InvalidHeaderValue'],
    [of, 'x-ms-immutability-policy-until-date', 'letters', 400, 'InvalidHeaderValue'],
    [of, 'x-ms-legal-hold', 'letters', 400, 'InvalidHeaderValue'],
  ]),
  ['putBlob', 'x-ms-blob-type', 'OtherBlob', 400, 'InvalidHeaderValue'],
  ['putBlob', 'x-ms-access-tier', 'Tepid', 400, 'InvalidHeaderValue'],
  ['putBlob', 'if-none-match', '*', 409, 'BlobAlreadyExists'],
  ['setMetadata', 'if-none-match', '*', 412, 'ConditionNotMet'],
  ['putPageBlob', 'x-ms-blob-content-length', '511', 400, 'InvalidHeaderValue'],
  ['putPageBlob', 'x-ms-blob-sequence-number', '-1', 400, 'InvalidHeaderValue'],
  ['putPageBlob', 'x-ms-access-tier', 'Hot', 400, 'AccessTierNotSupportedForBlobType'],
  ['putBlock', 'x-ms-lease-id', guid, 412, 'LeaseNotPresentWithBlobOperation'],
  ['appendBlock', 'x-ms-blob-condition-appendpos', 'letters', 400, 'InvalidHeaderValue'],
  ['appendBlock', 'x-ms-blob-condition-appendpos', '3', 412, 'AppendPositionConditionNotMet'],
  ['appendBlock', 'x-ms-blob-condition-maxsize', '-1', 400, 'InvalidHeaderValue'],
  ['appendBlock', 'x-ms-blob-condition-maxsize', '3', 412, 'MaxBlobSizeConditionNotMet'],
  ['putPage', 'x-ms-page-write', 'other', 400, 'InvalidHeaderValue'],
  ['putPage', 'x-ms-range', 'letters', 400, 'InvalidHeaderValue'],
  ['putPage', 'x-ms-range', 'bytes=1-512', 400, 'InvalidHeaderValue'],
  ['putPage', 'x-ms-range', 'bytes=0-1023', 400, 'InvalidHeaderValue'],
  ['putPage', 'x-ms-range', 'bytes=4096-4607', 416, 'InvalidPageRange'],
  ['putPage', 'x-ms-if-sequence-number-lt', '0', 412, 'SequenceNumberConditionNotMet'],
  ['putPage', 'x-ms-if-sequence-number-eq', 'letters', 400, 'InvalidHeaderValue'],
  ['getBlob', 'x-ms-range', 'bytes=9-', 416, 'InvalidRange'],
  ['getBlob', 'x-ms-range', 'bytes=5-2', 416, 'InvalidRange'],
  ['getBlob', 'x-ms-range-get-content-md5', 'true', 400, 'InvalidHeaderValue'],
  ['getBlob', 'x-ms-range-get-content-crc64', 'true', 400, 'InvalidHeaderValue'],
  ['getBlob', 'if-none-match', '*', 400, 'UnsatisfiableCondition'],
  ['getBlob', 'x-ms-if-tags', '"a" = \'1\'', 412, 'ConditionNotMet'],
  ['getPageRanges', 'x-ms-range', 'bytes=4096-', 416, 'InvalidPageRange'],
  ['setProperties', 'x-ms-blob-content-length', '511', 400, 'InvalidHeaderValue'],
  ['setProperties', 'x-ms-blob-content-md5', 'letters', 400, 'InvalidMd5'],
  ['setProperties', 'x-ms-sequence-number-action', 'other', 400, 'InvalidHeaderValue'],
  ['setProperties', 'x-ms-sequence-number-action', 'max', 400, 'MissingRequiredHeader'],
  ['setProperties', 'x-ms-blob-sequence-number', '1', 400, 'MissingRequiredHeader'],
  ['setTier', 'x-ms-access-tier', 'Tepid', 400, 'InvalidHeaderValue'],
  ['setTier', 'x-ms-access-tier', 'P10', 400, 'AccessTierNotSupportedForBlobType'],
  ['setTier', 'x-ms-rehydrate-priority', 'Soon', 400, 'InvalidHeaderValue'],
  ['lease', 'x-ms-lease-action', 'steal', 400, 'InvalidHeaderValue'],
  ['lease', 'x-ms-lease-action', 'change', 400, 'MissingRequiredHeader'],
  ['lease', 'x-ms-lease-duration', '14', 400, 'InvalidHeaderValue'],
  ['lease', 'x-ms-lease-duration', 'letters', 400, 'InvalidHeaderValue'],
  ['lease', 'x-ms-proposed-lease-id', 'letters', 400, 'InvalidHeaderValue'],
  ['breakLease', 'x-ms-lease-break-period', '61', 400, 'InvalidHeaderValue'],
  ['deleteBlob', 'x-ms-delete-snapshots', 'some', 400, 'InvalidHeaderValue'],
  ['deleteBlob', 'x-ms-lease-id', 'letters', 400, 'InvalidHeaderValue'],
  ['setAccess', 'x-ms-blob-public-access', 'letters', 400, 'InvalidHeaderValue'],
  ['setAccess', 'x-ms-lease-id', guid, 412, 'LeaseNotPresentWithContainerOperation'],
  ['setContainerMetadata', 'if-match', '"0x1"', 400, 'ConditionHeadersNotSupported'],
]

let bench: BlobBench
let served: ServedProtocol
beforeAll(async () => {
  bench = await openBlobBench()
  await makeContainer(bench, 'scratch')
  served = await serveBlobs(bench)
  for (const name of ['block', 'leased', 'gone']) await send({ ...sound.putBlob, path: `/${name}` })
  await send({ method: 'PUT', path: '/append', headers: { 'x-ms-blob-type': 'AppendBlob' } })
  await send({
    method: 'PUT',
    path: '/page',
    headers: { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': '4096' },
  })
})
afterAll(async () => {
  await served[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

async function send({ method, path, headers, body }: Sound): Promise<TestResponse> {
  return await request(`${served.url}/${bench.account.name}/scratch${path}`, {
    method,
    headers: { 'x-ms-version': '2023-11-03', ...headers },
    ...(body === undefined ? {} : { body }),
  })
}

describe('one bad header of a request that is sound besides', () => {
  it.each(rows)('of %s: %s: %s, answered with %s %s', async (of, header, value, status, code) => {
    const one: Sound = sound[of]
    const answer = await send({ ...one, headers: { ...one.headers, [header]: value } })
    expect([answer.status, answer.headers['x-ms-error-code']]).toEqual([status, code])
    expect(served.bugs).toEqual([])
  })

  it('is all that was wrong', async () => {
    for (const [of, one] of Object.entries(sound)) expect((await send(one)).status, of).toBeLessThan(300)
  })
})
