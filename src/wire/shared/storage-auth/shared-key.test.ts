import { BlobServiceClient, StorageSharedKeyCredential, newPipeline } from '@azure/storage-blob'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  ACCOUNT_NAME,
  type AdmissionBench,
  keyTexts,
  needs,
  openAdmissionBench,
} from '../../../../test/support/admission-bench.ts'
import { AccountKey } from '../../../crypto/account-key.ts'
import { request } from '../../../http/testing.ts'

let bench: AdmissionBench
let initial: Pick<AdmissionBench, 'account' | 'permission' | 'transport'>
beforeAll(async () => {
  bench = await openAdmissionBench()
  initial = { account: bench.account, permission: bench.permission, transport: {} }
})
beforeEach(() => {
  Object.assign(bench, initial)
  bench.setNow(new Date())
  bench.outcomes.length = 0
})
afterAll(async () => {
  expect(bench.served.bugs).toEqual([])
  await bench[Symbol.asyncDispose]()
})

const sdk = (key: string = keyTexts[0]) =>
  new BlobServiceClient(
    bench.url,
    newPipeline(new StorageSharedKeyCredential(ACCOUNT_NAME, key), { retryOptions: { maxTries: 1 } }),
  )

/** The answers here have no bodies that the SDK could read: what counts is how they were admitted. */
async function send(operation: () => Promise<unknown>): Promise<void> {
  await operation().catch(() => undefined)
}

function kinds(): readonly string[] {
  return bench.outcomes.map((outcome) => ('caller' in outcome ? outcome.caller.kind : String(outcome.fault)))
}

describe('what @azure/storage-blob signs', () => {
  it.each(keyTexts)('is admitted under either key of the account', async (key) => {
    await send(() => sdk(key).getProperties())
    expect(kinds()).toEqual(['shared-key'])
  })

  it('is admitted for every sort of request', async () => {
    const container = sdk().getContainerClient('c1')
    const blob = container.getBlockBlobClient('정산/보고서 2026+1 (초안)&a=b?c#d%20.txt')
    const conditions = {
      ifMatch: '"0x1"',
      ifNoneMatch: '*',
      ifModifiedSince: new Date(0),
      ifUnmodifiedSince: new Date(),
    }
    await send(() => container.create({ metadata: { Owner: 'it', a_b: '1', ab: '2', 'a-b': '3', A: '4' } }))
    await send(() =>
      container.listBlobsFlat({ prefix: '정산 & a+b/=', includeTags: true, includeMetadata: true }).next(),
    )
    await send(() => container.listBlobsByHierarchy('/', { prefix: '' }).next())
    await send(() => blob.upload('', 0))
    await send(() =>
      blob.upload('hello', 5, { metadata: { x: '  two  blanks  ' }, tags: { 'a b': 'c/d=e' } }),
    )
    await send(() =>
      blob.upload('hello', 5, {
        conditions,
        blobHTTPHeaders: {
          blobContentType: 'text/plain; charset=utf-8',
          blobContentMD5: new Uint8Array(16),
          blobContentLanguage: 'ko',
          blobContentEncoding: 'gzip',
        },
      }),
    )
    await send(() => blob.stageBlock(Buffer.from('block/+1').toString('base64'), 'abc', 3))
    await send(() => blob.commitBlockList([Buffer.from('block/+1').toString('base64')]))
    await send(() => blob.download(5, 10, { conditions, rangeGetContentMD5: true }))
    await send(() => blob.getProperties({ conditions }))
    await send(() => blob.withSnapshot('2026-01-01T00:00:00.0000000Z').download())
    await send(() => blob.setTags({ 'a b': 'c+d' }))
    await send(() => blob.syncCopyFromURL('https://other.example/c/b?sv=1&sig=a%2Bb%3D'))
    await send(() => blob.delete({ deleteSnapshots: 'include' }))
    await send(() => sdk().findBlobsByTags(`"a b"='c+d' AND @container='c1'`).next())
    expect(kinds()).toEqual(Array(15).fill('shared-key'))
  })

  it('is admitted whatever the names of its headers', async () => {
    const name = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/)
    const value = fc.stringMatching(/^[!-~]([ -~]{0,10}[!-~])?$/)
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(name, value, { maxKeys: 8, noNullPrototype: true }),
        async (metadata) => {
          bench.outcomes.length = 0
          await send(() => sdk().getContainerClient('c1').create({ metadata }))
          expect(kinds()).toEqual(['shared-key'])
        },
      ),
      { numRuns: 100 },
    )
  })

  it('is refused under another key, and says what was to be signed', async () => {
    const error = await sdk(AccountKey.generateText())
      .getProperties()
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ statusCode: 403 })
    expect(kinds()).toEqual(['StorageAuthFault: authentication-failed'])
    const [outcome] = bench.outcomes
    const fault = outcome !== undefined && 'fault' in outcome ? outcome.fault : null
    expect(fault).toMatchObject({
      facts: {
        detail: expect.stringMatching(
          /^The MAC signature found in the HTTP request '[^']{44}' is not the same as any computed signature\. Server used following string to sign: 'GET\n[^]*\/account1\/account1\/\ncomp:properties\nrestype:service'\.$/,
        ) as string,
      },
    })
  })
})

interface Signed {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly scheme?: string
  readonly stringToSign: string
}

/** Sends what `stringToSign` is the string for, if the server thinks so too. */
async function sendSigned({
  method = 'GET',
  path = '/c1/b1',
  headers,
  scheme = 'SharedKey',
  stringToSign,
}: Signed) {
  const signature = AccountKey.parse(keyTexts[0])?.sign(stringToSign) ?? ''
  const authorization = `${scheme} ${ACCOUNT_NAME}:${signature}`
  return request(`${bench.url}${path}`, { method, headers: { ...headers, authorization } })
}

const date = 'Wed, 01 Jul 2026 10:00:00 GMT'
const dated = { 'x-ms-date': date, 'x-ms-version': '2026-06-06' }
const datedLines = `x-ms-date:${date}\nx-ms-version:2026-06-06`

describe('the string to sign', () => {
  beforeEach(() => bench.setNow(new Date(date)))

  it.each<[string, Signed]>([
    [
      'has an empty line for each header that is not there',
      { headers: dated, stringToSign: `GET\n\n\n\n\n\n\n\n\n\n\n\n${datedLines}\n/account1/account1/c1/b1` },
    ],
    [
      'takes the path as it was sent',
      {
        path: '/c1/a%2fb/%EC%A0%95//c(1).txt',
        headers: dated,
        stringToSign: `GET\n\n\n\n\n\n\n\n\n\n\n\n${datedLines}\n/account1/account1/c1/a%2fb/%EC%A0%95//c(1).txt`,
      },
    ],
    [
      'takes the query decoded, sorted by names in lower case, values of one name sorted with commas between',
      {
        path: '/c1?restype=container&Include=snapshots&include=metadata&comp=list&prefix=a%20b%2Bc+d&marker=',
        headers: dated,
        stringToSign: `GET\n\n\n\n\n\n\n\n\n\n\n\n${datedLines}\n/account1/account1/c1\ncomp:list\ninclude:metadata,snapshots\nmarker:\nprefix:a b+c d\nrestype:container`,
      },
    ],
    [
      'has the Date when there is no x-ms-date',
      { headers: { date }, stringToSign: `GET\n\n\n\n\n\n${date}\n\n\n\n\n\n/account1/account1/c1/b1` },
    ],
    [
      'has no Date when there is an x-ms-date',
      {
        headers: { ...dated, date },
        stringToSign: `GET\n\n\n\n\n\n\n\n\n\n\n\n${datedLines}\n/account1/account1/c1/b1`,
      },
    ],
    [
      'leaves out a Content-Length of 0 since 2015-02-21',
      {
        method: 'PUT',
        headers: { ...dated, 'content-length': '0' },
        stringToSign: `PUT\n\n\n\n\n\n\n\n\n\n\n\n${datedLines}\n/account1/account1/c1/b1`,
      },
    ],
    [
      'has a Content-Length of 0 before',
      {
        method: 'PUT',
        headers: { 'x-ms-date': date, 'x-ms-version': '2014-02-14', 'content-length': '0' },
        stringToSign: `PUT\n\n\n0\n\n\n\n\n\n\n\n\nx-ms-date:${date}\nx-ms-version:2014-02-14\n/account1/account1/c1/b1`,
      },
    ],
    [
      'of SharedKeyLite has four lines and of the query comp alone',
      {
        path: '/c1?restype=container&comp=list&prefix=a',
        headers: dated,
        scheme: 'SharedKeyLite',
        stringToSign: `GET\n\n\n\n${datedLines}\n/account1/account1/c1?comp=list`,
      },
    ],
    [
      'of SharedKeyLite has MD5, type and date',
      {
        headers: { date, 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==', 'content-type': 'text/plain' },
        scheme: 'sharedkeylite',
        stringToSign: `GET\nAAAAAAAAAAAAAAAAAAAAAA==\ntext/plain\n${date}\n/account1/account1/c1/b1`,
      },
    ],
    [
      'may have its headers in the order of their characters',
      {
        headers: { ...dated, 'x-ms-meta-a_b': '1', 'x-ms-meta-ab': '2', 'x-ms-meta-a-b': '3' },
        stringToSign: `GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:${date}\nx-ms-meta-a-b:3\nx-ms-meta-a_b:1\nx-ms-meta-ab:2\nx-ms-version:2026-06-06\n/account1/account1/c1/b1`,
      },
    ],
    [
      'may have its headers in the order of a dictionary',
      {
        headers: { 'x-ms-meta-a-b': '3', 'x-ms-meta-ab': '2', 'x-ms-meta-a_b': '1', ...dated },
        stringToSign: `GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:${date}\nx-ms-meta-a_b:1\nx-ms-meta-ab:2\nx-ms-meta-a-b:3\nx-ms-version:2026-06-06\n/account1/account1/c1/b1`,
      },
    ],
  ])('%s', async (_claim, signed) => {
    const answer = await sendSigned(signed)
    expect(answer.json()).toMatchObject({ kind: 'shared-key' })
  })
})

const plain = `GET\n\n\n\n\n\n\n\n\n\n\n\n${datedLines}\n/account1/account1/c1/b1`

describe('a signed request', () => {
  beforeEach(() => bench.setNow(new Date(date)))

  it.each<[string, Signed]>([
    ['method', { method: 'DELETE', headers: dated, stringToSign: plain }],
    ['path', { path: '/c1/b2', headers: dated, stringToSign: plain }],
    ['encoding of the path', { path: '/c1/%62%31', headers: dated, stringToSign: plain }],
    ['query', { path: '/c1/b1?snapshot=2026-01-01T00:00:00.0000000Z', headers: dated, stringToSign: plain }],
    ['x-ms- headers', { headers: { ...dated, 'x-ms-lease-id': 'x' }, stringToSign: plain }],
    [
      'x-ms-date',
      { headers: { ...dated, 'x-ms-date': 'Wed, 01 Jul 2026 10:00:01 GMT' }, stringToSign: plain },
    ],
    ['range', { headers: { ...dated, range: 'bytes=0-1' }, stringToSign: plain }],
    ['conditions', { headers: { ...dated, 'if-match': '*' }, stringToSign: plain }],
    ['type', { headers: { ...dated, 'content-type': 'text/html' }, stringToSign: plain }],
    ['scheme', { headers: dated, scheme: 'SharedKeyLite', stringToSign: plain }],
  ])('is refused when its %s is another than was signed', async (_what, signed) => {
    const answer = await sendSigned(signed)
    expect([answer.status, answer.json()]).toMatchObject([403, { code: 'AuthenticationFailed' }])
  })

  it.each([
    ['15 minutes old', -900, 200],
    ['older', -901, 403],
    ['15 minutes ahead', 900, 200],
    ['further ahead', 901, 403],
  ])('whose date is %s of the clock', async (_when, seconds, status) => {
    bench.setNow(new Date(Date.parse(date) - seconds * 1000))
    const answer = await sendSigned({ headers: dated, stringToSign: plain })
    expect(answer.status).toBe(status)
  })

  it.each([
    ['is missing', undefined],
    ['is in a form of before 1994', 'Wednesday, 01-Jul-26 10:00:00 GMT'],
    ['has a day of one digit', 'Wed, 1 Jul 2026 10:00:00 GMT'],
    ['is ISO 8601', '2026-07-01T10:00:00Z'],
    ['is of no month', 'Wed, 01 Foo 2026 10:00:00 GMT'],
    ['is empty', ''],
  ])('is refused when its date %s', async (_how, sent) => {
    const headers: Record<string, string> = sent === undefined ? {} : { 'x-ms-date': sent }
    const line = sent === undefined ? '' : `x-ms-date:${sent}\n`
    const answer = await sendSigned({
      headers,
      stringToSign: `GET\n\n\n\n\n\n\n\n\n\n\n\n${line}/account1/account1/c1/b1`,
    })
    expect(answer.json()).toMatchObject({
      code: 'AuthenticationFailed',
      detail: 'The Date header in the request is incorrect.',
    })
  })

  it.each([
    ['another account', (value: string) => value.replace('account1:', 'account2:'), 403],
    ['the account in capitals', (value: string) => value.replace('account1:', 'ACCOUNT1:'), 403],
    ['no account', (value: string) => value.replace('account1:', ''), 400],
    ['no signature', (value: string) => value.slice(0, value.indexOf(':') + 1), 400],
    ['an empty signature', () => 'SharedKey account1:=', 403],
    ['an unknown scheme', (value: string) => value.replace('SharedKey', 'SharedKeyHeavy'), 400],
    ['Basic', () => 'Basic YWNjb3VudDE6a2V5', 400],
    ['the same twice', (value: string) => `${value}, ${value}`, 400],
    ['nothing', () => '', 400],
  ])('is refused when its Authorization header has %s', async (_what, change, status) => {
    const signature = AccountKey.parse(keyTexts[0])?.sign(plain) ?? ''
    const authorization = change(`SharedKey ${ACCOUNT_NAME}:${signature}`)
    const answer = await request(`${bench.url}/c1/b1`, { headers: { ...dated, authorization } })
    expect(answer.status).toBe(status)
    expect(answer.json()).toMatchObject({
      code: status === 400 ? 'InvalidAuthenticationInfo' : 'AuthenticationFailed',
    })
    expect(answer.text).not.toContain(keyTexts[0])
  })

  it('is refused where the account takes no keys', async () => {
    bench.account = { ...bench.account, allowsSharedKey: false }
    const answer = await sendSigned({ headers: dated, stringToSign: plain })
    expect([answer.status, answer.json()]).toMatchObject([
      403,
      { code: 'KeyBasedAuthenticationNotPermitted' },
    ])
  })

  it('may do whatever the account can do', async () => {
    for (const permission of Object.values(needs)) {
      bench.permission = permission
      expect((await sendSigned({ headers: dated, stringToSign: plain })).status).toBe(200)
    }
  })
})
