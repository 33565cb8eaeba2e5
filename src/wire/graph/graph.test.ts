import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { RecordKey } from '../../crypto/record-key.ts'
import { type ServedProtocol, request, serveProtocol } from '../../http/testing.ts'
import { systemClock } from '../../kernel/clock.ts'
import type { Guid } from '../../kernel/guid.ts'
import type { Json, JsonObject } from '../../kernel/json.ts'
import { HOUR_MS } from '../../kernel/units.ts'
import type { DirectoryService } from '../../services/directory/directory-service.ts'
import { openDirectory } from '../../services/directory/open-directory.ts'
import { directoryRecords } from '../../store/records/directory/directory-objects.ts'
import { type KeysDb, keysMigrations } from '../../store/records/keys-db.ts'
import { type SqliteRecords, openSqliteRecords } from '../../store/records/sqlite/sqlite-records.ts'
import { graphProtocol } from './index.ts'

const endpoints = { domain: 'localhost', port: 8443 }
const graph = 'https://graph.localhost:8443'

let folder: string
let records: SqliteRecords<KeysDb>
let directory: DirectoryService
let served: ServedProtocol
let tenantId: Guid
let owner: Awaited<ReturnType<DirectoryService['createAdministrator']>>
let ownerToken: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graph-'))
  const file = join(folder, 'keys.db')
  records = await openSqliteRecords<KeysDb>({ file, migrations: keysMigrations, durability: 'relaxed' })
  directory = await openDirectory({
    records: directoryRecords(records, RecordKey.generate()),
    clock: systemClock,
    endpoints,
  })
})
beforeEach(async () => {
  served = await serveProtocol(graphProtocol({ directory, endpoints }), 'graph.localhost')
  ;({ tenantId } = await directory.createTenant({ displayName: 'Contoso' }))
  const endsAt = new Date(Date.now() + HOUR_MS)
  owner = await directory.createAdministrator({ tenantId, displayName: 'owner', endsAt })
  ownerToken = await tokenFor(owner.application.appId, owner.secret)
})
afterEach(async () => {
  expect(served.bugs).toEqual([])
  await served.close()
})
afterAll(async () => {
  await records.close()
  await rm(folder, { recursive: true })
})

async function tokenFor(clientId: string, secret: string, resource = `${graph}/`): Promise<string> {
  return (await directory.clientCredentials({ tenant: null, clientId, secret, resource })).token
}
async function call(method: string, path: string, body?: Json, token: string | null = ownerToken) {
  const answer = await request(`${served.url}/v1.0${path}`, {
    host: 'graph.localhost:8443',
    method,
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body }),
  })
  const json = answer.body.length === 0 ? {} : (answer.json() as JsonObject)
  return { status: answer.status, headers: answer.headers, json }
}
const filtered = (set: string, filter: string) => `/${set}?$filter=${encodeURIComponent(filter)}`
function text(value: Json | undefined): string {
  if (typeof value !== 'string') throw new TypeError('not a text')
  return value
}
const values = (json: JsonObject) => json['value'] as readonly JsonObject[]

/** The requests of `az ad sp create-for-rbac`, in their order. */
async function createForRbac(displayName: string) {
  expect(
    values((await call('GET', filtered('servicePrincipals', `displayName eq '${displayName}'`))).json),
  ).toEqual([])
  expect(
    values((await call('GET', filtered('applications', `displayName eq '${displayName}'`))).json),
  ).toEqual([])
  const application = (await call('POST', '/applications', { displayName, keyCredentials: [] })).json
  const [id, appId] = [text(application['id']), text(application['appId'])]
  const passwordCredential = {
    displayName: 'rbac',
    startDateTime: new Date().toISOString().replace(/\.\d+/, ''),
    endDateTime: '2099-01-01T00:00:00Z',
  }
  const password = (await call('POST', `/applications/${id}/addPassword`, { passwordCredential })).json
  const principal = (await call('POST', '/servicePrincipals', { appId, accountEnabled: true })).json
  return { id, appId, secret: text(password['secretText']), password, principalId: text(principal['id']) }
}

describe('az ad sp', () => {
  it('create-for-rbac makes a principal that signs in, and that is found as az looks it up', async () => {
    const made = await createForRbac('ci')
    expect(made.password).toMatchObject({
      displayName: 'rbac',
      hint: made.secret.slice(0, 3),
      endDateTime: '2099-01-01T00:00:00Z',
    })
    const token = await tokenFor(made.appId, made.secret)
    const found = await call(
      'GET',
      filtered('servicePrincipals', `servicePrincipalNames/any(c:c eq '${made.appId}')`),
      undefined,
      token,
    )
    expect(values(found.json)).toMatchObject([
      {
        id: made.principalId,
        appId: made.appId,
        displayName: 'ci',
        servicePrincipalType: 'Application',
        servicePrincipalNames: [made.appId],
        accountEnabled: true,
        passwordCredentials: [{ keyId: made.password['keyId'], secretText: null }],
      },
    ])
    expect(JSON.stringify(found.json)).not.toContain(made.secret)
  })

  it('credential reset ends the secrets that were there', async () => {
    const made = await createForRbac('reset')
    const shown = (await call('GET', `/servicePrincipals/${made.principalId}`)).json
    for (const { keyId } of shown['passwordCredentials'] as readonly JsonObject[]) {
      const body = { keyId: keyId ?? null }
      expect((await call('POST', `/servicePrincipals/${made.principalId}/removePassword`, body)).status).toBe(
        204,
      )
    }
    const added = await call('POST', `/servicePrincipals/${made.principalId}/addPassword`, {
      passwordCredential: {},
    })
    await expect(tokenFor(made.appId, made.secret)).rejects.toMatchObject({ code: 'secret-wrong' })
    expect(await tokenFor(made.appId, text(added.json['secretText']))).toBeTypeOf('string')
  })

  it('delete ends the principal, and its application stays', async () => {
    const made = await createForRbac('gone')
    const token = await tokenFor(made.appId, made.secret)
    expect((await call('DELETE', `/servicePrincipals/${made.principalId}`)).status).toBe(204)
    const refused = await call('GET', '/servicePrincipals', undefined, token)
    expect([refused.status, refused.json]).toMatchObject([
      401,
      { error: { code: 'InvalidAuthenticationToken' } },
    ])
    expect((await call('GET', `/applications/${made.id}`)).json).toMatchObject({ appId: made.appId })
    expect((await call('DELETE', `/applications/${made.id}`)).status).toBe(204)
    expect((await call('GET', `/applications/${made.id}`)).status).toBe(404)
  })

  it('show of a managed identity tells its resource; nobody changes it here', async () => {
    const resourceId =
      '/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/r1'
    const { principalId } = await directory.createManagedIdentity({ tenantId, resourceId, displayName: 'r1' })
    expect((await call('GET', `/servicePrincipals/${principalId}`)).json).toMatchObject({
      servicePrincipalType: 'ManagedIdentity',
      alternativeNames: ['isExplicit=False', resourceId],
    })
    for (const [method, path] of [
      ['DELETE', ''],
      ['POST', '/addPassword'],
    ] as const) {
      expect((await call(method, `/servicePrincipals/${principalId}${path}`)).status).toBe(403)
    }
    await directory.deleteManagedIdentity(principalId)
  })
})

describe('look-ups', () => {
  it('/me is refused with the message az prints', async () => {
    for (const path of ['/me', '/me/ownedObjects']) {
      expect(await call('GET', path)).toMatchObject({
        status: 400,
        json: { error: { message: '/me request is only valid with delegated authentication flow.' } },
      })
    }
  })

  it('getByIds finds principals and applications of the types asked for', async () => {
    const ids = [owner.principal.principalId.toUpperCase(), owner.application.objectId, 'nobody']
    const ask = async (types: Json) =>
      values((await call('POST', '/directoryObjects/getByIds', { ids, types })).json)
    const types = ['user', 'group', 'servicePrincipal', 'directoryObjectPartnerReference']
    expect(await ask(types)).toMatchObject([
      {
        '@odata.type': '#microsoft.graph.servicePrincipal',
        id: owner.principal.principalId,
        displayName: 'owner',
      },
    ])
    expect(await ask(null)).toHaveLength(2)
    expect(await ask([])).toEqual([])
  })

  it('there are no users and no groups', async () => {
    expect(values((await call('GET', filtered('users', "userPrincipalName eq 'a@b'"))).json)).toEqual([])
    expect(values((await call('GET', '/groups')).json)).toEqual([])
  })

  it('lists come in pages', async () => {
    for (const name of ['a', 'b', 'c'])
      await directory.createApplication({ tenantId, displayName: name, isMultiTenant: false })
    const seen: unknown[] = []
    let path = '/applications?$top=3'
    for (let pages = 0; pages < 2; pages++) {
      const { json } = await call('GET', path)
      seen.push(...values(json).map(({ displayName }) => displayName))
      const next = json['@odata.nextLink']
      if (pages === 1) expect(next).toBeUndefined()
      else path = text(next).replace(`${graph}/v1.0`, '')
    }
    expect(seen.sort()).toEqual(['a', 'b', 'c', 'owner'])
    for (const top of ['0', '1000', '-1', 'x'])
      expect((await call('GET', `/applications?$top=${top}`)).status).toBe(400)
  })

  it('show nothing of another tenant', async () => {
    const other = await directory.createTenant({ displayName: 'Fabrikam' })
    const endsAt = new Date(Date.now() + HOUR_MS)
    const stranger = await directory.createAdministrator({
      tenantId: other.tenantId,
      displayName: 'x',
      endsAt,
    })
    const token = await tokenFor(stranger.application.appId, stranger.secret)
    const { objectId, appId } = owner.application
    const { principalId } = owner.principal
    const calls: readonly (readonly [string, string, Json?])[] = [
      ['GET', `/applications/${objectId}`],
      ['DELETE', `/applications/${objectId}`],
      ['PATCH', `/applications/${objectId}`, { displayName: 'mine' }],
      ['POST', `/applications/${objectId}/addPassword`, {}],
      ['GET', `/servicePrincipals/${principalId}`],
      ['DELETE', `/servicePrincipals/${principalId}`],
      ['POST', `/servicePrincipals/${principalId}/addPassword`, {}],
    ]
    for (const [method, path, body] of calls) {
      expect([path, (await call(method, path, body, token)).status]).toEqual([path, 404])
    }
    expect((await call('POST', '/servicePrincipals', { appId }, token)).status).toBe(400)
    expect(values((await call('GET', '/servicePrincipals', undefined, token)).json)).toHaveLength(1)
    const ids = { ids: [principalId] }
    expect(values((await call('POST', '/directoryObjects/getByIds', ids, token)).json)).toEqual([])
  })
})

describe('only', () => {
  it('a token for this audience is let in', async () => {
    const elsewhere = await tokenFor(
      owner.application.appId,
      owner.secret,
      'https://management.localhost:8443',
    )
    for (const token of [null, 'x', elsewhere]) {
      const answer = await call('GET', '/servicePrincipals', undefined, token)
      expect([answer.status, answer.json]).toMatchObject([
        401,
        { error: { code: 'InvalidAuthenticationToken' } },
      ])
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer /)
    }
  })

  it('an administrator changes anything', async () => {
    const made = await createForRbac('plain')
    const token = await tokenFor(made.appId, made.secret)
    const own: readonly (readonly [string, string, Json?])[] = [
      ['POST', '/applications', { displayName: 'x' }],
      ['PATCH', `/applications/${made.id}`, { displayName: 'x' }],
      ['DELETE', `/applications/${made.id}`],
      ['POST', `/applications/${made.id}/addPassword`, {}],
      ['POST', `/applications/${made.id}/removePassword`, { keyId: made.password['keyId'] ?? null }],
      ['POST', '/servicePrincipals', { appId: made.appId }],
      ['DELETE', `/servicePrincipals/${made.principalId}`],
      ['POST', `/servicePrincipals/${made.principalId}/addPassword`, {}],
      ['POST', `/servicePrincipals/${made.principalId}/removePassword`, {}],
    ]
    for (const [method, path, body] of own) {
      const answer = await call(method, path, body, token)
      expect([path, answer.status]).toEqual([path, 403])
      expect(answer.json).toMatchObject({ error: { code: 'Authorization_RequestDenied' } })
    }
  })
})

describe('what cannot be done', () => {
  const badRequest = 'Request_BadRequest'
  const known = () => ({ appId: owner.application.appId })
  const application = (action: string) => () => `/applications/${owner.application.objectId}/${action}`
  const credential = (endDateTime: string) => () => ({ passwordCredential: { endDateTime } })
  const nobody = '00000000-0000-0000-0000-000000000001'
  const nothing = () => undefined

  it.each<[string, string, () => string, () => Json | undefined, number, string]>([
    ['no name', 'POST', () => '/applications', () => ({}), 400, badRequest],
    ['an empty name', 'POST', () => '/applications', () => ({ displayName: ' ' }), 400, badRequest],
    ['a name that is none', 'POST', () => '/applications', () => ({ displayName: 1 }), 400, badRequest],
    ['no object', 'POST', () => '/applications', () => [], 400, badRequest],
    ['no body', 'POST', () => '/applications', nothing, 400, badRequest],
    [
      'a certificate',
      'POST',
      () => '/applications',
      () => ({ displayName: 'x', keyCredentials: [{}] }),
      400,
      badRequest,
    ],
    [
      'a disabled principal',
      'POST',
      () => '/servicePrincipals',
      () => ({ ...known(), accountEnabled: false }),
      400,
      badRequest,
    ],
    [
      'a second principal',
      'POST',
      () => '/servicePrincipals',
      known,
      409,
      'Request_MultipleObjectsWithSameKeyValue',
    ],
    [
      'an unknown application',
      'POST',
      () => '/servicePrincipals',
      () => ({ appId: nobody }),
      400,
      badRequest,
    ],
    ['an id that is none', 'GET', () => '/servicePrincipals/x', nothing, 400, badRequest],
    [
      'an unknown object',
      'GET',
      () => `/servicePrincipals/${nobody}`,
      nothing,
      404,
      'Request_ResourceNotFound',
    ],
    [
      'an unknown filter',
      'GET',
      () => filtered('servicePrincipals', 'a eq 1'),
      nothing,
      400,
      'Request_UnsupportedQuery',
    ],
    [
      'the last administrator',
      'DELETE',
      () => `/servicePrincipals/${owner.principal.principalId}`,
      nothing,
      400,
      badRequest,
    ],
    ['a time that is none', 'POST', application('addPassword'), credential('soon'), 400, badRequest],
    [
      'an end in the past',
      'POST',
      application('addPassword'),
      credential('2001-01-01T00:00:00Z'),
      400,
      badRequest,
    ],
    [
      'an unknown password',
      'POST',
      application('removePassword'),
      () => ({ keyId: nobody }),
      400,
      badRequest,
    ],
    ['an unknown path', 'GET', () => '/nothing', nothing, 400, badRequest],
    ['an unknown method', 'DELETE', () => '/applications', nothing, 405, badRequest],
  ])('%s', async (_, method, path, body, status, code) => {
    const answer = await call(method, path(), body())
    const message = expect.any(String) as string
    const innerError = { 'request-id': answer.headers['request-id'] }
    expect([answer.status, answer.json]).toMatchObject([status, { error: { code, message, innerError } }])
  })
})

it('an application is renamed, with its service principal', async () => {
  const { objectId } = owner.application
  expect(
    (await call('PATCH', `/applications/${objectId}`, { displayName: 'boss', keyCredentials: [] })).status,
  ).toBe(204)
  expect((await call('GET', `/applications/${objectId}`)).json).toMatchObject({ displayName: 'boss' })
  const principal = await call('GET', `/servicePrincipals/${owner.principal.principalId}`)
  expect(principal.json).toMatchObject({ displayName: 'boss', id: owner.principal.principalId })
})

describe('applications of several tenants', () => {
  let customerToken: string
  let appId: string
  let objectId: string

  beforeEach(async () => {
    const customer = await directory.createTenant({ displayName: 'Customer' })
    const endsAt = new Date(Date.now() + HOUR_MS)
    const other = await directory.createAdministrator({
      tenantId: customer.tenantId,
      displayName: 'customer-owner',
      endsAt,
    })
    customerToken = await tokenFor(other.application.appId, other.secret)
    const made = await call('POST', '/applications', {
      displayName: 'storage',
      signInAudience: 'AzureADMultipleOrgs',
    })
    expect(made.json).toMatchObject({ signInAudience: 'AzureADMultipleOrgs' })
    ;[appId, objectId] = [text(made.json['appId']), text(made.json['id'])]
  })

  it("are let in by the other tenant's administrator, as `az ad sp create --id` does", async () => {
    expect((await call('GET', `/applications/${appId}`, undefined, customerToken)).status).toBe(404)
    const made = await call('POST', '/servicePrincipals', { appId, accountEnabled: 'True' }, customerToken)
    expect([made.status, made.json]).toMatchObject([
      201,
      {
        appId,
        appOwnerOrganizationId: tenantId,
        signInAudience: 'AzureADMultipleOrgs',
        displayName: 'storage',
      },
    ])
    const found = await call(
      'GET',
      filtered('servicePrincipals', `appId eq '${appId}'`),
      undefined,
      customerToken,
    )
    expect(values(found.json).map(({ id }) => id)).toEqual([made.json['id']])
    expect(values((await call('GET', filtered('servicePrincipals', `appId eq '${appId}'`))).json)).toEqual([])
    const path = `/servicePrincipals/${text(made.json['id'])}/addPassword`
    const refused = await call('POST', path, {}, customerToken)
    expect([refused.status, refused.json]).toMatchObject([
      403,
      {
        error: {
          code: 'Authorization_RequestDenied',
          message: expect.stringContaining('another tenant') as string,
        },
      },
    ])
  })

  it('are no longer for others only when none has them', async () => {
    const { json } = await call('POST', '/servicePrincipals', { appId }, customerToken)
    const narrowed = () => call('PATCH', `/applications/${objectId}`, { signInAudience: 'AzureADMyOrg' })
    expect((await narrowed()).status).toBe(400)
    await call('DELETE', `/servicePrincipals/${text(json['id'])}`, undefined, customerToken)
    expect((await narrowed()).status).toBe(204)
    expect((await call('POST', '/servicePrincipals', { appId }, customerToken)).json).toMatchObject({
      error: { message: expect.stringContaining('does not reference a valid application object') as string },
    })
  })

  it('of an audience with personal accounts are refused', async () => {
    const body = { displayName: 'x', signInAudience: 'AzureADandPersonalMicrosoftAccount' }
    expect((await call('POST', '/applications', body)).status).toBe(400)
  })

  describe('federated credentials of them', () => {
    const path = (more = '') => `/applications/${objectId}/federatedIdentityCredentials${more}`
    const body = (more: JsonObject = {}): JsonObject => ({
      name: 'id1',
      issuer: `https://login.localhost:8443/${tenantId}/v2.0`,
      subject: owner.principal.principalId,
      audiences: ['api://AzureADTokenExchange'],
      ...more,
    })

    it('are made, shown by id and by name, listed, changed and deleted', async () => {
      const made = await call('POST', path(), body({ description: 'of the account' }))
      const id = text(made.json['id'])
      const shown = { id, ...body({ description: 'of the account' }) }
      expect([made.status, made.json]).toEqual([
        201,
        {
          '@odata.context': `${graph}/v1.0/$metadata#applications('${objectId}')/federatedIdentityCredentials/$entity`,
          ...shown,
        },
      ])
      for (const by of [id, 'id1']) expect((await call('GET', path(`/${by}`))).json).toMatchObject(shown)
      expect(values((await call('GET', path())).json)).toEqual([shown])
      const changed = { name: 'id1', subject: 'other', audiences: ['api://AzureADTokenExchange'] }
      expect((await call('PATCH', path(`/${id}`), changed)).status).toBe(204)
      expect((await call('GET', path(`/${id}`))).json).toMatchObject({ ...shown, subject: 'other' })
      expect((await call('DELETE', path('/id1'))).status).toBe(204)
      for (const method of ['GET', 'DELETE'])
        expect((await call(method, path(`/${id}`))).json).toMatchObject({
          error: { code: 'Request_ResourceNotFound' },
        })
    })

    it.each<[string, JsonObject, number, string]>([
      ['a second of that name', { subject: 'other' }, 409, 'Request_MultipleObjectsWithSameKeyValue'],
      ['a second of that subject', { name: 'id2' }, 400, 'InvalidFederatedIdentityCredentialValue'],
      [
        'a foreign issuer',
        { name: 'id2', issuer: 'https://x' },
        400,
        'InvalidFederatedIdentityCredentialValue',
      ],
      ['two audiences', { name: 'id2', audiences: ['a', 'b'] }, 400, 'Request_BadRequest'],
      ['no audience', { name: 'id2', audiences: [] }, 400, 'Request_BadRequest'],
      ['a subject that is no text', { name: 'id2', subject: 1 }, 400, 'Request_BadRequest'],
    ])('%s is refused', async (_, more, status, code) => {
      await call('POST', path(), body())
      const answer = await call('POST', path(), body(more))
      expect([answer.status, answer.json]).toMatchObject([status, { error: { code } }])
    })

    it('keep their name for good', async () => {
      await call('POST', path(), body())
      const answer = await call('PATCH', path('/id1'), { name: 'id2' })
      expect([answer.status, answer.json]).toMatchObject([
        400,
        { error: { code: 'InvalidFederatedIdentityCredentialValue' } },
      ])
    })

    it("are nobody else's to see or change", async () => {
      await call('POST', path(), body())
      for (const [method, at, sent] of [
        ['GET', path(), undefined],
        ['GET', path('/id1'), undefined],
        ['POST', path(), body({ name: 'id2', subject: 'x' })],
        ['PATCH', path('/id1'), { subject: 'x' }],
        ['DELETE', path('/id1'), undefined],
      ] as const)
        expect((await call(method, at, sent, customerToken)).status).toBe(404)
    })
  })
})
