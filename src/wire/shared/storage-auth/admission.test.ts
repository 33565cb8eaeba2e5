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
import type { StorageAccount } from '../../../services/storage/storage-account.ts'

const OWNER = 'Storage Blob Data Owner'
const CONTRIBUTOR = 'Storage Blob Data Contributor'
const READER = 'Storage Blob Data Reader'
const now = new Date('2026-07-01T10:00:00Z')

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
  bench.setNow(now)
  bench.containers.clear()
})
afterAll(async () => {
  expect(bench.served.bugs).toEqual([])
  await bench[Symbol.asyncDispose]()
})

async function send(path: string, headers: Record<string, string> = {}) {
  const answer = await request(`${bench.url}${path}`, { headers })
  const body = answer.json() as { readonly [name: string]: unknown }
  return { ...answer, body, code: answer.status === 200 ? 'admitted' : body['code'] }
}
const withToken = (path: string, token: string) => send(path, { authorization: `Bearer ${token}` })

/** With a key of the account, rightly signed. */
function withKey(path: string) {
  const date = now.toUTCString()
  const text = `GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:${date}\n/account1/account1${path}`
  const signature = AccountKey.parse(keyTexts[0])?.sign(text) ?? ''
  return send(path, { 'x-ms-date': date, authorization: `SharedKey ${ACCOUNT_NAME}:${signature}` })
}

describe('a token of the directory', () => {
  it('opens what the roles of its principal allow, and nothing more', async () => {
    const expected = {
      [OWNER]: ['listContainers', 'createContainer', 'readContainer', 'listBlobs', 'readBlob', 'writeBlob'],
      [CONTRIBUTOR]: [
        'listContainers',
        'createContainer',
        'readContainer',
        'listBlobs',
        'readBlob',
        'writeBlob',
      ],
      [READER]: ['listContainers', 'readContainer', 'listBlobs', 'readBlob'],
      'Storage Blob Delegator': [],
      'Key Vault Administrator': [],
      // Who manages the account has no data actions: he takes the keys.
      Owner: ['listContainers', 'createContainer', 'readContainer'],
    }
    for (const [role, allowed] of Object.entries(expected)) {
      const { token, id } = await bench.newPrincipal(role)
      const found: string[] = []
      for (const need of [
        'listContainers',
        'createContainer',
        'readContainer',
        'listBlobs',
        'readBlob',
        'writeBlob',
        'nobody',
      ] as const) {
        bench.permission = needs[need]
        const answer = await withToken('/c1/b1', token)
        if (answer.status === 200) found.push(need)
        else expect([answer.status, answer.code]).toEqual([403, 'AuthorizationPermissionMismatch'])
        if (answer.status === 200)
          expect(answer.body).toMatchObject({ kind: 'principal', principal: { principalId: id } })
      }
      expect([role, found]).toEqual([role, allowed])
    }
  })

  it('of who has no role opens nothing', async () => {
    const { token } = await bench.newPrincipal(null)
    for (const permission of Object.values(needs)) {
      bench.permission = permission
      expect((await withToken('/c1/b1', token)).code).toBe('AuthorizationPermissionMismatch')
    }
  })

  it('of who has a role at one container opens that one', async () => {
    const scope = `${bench.account.resourceId}/blobServices/default/containers/c1`
    const { token } = await bench.newPrincipal(READER, scope)
    expect((await withToken('/c1/dir/b1', token)).code).toBe('admitted')
    for (const path of ['/c10/b1', '/c2/b1', '/c/b1'])
      expect([path, (await withToken(path, token)).code]).toEqual([path, 'AuthorizationPermissionMismatch'])
    bench.permission = needs.listBlobs
    expect((await withToken('/c1', token)).code).toBe('admitted')
    bench.permission = needs.listContainers
    expect((await withToken('/', token)).code).toBe('AuthorizationPermissionMismatch')
  })

  it('opens nothing any more once the role is taken away', async () => {
    const { token } = await bench.newPrincipal(READER)
    expect((await withToken('/c1/b1', token)).code).toBe('admitted')
    await bench.engine.access.forgetScope(bench.account.resourceId)
    expect((await withToken('/c1/b1', token)).code).toBe('AuthorizationPermissionMismatch')
  })

  it('is decided on arrival: what a service asks within its transaction does not wait', async () => {
    const { token } = await bench.newPrincipal(READER)
    await withToken('/c1/b1', token)
    const outcome = bench.outcomes.at(-1)
    const caller = outcome !== undefined && 'caller' in outcome ? outcome.caller : null
    expect([caller?.permits(needs.readBlob), caller?.permits(needs.writeBlob)]).toEqual([true, false])
  })

  async function tokenFor(resource: string): Promise<string> {
    const { clientId, secret, caller } = await bench.engine.signIn(null)
    const { access, directory, tenantId } = bench.engine
    const { principalId } = caller
    await access.grant({ scope: bench.account.resourceId, roleId: readerRole(), principalId })
    return (await directory.clientCredentials({ tenant: tenantId, clientId, secret, resource })).token
  }
  function readerRole() {
    const role = bench.engine.access.listRoles(READER)[0]
    if (role === undefined) throw new Error(READER)
    return role.roleId
  }

  it.each([
    ['https://storage.azure.com', 200],
    ['https://storage.azure.com/', 200],
    ['https://account1.blob.core.localhost:8443', 200],
    ['https://account1.blob.core.localhost:8443/', 200],
    ['https://account2.blob.core.localhost:8443', 401],
    ['https://account1.queue.core.localhost:8443', 401],
    ['https://management.localhost:8443', 401],
    ['https://vault.localhost:8443', 401],
  ])('for %s: %s', async (resource, status) => {
    const answer = await withToken('/c1/b1', await tokenFor(resource))
    expect(answer.status).toBe(status)
    if (status === 401)
      expect(answer.body['detail']).toBe('Audience validation failed. Audience did not match.')
  })

  it('that is refused names the place where one is given', async () => {
    const answer = await withToken('/c1/b1', 'x.y.z')
    expect([answer.status, answer.code]).toEqual([401, 'InvalidAuthenticationInfo'])
    expect(answer.headers['www-authenticate']).toBe(
      `Bearer authorization_uri=https://login.localhost:8443/${bench.account.tenantId}/oauth2/authorize resource_id=https://storage.azure.com`,
    )
  })

  it('past its time is refused', async () => {
    const { token } = await bench.newPrincipal(READER)
    bench.setNow(new Date(now.getTime() + 2 * 3_600_000))
    const answer = await withToken('/c1/b1', token)
    expect([answer.status, answer.body['detail']]).toEqual([
      401,
      'Lifetime validation failed. The token is expired.',
    ])
  })

  it('of another tenant is refused, whatever role its principal has', async () => {
    const { token } = await bench.newPrincipal(OWNER)
    const elsewhere = await bench.engine.directory.createTenant({ displayName: 'Fabrikam' })
    bench.account = { ...bench.account, tenantId: elsewhere.tenantId }
    const answer = await withToken('/c1/b1', token)
    expect([answer.status, answer.body['detail']]).toEqual([
      401,
      'Issuer validation failed. Issuer did not match.',
    ])
    expect(answer.headers['www-authenticate']).toContain(elsewhere.tenantId)
  })

  it('that the keyring got for a resource opens no data', async () => {
    const { directory, access, tenantId } = bench.engine
    const identity = await directory.createManagedIdentity({
      tenantId,
      resourceId: `${bench.account.resourceId}x`,
      displayName: 'identity',
    })
    await access.grant({
      scope: bench.account.resourceId,
      roleId: readerRole(),
      principalId: identity.principalId,
    })
    const token = await directory.tokenForResource({
      principalId: identity.principalId,
      resourceId: bench.account.resourceId,
      audience: 'https://storage.azure.com',
      lifetimeMs: 60_000,
    })
    expect((await withToken('/c1/b1', token)).status).toBe(401)
  })

  it('is not taken over plain HTTP', async () => {
    const { token } = await bench.newPrincipal(READER)
    bench.transport = { tlsVersion: null }
    const answer = await withToken('/c1/b1', token)
    expect([answer.status, answer.code]).toEqual([403, 'AuthenticationFailed'])
  })

  it('is taken where the account takes no keys', async () => {
    const { token } = await bench.newPrincipal(READER)
    bench.account = { ...bench.account, allowsSharedKey: false }
    expect((await withToken('/c1/b1', token)).code).toBe('admitted')
  })
})

describe('who shows nothing', () => {
  const versions = [
    [{}, [404, 'ResourceNotFound']],
    [{ 'x-ms-version': '2019-07-07' }, [404, 'ResourceNotFound']],
    [{ 'x-ms-version': '2019-12-12' }, [401, 'NoAuthenticationInformation']],
    [{ 'x-ms-version': '2026-06-06' }, [401, 'NoAuthenticationInformation']],
  ] as const

  it('reads what a container makes public, no more', async () => {
    const expected = {
      none: [],
      blob: ['readBlob'],
      container: ['readContainer', 'listBlobs', 'readBlob'],
    } as const
    for (const publicAccess of ['none', 'blob', 'container'] as const) {
      bench.containers.set('c1', { publicAccess, policies: [] })
      const found: string[] = []
      for (const [need, permission] of Object.entries(needs)) {
        bench.permission = permission
        const answer = await send('/c1/b1')
        if (answer.status === 200) found.push(need)
        else expect([answer.status, answer.code]).toEqual([404, 'ResourceNotFound'])
      }
      expect([publicAccess, found]).toEqual([publicAccess, expected[publicAccess]])
    }
  })

  it.each(versions)(
    'with %j hears %j of what is private, and of what is not there the same',
    async (headers, expected) => {
      bench.containers.set('private', { publicAccess: 'none', policies: [] })
      for (const path of ['/private/b1', '/nothing/b1', '/']) {
        const answer = await send(path, headers)
        expect([path, answer.status, answer.code]).toEqual([path, ...expected])
        expect(answer.headers['www-authenticate'] === undefined).toBe(expected[0] === 404)
      }
    },
  )

  it.each(versions)('with %j hears of no public container where the account allows none', async (headers) => {
    bench.containers.set('c1', { publicAccess: 'container', policies: [] })
    bench.account = { ...bench.account, allowsBlobPublicAccess: false }
    for (const path of ['/c1/b1', '/private/b1', '/']) {
      const answer = await send(path, headers)
      expect([path, answer.status, answer.code]).toEqual([path, 409, 'PublicAccessNotPermitted'])
    }
  })
})

describe('the account', () => {
  const change = (more: Partial<StorageAccount>) => {
    bench.account = { ...bench.account, ...more }
  }

  it('that takes HTTPS only refuses plain HTTP before it looks at the credential', async () => {
    change({ isHttpsOnly: true })
    expect((await withKey('/c1/b1')).code).toBe('admitted')
    bench.transport = { tlsVersion: null }
    for (const answer of [await withKey('/c1/b1'), await send('/c1/b1'), await withToken('/c1/b1', 'x')])
      expect([answer.status, answer.code]).toEqual([400, 'AccountRequiresHttps'])
    change({ isHttpsOnly: false })
    expect((await withKey('/c1/b1')).code).toBe('admitted')
  })

  it.each([
    ['TLS1_0', 'TLSv1', 200],
    ['TLS1_1', 'TLSv1', 400],
    ['TLS1_1', 'TLSv1.1', 200],
    ['TLS1_2', 'TLSv1.1', 400],
    ['TLS1_2', 'TLSv1.2', 200],
    ['TLS1_2', 'TLSv1.3', 200],
    ['TLS1_3', 'TLSv1.2', 400],
    ['TLS1_3', 'TLSv1.3', 200],
  ] as const)('of at least %s meets %s with %s', async (minimumTlsVersion, tlsVersion, status) => {
    change({ minimumTlsVersion })
    bench.transport = { tlsVersion }
    const answer = await withKey('/c1/b1')
    expect(answer.status).toBe(status)
    if (status === 400) expect(answer.code).toBe('TlsVersionNotPermitted')
  })

  it.each([
    ['nobody, not public', { isPublic: false, defaultAction: 'Allow', ipRules: ['203.0.113.7'] }, 403],
    ['everybody', { isPublic: true, defaultAction: 'Allow', ipRules: [] }, 200],
    ['nobody, without rules', { isPublic: true, defaultAction: 'Deny', ipRules: [] }, 403],
    ['one address', { isPublic: true, defaultAction: 'Deny', ipRules: ['203.0.113.7'] }, 200],
    ['another address', { isPublic: true, defaultAction: 'Deny', ipRules: ['203.0.113.8'] }, 403],
    [
      'a range',
      { isPublic: true, defaultAction: 'Deny', ipRules: ['198.51.100.0/24', '203.0.113.0/29'] },
      200,
    ],
    ['another range', { isPublic: true, defaultAction: 'Deny', ipRules: ['203.0.113.8/29'] }, 403],
  ] as const)('whose network rules let in %s', async (_who, network, status) => {
    change({ network })
    bench.containers.set('c1', { publicAccess: 'blob', policies: [] })
    const { token } = await bench.newPrincipal(OWNER)
    const answers = [await withKey('/c1/b1'), await withToken('/c1/b1', token), await send('/c1/b1')]
    for (const answer of answers) {
      expect(answer.status).toBe(status)
      if (status === 403) expect(answer.code).toBe('AuthorizationFailure')
    }
  })

  it('lets no header say where a request comes from', async () => {
    change({ network: { isPublic: true, defaultAction: 'Deny', ipRules: ['198.51.100.1'] } })
    const answer = await send('/c1/b1', { 'x-forwarded-for': '198.51.100.1', forwarded: 'for=198.51.100.1' })
    expect(answer.code).toBe('AuthorizationFailure')
  })
})
