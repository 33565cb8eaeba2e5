import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  VAULT_API,
  type VaultBench,
  objectIn,
  openVaultBench,
  outcome,
  textIn,
} from '../../../test/support/vault-bench.ts'
import { parseGuid } from '../../kernel/guid.ts'
import type { Json, JsonObject } from '../../kernel/json.ts'
import { DAY_MS } from '../../kernel/units.ts'
import { refusalOf } from '../resources/faults.ts'
import { parseResourceId } from '../resources/resource-id.ts'
import { writtenProperties } from './vault-properties.ts'

let bench: VaultBench
beforeEach(async () => {
  bench = await openVaultBench()
})
afterEach(async () => {
  expect([...bench.served.bugs, ...bench.engine.bugs]).toEqual([])
  await bench[Symbol.asyncDispose]()
})

const call = (apiVersion = VAULT_API) => bench.engine.call(bench.owner.caller, apiVersion)
const shown = async (name = 'kv1'): Promise<JsonObject> => {
  const { resources } = bench.engine
  const resource = await resources.get(call(), bench.idOf(`vaults/${name}`))
  return objectIn(await resources.present(resource, VAULT_API), 'properties')
}
const change = (properties: JsonObject, name = 'kv1') => bench.put(`vaults/${name}`, { properties })
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    const found = refusalOf(error)
    if (found === null) throw error
    return `${found.status} ${found.code}: ${found.message}`
  }
  return 'ok'
}
async function scope(method: 'GET' | 'POST', path: string, body?: JsonObject) {
  const request = {
    subscriptionId: bench.engine.subscriptionId,
    namespace: 'Microsoft.KeyVault',
    path,
    method,
  }
  const reply = await bench.engine.resources.actOnScope(call(), request, {
    query: new URLSearchParams(),
    body,
  })
  return { status: reply.status, body: reply.body as JsonObject }
}
const remove = (name = 'kv1') => bench.engine.resources.delete(call(), bench.idOf(`vaults/${name}`))
const recover = (name = 'kv1', more: JsonObject = {}) =>
  bench.put(`vaults/${name}`, {
    properties: { tenantId: bench.tenantId, sku: { family: 'A', name: 'standard' }, createMode: 'recover' },
    ...more,
  })
const deletedVault = (name = 'kv1') => `locations/koreacentral/deletedVaults/${name}`

describe('a vault', () => {
  it('is shown as Azure shows it', async () => {
    await bench.putVault('Kv1', { enablePurgeProtection: true })
    expect(await shown()).toEqual({
      tenantId: bench.tenantId,
      sku: { family: 'A', name: 'standard' },
      accessPolicies: [bench.policyOf(bench.owner, 'all')],
      enabledForDeployment: false,
      enabledForDiskEncryption: false,
      enabledForTemplateDeployment: false,
      enableRbacAuthorization: false,
      enableSoftDelete: true,
      enablePurgeProtection: true,
      softDeleteRetentionInDays: 90,
      networkAcls: { bypass: 'AzureServices', defaultAction: 'Allow', ipRules: [], virtualNetworkRules: [] },
      publicNetworkAccess: 'Enabled',
      vaultUri: 'https://kv1.vault.localhost:8443/',
      provisioningState: 'Succeeded',
    })
  })
  it.each([
    ['2015-06-01', false],
    ['2025-05-01', false],
    ['2026-02-01', true],
    ['2026-02-01-preview', true],
    ['2027-01-01', true],
  ])('made with api-version %s uses roles by default: %s', async (apiVersion, expected) => {
    await bench.putVault('kv1', {}, apiVersion)
    expect((await shown())['enableRbacAuthorization']).toBe(expected)
  })
  it('keeps its permission model when a later api-version does not speak of it', async () => {
    await bench.putVault('kv1')
    await bench.putVault('kv1', {}, '2026-02-01')
    expect((await shown())['enableRbacAuthorization']).toBe(false)
  })
  it('takes its own answer back, read-only members and all', async () => {
    await bench.putVault('kv1', { enablePurgeProtection: true, softDeleteRetentionInDays: 7 })
    const before = await shown()
    await change(before)
    expect(await shown()).toEqual(before)
  })
  it('keeps what a PUT leaves out: a template that names no firewall opens none', async () => {
    const networkAcls = { bypass: 'None', defaultAction: 'Deny', ipRules: [{ value: '10.0.0.0/24' }] }
    await bench.putVault('kv1', {
      networkAcls,
      enableRbacAuthorization: true,
      publicNetworkAccess: 'disabled',
    })
    await change({ enabledForDeployment: true })
    expect(await shown()).toMatchObject({
      networkAcls: { ...networkAcls, virtualNetworkRules: [] },
      enableRbacAuthorization: true,
      publicNetworkAccess: 'Disabled',
      enabledForDeployment: true,
    })
  })
  it.each<[string, JsonObject]>([
    ['another tenant', { tenantId: '11111111-1111-4111-8111-111111111111' }],
    ['no GUID as tenant', { tenantId: 'contoso' }],
    ['an unknown sku', { sku: { family: 'A', name: 'gold' } }],
    ['6 days', { softDeleteRetentionInDays: 6 }],
    ['91 days', { softDeleteRetentionInDays: 91 }],
    ['half a day', { softDeleteRetentionInDays: 7.5 }],
    ['a flag in text', { enabledForDeployment: 'true' }],
    ['a perimeter', { publicNetworkAccess: 'SecuredByPerimeter' }],
    ['an unknown bypass', { networkAcls: { bypass: 'All' } }],
    ['a range that is none', { networkAcls: { ipRules: [{ value: '10.0.0.0/33' }] } }],
    ['an IPv6 range', { networkAcls: { ipRules: [{ value: '::/0' }] } }],
    ['rules that are no list', { networkAcls: { ipRules: {} } }],
    ['policies that are no list', { accessPolicies: {} }],
    ['a policy for nobody', { accessPolicies: [{ permissions: {} }] }],
    [
      'an unknown permission',
      {
        accessPolicies: [
          { objectId: '11111111-1111-4111-8111-111111111111', permissions: { keys: ['fly'] } },
        ],
      },
    ],
  ])('is refused with %s', async (_name, properties) => {
    expect(await refusal(bench.putVault('kv1', properties))).toMatch(/^400 BadRequest: An invalid value/)
  })
  it.each(['ab', '1abc', 'a--b', 'ab-', 'a'.repeat(25), 'a_b'])('is not called %s', async (name) => {
    expect(await refusal(bench.putVault(name))).toMatch(/^400 VaultNameNotValid/)
  })
  it('has no name that another one has', async () => {
    await bench.putVault('kv1')
    const group = { subscriptionId: bench.engine.subscriptionId, resourceGroup: 'rg2' }
    await bench.engine.resources.putGroup(call(), { ...group, body: { location: 'koreacentral' } })
    const { id } = bench.idOf('vaults/KV1')
    const other = parseResourceId(id.replace('/rg1/', '/rg2/'))
    const write = bench.engine.resources.write(call(), {
      id: other!,
      body: { properties: { tenantId: bench.tenantId, sku: { name: 'standard' } } },
      isPatch: false,
    })
    expect(await refusal(write)).toMatch(/^409 VaultAlreadyExists/)
  })
})

describe('soft delete and purge protection', () => {
  it.each<[JsonObject, string]>([
    [
      { enableSoftDelete: false },
      'The property "enableSoftDelete" can be set to false only for creating new vault. Enabling the \'soft delete\' functionality is an irreversible action.',
    ],
    [
      { enablePurgeProtection: false },
      'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault is an irreversible action.',
    ],
  ])('cannot be switched off: %j', async (properties, message) => {
    expect(await refusal(bench.putVault('kv1', properties))).toBe(`400 BadRequest: ${message}`)
    await bench.putVault('kv1', { enablePurgeProtection: true })
    expect(await refusal(change(properties))).toBe(`400 BadRequest: ${message}`)
    const patch = bench.engine.resources.write(call(), {
      id: bench.idOf('vaults/kv1'),
      body: { properties },
      isPatch: true,
    })
    expect(await refusal(patch)).toBe(`400 BadRequest: ${message}`)
    await change({ enablePurgeProtection: null })
    expect(await shown()).toMatchObject({ enableSoftDelete: true, enablePurgeProtection: true })
  })
  it('keep the retention that was chosen at creation', async () => {
    await bench.putVault('kv1', { softDeleteRetentionInDays: 7 })
    expect(await refusal(change({ softDeleteRetentionInDays: 7 }))).toBe('ok')
    expect(await refusal(change({ softDeleteRetentionInDays: 90 }))).toMatch(/has been set already/)
  })
  it('can be switched on later, and then hold for what was deleted before', async () => {
    await bench.putVault('kv1')
    await bench.ask('POST', '/keys/k1/create', { body: { kty: 'RSA' } })
    await bench.ask('DELETE', '/keys/k1')
    await change({ enablePurgeProtection: true })
    expect((await bench.ask('DELETE', '/deletedkeys/k1')).status).toBe(403)
  })
  it('outlive the deletion and recovery of the vault: nobody purges it before its time', async () => {
    await bench.putVault('kv1', { enablePurgeProtection: true, softDeleteRetentionInDays: 7 })
    await remove()
    expect(await refusal(scope('POST', `${deletedVault()}/purge`))).toMatch(
      /^403 .*purge protection is enabled/,
    )
    expect(await refusal(bench.putVault('kv1'))).toMatch(
      /^409 VaultAlreadyExists: A vault with the same name already exists in deleted state/,
    )
    await recover()
    expect((await shown())['enablePurgeProtection']).toBe(true)
    await remove()
    bench.engine.bench.now = new Date(bench.engine.bench.now.getTime() + 1000 * DAY_MS)
    expect(await bench.vault.purgeDue()).toBe(0)
    bench.pass(7 * DAY_MS)
    expect(await bench.vault.purgeDue()).toBe(1)
    expect(await refusal(bench.putVault('kv1'))).toBe('ok')
  })
})

describe('a deleted vault', () => {
  const value = Buffer.from('root key').toString('base64url')
  async function wrapped(): Promise<string> {
    await bench.ask('POST', '/keys/k1/create', { body: { kty: 'RSA' } })
    const response = await bench.ask('POST', '/keys/k1/wrapkey', { body: { alg: 'RSA-OAEP-256', value } })
    return textIn(response.json(), 'value')
  }
  const unwrap = (sealed: string) =>
    bench.ask('POST', '/keys/k1/unwrapkey', { body: { alg: 'RSA-OAEP-256', value: sealed } })

  it('answers no more, is listed, and comes back with keys, policies, rules and tags', async () => {
    const networkAcls = { bypass: 'None', defaultAction: 'Deny', ipRules: [{ value: '127.0.0.1' }] }
    await bench.putVault('kv1', { networkAcls })
    await bench.engine.resources.write(call(), {
      id: bench.idOf('vaults/kv1'),
      body: { tags: { a: 'b' } },
      isPatch: true,
    })
    const [before, sealed] = [await shown(), await wrapped()]
    await remove()
    expect(outcome(await unwrap(sealed))).toBe('404 VaultNotFound')
    const { body } = await scope('GET', deletedVault('KV1'))
    expect(body).toEqual({
      id: `/subscriptions/${bench.engine.subscriptionId}/providers/Microsoft.KeyVault/locations/koreacentral/deletedVaults/kv1`,
      type: 'Microsoft.KeyVault/deletedVaults',
      name: 'kv1',
      properties: {
        vaultId: bench.idOf('vaults/kv1').id,
        location: 'koreacentral',
        tags: { a: 'b' },
        deletionDate: '2026-06-01T12:00:00.2500000Z',
        scheduledPurgeDate: '2026-08-30T12:00:00.2500000Z',
      },
    })
    expect((await scope('GET', 'deletedVaults')).body).toEqual({ value: [body] })
    expect((await recover()).tags).toEqual({ a: 'b' })
    expect(await shown()).toEqual(before)
    expect((await unwrap(sealed)).json()).toMatchObject({ value })
    await expect.poll(async () => (await scope('GET', 'deletedVaults')).body).toEqual({ value: [] })
    expect(await refusal(scope('GET', deletedVault()))).toMatch(/^404 DeletedVaultNotFound/)
  })
  it('comes back only where it was', async () => {
    await bench.putVault('kv1')
    await remove()
    expect(await refusal(recover('kv1', { location: 'eastus' }))).toMatch(/^409 ConflictError/)
    expect(await refusal(recover('kv2'))).toMatch(/^404 DeletedVaultNotFound/)
  })
  it('once purged is gone with its keys: a new one of that name has none', async () => {
    await bench.putVault('kv1')
    const sealed = await wrapped()
    await remove()
    expect((await scope('POST', `${deletedVault()}/purge`)).status).toBe(202)
    expect(await refusal(scope('POST', `${deletedVault()}/purge`))).toMatch(/^404 DeletedVaultNotFound/)
    const rows = await bench.engine.records.read.selectFrom('vault_key_version').select('name').execute()
    expect(rows).toEqual([])
    await bench.putVault('kv1')
    expect(outcome(await unwrap(sealed))).toBe('404 KeyNotFound')
  })
  it('is not purged while it is being recovered, nor lives twice when a deletion was interrupted', async () => {
    await bench.putVault('kv1')
    const sealed = await wrapped()
    const live = await bench.engine.store.findByGlobalName('Microsoft.KeyVault/vaults', 'kv1')
    // As a crash leaves it: kept as deleted, and the resource's row is still there.
    await bench.vault.deleted.keep(live!)
    expect((await scope('GET', 'deletedVaults')).body).toEqual({ value: [] })
    bench.pass(90 * DAY_MS)
    expect(await bench.vault.purgeDue()).toBe(0)
    expect((await unwrap(sealed)).json()).toMatchObject({ value })
    await remove()
    const found = await bench.vault.deleted.beginRecovery(live!)
    expect(await refusal(bench.vault.deleted.purge(found!))).toMatch(/^409 ConflictError/)
    bench.pass(DAY_MS)
    expect(await refusal(bench.vault.deleted.purge(found!))).toBe('ok')
  })
  it('is kept from no purge by who would have it back at another place', async () => {
    await bench.putVault('kv1')
    const live = await bench.engine.store.findByGlobalName('Microsoft.KeyVault/vaults', 'kv1')
    await remove()
    await bench.vault.deleted.beginRecovery({
      ...live!,
      id: live!.id.replace(/[^/]+(?=\/providers)/, 'other'),
    })
    await bench.vault.deleted.beginRecovery({ ...live!, location: 'elsewhere' })
    expect((await scope('POST', `${deletedVault()}/purge`)).status).toBe(202)
  })
  it.each([
    ['kv1', 'AlreadyExists'],
    ['gone', 'AlreadyExists'],
    ['a--b', 'AccountNameInvalid'],
    ['free', undefined],
  ])('and the name %s: %s', async (name, reason) => {
    await bench.putVault('kv1')
    await bench.putVault('gone')
    await remove('gone')
    for (const action of ['checkNameAvailability', 'checkMhsmNameAvailability']) {
      const { body } = await scope('POST', action, { name, type: 'Microsoft.KeyVault/vaults' })
      expect([body['nameAvailable'], body['reason']]).toEqual([reason === undefined, reason])
    }
  })
})

describe('access policies', () => {
  const ids = ['1', '2', '3'].map((n) => `${n.repeat(8)}-1111-4111-8111-111111111111`)
  const policy = (id: string, permissions: JsonObject): JsonObject => ({
    tenantId: bench.tenantId,
    objectId: id,
    permissions,
  })
  const [a = '', b = '', c = ''] = ids
  const entries = async () => (await shown())['accessPolicies']
  const act = (operation: string, ...accessPolicies: JsonObject[]) =>
    bench.put(`vaults/kv1/accessPolicies/${operation}`, { properties: { accessPolicies } })

  it('are replaced by a PUT of the vault, in the order and letter case that were sent', async () => {
    const list = [policy(b, { keys: ['unwrapKey', 'GET'] }), policy(a, { secrets: ['all'] })]
    await bench.putVault('kv1', { accessPolicies: [...list, policy(c, {})] })
    await change({ accessPolicies: list })
    expect(await entries()).toEqual(list)
  })
  it('are added to, replaced and taken away by entry; the others stay as they are', async () => {
    const first = [policy(a, { keys: ['Get'], certificates: ['list'] }), policy(b, { keys: ['list'] })]
    await bench.putVault('kv1', { accessPolicies: first })
    await act('add', policy(a, { keys: ['get', 'wrapKey'], secrets: ['get'] }), policy(c, { keys: ['get'] }))
    const merged = policy(a, { keys: ['Get', 'wrapKey'], secrets: ['get'], certificates: ['list'] })
    expect(await entries()).toEqual([merged, first[1], policy(c, { keys: ['get'] })])
    await act('replace', policy(a, { keys: ['sign'] }))
    expect(await entries()).toEqual([policy(a, { keys: ['sign'] }), first[1], policy(c, { keys: ['get'] })])
    await act('remove', policy(a, { keys: ['SIGN'] }), policy(b, { keys: ['get'] }))
    expect(await entries()).toEqual([first[1], policy(c, { keys: ['get'] })])
  })
  it('are not lost when two are added at once', async () => {
    await bench.putVault('kv1', { accessPolicies: [] })
    await Promise.all(ids.map((id) => act('add', policy(id, { keys: ['get'] }))))
    expect(await entries()).toHaveLength(3)
  })
  it('name each object once, in the tenant of the vault, and only known operations', async () => {
    await bench.putVault('kv1')
    expect(await refusal(change({ accessPolicies: [policy(a, {}), policy(a.toUpperCase(), {})] }))).toMatch(
      /^400 BadRequest/,
    )
    const foreign = { ...policy(a, {}), tenantId: b }
    expect(await refusal(change({ accessPolicies: [foreign] }))).toMatch(/^400 BadRequest/)
    expect(await refusal(act('add', foreign))).toMatch(/^400 BadRequest/)
    expect(await refusal(act('grant', policy(a, {})))).toMatch(/^400 BadRequest/)
    expect(await refusal(bench.put('vaults/none/accessPolicies/add', { properties: {} }))).toMatch(
      /^404 ParentResourceNotFound/,
    )
  })
  it('with an application id hold for that application only', async () => {
    const someone = await bench.signIn()
    const { principalId, appId } = someone.caller
    const bound = (applicationId: string) => ({ ...policy(principalId, { keys: ['list'] }), applicationId })
    await bench.putVault('kv1', { accessPolicies: [bound(parseGuid(a) ?? '')] })
    const list = async () => outcome(await bench.ask('GET', '/keys', { token: someone.token }))
    expect(await list()).toBe('403 Forbidden ForbiddenByPolicy')
    await change({ accessPolicies: [bound(a), bound(appId.toUpperCase())] })
    expect(await list()).toBe('200')
  })
})

it('writtenProperties() refuses what it does not take in the words of the resource manager, whatever was sent', () => {
  const tenantId = '11111111-1111-4111-8111-111111111111'
  const names = [
    'tenantId',
    'sku',
    'accessPolicies',
    'networkAcls',
    'enableSoftDelete',
    'softDeleteRetentionInDays',
  ]
  const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>
  const close = fc.constantFrom<Json>(
    { ipRules: [{}] },
    [{ objectId: tenantId, permissions: { keys: [1] } }],
    { name: 1 },
  )
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), fc.oneof(json, close)), (sent) => {
      try {
        writtenProperties(
          { tenantId, sku: { name: 'standard' }, ...sent },
          { existing: null, tenantId, apiVersion: VAULT_API },
        )
      } catch (error) {
        expect(refusalOf(error)?.status).toBe(400)
      }
    }),
  )
})
