import {
  BlobSASPermissions,
  ContainerSASPermissions,
  SASProtocol,
  type UserDelegationKey,
  generateBlobSASQueryParameters,
} from '@azure/storage-blob'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  ACCOUNT_NAME,
  type AdmissionBench,
  needs,
  openAdmissionBench,
} from '../../../../test/support/admission-bench.ts'
import { AccountKey } from '../../../crypto/account-key.ts'
import { request } from '../../../http/testing.ts'
import { type Guid, parseGuid } from '../../../kernel/guid.ts'
import { issueDelegationKey } from '../../../services/storage/delegation-keys.ts'

const CONTRIBUTOR = 'Storage Blob Data Contributor'
const READER = 'Storage Blob Data Reader'
const now = new Date('2026-07-01T10:00:00Z')
const startsOn = new Date('2026-07-01T09:00:00Z')
const expiresOn = new Date('2026-07-01T11:00:00Z')
const HTTPS = { tlsVersion: 'TLSv1.3', remoteAddress: '203.0.113.7' }

let bench: AdmissionBench
let initial: Pick<AdmissionBench, 'account' | 'permission' | 'transport'>
let writer: Awaited<ReturnType<AdmissionBench['newPrincipal']>>
beforeAll(async () => {
  bench = await openAdmissionBench()
  initial = { account: bench.account, permission: bench.permission, transport: HTTPS }
  bench.setNow(now)
  writer = await bench.newPrincipal(CONTRIBUTOR)
})
beforeEach(() => {
  Object.assign(bench, initial)
  bench.setNow(now)
  bench.outcomes.length = 0
})
afterAll(async () => {
  expect(bench.served.bugs).toEqual([])
  await bench[Symbol.asyncDispose]()
})

interface Wanted {
  readonly startsAt?: Date | null
  readonly expiresAt?: Date
  readonly delegatedTenantId?: Guid | null
  readonly version?: string
}

/** As Get User Delegation Key gives it to who comes with that token. */
async function keyOf(token: string, wanted: Wanted = {}): Promise<UserDelegationKey> {
  const permission = bench.permission
  bench.permission = null
  await request(`${bench.url}/`, { headers: { authorization: `Bearer ${token}` } })
  bench.permission = permission
  const outcome = bench.outcomes.at(-1)
  if (outcome === undefined || !('caller' in outcome)) throw new Error('not admitted')
  const key = issueDelegationKey({ keys: bench.delegationKeys, clock: bench.engine.clock }, outcome.caller, {
    startsAt: startsOn,
    expiresAt: new Date('2026-07-02T10:00:00Z'),
    version: '2026-06-06',
    delegatedTenantId: null,
    ...wanted,
  })
  return {
    signedObjectId: key.principalId,
    signedTenantId: key.tenantId,
    signedStartsOn: key.startsAt,
    signedExpiresOn: key.expiresAt,
    signedService: key.service,
    signedVersion: key.version,
    ...(key.delegatedTenantId !== null && { signedDelegatedUserTenantId: key.delegatedTenantId }),
    value: key.value,
  }
}

type Values = Parameters<typeof generateBlobSASQueryParameters>[0]
type BlobSas = { readonly [K in keyof Values]?: Values[K] | undefined }
function sasUnder(key: UserDelegationKey, more: BlobSas = {}, account = ACCOUNT_NAME): string {
  const values = {
    containerName: 'c1',
    blobName: 'dir/b1',
    permissions: BlobSASPermissions.parse('racwd'),
    startsOn,
    expiresOn,
    ...more,
  }
  return generateBlobSASQueryParameters(values as Values, key, account).toString()
}
const ofContainer = (letters: string): BlobSas => ({
  blobName: undefined,
  permissions: ContainerSASPermissions.parse(letters),
})

async function send(path: string, sas: string, headers: Record<string, string> = {}) {
  const answer = await request(`${bench.url}${path}${path.includes('?') ? '&' : '?'}${sas}`, { headers })
  const body = answer.json() as { readonly [name: string]: unknown }
  return { ...answer, body, code: answer.status === 200 ? 'admitted' : body['code'] }
}

function changed(sas: string, name: string, value: string | null): string {
  const parameters = new URLSearchParams(sas)
  if (value === null) parameters.delete(name)
  else parameters.set(name, value)
  return parameters.toString()
}

describe('a user delegation SAS of @azure/storage-blob', () => {
  it.each([
    '2018-11-09',
    '2019-12-12',
    '2020-02-10',
    '2020-10-02',
    '2020-12-06',
    '2025-05-05',
    '2025-07-05',
    '2026-02-06',
    '2026-04-06',
    '2026-06-06',
    '2031-01-01',
  ])('of version %s is admitted to its blob and to nothing else', async (version) => {
    const more: BlobSas = {
      ...(version >= '2020-02-10' && { correlationId: 'correlation', preauthorizedAgentObjectId: writer.id }),
      ...(version >= '2020-12-06' && { encryptionScope: 'scope1' }),
    }
    const sas = sasUnder(await keyOf(writer.token), {
      version,
      ipRange: { start: '203.0.113.0', end: '203.0.113.9' },
      protocol: SASProtocol.Https,
      cacheControl: 'no-store',
      contentType: 'text/plain',
      ...more,
    })
    const tenantId = bench.account.tenantId
    expect((await send('/c1/dir/b1', sas)).body).toEqual({
      kind: 'delegation-sas',
      principal: { principalId: writer.id, tenantId },
      responseHeaders: { 'cache-control': 'no-store', 'content-type': 'text/plain' },
      encryptionScope: version >= '2020-12-06' ? 'scope1' : null,
    })
    for (const path of ['/c1/dir/b2', '/c2/dir/b1'])
      expect([path, (await send(path, sas)).code]).toEqual([path, 'AuthenticationFailed'])
  })

  it('covers a container, a snapshot, a version and a directory', async () => {
    const key = await keyOf(writer.token)
    const moment = '2026-01-01T00:00:00.0000000Z'
    const cases = [
      ['/c1/any', ofContainer('rl')],
      [`/c1/dir/b1?snapshot=${moment}`, { snapshotTime: moment }],
      [`/c1/dir/b1?versionid=${moment}`, { versionId: moment }],
      ['/c1/a/b/c', { blobName: 'a/b', isDirectory: true }],
    ] as const
    for (const [path, more] of cases) {
      expect([path, (await send(path, sasUnder(key, more))).code]).toEqual([path, 'admitted'])
      expect((await send('/c9/x', sasUnder(key, more))).status).toBe(403)
    }
  })

  const rich = async () =>
    sasUnder(await keyOf(writer.token, { delegatedTenantId: bench.account.tenantId }), {
      ipRange: { start: '203.0.113.0', end: '203.0.113.9' },
      protocol: SASProtocol.Https,
      encryptionScope: 'scope1',
      cacheControl: 'no-store',
      contentDisposition: 'attachment',
      contentEncoding: 'gzip',
      contentLanguage: 'ko',
      contentType: 'text/plain',
      preauthorizedAgentObjectId: writer.id,
      correlationId: 'correlation',
      delegatedUserObjectId: writer.id,
      requestHeaders: { 'x-ms-tags': 'a', 'X-Custom': 'b' },
      requestQueryParameters: { comp: 'tags', Foo: 'x y' },
    })
  const path = '/c1/dir/b1?comp=tags&foo=x%20y'
  const beside = () => ({ authorization: `Bearer ${writer.token}`, 'x-ms-tags': 'a', 'x-custom': 'b' })
  const other = '00000000-0000-4000-8000-000000000001'

  it.each<[string, string | null]>([
    ['sv', '2025-07-05'],
    ['sr', 'c'],
    ['sp', 'racwdl'],
    ['st', '2026-07-01T08:00:00Z'],
    ['se', '2026-07-02T09:00:00Z'],
    ['sip', '0.0.0.0-255.255.255.255'],
    ['spr', 'https,http'],
    ['ses', 'scope2'],
    ['skoid', other],
    ['sktid', other],
    ['skt', '2026-07-01T08:00:00Z'],
    ['ske', '2026-07-09T10:00:00Z'],
    ['sks', 'q'],
    ['skv', '2025-07-05'],
    ['saoid', other],
    ['suoid', other],
    ['scid', 'other'],
    ['skdutid', other],
    ['sduoid', other],
    ['srh', 'x-ms-tags'],
    ['srh', 'X-Custom,x-ms-tags'],
    ['srq', 'comp'],
    ['srq', 'Foo,comp'],
    ['rscc', 'max-age=1'],
    ['rscd', 'inline'],
    ['rsce', 'br'],
    ['rscl', 'en'],
    ['rsct', 'text/html'],
    ['sig', `${'A'.repeat(43)}=`],
    ...[
      ['sv', 'sr', 'sp', 'st', 'se', 'sip', 'spr', 'ses', 'skoid', 'sktid', 'skt', 'ske', 'sks', 'skv'],
      ['saoid', 'scid', 'skdutid', 'srh', 'srq', 'rscc', 'rscd', 'rsce', 'rscl', 'rsct'],
    ]
      .flat()
      .map((name): [string, null] => [name, null]),
  ])('is refused when its %s is changed to %s', async (name, value) => {
    const sas = await rich()
    expect((await send(path, sas, beside())).code).toBe('admitted')
    const answer = await send(path, changed(sas, name, value), beside())
    expect([name, answer.status]).toEqual([name, 403])
  })

  it('is refused when what it signs of the request is another, comes twice or is not there', async () => {
    const sas = await rich()
    const cases: readonly [string, Record<string, string>][] = [
      ['/c1/dir/b1?comp=tags&foo=x', beside()],
      ['/c1/dir/b1?comp=tags', beside()],
      ['/c1/dir/b1?comp=tags&foo=x%20y&FOO=z', beside()],
      ['/c1/dir/b1?foo=x%20y&comp=metadata', beside()],
      [path, { ...beside(), 'x-ms-tags': 'b' }],
      [path, { authorization: beside().authorization, 'x-ms-tags': 'a' }],
    ]
    for (const [target, headers] of cases)
      expect([target, headers, (await send(target, sas, headers)).code]).toEqual([
        target,
        headers,
        'AuthenticationFailed',
      ])
  })

  it('does not take one signed query for another that is written alike', async () => {
    const key = await keyOf(writer.token)
    const sas = sasUnder(key, { requestQueryParameters: { foo: 'a:b' } })
    expect((await send('/c1/dir/b1?foo=a:b', sas)).code).toBe('admitted')
    expect((await send('/c1/dir/b1?foo:a=b', changed(sas, 'srq', 'foo:a'))).code).toBe('AuthenticationFailed')
    const two = sasUnder(key, { requestQueryParameters: { foo: 'a', bar: 'b' } })
    expect((await send('/c1/dir/b1?foo=a%0Abar:b', changed(two, 'srq', 'foo'))).code).toBe(
      'AuthenticationFailed',
    )
  })

  it('of before 2025-07-05 can be bound to nobody, for that is not signed', async () => {
    const sas = sasUnder(await keyOf(writer.token), { version: '2025-05-05' })
    expect((await send('/c1/dir/b1', `${sas}&skdutid=${other}`)).code).toBe('admitted')
  })

  it('is refused when a parameter comes twice', async () => {
    const sas = sasUnder(await keyOf(writer.token))
    for (const [name, value] of new URLSearchParams(sas)) {
      const answer = await send('/c1/dir/b1', `${sas}&${new URLSearchParams({ [name]: value }).toString()}`)
      expect([name, answer.body['detail']]).toEqual([name, 'Signature fields not well formed.'])
    }
  })

  it('is refused under a key of another account, even of one that had the same name', async () => {
    const sas = sasUnder(await keyOf(writer.token))
    bench.account = { ...bench.account, uid: 'uid-2' }
    expect((await send('/c1/dir/b1', sas)).code).toBe('AuthenticationFailed')
  })

  it('is refused once the keys of the account are revoked', async () => {
    const sas = sasUnder(await keyOf(writer.token))
    expect((await send('/c1/dir/b1', sas)).code).toBe('admitted')
    bench.account = { ...bench.account, delegationEpoch: 'another' }
    expect((await send('/c1/dir/b1', sas)).code).toBe('AuthenticationFailed')
    expect((await send('/c1/dir/b1', sasUnder(await keyOf(writer.token)))).code).toBe('admitted')
  })

  it('is refused once the account is of another tenant', async () => {
    const sas = sasUnder(await keyOf(writer.token))
    bench.account = { ...bench.account, tenantId: parse(other) }
    expect((await send('/c1/dir/b1', sas)).code).toBe('AuthenticationFailed')
  })

  it('is refused under a key for another service', async () => {
    const key = await keyOf(writer.token)
    const terms = {
      principalId: parse(writer.id),
      tenantId: bench.account.tenantId,
      startsAt: key.signedStartsOn,
      expiresAt: key.signedExpiresOn,
      service: 'q',
      version: key.signedVersion,
      delegatedTenantId: null,
    }
    const { value } = bench.delegationKeys.issue(bench.account, terms)
    const sas = sasUnder({ ...key, signedService: 'q', value })
    expect((await send('/c1/dir/b1', sas)).code).toBe('AuthorizationServiceMismatch')
  })

  it('is refused from where and how it is not meant for', async () => {
    const sas = sasUnder(await keyOf(writer.token), {
      ipRange: { start: '203.0.113.7' },
      protocol: SASProtocol.Https,
    })
    bench.transport = { ...HTTPS, remoteAddress: '203.0.113.8' }
    expect((await send('/c1/dir/b1', sas)).code).toBe('AuthorizationSourceIPMismatch')
    bench.transport = { ...HTTPS, tlsVersion: null }
    expect((await send('/c1/dir/b1', sas)).code).toBe('AuthorizationProtocolMismatch')
  })

  /** As a version signs that has neither kind nor agents nor users: there never was such a user delegation SAS. */
  it('is none of before 2018-11-09', async () => {
    const key = await keyOf(writer.token)
    const sas = new URLSearchParams(sasUnder(key, { version: '2018-11-09' }))
    sas.set('sv', '2018-03-28')
    const names = [
      'sp',
      'st',
      'se',
      '/',
      'skoid',
      'sktid',
      'skt',
      'ske',
      'sks',
      'skv',
      'sip',
      'spr',
      'sv',
      'sr',
      '',
    ]
    const lines = [...names, 'rscc', 'rscd', 'rsce', 'rscl', 'rsct'].map((name) =>
      name === '/' ? '/blob/account1/c1/dir/b1' : (sas.get(name) ?? ''),
    )
    sas.set('sig', AccountKey.parse(key.value)?.sign(lines.join('\n')) ?? '')
    expect((await send('/c1/dir/b1', sas.toString())).body['detail']).toBe(
      'Signature fields not well formed.',
    )
  })

  it('needs no account key, and none makes one', async () => {
    const sas = sasUnder(await keyOf(writer.token))
    bench.account = { ...bench.account, allowsSharedKey: false, keys: [] }
    expect((await send('/c1/dir/b1', sas)).code).toBe('admitted')
    bench.account = initial.account
    const forged = sasUnder({ ...(await keyOf(writer.token)), value: AccountKey.generateText() })
    expect((await send('/c1/dir/b1', forged)).code).toBe('AuthenticationFailed')
  })

  it('has no stored access policy', async () => {
    const sas = sasUnder(await keyOf(writer.token))
    bench.containers.set('c1', { publicAccess: 'none', policies: [] })
    expect((await send('/c1/dir/b1', `${sas}&si=policy1`)).code).toBe('admitted')
  })

  it('for a user whose permissions are to be checked is refused: there are no such permissions here', async () => {
    const key = await keyOf(writer.token)
    const sas = new URLSearchParams(sasUnder(key, { version: '2020-12-06' }))
    sas.set('suoid', other)
    const lines = ['sp', 'st', 'se', '/blob/account1/c1/dir/b1', 'skoid', 'sktid', 'skt', 'ske', 'sks', 'skv']
      .concat([
        'saoid',
        'suoid',
        'scid',
        'sip',
        'spr',
        'sv',
        'sr',
        '',
        'ses',
        'rscc',
        'rscd',
        'rsce',
        'rscl',
        'rsct',
      ])
      .map((name) => (name.startsWith('/') ? name : (sas.get(name) ?? '')))
    sas.set('sig', AccountKey.parse(key.value)?.sign(lines.join('\n')) ?? '')
    expect((await send('/c1/dir/b1', sas.toString())).code).toBe('AuthorizationFailure')
  })
})

describe('the times of the key', () => {
  it.each([
    ['2026-07-01T08:59:59Z', 'AuthenticationFailed'],
    ['2026-07-01T09:00:00Z', 'admitted'],
    ['2026-07-02T09:59:59Z', 'admitted'],
    ['2026-07-02T10:00:00Z', 'AuthenticationFailed'],
  ])('bound what it signs: at %s %s', async (at, code) => {
    const key = await keyOf(writer.token)
    const sas = sasUnder(key, { startsOn: new Date('2026-06-01'), expiresOn: new Date('2026-08-01') })
    bench.setNow(new Date(at))
    expect((await send('/c1/dir/b1', sas)).code).toBe(code)
  })

  it('do not lengthen the signature’s own', async () => {
    const sas = sasUnder(await keyOf(writer.token))
    for (const [at, code] of [
      ['2026-07-01T10:59:59Z', 'admitted'],
      ['2026-07-01T11:00:00Z', 'AuthenticationFailed'],
    ] as const) {
      bench.setNow(new Date(at))
      expect((await send('/c1/dir/b1', sas)).code).toBe(code)
    }
  })
})

describe('what a user delegation SAS allows', () => {
  it('is no more than its letters say, and no more than the roles of its issuer', async () => {
    const reader = await bench.newPrincipal(READER)
    const cases = [
      [writer.token, 'racwd', 'writeBlob', 'admitted'],
      [writer.token, 'r', 'writeBlob', 'AuthorizationPermissionMismatch'],
      [reader.token, 'racwd', 'readBlob', 'admitted'],
      [reader.token, 'racwd', 'writeBlob', 'AuthorizationPermissionMismatch'],
      [writer.token, 'racwd', 'nobody', 'AuthorizationFailure'],
    ] as const
    for (const [token, letters, need, code] of cases) {
      const sas = sasUnder(await keyOf(token), { permissions: BlobSASPermissions.parse(letters) })
      bench.permission = needs[need]
      expect([letters, need, (await send('/c1/dir/b1', sas)).code]).toEqual([letters, need, code])
      bench.permission = initial.permission
    }
  })

  it('of a container is to list and find, and not to change it', async () => {
    const sas = sasUnder(await keyOf(writer.token), ofContainer('racwdl'))
    bench.permission = needs.listBlobs
    expect((await send('/c1', sas)).code).toBe('admitted')
    for (const need of ['createContainer', 'readContainer', 'listContainers'] as const) {
      bench.permission = needs[need]
      expect([need, (await send('/c1', sas)).code]).toEqual([need, 'AuthorizationFailure'])
    }
  })

  it('is asked at each use: it ends with the role, and with the principal', async () => {
    const issuer = await bench.newPrincipal(CONTRIBUTOR)
    const { access, directory } = bench.engine
    const sas = sasUnder(await keyOf(issuer.token))
    expect((await send('/c1/dir/b1', sas)).code).toBe('admitted')
    await access.forgetScope(bench.account.resourceId)
    expect((await send('/c1/dir/b1', sas)).code).toBe('AuthorizationPermissionMismatch')

    const again = await bench.newPrincipal(CONTRIBUTOR)
    const later = sasUnder(await keyOf(again.token))
    expect((await send('/c1/dir/b1', later)).code).toBe('admitted')
    await directory.deleteServicePrincipal(bench.account.tenantId, parse(again.id))
    expect((await send('/c1/dir/b1', later)).code).toBe('AuthorizationPermissionMismatch')
    writer = await bench.newPrincipal(CONTRIBUTOR)
  })
})

describe('a signature that is bound to a user', () => {
  it('is worth something beside his own token only', async () => {
    const [user, stranger] = [await bench.newPrincipal(null), await bench.newPrincipal(CONTRIBUTOR)]
    const sas = sasUnder(await keyOf(writer.token), { delegatedUserObjectId: user.id })
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
    expect((await send('/c1/dir/b1', sas, bearer(user.token))).body).toMatchObject({
      kind: 'delegation-sas',
      principal: { principalId: writer.id },
    })
    expect((await send('/c1/dir/b1', sas, bearer(stranger.token))).code).toBe('AuthenticationFailed')
    expect((await send('/c1/dir/b1', sas, bearer('x.y.z'))).code).toBe('InvalidAuthenticationInfo')
    const without = await send('/c1/dir/b1', sas)
    expect([without.status, without.code]).toEqual([401, 'NoAuthenticationInformation'])
    // Taken out of the signature, it is another signature.
    expect((await send('/c1/dir/b1', changed(sas, 'sduoid', null))).code).toBe('AuthenticationFailed')
  })

  it('names the tenant of that user where the key does', async () => {
    const foreign = parse('00000000-0000-4000-8000-000000000002')
    const key = await keyOf(writer.token, { delegatedTenantId: foreign })
    const sas = sasUnder(key, { delegatedUserObjectId: writer.id })
    const answer = await send('/c1/dir/b1', sas, { authorization: `Bearer ${writer.token}` })
    expect(answer.code).toBe('AuthenticationFailed')
  })
})

describe('Get User Delegation Key', () => {
  it('gives the same key for the same terms, and another for any other', async () => {
    const key = await keyOf(writer.token)
    const other = await bench.newPrincipal(READER)
    expect(Buffer.from(key.value, 'base64')).toHaveLength(32)
    expect((await keyOf(writer.token)).value).toBe(key.value)
    const others = [
      await keyOf(other.token),
      await keyOf(writer.token, { startsAt: new Date('2026-07-01T09:00:01Z') }),
      await keyOf(writer.token, { expiresAt: new Date('2026-07-02T10:00:01Z') }),
      await keyOf(writer.token, { version: '2025-07-05' }),
      await keyOf(writer.token, { delegatedTenantId: bench.account.tenantId }),
    ]
    expect(new Set([key, ...others].map(({ value }) => value)).size).toBe(6)
  })

  it('begins now when no start is named, in whole seconds', async () => {
    bench.setNow(new Date('2026-07-01T10:00:00.999Z'))
    const key = await keyOf(writer.token, { startsAt: null, expiresAt: new Date('2026-07-01T10:30:00.5Z') })
    expect([key.signedStartsOn, key.signedExpiresOn]).toEqual([
      new Date('2026-07-01T10:00:00Z'),
      new Date('2026-07-01T10:30:00Z'),
    ])
  })

  it.each([
    ['ends before it begins', { startsAt: new Date('2026-07-01T12:00:00Z'), expiresAt: expiresOn }],
    ['has ended', { expiresAt: now }],
    ['lives longer than seven days', { expiresAt: new Date('2026-07-08T10:16:00Z') }],
  ])('gives none that %s', async (_how, wanted) => {
    await expect(keyOf(writer.token, wanted)).rejects.toMatchObject({ code: 'delegation-times-invalid' })
  })

  it('gives seven days', async () => {
    await expect(keyOf(writer.token, { expiresAt: new Date('2026-07-08T10:00:00Z') })).resolves.toBeDefined()
  })

  it('asks for the right to, at the account', async () => {
    const scope = `${bench.account.resourceId}/blobServices/default/containers/c1`
    const ofContainer = await bench.newPrincipal('Storage Blob Data Owner', scope)
    const delegator = await bench.newPrincipal('Storage Blob Delegator')
    await expect(keyOf(delegator.token)).resolves.toBeDefined()
    await expect(keyOf(ofContainer.token)).rejects.toMatchObject({ code: 'permission-mismatch' })
  })

  it('gives nothing to who shows a key, a signature or nothing', async () => {
    const sas = sasUnder(await keyOf(writer.token), ofContainer('r'))
    bench.permission = null
    bench.outcomes.length = 0
    await request(`${bench.url}/c1?${sas}`)
    await request(`${bench.url}/`)
    const wanted = { startsAt: null, expiresAt: expiresOn, version: '2026-06-06', delegatedTenantId: null }
    for (const outcome of bench.outcomes) {
      const caller = 'caller' in outcome ? outcome.caller : null
      if (caller === null) throw new Error('not admitted')
      expect(() =>
        issueDelegationKey({ keys: bench.delegationKeys, clock: bench.engine.clock }, caller, wanted),
      ).toThrow(expect.objectContaining({ code: 'authentication-failed' }) as Error)
    }
    expect(bench.outcomes).toHaveLength(2)
  })
})

function parse(text: string): Guid {
  const guid = parseGuid(text)
  if (guid === null) throw new Error(text)
  return guid
}
