import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { RecordKey } from '../../crypto/record-key.ts'
import { PublicTokenKey, verifyToken } from '../../crypto/token.ts'
import { type ServedProtocol, request, serveProtocol } from '../../http/testing.ts'
import type { Guid } from '../../kernel/guid.ts'
import type { Json, JsonObject } from '../../kernel/json.ts'
import { HOUR_MS } from '../../kernel/units.ts'
import type { Application } from '../../services/directory/directory-objects.ts'
import type { Principal } from '../../services/directory/directory.ts'
import type { DirectoryService } from '../../services/directory/directory-service.ts'
import { openDirectory } from '../../services/directory/open-directory.ts'
import type { PublishedKey } from '../../services/directory/token-endpoint.ts'
import { directoryRecords } from '../../store/records/directory/directory-objects.ts'
import { type KeysDb, keysMigrations } from '../../store/records/keys-db.ts'
import { type SqliteRecords, openSqliteRecords } from '../../store/records/sqlite/sqlite-records.ts'
import { entraProtocol } from './index.ts'

const endpoints = { domain: 'localhost', port: 8443 }
const login = 'https://login.localhost:8443'
const vault = 'https://vault.localhost:8443'
const management = 'https://management.localhost:8443'
const now = new Date('2026-06-01T12:00:00.250Z')

let folder: string
let records: SqliteRecords<KeysDb>
let directory: DirectoryService
let served: ServedProtocol
let tenantId: Guid
let clientId: Guid
let secret: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'entra-'))
  const file = join(folder, 'keys.db')
  records = await openSqliteRecords<KeysDb>({ file, migrations: keysMigrations, durability: 'relaxed' })
  directory = await openDirectory({
    records: directoryRecords(records, RecordKey.generate()),
    clock: { now: () => now },
    endpoints,
  })
  ;({ tenantId } = await directory.createTenant({ displayName: 'Contoso' }))
  const endsAt = new Date(now.getTime() + HOUR_MS)
  const owner = await directory.createAdministrator({ tenantId, displayName: 'owner', endsAt })
  clientId = owner.application.appId
  secret = owner.secret
})
beforeEach(async () => {
  const protocol = entraProtocol({ directory, endpoints, clock: { now: () => now } })
  served = await serveProtocol(protocol, 'login.localhost')
})
afterEach(async () => {
  expect(served.bugs).toEqual([])
  await served.close()
})
afterAll(async () => {
  await records.close()
  await rm(folder, { recursive: true })
})

type Fields = Readonly<Record<string, string>>
function form(more: Fields = {}): Fields {
  const grant_type = 'client_credentials'
  return { client_id: clientId, client_secret: secret, grant_type, scope: `${vault}/.default`, ...more }
}
async function post(path: string, fields: Fields | string, headers: Fields = {}) {
  const body = typeof fields === 'string' ? fields : new URLSearchParams(fields).toString()
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  return await request(`${served.url}${path}`, {
    host: 'login.localhost:8443',
    method: 'POST',
    headers: { ...type, ...headers },
    body,
  })
}
const get = async (path: string) => await request(`${served.url}${path}`, { host: 'login.localhost' })
const v2 = () => `/${tenantId}/oauth2/v2.0/token`
function text(value: Json | undefined): string {
  if (typeof value !== 'string') throw new TypeError('not a text')
  return value
}
async function audienceOf(token: Json | undefined, accepted: string): Promise<string> {
  await directory.authenticate(text(token), [accepted])
  const body = text(token).split('.')[1] ?? ''
  return (JSON.parse(Buffer.from(body, 'base64url').toString()) as { aud: string }).aud
}

describe('the v2.0 token endpoint', () => {
  it('answers in numbers, and nothing keeps its answer', async () => {
    const answer = await post(v2(), form({ client_info: '1', claims: '{"access_token":{}}' }))
    expect(answer.status).toBe(200)
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store, no-cache',
      pragma: 'no-cache',
    })
    const body = answer.json() as JsonObject
    expect(body).toEqual({
      token_type: 'Bearer',
      expires_in: 3599,
      ext_expires_in: 3599,
      access_token: expect.any(String) as string,
    })
    expect(await audienceOf(body['access_token'], vault)).toBe(vault)
  })

  it('takes exactly /.default off the scope, so az gets the audience with its slash', async () => {
    const body = (await post(v2(), form({ scope: `${management}//.default` }))).json() as JsonObject
    expect(await audienceOf(body['access_token'], management)).toBe(`${management}/`)
    for (const scope of [
      'https://storage.azure.com/.default',
      'https://containerregistry.azure.net/.default',
    ]) {
      expect((await post(v2(), form({ scope }))).status).toBe(200)
    }
  })

  it('takes client and secret from a Basic header, form-encoded', async () => {
    const { client_id, client_secret, ...rest } = form()
    const basic = (user: string, password: string) => ({
      authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
    })
    const encoded = basic(String(client_id), encodeURIComponent(String(client_secret)))
    expect((await post(v2(), rest, encoded)).status).toBe(200)
    expect((await post(v2(), rest, basic(String(client_id), 'wrong'))).status).toBe(401)
    for (const authorization of ['Basic', 'Basic %%%', 'Basic bm9jb2xvbg==', 'Basic JTp4']) {
      expect((await post(v2(), rest, { authorization })).status).toBe(400)
    }
  })

  it.each<[string, Fields, number, string, number]>([
    ['a wrong secret', { client_secret: 'wrong' }, 401, 'invalid_client', 7000215],
    ['no credential', { client_secret: '' }, 401, 'invalid_client', 7000216],
    ['an unknown application', { client_id: 'who' }, 400, 'unauthorized_client', 700016],
    ['no application', { client_id: '' }, 400, 'invalid_request', 900144],
    ['no grant', { grant_type: '' }, 400, 'invalid_request', 900144],
    ['another grant', { grant_type: 'password' }, 400, 'unsupported_grant_type', 70003],
    ['no scope', { scope: '' }, 400, 'invalid_request', 900144],
    ['a scope without /.default', { scope: vault }, 400, 'invalid_scope', 70011],
    ['two scopes', { scope: `openid ${vault}/.default` }, 400, 'invalid_scope', 70011],
    ['an unknown resource', { scope: 'https://vault.azure.net/.default' }, 400, 'invalid_resource', 500011],
    ['a scope that is /.default', { scope: '/.default' }, 400, 'invalid_resource', 500011],
  ])('refuses %s in Entra ID’s words', async (_, more, status, error, code) => {
    const answer = await post(v2(), form(more), {
      'client-request-id': 'C0FFEE00-0000-4000-8000-000000000001',
    })
    expect(answer.status).toBe(status)
    const body = answer.json() as JsonObject
    const correlation = 'c0ffee00-0000-4000-8000-000000000001'
    expect(body).toEqual({
      error,
      error_description: expect.any(String) as string,
      error_codes: [code],
      timestamp: '2026-06-01 12:00:00Z',
      trace_id: answer.headers['x-ms-request-id'],
      correlation_id: correlation,
    })
    const lines = text(body['error_description']).split('\r\n')
    expect(lines[0]).toMatch(new RegExp(`^AADSTS${code}: .`))
    expect(lines.slice(1)).toEqual([
      `Trace ID: ${String(answer.headers['x-ms-request-id'])}`,
      `Correlation ID: ${correlation}`,
      'Timestamp: 2026-06-01 12:00:00Z',
    ])
    expect(answer.text).not.toContain(secret)
  })

  it('refuses an unknown tenant, a repeated parameter, another method and a body without end', async () => {
    const codeOf = (text: string) => (JSON.parse(text) as { error_codes: number[] }).error_codes[0]
    for (const tenant of [
      '00000000-0000-0000-0000-000000000001',
      'common',
      'x'.repeat(300),
      '%F0%9F%94%91',
    ]) {
      const answer = await post(`/${tenant}/oauth2/v2.0/token`, form())
      expect([answer.status, codeOf(answer.text)]).toEqual([400, 90002])
    }
    const twice = await post(v2(), `${new URLSearchParams(form()).toString()}&client_id=x`)
    expect([twice.status, codeOf(twice.text)]).toEqual([400, 9000411])
    const read = await get(v2())
    expect([read.status, read.headers.allow, codeOf(read.text)]).toEqual([405, 'POST', 900561])
    expect((await post(v2(), form({ x: 'y'.repeat(70_000) }))).status).toBe(413)
    expect((await get('/nowhere')).status).toBe(404)
  })
})

it('the v1 token endpoint answers in strings and names the resource', async () => {
  const { scope: _, ...rest } = form({ resource: `${management}/` })
  const answer = await post(`/${tenantId}/oauth2/token`, rest)
  const seconds = Math.floor(now.getTime() / 1000)
  expect([answer.status, answer.json()]).toEqual([
    200,
    {
      token_type: 'Bearer',
      expires_in: '3599',
      ext_expires_in: '3599',
      expires_on: String(seconds + 3599),
      not_before: String(seconds),
      resource: `${management}/`,
      access_token: expect.any(String) as string,
    },
  ])
  expect((await post(`/${tenantId}/oauth2/token`, form())).json()).toMatchObject({ error_codes: [900144] })
})

it('the /adfs endpoints find the tenant by the application', async () => {
  for (const path of ['/adfs/oauth2/token', '/adfs/oauth2/v2.0/token', '/adfs/oauth2/token/']) {
    const answer = await post(path, form())
    expect([path, answer.status]).toEqual([path, 200])
    const { access_token: token } = answer.json() as JsonObject
    expect(await directory.authenticate(text(token), [vault])).toMatchObject({ tenantId })
  }
  const unknown = await post('/adfs/oauth2/token', form({ client_id: 'who' }))
  expect([unknown.status, unknown.json()]).toMatchObject([400, { error_codes: [700016] }])
})

describe('discovery', () => {
  it.each([
    ['v2.0', () => `/${tenantId}/v2.0/.well-known/openid-configuration`, () => `${login}/${tenantId}/v2.0`],
    [
      'v1',
      () => `/${tenantId}/.well-known/openid-configuration`,
      () => `https://sts.windows.net/${tenantId}/`,
    ],
    ['/adfs', () => '/adfs/.well-known/openid-configuration', () => `${login}/adfs`],
  ])('of %s leads to a token endpoint and to keys that work', async (_, path, issuer) => {
    const answer = await get(path())
    expect(answer.headers['cache-control']).toBe('max-age=86400, private')
    const found = answer.json() as JsonObject
    expect(found['issuer']).toBe(issuer())
    const pathOf = (name: string) => {
      const url = text(found[name])
      expect(url.startsWith(`${login}/`)).toBe(true)
      return url.slice(login.length)
    }
    pathOf('authorization_endpoint')
    const token = await post(pathOf('token_endpoint'), form({ resource: vault }))
    const { access_token } = token.json() as JsonObject
    const { keys } = (await get(pathOf('jwks_uri'))).json() as unknown as { keys: PublishedKey[] }
    const published = new Map(keys.map((key) => [key.kid, PublicTokenKey.fromJwk(key)]))
    expect(await verifyToken(text(access_token), published, now)).toMatchObject({ appid: clientId })
    expect(keys[0]).toMatchObject({ kty: 'RSA', use: 'sig', e: 'AQAB', x5c: [expect.any(String)] })
    expect(JSON.stringify(keys)).not.toMatch(/"(d|p|q|dp|dq|qi)"/)
  })

  it('of an unknown tenant is refused', async () => {
    for (const path of ['/common/v2.0', '/00000000-0000-0000-0000-000000000001', '/adfs/v2.0']) {
      const answer = await get(`${path}/.well-known/openid-configuration`)
      expect([answer.status, answer.json()]).toMatchObject([
        400,
        { error: 'invalid_tenant', error_codes: [90002] },
      ])
    }
    expect((await get('/common/discovery/v2.0/keys')).status).toBe(200)
    expect((await get('/nobody/discovery/v2.0/keys')).status).toBe(400)
  })

  it('of instances knows this host by its own name only', async () => {
    const ask = async (endpoint: string) =>
      await get(
        `/common/discovery/instance?api-version=1.1&authorization_endpoint=${encodeURIComponent(endpoint)}`,
      )
    const answer = await ask(`${login}/${tenantId}/oauth2/v2.0/authorize`)
    expect([answer.status, answer.json()]).toEqual([
      200,
      {
        tenant_discovery_endpoint: `${login}/${tenantId}/v2.0/.well-known/openid-configuration`,
        'api-version': '1.1',
        metadata: [
          {
            preferred_network: 'login.localhost:8443',
            preferred_cache: 'login.localhost:8443',
            aliases: ['login.localhost:8443'],
          },
        ],
      },
    ])
    for (const other of ['https://login.evil.example/x/', `http://login.localhost:8443/${tenantId}/`, '']) {
      expect((await ask(other)).json()).toMatchObject({ error: 'invalid_instance' })
    }
  })
})

describe("a managed identity's token in place of a secret", () => {
  const exchange = 'api://AzureADTokenExchange'
  const JWT = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  let identity: Principal
  let customer: Guid
  let application: Application
  const tokenOf = async (resource: string) =>
    (await directory.identityToken({ principalId: identity.principalId, resource })).token
  const asked = (client_assertion: string, more: Fields = {}): Fields => ({
    client_id: application.appId,
    grant_type: 'client_credentials',
    client_assertion_type: JWT,
    client_assertion,
    scope: `${vault}/.default`,
    ...more,
  })
  const codeOf = (answer: { json(): Json }) => {
    const { error, error_codes } = answer.json() as JsonObject
    return [error, ...(error_codes as readonly Json[])]
  }

  beforeEach(async () => {
    const resourceId = `/subscriptions/s/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${randomUUID()}`
    identity = await directory.createManagedIdentity({ tenantId, resourceId, displayName: 'id1' })
    customer = (await directory.createTenant({ displayName: 'Customer' })).tenantId
    application = await directory.createApplication({ tenantId, displayName: 'storage', isMultiTenant: true })
    await directory.createServicePrincipal({ tenantId: customer, appId: application.appId })
    await directory.addFederatedCredential(tenantId, application.objectId, {
      name: 'id1',
      issuer: `https://login.localhost:8443/${tenantId}/v2.0`,
      subject: identity.principalId,
      audience: exchange,
      description: null,
    })
  })

  it("is exchanged at the customer's endpoints of both versions for a token of his tenant", async () => {
    const assertion = await tokenOf(exchange)
    const second = await post(`/${customer}/oauth2/v2.0/token`, asked(assertion))
    expect(await audienceOf((second.json() as JsonObject)['access_token'], vault)).toBe(vault)
    const { scope: _, ...rest } = asked(assertion, { resource: vault })
    const first = await post(`/${customer}/oauth2/token`, rest)
    const caller = await directory.authenticate(text((first.json() as JsonObject)['access_token']), [vault])
    expect(caller).toMatchObject({ tenantId: customer, appId: application.appId })
  })

  it('is announced by the discovery document', async () => {
    const document = (await get(`/${customer}/v2.0/.well-known/openid-configuration`)).json() as JsonObject
    expect(document['token_endpoint_auth_methods_supported']).toContain('private_key_jwt')
  })

  it.each<[string, () => Promise<Fields>, () => Guid, number, string, number]>([
    [
      'for another audience',
      async () => asked(await tokenOf(vault)),
      () => customer,
      401,
      'invalid_client',
      700211,
    ],
    [
      'where nobody let the application in',
      async () => asked(await tokenOf(exchange)),
      () => tenantIdOfNobody,
      400,
      'unauthorized_client',
      700016,
    ],
    [
      'that the application does not trust',
      async () => {
        const { federatedCredentials, objectId } = directory.getApplication(tenantId, application.objectId)
        for (const { id } of federatedCredentials)
          await directory.changeFederatedCredential(tenantId, objectId, id, { subject: 'another' })
        return asked(await tokenOf(exchange))
      },
      () => customer,
      401,
      'invalid_client',
      700213,
    ],
    [
      'of an application that trusts nobody',
      async () => {
        const { federatedCredentials, objectId } = directory.getApplication(tenantId, application.objectId)
        for (const { id } of federatedCredentials)
          await directory.removeFederatedCredential(tenantId, objectId, id)
        return asked(await tokenOf(exchange))
      },
      () => customer,
      401,
      'invalid_client',
      70025,
    ],
    ['that is none', async () => asked('a.b.c'), () => customer, 400, 'invalid_request', 50027],
    [
      'that was bent',
      async () => asked(`${(await tokenOf(exchange)).slice(0, -4)}AAAA`),
      () => customer,
      401,
      'invalid_client',
      700027,
    ],
    [
      'of another type',
      async () => asked(await tokenOf(exchange), { client_assertion_type: 'urn:saml' }),
      () => customer,
      400,
      'invalid_request',
      90023,
    ],
    [
      'without its type',
      async () => asked(await tokenOf(exchange), { client_assertion_type: '' }),
      () => customer,
      400,
      'invalid_request',
      900144,
    ],
  ])('%s is refused in Entra ID’s words', async (_, fields, tenant, status, error, code) => {
    tenantIdOfNobody = (await directory.createTenant({ displayName: 'Nobody' })).tenantId
    const answer = await post(`/${tenant()}/oauth2/v2.0/token`, await fields())
    expect([answer.status, ...codeOf(answer)]).toEqual([status, error, code])
  })
  let tenantIdOfNobody: Guid

  it('names the subject that did not match, and the page that helps', async () => {
    const { objectId } = application
    const [credential] = directory.getApplication(tenantId, objectId).federatedCredentials
    await directory.changeFederatedCredential(tenantId, objectId, credential?.id ?? tenantId, {
      subject: 'x',
    })
    const answer = await post(`/${customer}/oauth2/v2.0/token`, asked(await tokenOf(exchange)))
    expect(text((answer.json() as JsonObject)['error_description']).split('\r\n')[0]).toBe(
      `AADSTS700213: No matching federated identity record found for presented assertion subject '${identity.principalId}'. ` +
        'Check your federated identity credential Subject, Audience and Issuer against the presented assertion. ' +
        'https://learn.microsoft.com/entra/workload-id/workload-identity-federation',
    )
  })
})
