import { mkdtemp, rm } from 'node:fs/promises'
import { request as send } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManagedIdentityCredential } from '@azure/identity'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { RecordKey } from '../../crypto/record-key.ts'
import { type ServedProtocol, type TestRequest, request, serveProtocol } from '../../http/testing.ts'
import { systemClock } from '../../kernel/clock.ts'
import type { JsonObject } from '../../kernel/json.ts'
import type { Principal } from '../../services/directory/directory.ts'
import type { DirectoryService } from '../../services/directory/directory-service.ts'
import { identityEndpoint } from '../../services/directory/identity-endpoint.ts'
import { openDirectory } from '../../services/directory/open-directory.ts'
import { directoryRecords } from '../../store/records/directory/directory-objects.ts'
import { type KeysDb, keysMigrations } from '../../store/records/keys-db.ts'
import { type SqliteRecords, openSqliteRecords } from '../../store/records/sqlite/sqlite-records.ts'
import { managedIdentityProtocol } from './index.ts'

const vault = 'https://vault.localhost:8443'
const secret = 'the-secret-of-this-start'
const idOf = (name: string) =>
  `/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`

let folder: string
let records: SqliteRecords<KeysDb>
let directory: DirectoryService
let first: Principal
let second: Principal
let third: Principal

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'managed-identity-'))
  const file = join(folder, 'keys.db')
  records = await openSqliteRecords<KeysDb>({ file, migrations: keysMigrations, durability: 'relaxed' })
  directory = await openDirectory({
    records: directoryRecords(records, RecordKey.generate()),
    clock: systemClock,
    endpoints: { domain: 'localhost', port: 8443 },
  })
  const { tenantId } = await directory.createTenant({ displayName: 'Contoso' })
  const create = async (name: string) =>
    await directory.createManagedIdentity({ tenantId, resourceId: idOf(name), displayName: name })
  ;[first, second, third] = [await create('id1'), await create('id2'), await create('id3')]
})
afterAll(async () => {
  await records.close()
  await rm(folder, { recursive: true })
})

const hosts = ['127.0.0.1', 'localhost', '169.254.169.254', 'evil.example']
async function serve(...allowed: readonly string[]): Promise<ServedProtocol> {
  const endpoint = identityEndpoint({ directory, allowed, secret })
  return await serveProtocol(managedIdentityProtocol({ endpoint }), hosts)
}

let served: ServedProtocol
beforeEach(async () => {
  served = await serve(idOf('ID1').toUpperCase(), second.principalId)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  expect(served.bugs).toEqual([])
  await served.close()
})

const metadata = { Metadata: 'true' }
const query = `api-version=2018-02-01&resource=${encodeURIComponent(vault)}`
async function imds(more = '', options: TestRequest = { headers: metadata }) {
  return await request(`${served.url}/metadata/identity/oauth2/token?${query}${more}`, options)
}
async function subjectOf(token: unknown): Promise<string> {
  return (await directory.authenticate(String(token), [vault])).principalId
}

describe('the instance metadata form', () => {
  it('answers in strings, with or without a slash at the end of the path', async () => {
    for (const slash of ['', '/']) {
      const url = `${served.url}/metadata/identity/oauth2/token${slash}?${query}&client_id=${first.appId}`
      const answer = await request(url, { headers: metadata })
      expect(answer.status).toBe(200)
      expect(answer.headers['cache-control']).toBe('no-store')
      const body = answer.json() as JsonObject
      expect(body).toEqual({
        access_token: expect.any(String) as string,
        refresh_token: '',
        client_id: first.appId,
        expires_in: '86399',
        ext_expires_in: '86399',
        expires_on: expect.stringMatching(/^\d{10}$/) as string,
        not_before: expect.stringMatching(/^\d{10}$/) as string,
        resource: vault,
        token_type: 'Bearer',
      })
      expect(await subjectOf(body['access_token'])).toBe(first.principalId)
    }
  })

  it.each([
    ['client_id', () => second.appId],
    ['client_id', () => second.appId.toUpperCase()],
    ['object_id', () => second.principalId],
    ['principal_id', () => second.principalId],
    ['msi_res_id', () => encodeURIComponent(idOf('ID2'))],
    ['mi_res_id', () => encodeURIComponent(idOf('id2'))],
  ])('takes %s', async (name, value) => {
    const body = (await imds(`&${name}=${value()}`)).json() as JsonObject
    expect(await subjectOf(body['access_token'])).toBe(second.principalId)
  })

  it.each([
    ['an identity that is not to be served', () => `&client_id=${third.appId}`, 'invalid_request'],
    [
      'the same by its resource id',
      () => `&msi_res_id=${encodeURIComponent(idOf('id3'))}`,
      'invalid_request',
    ],
    ['an identity that is none', () => '&client_id=00000000-0000-0000-0000-000000000001', 'invalid_request'],
    ['a client id as object id', () => `&object_id=${first.appId}`, 'invalid_request'],
    [
      'two names at once',
      () => `&client_id=${first.appId}&object_id=${first.principalId}`,
      'invalid_request',
    ],
    ['none of several', () => '', 'invalid_request'],
  ])('answers 400 for %s', async (_, more, error) => {
    const answer = await imds(more())
    expect([answer.status, (answer.json() as JsonObject)['error']]).toEqual([400, error])
  })

  it('answers 400 without the header, without a resource and for an unknown one', async () => {
    const one = `client_id=${first.appId}`
    const plain = await imds(`&${one}`, {})
    expect([plain.status, plain.json()]).toMatchObject([400, { error: 'bad_request_102' }])
    const path = `${served.url}/metadata/identity/oauth2/token?${one}`
    expect((await request(path, { headers: metadata })).status).toBe(400)
    const foreign = await request(`${path}&resource=https://vault.azure.net`, { headers: metadata })
    expect([foreign.status, foreign.json()]).toMatchObject([400, { error: 'invalid_resource' }])
  })

  it('serves the only identity without a name, and none that is not there yet', async () => {
    await served.close()
    served = await serve(idOf('id3'))
    expect((await imds()).status).toBe(200)
    await served.close()
    served = await serve(idOf('id4'))
    expect((await imds()).status).toBe(400)
  })

  it('serves requests that come in absolute form, as through http_proxy', async () => {
    const target = `http://169.254.169.254/metadata/identity/oauth2/token?${query}&client_id=${first.appId}`
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const sent = send(
        { port: served.port, host: '127.0.0.1', path: target, headers: metadata },
        (response) => {
          response.resume()
          resolve(response.statusCode)
        },
      )
      sent.on('error', reject).end()
    })
    expect(status).toBe(200)
  })

  it('does not serve a name that somebody else may own, nor what was forwarded', async () => {
    const more = `&client_id=${first.appId}`
    expect((await imds(more, { headers: metadata, host: 'evil.example' })).status).toBe(400)
    expect((await imds(more, { headers: { ...metadata, 'X-Forwarded-For': '10.0.0.1' } })).status).toBe(400)
    expect((await imds(more, { headers: metadata, host: 'localhost:80' })).status).toBe(200)
  })
})

describe('the App Service form', () => {
  const path = () => `${served.url}/msi/token?${query}&client_id=${first.appId}`

  it('needs the secret, in the header of either version', async () => {
    for (const name of ['X-IDENTITY-HEADER', 'secret']) {
      expect((await request(path(), { headers: { [name]: secret } })).status).toBe(200)
      for (const wrong of [`${secret}x`, secret.slice(1), '', secret.toUpperCase()]) {
        const answer = await request(path(), { headers: { [name]: wrong } })
        expect([answer.status, answer.json()]).toMatchObject([401, { statusCode: 401 }])
      }
    }
    expect((await request(path(), { headers: metadata })).status).toBe(401)
  })
})

describe('the MSI extension form', () => {
  it('takes a form by POST', async () => {
    const form = new URLSearchParams({ resource: vault, msi_res_id: idOf('id2') }).toString()
    const headers = { ...metadata, 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await request(`${served.url}/oauth2/token`, { method: 'POST', headers, body: form })
    const body = answer.json() as JsonObject
    expect(await subjectOf(body['access_token'])).toBe(second.principalId)
    expect((await request(`${served.url}/oauth2/token`, { method: 'POST', body: form })).status).toBe(400)
  })
})

describe('@azure/identity', () => {
  // MSAL settles on one source for the life of a process: the other is in instance-metadata.test.ts.
  const getToken = async (credential: ManagedIdentityCredential) =>
    await credential.getToken(`${vault}/.default`)

  it('gets a token by IDENTITY_ENDPOINT', async () => {
    vi.stubEnv('IDENTITY_ENDPOINT', `${served.url}/msi/token`)
    vi.stubEnv('IDENTITY_HEADER', secret)
    const { token } = await getToken(new ManagedIdentityCredential({ clientId: first.appId }))
    expect(await subjectOf(token)).toBe(first.principalId)
    const forbidden = new ManagedIdentityCredential({ clientId: third.appId })
    await expect(getToken(forbidden)).rejects.toThrow()
  })
})
