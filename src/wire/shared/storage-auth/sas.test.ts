import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  BlobSASPermissions,
  ContainerSASPermissions,
  SASProtocol,
  StorageSharedKeyCredential,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
} from '@azure/storage-blob'
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
import type { StoredAccessPolicy } from '../../../services/storage/storage-caller.ts'

let bench: AdmissionBench
let initial: Pick<AdmissionBench, 'account' | 'permission' | 'transport'>
beforeAll(async () => {
  bench = await openAdmissionBench()
  initial = {
    account: bench.account,
    permission: bench.permission,
    transport: { tlsVersion: 'TLSv1.3', remoteAddress: '203.0.113.7' },
  }
})
beforeEach(() => {
  Object.assign(bench, initial)
  bench.setNow(new Date('2026-07-01T10:00:00Z'))
  bench.containers.clear()
})
afterAll(async () => {
  expect(bench.served.bugs).toEqual([])
  await bench[Symbol.asyncDispose]()
})

const credential = new StorageSharedKeyCredential(ACCOUNT_NAME, keyTexts[0])
const startsOn = new Date('2026-07-01T09:00:00Z')
const expiresOn = new Date('2026-07-01T11:00:00Z')
const versions = [
  '2018-11-09',
  '2019-12-12',
  '2020-02-10',
  '2020-12-06',
  '2021-12-02',
  '2026-06-06',
  '2031-01-01',
]

type AccountSas = Partial<Parameters<typeof generateAccountSASQueryParameters>[0]>
const accountSas = (more: AccountSas = {}, key = credential) =>
  generateAccountSASQueryParameters(
    {
      permissions: AccountSASPermissions.parse('rwdlac'),
      services: AccountSASServices.parse('bqtf').toString(),
      resourceTypes: AccountSASResourceTypes.parse('sco').toString(),
      startsOn,
      expiresOn,
      ...more,
    },
    key,
  ).toString()

type BlobSas = Partial<Parameters<typeof generateBlobSASQueryParameters>[0]>
const blobSas = (more: BlobSas = {}) =>
  generateBlobSASQueryParameters(
    {
      containerName: 'c1',
      blobName: 'dir/b1',
      permissions: BlobSASPermissions.parse('r'),
      startsOn,
      expiresOn,
      ...more,
    },
    credential,
  ).toString()
const containerSas = (letters: string, more: BlobSas = {}) =>
  generateBlobSASQueryParameters(
    {
      containerName: 'c1',
      permissions: ContainerSASPermissions.parse(letters),
      startsOn,
      expiresOn,
      ...more,
    },
    credential,
  ).toString()

async function send(path: string, sas: string, headers: Record<string, string> = {}) {
  const joined = path.includes('?') ? '&' : '?'
  const answer = await request(`${bench.url}${path}${joined}${sas}`, { headers })
  const body = answer.json() as { readonly [name: string]: unknown }
  return { ...answer, body, code: answer.status === 200 ? 'admitted' : body['code'] }
}

/** The query of a SAS with one parameter changed, or left out where the value is null. */
function changed(sas: string, name: string, value: string | null): string {
  const parameters = new URLSearchParams(sas)
  if (value === null) parameters.delete(name)
  else parameters.set(name, value)
  return parameters.toString()
}

/** Signs by hand what no SDK signs. */
function signed(parameters: Record<string, string>, lines: readonly string[]): string {
  const sig = AccountKey.parse(keyTexts[0])?.sign(lines.join('\n')) ?? ''
  return new URLSearchParams({ ...parameters, sig }).toString()
}

const PLACE = '/blob/account1/c1/b1'
const since2020 = 'sp st se PLACE si sip spr sv sr snapshot ses rscc rscd rsce rscl rsct'.split(' ')
const since2018 = since2020.filter((name) => name !== 'ses')
const since2013 = since2018.filter((name) => name !== 'sr' && name !== 'snapshot')

/** A service SAS for `/c1/b1`, of parameters that no SDK writes. */
function serviceSas(parameters: Record<string, string>, names = since2020): string {
  const base = { sv: '2021-12-02', sr: 'b', sp: 'r', se: '2027-01-01T00:00:00Z', ...parameters }
  const values: Record<string, string> = { ...base, PLACE }
  return signed(
    base,
    names.map((name) => values[name] ?? ''),
  )
}

describe('an account SAS of @azure/storage-blob', () => {
  it.each(['2015-04-05', ...versions])('of version %s is admitted', async (version) => {
    const more = version >= '2020-12-06' ? { encryptionScope: 'scope1' } : {}
    const sas = accountSas({
      version,
      ipRange: { start: '203.0.113.7' },
      protocol: SASProtocol.Https,
      ...more,
    })
    const answer = await send('/c1/dir/b1', sas)
    expect(answer.body).toMatchObject({
      kind: 'account-sas',
      encryptionScope: version >= '2020-12-06' ? 'scope1' : null,
    })
  })

  it('is admitted under the second key, and under none that is not the account’s', async () => {
    const second = new StorageSharedKeyCredential(ACCOUNT_NAME, keyTexts[1])
    const foreign = new StorageSharedKeyCredential(ACCOUNT_NAME, AccountKey.generateText())
    const other = new StorageSharedKeyCredential('account2', keyTexts[0])
    expect((await send('/c1/b1', accountSas({}, second))).code).toBe('admitted')
    expect((await send('/c1/b1', accountSas({}, foreign))).code).toBe('AuthenticationFailed')
    expect((await send('/c1/b1', accountSas({}, other))).code).toBe('AuthenticationFailed')
  })

  it.each([
    ['sv', '2021-12-02'],
    ['ss', 'b'],
    ['srt', 'o'],
    ['sp', 'rwdlacx'],
    ['st', '2026-07-01T08:00:00Z'],
    ['st', '2026-07-01T09:00Z'],
    ['se', '2027-07-01T11:00:00Z'],
    ['sip', '0.0.0.0-255.255.255.255'],
    ['spr', 'https,http'],
    ['ses', 'scope2'],
    ['sig', keyTexts[0].slice(0, 43) + '='],
    ['sv', null],
    ['ss', null],
    ['srt', null],
    ['sp', null],
    ['st', null],
    ['se', null],
    ['sip', null],
    ['spr', null],
    ['ses', null],
  ])('is refused when its %s is changed to %s', async (name, value) => {
    const sas = accountSas({
      ipRange: { start: '203.0.113.0', end: '203.0.113.255' },
      protocol: SASProtocol.Https,
      encryptionScope: 'scope1',
    })
    expect((await send('/c1/b1', sas)).code).toBe('admitted')
    expect((await send('/c1/b1', changed(sas, name, value))).code).toBe('AuthenticationFailed')
  })

  it('is refused when a parameter comes twice, in whatever letter case, even with the same value', async () => {
    const sas = accountSas()
    for (const [name, value] of new URLSearchParams(sas)) {
      for (const twin of [name, name.toUpperCase()]) {
        const answer = await send('/c1/b1', `${sas}&${new URLSearchParams({ [twin]: value }).toString()}`)
        expect([twin, answer.body['detail']]).toEqual([twin, 'Signature fields not well formed.'])
      }
    }
  })

  it('without its signature is no credential', async () => {
    const answer = await send('/c1/b1', changed(accountSas(), 'sig', null), { 'x-ms-version': '2026-06-06' })
    expect(answer.code).toBe('NoAuthenticationInformation')
  })

  it('allows what its services, resource types and letters say together', async () => {
    const cases = [
      [{}, 'listContainers', 'admitted'],
      [{ services: 'qtf' }, 'listContainers', 'AuthorizationServiceMismatch'],
      [{ resourceTypes: 'co' }, 'listContainers', 'AuthorizationResourceTypeMismatch'],
      [{ resourceTypes: 'so' }, 'listBlobs', 'AuthorizationResourceTypeMismatch'],
      [{ resourceTypes: 'sc' }, 'readBlob', 'AuthorizationResourceTypeMismatch'],
      [{ resourceTypes: 'o' }, 'readBlob', 'admitted'],
      [{ permissions: AccountSASPermissions.parse('wdlac') }, 'readBlob', 'AuthorizationPermissionMismatch'],
      [{ permissions: AccountSASPermissions.parse('r') }, 'writeBlob', 'AuthorizationPermissionMismatch'],
      [{ permissions: AccountSASPermissions.parse('c') }, 'createContainer', 'admitted'],
      [
        { permissions: AccountSASPermissions.parse('rup') },
        'createContainer',
        'AuthorizationPermissionMismatch',
      ],
      [{}, 'nobody', 'AuthorizationPermissionMismatch'],
    ] as const
    for (const [more, need, code] of cases) {
      bench.permission = needs[need]
      expect([more, need, (await send('/c1/b1', accountSas(more))).code]).toEqual([more, need, code])
    }
  })

  it('does not read the letter of queues as that of blobs', async () => {
    bench.permission = { ...needs.readBlob, sas: ['p'] }
    const sas = accountSas({ permissions: AccountSASPermissions.parse('p') })
    expect((await send('/c1/b1', sas)).code).toBe('AuthorizationPermissionMismatch')
  })

  it('sets no response headers: they are not signed', async () => {
    const answer = await send('/c1/b1', `${accountSas()}&rsct=text%2Fhtml&rscd=x`)
    expect(answer.body).toMatchObject({ kind: 'account-sas', responseHeaders: {} })
  })
})

describe('a service SAS of @azure/storage-blob', () => {
  it.each(['2015-04-05', ...versions])(
    'of version %s is admitted to its blob and to nothing else',
    async (version) => {
      const more = version >= '2020-12-06' ? { encryptionScope: 'scope1' } : {}
      const sas = blobSas({
        version,
        ipRange: { start: '203.0.113.7' },
        protocol: SASProtocol.Https,
        ...more,
      })
      expect((await send('/c1/dir/b1', sas)).body).toMatchObject({ kind: 'service-sas' })
      for (const path of [
        '/c1/dir/b2',
        '/c1/dir/b',
        '/c1/dir/b1/x',
        '/c2/dir/b1',
        '/c1/dir//b1',
        '/c1/DIR/b1',
      ]) {
        expect([path, (await send(path, sas)).code]).toEqual([path, 'AuthenticationFailed'])
      }
      expect((await send('/c1', sas)).code).toBe('AuthorizationFailure')
      expect((await send('/', sas)).code).toBe('AuthorizationFailure')
    },
  )

  it.each(['2015-04-05', ...versions])(
    'of version %s is admitted to the blobs of its container',
    async (version) => {
      const sas = containerSas('r', { version })
      for (const path of ['/c1/dir/b1', '/c1/%EC%A0%95%20%2B', '/c1/a//b/'])
        expect([path, (await send(path, sas)).body['kind']]).toEqual([path, 'service-sas'])
      for (const path of ['/c2/dir/b1', '/c10/b', '/c'])
        expect([path, (await send(path, sas)).code]).toEqual([path, 'AuthenticationFailed'])
    },
  )

  it('takes names as they are, decoded', async () => {
    const sas = blobSas({ blobName: '정산/보고서 2026+1 (초안)&a=b?c#d%20.txt' })
    const name = encodeURIComponent('정산/보고서 2026+1 (초안)&a=b?c#d%20.txt')
    expect((await send(`/c1/${name}`, sas)).code).toBe('admitted')
  })

  const rich = () =>
    blobSas({
      ipRange: { start: '203.0.113.0', end: '203.0.113.255' },
      protocol: SASProtocol.Https,
      encryptionScope: 'scope1',
      cacheControl: 'no-store',
      contentDisposition: 'attachment; filename="정산.txt"',
      contentEncoding: 'gzip',
      contentLanguage: 'ko',
      contentType: 'text/plain',
    })

  it('sets the response headers and the encryption scope that it names', async () => {
    const answer = await send('/c1/dir/b1', rich())
    expect(answer.body).toMatchObject({
      encryptionScope: 'scope1',
      responseHeaders: { 'content-language': 'ko', 'content-type': 'text/plain', 'content-encoding': 'gzip' },
    })
    expect(answer.headers['cache-control']).toBe('no-store')
    const disposition = Buffer.from(String(answer.headers['content-disposition']), 'latin1').toString('utf8')
    expect(disposition).toBe('attachment; filename="정산.txt"')
  })

  it.each([
    ['sv', '2021-12-02'],
    ['sv', '2026-04-06'],
    ['sr', 'c'],
    ['sr', 'bs'],
    ['sp', 'racwd'],
    ['st', '2026-07-01T08:00:00Z'],
    ['se', '2027-07-01T11:00:00Z'],
    ['sip', '0.0.0.0-255.255.255.255'],
    ['spr', 'https,http'],
    ['ses', 'scope2'],
    ['si', 'policy1'],
    ['rscc', 'max-age=1'],
    ['rscd', 'inline'],
    ['rsce', 'br'],
    ['rscl', 'en'],
    ['rsct', 'text/html'],
    ['sig', keyTexts[0].slice(0, 43) + '='],
    ...['sv', 'sr', 'sp', 'st', 'se', 'sip', 'spr', 'ses', 'rscc', 'rscd', 'rsce', 'rscl', 'rsct'].map(
      (name): [string, null] => [name, null],
    ),
  ])('is refused when its %s is changed to %s', async (name, value) => {
    expect((await send('/c1/dir/b1', rich())).code).toBe('admitted')
    const answer = await send('/c1/dir/b1', changed(rich(), name, value))
    expect(['AuthenticationFailed', 'AuthorizationFailure']).toContain(answer.code)
    expect(answer.status).toBe(403)
  })

  it('of before 2020-12-06 sets no encryption scope: it is not signed', async () => {
    const sas = blobSas({ version: '2019-12-12' })
    expect((await send('/c1/dir/b1', `${sas}&ses=scope1`)).body).toMatchObject({ encryptionScope: null })
  })

  it('tells the string that was to be signed, and no secret', async () => {
    const answer = await send('/c1/dir/b2', blobSas({ version: '2021-12-02' }))
    expect(answer.body['detail']).toBe(
      'Signature did not match. String to sign used was r\n2026-07-01T09:00:00Z\n2026-07-01T11:00:00Z\n/blob/account1/c1/dir/b2\n\n\n\n2021-12-02\nb\n\n\n\n\n\n\n',
    )
    expect(answer.text).not.toContain(keyTexts[0])
  })

  it('for a snapshot or version is for that one alone', async () => {
    const moment = '2026-01-01T00:00:00.0000000Z'
    const other = '2026-01-01T00:00:00.0000001Z'
    for (const [name, twin, more] of [
      ['snapshot', 'versionid', { snapshotTime: moment }],
      ['versionid', 'snapshot', { versionId: moment }],
    ] as const) {
      const sas = blobSas(more)
      expect((await send(`/c1/dir/b1?${name}=${moment}`, sas)).code).toBe('admitted')
      expect((await send(`/c1/dir/b1?${name}=${other}`, sas)).code).toBe('AuthenticationFailed')
      expect((await send(`/c1/dir/b1?${twin}=${moment}`, sas)).code).toBe('AuthorizationFailure')
      expect((await send(`/c1/dir/b1?${name}=${moment}&${twin}=${other}`, sas)).code).toBe(
        'AuthorizationFailure',
      )
      expect((await send('/c1/dir/b1', sas)).code).toBe('AuthorizationFailure')
    }
  })

  it('of a blob is good for its snapshots too', async () => {
    expect((await send('/c1/dir/b1?snapshot=2026-01-01T00:00:00.0000000Z', blobSas())).code).toBe('admitted')
  })

  it('for a directory is for what lies in it', async () => {
    const sas = blobSas({ blobName: 'a/b', isDirectory: true })
    for (const path of ['/c1/a/b/x', '/c1/a/b/c/d', '/c1/a/b'])
      expect([path, (await send(path, sas)).code]).toEqual([path, 'admitted'])
    for (const path of ['/c1/a/bc', '/c1/a/c/b/x', '/c2/a/b/x'])
      expect([path, (await send(path, sas)).code]).toEqual([path, 'AuthenticationFailed'])
    expect((await send('/c1/a', sas)).code).toBe('AuthorizationFailure')
    for (const depth of ['1', '3', '0', '', '-1', '2.5', '02x', null])
      expect([depth, (await send('/c1/a/b/x', changed(sas, 'sdd', depth))).status]).toEqual([depth, 403])
  })

  it('of a container allows of the container itself to list and to find by tags, and no more', async () => {
    const all = containerSas('racwdxltmefiy', { version: '2026-06-06' })
    const cases = [
      ['listContainers', 'AuthorizationFailure'],
      ['createContainer', 'AuthorizationFailure'],
      ['readContainer', 'AuthorizationFailure'],
      ['listBlobs', 'admitted'],
      ['listTags', 'admitted'],
      ['deleteBlob', 'admitted'],
      ['nobody', 'AuthorizationFailure'],
    ] as const
    for (const [need, code] of cases) {
      bench.permission = needs[need]
      expect([need, (await send(need === 'deleteBlob' ? '/c1/b' : '/c1', all)).code]).toEqual([need, code])
    }
    bench.permission = needs.listBlobs
    expect((await send('/c1', containerSas('r'))).code).toBe('AuthorizationPermissionMismatch')
  })

  it('of a blob lists no container, whatever its letters', async () => {
    bench.permission = needs.listBlobs
    const answer = await send('/c1/b1', serviceSas({ sp: 'rl' }))
    expect(answer.code).toBe('AuthorizationPermissionMismatch')
  })

  it('of a blob allows what its letters say', async () => {
    bench.permission = needs.writeBlob
    expect((await send('/c1/dir/b1', blobSas())).code).toBe('AuthorizationPermissionMismatch')
    bench.permission = needs.readBlob
    expect((await send('/c1/dir/b1', blobSas({ permissions: BlobSASPermissions.parse('wd') }))).code).toBe(
      'AuthorizationPermissionMismatch',
    )
  })

  it.each(['x', 'bb', 'f', 's', 'B'])('of the kind %s is refused', async (sr) => {
    const answer = await send('/c1/b1', serviceSas({ sr }))
    expect(answer.body['detail']).toBe('Signature fields not well formed.')
  })

  it('of before 2018-11-09 knows no snapshots, whose kind it does not sign', async () => {
    const sas = changed(blobSas({ version: '2015-04-05' }), 'sr', 'bs')
    const answer = await send('/c1/dir/b1?snapshot=2026-01-01T00:00:00.0000000Z', sas)
    expect(answer.body['detail']).toBe('Signature fields not well formed.')
  })

  it('does not let a line break move a field into its neighbour', async () => {
    // Signed: rscc = a, rscd = b. Sent: rscc = "a\nb", which makes the same string where one field less is signed.
    const sv = '2019-12-12'
    const sas = serviceSas({ sv, rscc: 'a', rscd: 'b' }, since2018)
    expect((await send('/c1/b1', sas)).code).toBe('admitted')
    const without = since2018.filter((name) => name !== 'rscd')
    const moved = serviceSas({ sv, rscc: 'a\nb' }, without)
    expect((await send('/c1/b1', moved)).body['detail']).toBe('Signature fields not well formed.')
  })

  it.each(['text/plain\r\nx-evil: 1', 'a\u0000b', 'a\u0085b'])(
    'sets no header with a control character',
    async (rsct) => {
      const answer = await send('/c1/b1', serviceSas({ rsct }))
      expect([answer.status, answer.body['detail']]).toEqual([403, 'Signature fields not well formed.'])
    },
  )
})

describe('the time of a SAS', () => {
  it.each([
    [
      'before its start',
      '2026-07-01T08:59:59.999Z',
      /^Signature not valid in the specified time frame: Start \[Wed, 01 Jul 2026 09:00:00 GMT\] - Expiry \[Wed, 01 Jul 2026 11:00:00 GMT\] - Current \[Wed, 01 Jul 2026 08:59:59 GMT\]$/,
    ],
    ['at its start', '2026-07-01T09:00:00Z', null],
    ['just before its end', '2026-07-01T10:59:59.999Z', null],
    ['at its end', '2026-07-01T11:00:00Z', /^Signature not valid in the specified time frame/],
  ])('%s', async (_when, now, detail) => {
    bench.setNow(new Date(now))
    for (const sas of [accountSas(), blobSas()]) {
      const answer = await send('/c1/dir/b1', sas)
      if (detail === null) expect(answer.code).toBe('admitted')
      else
        expect(answer.body).toMatchObject({
          code: 'AuthenticationFailed',
          detail: expect.stringMatching(detail) as string,
        })
    }
  })

  it('without a start begins at once, and past its end says so', async () => {
    const { startsOn: _none, ...withoutStart } = { startsOn, expiresOn }
    const sas = generateBlobSASQueryParameters(
      { containerName: 'c1', blobName: 'b1', permissions: BlobSASPermissions.parse('r'), ...withoutStart },
      credential,
    ).toString()
    expect((await send('/c1/b1', sas)).code).toBe('admitted')
    bench.setNow(new Date('2026-07-01T11:00:00Z'))
    expect((await send('/c1/b1', sas)).body['detail']).toBe(
      'Signed expiry time [Wed, 01 Jul 2026 11:00:00 GMT] must be after signed start time [Wed, 01 Jul 2026 11:00:00 GMT]',
    )
  })

  const withExpiry = (se: string) => serviceSas({ se })

  it.each([
    '2026-07-02',
    '2026-07-01T10:01Z',
    '2026-07-01T10:00:01Z',
    '2026-07-01T10:00:00.5Z',
    '2026-07-01T10:00:00.1234567Z',
  ])('may be written %s', async (se) => {
    expect((await send('/c1/b1', withExpiry(se))).code).toBe('admitted')
  })

  it.each([
    '2026-07-01T11:00:00',
    '2026-07-01T11:00:00+09:00',
    '2027-02-30T00:00:00Z',
    '2027-13-01',
    '2027-01-01T25:00:00Z',
    '01 Jan 2027',
    '1798761600',
    '9999999999999',
    '+275760-09-13T00:00:00Z',
    'Infinity',
  ])('may not be written %s', async (se) => {
    expect((await send('/c1/b1', withExpiry(se))).body['detail']).toBe('Signature fields not well formed.')
  })

  it('must have an end', async () => {
    expect((await send('/c1/b1', serviceSas({ se: '' }))).body['detail']).toBe(
      'se is mandatory. Cannot be empty',
    )
  })
})

describe('the place of a SAS', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7', 'admitted'],
    ['203.0.113.7', '203.0.113.8', 'AuthorizationSourceIPMismatch'],
    ['203.0.113.1-203.0.113.7', '203.0.113.7', 'admitted'],
    ['203.0.113.7-203.0.114.1', '203.0.113.7', 'admitted'],
    ['203.0.113.8-203.0.114.1', '203.0.113.7', 'AuthorizationSourceIPMismatch'],
    ['203.0.114.1-203.0.113.1', '203.0.113.7', 'AuthorizationSourceIPMismatch'],
    ['0.0.0.0-255.255.255.255', '2001:db8::1', 'AuthorizationSourceIPMismatch'],
    ['0.0.0.0-255.255.255.255', '', 'AuthorizationSourceIPMismatch'],
    ['203.0.113.0/24', '203.0.113.7', 'AuthenticationFailed'],
    ['203.0.113.1-203.0.113.7-203.0.113.9', '203.0.113.7', 'AuthenticationFailed'],
    ['::1', '::1', 'AuthenticationFailed'],
    ['-', '203.0.113.7', 'AuthenticationFailed'],
  ])('sip=%s lets %s in or not: %s', async (sip, remoteAddress, code) => {
    bench.transport = { tlsVersion: 'TLSv1.3', remoteAddress }
    const [start = '', ...ends] = sip.split('-')
    const ipRange = ends.length === 0 ? { start } : { start, end: ends.join('-') }
    expect((await send('/c1/b1', serviceSas({ sip }))).code).toBe(code)
    if (code === 'AuthenticationFailed') return
    expect((await send('/c1/b1', accountSas({ ipRange }))).code).toBe(code)
  })

  it.each([
    ['https', null, 'AuthorizationProtocolMismatch'],
    ['https', 'TLSv1.2', 'admitted'],
    ['https,http', null, 'admitted'],
    ['http', null, 'AuthenticationFailed'],
    ['HTTPS', 'TLSv1.2', 'AuthenticationFailed'],
  ])('spr=%s on %s: %s', async (spr, tlsVersion, code) => {
    bench.transport = { tlsVersion }
    expect((await send('/c1/b1', serviceSas({ spr }))).code).toBe(code)
  })
})

describe('what is no SAS', () => {
  it.each([
    ['sv', ''],
    ['sv', '2014-02-14'],
    ['sv', 'latest'],
    ['sv', '2021-12-02x'],
    ['sig', 'short'],
    ['sig', ''],
    ['sig', '%00'],
    ['sig', 'A'.repeat(5000)],
    ['sr', ''],
  ])('is refused: %s=%s', async (name, value) => {
    const answer = await send('/c1/dir/b1', changed(blobSas(), name, value))
    expect(answer.code).toBe('AuthenticationFailed')
  })

  it('is one of before 2015-04-05, though it be signed', async () => {
    const answer = await send('/c1/b1', serviceSas({ sv: '2014-02-14' }, since2013))
    expect(answer.body['detail']).toBe('Signature fields not well formed.')
  })

  it('is a signature of another length', async () => {
    const answer = await send('/c1/dir/b1', changed(blobSas(), 'sig', 'AAAA'))
    expect(answer.body['detail']).toBe('Signature size is invalid')
  })

  it('is refused where the account takes no keys, which signed it', async () => {
    bench.account = { ...bench.account, allowsSharedKey: false }
    for (const sas of [accountSas(), blobSas(), containerSas('r')])
      expect((await send('/c1/dir/b1', sas)).code).toBe('KeyBasedAuthenticationNotPermitted')
  })
})

describe('a stored access policy', () => {
  const policy = (more: Partial<StoredAccessPolicy> = {}): StoredAccessPolicy => ({
    id: 'policy1',
    startsAt: null,
    expiresAt: null,
    permissions: null,
    ...more,
  })
  const keep = (...policies: readonly StoredAccessPolicy[]) =>
    bench.containers.set('c1', { publicAccess: 'none', policies })
  const underPolicy = (more: BlobSas = {}) =>
    generateBlobSASQueryParameters(
      { containerName: 'c1', blobName: 'b1', identifier: 'policy1', ...more },
      credential,
    ).toString()
  const read = BlobSASPermissions.parse('r')

  it('may give all terms, or those that the signature leaves out', async () => {
    const cases = [
      [{ startsAt: startsOn, expiresAt: expiresOn, permissions: 'r' }, {}],
      [{ expiresAt: expiresOn }, { permissions: read, startsOn }],
      [{ permissions: 'rl' }, { expiresOn }],
      [{}, { permissions: read, startsOn, expiresOn }],
      [{ expiresAt: expiresOn, permissions: '' }, { permissions: read }],
    ] as const
    for (const [kept, sent] of cases) {
      keep(policy({ id: 'policy0', permissions: '' }), policy(kept))
      expect([kept, (await send('/c1/b1', underPolicy(sent))).code]).toEqual([kept, 'admitted'])
    }
  })

  it('and the signature may not both have a term', async () => {
    const both = 'Access policy fields can be associated with signature or SAS identifier but not both'
    const cases = [
      [{ startsAt: startsOn, expiresAt: expiresOn, permissions: 'r' }, { startsOn }],
      [{ expiresAt: expiresOn, permissions: 'r' }, { expiresOn }],
      [{ expiresAt: expiresOn, permissions: 'r' }, { permissions: read }],
    ] as const
    for (const [kept, sent] of cases) {
      keep(policy(kept))
      expect((await send('/c1/b1', underPolicy(sent))).body).toMatchObject({
        code: 'AuthenticationFailed',
        detail: both,
      })
    }
  })

  it('or the signature must have an end and letters', async () => {
    keep(policy({ permissions: 'r' }))
    expect((await send('/c1/b1', underPolicy())).body['detail']).toBe('se is mandatory. Cannot be empty')
    keep(policy({ expiresAt: expiresOn }))
    expect((await send('/c1/b1', underPolicy())).body['detail']).toBe('sp is mandatory. Cannot be empty')
  })

  it('holds as it stands now: what is taken away, ended or deleted bites at once', async () => {
    const sas = underPolicy()
    keep(policy({ expiresAt: expiresOn, permissions: 'r' }))
    expect((await send('/c1/b1', sas)).code).toBe('admitted')
    keep(policy({ expiresAt: expiresOn, permissions: 'w' }))
    expect((await send('/c1/b1', sas)).code).toBe('AuthorizationPermissionMismatch')
    keep(policy({ expiresAt: startsOn, permissions: 'r' }))
    expect((await send('/c1/b1', sas)).code).toBe('AuthenticationFailed')
    keep(policy({ startsAt: expiresOn, expiresAt: new Date('2027-01-01'), permissions: 'r' }))
    expect((await send('/c1/b1', sas)).code).toBe('AuthenticationFailed')
    keep(policy({ id: 'Policy1', expiresAt: expiresOn, permissions: 'r' }))
    expect((await send('/c1/b1', sas)).body['detail']).toBe(
      'SAS identifier cannot be found for specified signed identifier',
    )
    bench.containers.clear()
    expect((await send('/c1/b1', sas)).code).toBe('AuthenticationFailed')
  })

  it('is that of the container which is asked for', async () => {
    bench.containers.set('c2', {
      publicAccess: 'none',
      policies: [policy({ expiresAt: expiresOn, permissions: 'r' })],
    })
    expect((await send('/c1/b1', underPolicy())).code).toBe('AuthenticationFailed')
  })

  it('has no part in an account SAS', async () => {
    expect((await send('/c1/b1', `${accountSas()}&si=policy1`)).code).toBe('admitted')
  })
})

describe('an Authorization header', () => {
  it('counts before a signature in the query', async () => {
    const answer = await send('/c1/dir/b1', blobSas(), { authorization: `SharedKey ${ACCOUNT_NAME}:x` })
    expect(answer.body['detail']).toBe('The Date header in the request is incorrect.')
  })
})
