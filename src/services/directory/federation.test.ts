import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RecordKey } from '../../crypto/record-key.ts'
import { TokenSigner } from '../../crypto/token.ts'
import type { Guid } from '../../kernel/guid.ts'
import { DAY_MS, HOUR_MS, SECOND_MS } from '../../kernel/units.ts'
import { contextOf, directoryRecords } from '../../store/records/directory/directory-objects.ts'
import { type KeysDb, keysMigrations } from '../../store/records/keys-db.ts'
import { type SqliteRecords, openSqliteRecords } from '../../store/records/sqlite/sqlite-records.ts'
import type { Principal } from './directory.ts'
import type { Application, FederatedCredential, ServicePrincipal } from './directory-objects.ts'
import type { DirectoryService } from './directory-service.ts'
import { openDirectory } from './open-directory.ts'

const endpoints = { domain: 'localhost', port: 8443 }
const vault = 'https://vault.localhost:8443'
const exchange = 'api://AzureADTokenExchange'
const identityId = (name: string) =>
  `/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`
const registryId = '/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/r1'

let folder: string
let key: RecordKey
let records: SqliteRecords<KeysDb>
let directory: DirectoryService
let now: Date
let provider: Guid
let customer: Guid
let identity: Principal
let application: Application
let credential: FederatedCredential
/** The application's, in the customer's tenant. */
let principal: ServicePrincipal

const issuerOf = (tenantId: Guid) => `https://login.localhost:8443/${tenantId}/v2.0`
const trust = (name: string, { principalId, tenantId }: Principal) => ({
  name,
  issuer: issuerOf(tenantId),
  subject: principalId,
  audience: exchange,
  description: null,
})

async function open(): Promise<void> {
  records = await openSqliteRecords<KeysDb>({
    file: join(folder, 'keys.db'),
    migrations: keysMigrations,
    durability: 'relaxed',
  })
  directory = await openDirectory({
    records: directoryRecords(records, key),
    clock: { now: () => now },
    endpoints,
  })
}
async function makeIdentity(name: string): Promise<Principal> {
  return await directory.createManagedIdentity({
    tenantId: provider,
    resourceId: identityId(name),
    displayName: name,
  })
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'federation-'))
  key = RecordKey.generate()
  now = new Date('2026-06-01T12:00:00Z')
  await open()
  provider = (await directory.createTenant({ displayName: 'Provider' })).tenantId
  now = new Date(now.getTime() + SECOND_MS)
  customer = (await directory.createTenant({ displayName: 'Customer' })).tenantId
  identity = await makeIdentity('id1')
  application = await directory.createApplication({
    tenantId: provider,
    displayName: 'storage',
    isMultiTenant: true,
  })
  credential = await directory.addFederatedCredential(provider, application.objectId, trust('id1', identity))
  principal = await directory.createServicePrincipal({ tenantId: customer, appId: application.appId })
})
afterEach(async () => {
  await records.close()
  await rm(folder, { recursive: true })
})

const assertionOf = async (of: Principal, resource = exchange) =>
  (await directory.identityToken({ principalId: of.principalId, resource })).token
function signIn(assertion: string, more: { tenant?: string | null; clientId?: string } = {}) {
  const client = { tenant: customer, clientId: application.appId, ...more }
  return directory.clientCredentials({ ...client, assertion, resource: vault })
}
function claimsOf(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}
/** As our own key would sign it: what is refused is refused for its claims. */
async function resigned(claims: Record<string, unknown>): Promise<string> {
  const { items } = await directoryRecords(records, key).listSigningKeys(null)
  return (await items[0]?.signer.sign({ ...claimsOf(await assertionOf(identity)), ...claims })) ?? ''
}
const forResource = (federated?: { clientId: Guid; tenantId: Guid }) =>
  directory.tokenForResource({
    principalId: identity.principalId,
    resourceId: registryId,
    audience: vault,
    lifetimeMs: 5_000,
    ...(federated !== undefined && { federated }),
  })
const forVaultOf = (tenantId: Guid) => forResource({ clientId: application.appId, tenantId })

describe("a managed identity's token for exchange", () => {
  it("is of version 2.0 and of its tenant's own issuer", async () => {
    const { appId, principalId } = identity
    const claims = claimsOf(await assertionOf(identity))
    expect(claims).toMatchObject({
      iss: issuerOf(provider),
      aud: exchange,
      sub: principalId,
      oid: principalId,
      azp: appId,
      azpacr: '2',
      tid: provider,
      ver: '2.0',
      xms_mirid: identityId('id1'),
    })
    expect(claims).not.toHaveProperty('appid')
  })

  it('admits to nothing by itself', async () => {
    const token = await assertionOf(identity)
    await expect(directory.authenticate(token, [vault, exchange])).rejects.toMatchObject({
      code: 'token-malformed',
    })
    const dressedUp = await resigned({ appid: identity.appId })
    await expect(directory.authenticate(dressedUp, [vault, exchange])).rejects.toMatchObject({
      code: 'token-issuer',
    })
  })

  it("gets the application's token in the customer's tenant, as often as it comes while it lives", async () => {
    const assertion = await assertionOf(identity)
    for (let times = 0; times < 2; times++) {
      const { token } = await signIn(assertion)
      expect(claimsOf(token)).toMatchObject({ appidacr: '2', tid: customer, oid: principal.principalId })
      expect(await directory.authenticate(token, [vault])).toMatchObject({
        tenantId: customer,
        principalId: principal.principalId,
        appId: application.appId,
        kind: 'application',
        trustedForResource: null,
      })
      now = new Date(now.getTime() + 23 * HOUR_MS)
    }
  })

  it.each<[string, () => Promise<string>, string, string | undefined]>([
    [
      'for another audience',
      async () => await assertionOf(identity, vault),
      'federation-unmatched',
      'issuer',
    ],
    [
      'of another identity',
      async () => await assertionOf(await makeIdentity('id2')),
      'federation-unmatched',
      'subject',
    ],
    [
      'of another issuer',
      async () => await resigned({ iss: issuerOf(customer) }),
      'federation-unmatched',
      'issuer',
    ],
    [
      'whose audience was changed',
      async () => await resigned({ aud: vault }),
      'federation-unmatched',
      'audience',
    ],
    [
      'whose subject is in capitals',
      async () => await resigned({ sub: identity.principalId.toUpperCase() }),
      'federation-case',
      undefined,
    ],
    ['without a subject', async () => await resigned({ sub: null }), 'assertion-malformed', undefined],
    [
      'with two audiences',
      async () => await resigned({ aud: [exchange, vault] }),
      'assertion-malformed',
      undefined,
    ],
    [
      'signed by a key that is not ours',
      async () => await (await TokenSigner.generate()).sign(claimsOf(await assertionOf(identity))),
      'assertion-signature',
      undefined,
    ],
    [
      'whose last claim was changed',
      async () => tampered(await assertionOf(identity)),
      'assertion-signature',
      undefined,
    ],
    ['that is no token', async () => 'a.b', 'assertion-malformed', undefined],
    [
      'that is not signed',
      async () => unsigned(await assertionOf(identity)),
      'assertion-signature',
      undefined,
    ],
    [
      'that has expired',
      async () => await resigned({ exp: Math.floor(now.getTime() / 1000) }),
      'assertion-time',
      undefined,
    ],
    [
      'whose time has not come',
      async () => await resigned({ nbf: now.getTime() / 1000 + 301 }),
      'assertion-time',
      undefined,
    ],
  ])('%s is refused', async (_, assertion, code, member) => {
    await expect(signIn(await assertion())).rejects.toMatchObject({
      name: 'FederationFault',
      code,
      facts: member === undefined ? {} : { member },
    })
  })

  it('is refused once the identity is gone, though it had a day to live', async () => {
    const assertion = await assertionOf(identity)
    await directory.deleteManagedIdentity(identity.principalId)
    await expect(signIn(assertion)).rejects.toMatchObject({ code: 'federation-unmatched' })
  })

  it('is refused where no service principal was made, and where the application trusts nobody', async () => {
    const assertion = await assertionOf(identity)
    const third = (await directory.createTenant({ displayName: 'Third' })).tenantId
    await expect(signIn(assertion, { tenant: third })).rejects.toMatchObject({
      name: 'SignInFault',
      code: 'application-unknown',
    })
    await directory.removeFederatedCredential(provider, application.objectId, credential.id)
    await expect(signIn(assertion)).rejects.toMatchObject({ code: 'federation-absent' })
  })

  it('is not taken from an application, which could hold one for its own', async () => {
    const { objectId, appId } = application
    const own = await directory.createServicePrincipal({ tenantId: provider, appId })
    await directory.addFederatedCredential(provider, objectId, trust('own', { ...identity, ...own }))
    const { secret } = await directory.addPassword(provider, objectId, {
      displayName: null,
      startsAt: null,
      endsAt: null,
    })
    const client = { tenant: provider, clientId: appId, secret, resource: exchange }
    const { token } = await directory.clientCredentials(client)
    await expect(signIn(token)).rejects.toMatchObject({ code: 'federation-by-application' })
  })
})

describe("the keyring's token for a vault of another tenant", () => {
  it("is the application's there, and marked as got for the resource", async () => {
    expect(await directory.authenticate(await forVaultOf(customer), [vault])).toMatchObject({
      tenantId: customer,
      principalId: principal.principalId,
      identityResourceId: null,
      trustedForResource: registryId,
      expiresAt: new Date(now.getTime() + 5_000),
    })
  })

  it('is not got when the identity, the trust, the principal or the application is gone', async () => {
    const [{ principalId }, { objectId }] = [principal, application]
    await directory.deleteServicePrincipal(customer, principalId)
    await expect(forVaultOf(customer)).rejects.toMatchObject({ code: 'application-unknown' })
    await directory.createServicePrincipal({ tenantId: customer, appId: application.appId })
    await forVaultOf(customer)
    await directory.removeFederatedCredential(provider, objectId, credential.id)
    await expect(forVaultOf(customer)).rejects.toMatchObject({ code: 'federation-absent' })
    await directory.addFederatedCredential(provider, objectId, trust('again', identity))
    await forVaultOf(customer)
    await directory.deleteManagedIdentity(identity.principalId)
    await expect(forVaultOf(customer)).rejects.toMatchObject({ code: 'principal-gone' })
  })

  it('dies with the application, whose principals in every tenant go with it', async () => {
    const token = await forVaultOf(customer)
    await directory.deleteApplication(provider, application.objectId)
    await expect(directory.authenticate(token, [vault])).rejects.toMatchObject({ code: 'principal-gone' })
    expect(directory.listServicePrincipals(customer)).toEqual([])
    await expect(forVaultOf(customer)).rejects.toMatchObject({ code: 'application-unknown' })
  })

  it('is told of to the vaults when trust comes, changes or goes, and not for another reason', async () => {
    const affected: Guid[] = []
    using _ = directory.watch((id) => affected.push(id))
    const { objectId } = application
    await directory.changeApplication(provider, objectId, { displayName: 'renamed' })
    expect(affected).toEqual([])
    const { id } = await directory.addFederatedCredential(provider, objectId, {
      ...trust('second', await makeIdentity('id2')),
    })
    await directory.changeFederatedCredential(provider, objectId, id, { description: 'of the second' })
    await directory.removeFederatedCredential(provider, objectId, id)
    expect(affected).toEqual(Array(3).fill(principal.principalId))
  })
})

describe('an application', () => {
  it('is let into another tenant only when it is for all, and stays so while it is there', async () => {
    const { appId, objectId } = await directory.createApplication({
      tenantId: provider,
      displayName: 'own',
      isMultiTenant: false,
    })
    const letIn = () => directory.createServicePrincipal({ tenantId: customer, appId })
    await expect(letIn()).rejects.toMatchObject({ code: 'application-not-found' })
    await directory.changeApplication(provider, objectId, { isMultiTenant: true })
    expect(await letIn()).toMatchObject({
      tenantId: customer,
      application: { tenantId: provider, isMultiTenant: true },
    })
    await expect(letIn()).rejects.toMatchObject({ code: 'principal-exists' })
    const close = () => directory.changeApplication(provider, objectId, { isMultiTenant: false })
    await expect(close()).rejects.toMatchObject({ code: 'application-in-use' })
    const there = directory.listServicePrincipals(customer).find((one) => one.appId === appId)
    await directory.deleteServicePrincipal(customer, there?.principalId ?? principal.principalId)
    expect(await close()).toMatchObject({ isMultiTenant: false })
  })

  it('has a principal of its own in each tenant, and one secret for all of them', async () => {
    const { appId, objectId } = application
    const home = await directory.createServicePrincipal({ tenantId: provider, appId })
    const { secret } = await directory.addPassword(provider, objectId, {
      displayName: null,
      startsAt: null,
      endsAt: null,
    })
    const signedIn = (tenant: Guid | null) =>
      directory.signIn({ tenant, clientId: appId, secret }).principal.principalId
    expect([signedIn(provider), signedIn(customer), signedIn(null)]).toEqual([
      home.principalId,
      principal.principalId,
      home.principalId,
    ])
    await directory.deleteServicePrincipal(customer, principal.principalId)
    expect(signedIn(provider)).toBe(home.principalId)
    expect(() => signedIn(customer)).toThrow('application-unknown')
  })

  it('can be changed in its own tenant alone', async () => {
    const { objectId } = application
    expect(() => directory.getApplication(customer, objectId)).toThrow('object-not-found')
    for (const attempt of [
      directory.changeApplication(customer, objectId, { displayName: 'mine' }),
      directory.deleteApplication(customer, objectId),
      directory.addFederatedCredential(customer, objectId, trust('mine', identity)),
      directory.removeFederatedCredential(customer, objectId, credential.id),
      directory.changeFederatedCredential(customer, objectId, credential.id, {}),
    ])
      await expect(attempt).rejects.toMatchObject({ code: 'object-not-found' })
  })

  it('that was stored before there were federated credentials is kept to its tenant and trusts nobody', async () => {
    const { isMultiTenant: _, federatedCredentials: __, ...rest } = application
    const id = application.objectId
    const document = key.seal(contextOf('application', id), Buffer.from(JSON.stringify(rest)))
    await records.write(async (transaction) => {
      await transaction.updateTable('directory_objects').set({ document }).where('id', '=', id).execute()
    })
    await records.close()
    await open()
    expect(directory.getApplication(provider, id)).toMatchObject({
      isMultiTenant: false,
      federatedCredentials: [],
    })
  })
})

describe('a federated credential', () => {
  const add = (more: Partial<FederatedCredential>) =>
    directory.addFederatedCredential(provider, application.objectId, { ...trust('new', identity), ...more })

  it('is there after a restart', async () => {
    await records.close()
    await open()
    expect(directory.getApplication(provider, application.objectId).federatedCredentials).toEqual([
      credential,
    ])
    await signIn(await assertionOf(identity))
  })

  it.each([
    ['a name of two letters', { name: 'ab' }, 'name'],
    ['a name of 121 letters', { name: 'a'.repeat(121) }, 'name'],
    ['a name that no URL takes', { name: 'a/b c' }, 'name'],
    ['no subject', { subject: '' }, 'subject'],
    ['a subject of 601 characters', { subject: 's'.repeat(601) }, 'subject'],
    ['an issuer elsewhere', { issuer: 'https://token.actions.githubusercontent.com' }, 'issuer'],
    ['another audience', { audience: vault }, 'audiences'],
    ['a description of 601 characters', { description: 'd'.repeat(601) }, 'description'],
  ])('%s is refused', async (_, more, property) => {
    await expect(add({ subject: 'other', ...more })).rejects.toMatchObject({
      code: 'credential-invalid',
      facts: { property },
    })
  })

  it('of another tenant of this installation is refused too', async () => {
    await expect(add({ subject: 'other', issuer: issuerOf(customer) })).rejects.toMatchObject({
      code: 'credential-invalid',
    })
  })

  it('has a name and a pair of issuer and subject of its own, changed or new, and 20 is the most', async () => {
    await expect(add({ name: 'id1', subject: 'other' })).rejects.toMatchObject({ code: 'credential-exists' })
    await expect(add({})).rejects.toMatchObject({ code: 'credential-repeated' })
    const { id } = await add({ subject: 'other' })
    const change = (subject: string) =>
      directory.changeFederatedCredential(provider, application.objectId, id, { subject })
    await expect(change(identity.principalId)).rejects.toMatchObject({ code: 'credential-repeated' })
    await change('another')
    for (let count = 2; count < 20; count++) await add({ name: `name-${count}`, subject: `subject-${count}` })
    await expect(add({ name: 'name-20', subject: 'subject-20' })).rejects.toMatchObject({
      code: 'credentials-too-many',
    })
  })
})

describe('tenants', () => {
  it('are listed in the order of their making, so that the first is the first', async () => {
    for (const displayName of ['a', 'b', 'c', 'd']) {
      now = new Date(now.getTime() + DAY_MS)
      await directory.createTenant({ displayName })
    }
    expect(directory.listTenants().map(({ displayName }) => displayName)).toEqual([
      'Provider',
      'Customer',
      ...['a', 'b', 'c', 'd'],
    ])
  })
})

function tampered(jwt: string): string {
  const [head = '', , signature = ''] = jwt.split('.')
  const body = Buffer.from(JSON.stringify({ ...claimsOf(jwt), tid: customer })).toString('base64url')
  return `${head}.${body}.${signature}`
}
function unsigned(jwt: string): string {
  const head = Buffer.from('{"typ":"JWT","alg":"none"}').toString('base64url')
  return `${head}.${jwt.split('.')[1] ?? ''}.`
}
