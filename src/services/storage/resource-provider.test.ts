import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ArmBench, errorOf, openArmBench } from '../../../test/support/arm-bench.ts'
import { endpoints } from '../../../test/support/engine-bench.ts'
import { RsaKey } from '../../crypto/rsa-key.ts'
import type { JsonObject } from '../../kernel/json.ts'
import { openSqliteRecords } from '../../store/records/sqlite/sqlite-records.ts'
import { type VaultKind, parseKeyIdentifier } from '../keyring/key-id.ts'
import { type Process, VAULT, type World, newWorld, start } from '../keyring/testing/installation.ts'
import { refusal } from '../keyring/testing/scripted-vault.ts'
import type { Resource } from '../resources/provider.ts'
import type { ContainersPort } from './ports.ts'
import { storageProvider } from './resource-provider.ts'
import type { StorageAccounts } from './storage-account.ts'
import { openStorageAccounts } from './storage-accounts.ts'

const vaults: readonly VaultKind[] = [
  { suffix: '.vault.localhost:8443', audience: 'https://vault.localhost:8443' },
]
/** The blob service's own tests are beside it; here nobody asks for a container. */
const noContainers: ContainersPort = {
  find: () => Promise.resolve(null),
  list: () => Promise.resolve({ items: [], next: null }),
  create: () => Promise.reject(new Error('no containers here')),
  change: () => Promise.reject(new Error('no containers here')),
  delete: () => Promise.resolve(),
}

let rsa: readonly RsaKey[]
let folder: string
let world: World
let process: Process
let bench: ArmBench
let accounts: StorageAccounts
let discarded: string[]
let group: string
let identityId: string

beforeAll(async () => {
  rsa = await Promise.all([RsaKey.generate(2048), RsaKey.generate(2048)])
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storage-'))
  world = newWorld(openSqliteRecords, folder)
  world.vault.addVersion(VAULT, 'k1', rsa[0] as RsaKey)
  process = await start(world)
  discarded = []
  const discard = ({ name }: Resource) => void discarded.push(name)
  bench = await openArmBench((store) => {
    accounts = openStorageAccounts(store)
    return [
      storageProvider({
        resources: store,
        store,
        accounts,
        containers: noContainers,
        discardAccount: discard,
        discardScope: discard,
        endpoints,
        clock: { now: () => new Date('2026-06-01T12:00:00Z') },
        keyring: process.keyring,
        parseKeyId: (text) => parseKeyIdentifier(text, vaults),
      }),
    ]
  })
  group = `/subscriptions/${bench.subscriptionId}/resourceGroups/rg1`
  await bench.ask('PUT', group, { body: { location: 'eastus' } })
  identityId = `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1`
  await bench.ask('PUT', identityId, { body: { location: 'eastus' } })
})
afterEach(async () => {
  expect(bench.bugs).toEqual([])
  await bench[Symbol.asyncDispose]()
  await process.stop()
  await rm(folder, { recursive: true })
})

const plain: JsonObject = { location: 'eastus', kind: 'StorageV2', sku: { name: 'Standard_LRS' } }
const pathOf = (name: string) => `${group}/providers/Microsoft.Storage/storageAccounts/${name}`
const put = (name: string, more: JsonObject = {}) =>
  bench.ask('PUT', pathOf(name), { body: { ...plain, ...more } })
const patch = (name: string, body: JsonObject) => bench.ask('PATCH', pathOf(name), { body })

function keyed(key: JsonObject = { keyname: 'k1', keyvaulturi: VAULT }): JsonObject {
  return {
    identity: { type: 'UserAssigned', userAssignedIdentities: { [identityId]: {} } },
    properties: {
      encryption: {
        keySource: 'Microsoft.Keyvault',
        keyvaultproperties: key,
        identity: { userAssignedIdentity: identityId },
      },
    },
  }
}

async function encryptionOf(name: string): Promise<JsonObject> {
  const { body } = await bench.ask('GET', pathOf(name))
  return (body['properties'] as JsonObject)['encryption'] as JsonObject
}

async function keyOf(name: string): Promise<JsonObject> {
  return (await encryptionOf(name))['keyvaultproperties'] as JsonObject
}

describe('the data plane knows of an account', () => {
  it('what its document says, and hears of each change at once', async () => {
    await put('account1', { properties: { minimumTlsVersion: 'TLS1_3', allowBlobPublicAccess: true } })
    expect(await accounts.find('ACCOUNT1')).toMatchObject({
      name: 'account1',
      kind: 'StorageV2',
      sku: 'Standard_LRS',
      accessTier: 'Hot',
      isHttpsOnly: true,
      minimumTlsVersion: 'TLS1_3',
      allowsSharedKey: true,
      allowsBlobPublicAccess: true,
      requiresInfrastructureEncryption: false,
      network: { isPublic: true, defaultAction: 'Allow', ipRules: [] },
      blobService: {
        isVersioningEnabled: false,
        deleteRetentionDays: null,
        containerDeleteRetentionDays: null,
      },
    })
    await patch('account1', {
      properties: {
        allowSharedKeyAccess: false,
        supportsHttpsTrafficOnly: false,
        publicNetworkAccess: 'disabled',
        accessTier: 'cold',
        networkAcls: { defaultAction: 'deny', ipRules: [{ value: '10.0.0.0/8' }] },
      },
    })
    expect(await accounts.find('account1')).toMatchObject({
      allowsSharedKey: false,
      isHttpsOnly: false,
      accessTier: 'Cold',
      network: { isPublic: false, defaultAction: 'Deny', ipRules: ['10.0.0.0/8'] },
    })
    await bench.ask('PUT', `${pathOf('account1')}/blobServices/default`, {
      body: { properties: { isVersioningEnabled: true, deleteRetentionPolicy: { enabled: true, days: 3 } } },
    })
    expect((await accounts.find('account1'))?.blobService).toMatchObject({
      isVersioningEnabled: true,
      deleteRetentionDays: 3,
      containerDeleteRetentionDays: null,
    })
    await bench.ask('DELETE', pathOf('account1'))
    expect(await accounts.find('account1')).toBeNull()
    expect(discarded).toEqual(['account1'])
  })

  it('its keys, of which a regenerated one is another at once', async () => {
    await put('account1')
    const before = (await accounts.find('account1'))?.keys ?? []
    expect(before.map(({ name }) => name)).toEqual(['key1', 'key2'])
    const signature = before[1]?.key.sign('text') ?? ''
    await bench.ask('POST', `${pathOf('account1')}/regenerateKey`, { body: { keyName: 'KEY2' } })
    const after = (await accounts.find('account1'))?.keys ?? []
    expect(after[1]?.key.verify('text', signature)).toBe(false)
    expect(after[0]?.key.sign('text')).toBe(before[0]?.key.sign('text'))
    const { body } = await bench.ask('POST', `${pathOf('account1')}/listKeys`)
    const [, second] = body['keys'] as readonly JsonObject[]
    expect(second).toMatchObject({ keyName: 'key2', permissions: 'FULL' })
    const shown = JSON.stringify((await bench.ask('GET', pathOf('account1'))).body)
    expect(shown).not.toContain(second?.['value'])
  })

  it('its user delegation keys, which are others once they are revoked', async () => {
    await put('account1')
    const before = await accounts.find('account1')
    const { status } = await bench.ask('POST', `${pathOf('account1')}/revokeUserDelegationKeys`)
    const after = await accounts.find('account1')
    expect([status, before?.delegationEpoch]).toEqual([200, ''])
    expect(after?.delegationEpoch).toMatch(/^[0-9a-f]{32}$/)
    expect(after?.keys).toEqual(before?.keys)
    const shown = JSON.stringify((await bench.ask('GET', pathOf('account1'))).body)
    expect(shown).not.toMatch(/delegationEpoch/i)
  })

  it('its encryption scopes, by name in any letter case and by uid', async () => {
    await put('account1')
    await put('account2')
    const scope = `${pathOf('account1')}/encryptionScopes/Scope1`
    await bench.ask('PUT', scope, { body: { properties: {} } })
    const account = await accounts.find('account1')
    const other = await accounts.find('account2')
    if (account === null || other === null) throw new Error('no account')
    const found = await accounts.findScope(account, 'SCOPE1')
    expect(found).toMatchObject({ name: 'Scope1', isEnabled: true, requiresInfrastructureEncryption: false })
    expect(await accounts.findScopeByUid(account, found?.uid ?? '')).toEqual(found)
    // Of another account, and of something that is no scope, there is none.
    expect(await accounts.findScopeByUid(other, found?.uid ?? '')).toBeNull()
    expect(await accounts.findScopeByUid(account, account.uid)).toBeNull()
    expect(await accounts.findScope(other, 'scope1')).toBeNull()
    await bench.ask('PATCH', scope, { body: { properties: { state: 'disabled' } } })
    expect(await accounts.findScope(account, 'scope1')).toMatchObject({ isEnabled: false })
    await bench.ask('DELETE', pathOf('account1'))
    expect(discarded.sort()).toEqual(['Scope1', 'account1'])
  })
})

describe('what was sent of a key', () => {
  it('wraps once when the account is made, and nothing when it is sent again', async () => {
    expect((await put('account1', keyed())).status).toBe(200)
    const wraps = world.vault.count('wrap')
    expect(wraps).toBe(1)
    await put('account1', keyed())
    await patch('account1', keyed())
    await patch('account1', { tags: { a: 'b' } })
    expect(world.vault.count('wrap')).toBe(wraps)
  })

  it.each([
    ['a PATCH without a version', 'pinned one', 'PATCH', { keyname: 'k1', keyvaulturi: VAULT }],
    [
      'a PATCH with the empty version',
      'newest',
      'PATCH',
      { keyname: 'k1', keyvaulturi: VAULT, keyversion: '' },
    ],
    ['a PATCH with nothing but the empty version', 'newest', 'PATCH', { keyversion: '' }],
    ['a PATCH with another key', 'newest', 'PATCH', { keyname: 'k2' }],
    ['a PATCH with the name in capitals', 'pinned one', 'PATCH', { keyname: 'K1' }],
    ['a PUT without a version', 'newest', 'PUT', { keyname: 'k1', keyvaulturi: VAULT }],
  ])('after %s the version of a pinned account is the %s', async (_, expected, method, key) => {
    world.vault.addVersion(VAULT, 'k2', rsa[1] as RsaKey)
    const version = await newestOf('account0')
    await put('account1', keyed({ keyname: 'k1', keyvaulturi: VAULT, keyversion: version }))
    expect(await keyOf('account1')).toMatchObject({ keyversion: version })
    const encryption = { keySource: 'Microsoft.Keyvault', keyvaultproperties: key }
    const body = method === 'PUT' ? { ...plain, properties: { encryption } } : { properties: { encryption } }
    expect((await bench.ask(method, pathOf('account1'), { body })).status).toBe(200)
    expect((await keyOf('account1'))['keyversion']).toBe(expected === 'newest' ? '' : version)
  })

  it('a body without the block keeps the key, be it the whole account', async () => {
    await put('account1', keyed())
    const before = await encryptionOf('account1')
    await put('account1')
    await put('account1', { properties: { encryption: { services: { blob: { enabled: true } } } } })
    expect(await encryptionOf('account1')).toEqual(before)
  })

  it('is refused with what failed, and leaves nothing behind', async () => {
    for (const [cause, code] of [
      ['permission-missing', 'KeyVaultAuthenticationFailure'],
      ['firewall', 'KeyVaultAuthenticationFailure'],
      ['key-not-valid-now', 'KeyVaultAuthenticationFailure'],
      ['key-not-found', 'KeyVaultEncryptionKeyNotFound'],
      ['key-disabled', 'KeyVaultEncryptionKeyNotFound'],
      ['vault-not-found', 'KeyVaultVaultNotFound'],
      ['identity-gone', 'KeyVaultAccessTokenCannotBeAcquired'],
    ] as const) {
      world.vault.before = (_, key) => {
        throw refusal(cause, key)
      }
      const answer = await put('account1', keyed())
      expect(errorOf(answer)).toBe(`400 ${code}`)
      const { message } = answer.body['error'] as { readonly message: string }
      expect(message).toContain(cause)
      expect(message).toContain(`${VAULT}/keys/k1`)
      expect((await bench.ask('GET', pathOf('account1'))).status).toBe(404)
    }
    world.vault.before = () => undefined
    expect((await put('account1', keyed())).status).toBe(200)
  })

  it.each([
    [
      { recoveryLevel: 'Purgeable' },
      'KeyVaultPolicyError',
      /soft delete on; its vault must have purge protection/,
    ],
    [
      { recoveryLevel: 'Recoverable+Purgeable' },
      'KeyVaultPolicyError',
      /: its vault must have purge protection on/,
    ],
    [{ keyType: 'EC', bits: 256 }, 'KeyVaultKeyNotSuitable', /RSA or RSA-HSM/],
    [{ bits: 1024 }, 'KeyVaultKeyNotSuitable', /2048, 3072 or 4096/],
    [{ enabled: false }, 'KeyVaultKeyNotSuitable', /disabled/],
    [
      { keyOperations: ['sign'] },
      'KeyVaultKeyNotSuitable',
      /wrapKey; its key operations must include unwrapKey/,
    ],
  ])('a key of which the vault says %j is refused with %s', async (described, code, reason) => {
    world.vault.described = described
    const answer = await put('account1', keyed())
    expect(errorOf(answer)).toBe(`400 ${code}`)
    expect((answer.body['error'] as { readonly message: string }).message).toMatch(reason)
  })

  it('shows what refuses now, and that the account is not available', async () => {
    await put('account1', keyed())
    const account = await accounts.find('account1')
    if (account === null) throw new Error('no account')
    const resource = { uid: account.uid, resourceId: account.resourceId, purpose: 'storage-account' }
    world.vault.setEnabled(VAULT, 'k1', false)
    world.vault.push({ kind: 'key', vaultUrl: VAULT, keyName: 'k1' })
    const signal = new AbortController().signal
    await expect(process.keyring.open(resource, signal)).rejects.toThrow('key-refused')
    const { body } = await bench.ask('GET', pathOf('account1'))
    expect(body['properties']).toMatchObject({
      statusOfPrimary: 'unavailable',
      encryption: { keySource: 'Microsoft.Keyvault', status: { displayStatus: 'KeyRefused' } },
    })
    world.vault.setEnabled(VAULT, 'k1', true)
    world.vault.push({ kind: 'key', vaultUrl: VAULT, keyName: 'k1' })
    await process.keyring.open(resource, signal)
    expect((await bench.ask('GET', pathOf('account1'))).body['properties']).toMatchObject({
      statusOfPrimary: 'available',
    })
  })

  it('names a multi-tenant application only beside a user-assigned identity, and takes it away with None', async () => {
    const clientId = '11111111-2222-4333-8444-555555555555'
    const withApplication = (federatedIdentityClientId: string): JsonObject => ({
      properties: {
        encryption: { identity: { userAssignedIdentity: identityId, federatedIdentityClientId } },
      },
    })
    await put('account1', keyed())
    await patch('account1', withApplication(clientId.toUpperCase()))
    expect(await encryptionOf('account1')).toMatchObject({
      identity: { userAssignedIdentity: identityId, federatedIdentityClientId: clientId },
    })
    // Whatever else changes of the key, it stays.
    world.vault.addVersion(VAULT, 'k2', rsa[1] as RsaKey)
    const other = { keySource: 'Microsoft.Keyvault', keyvaultproperties: { keyname: 'k2' } }
    for (const body of [{ tags: {} }, { properties: { encryption: other } }]) {
      await patch('account1', body)
      expect(await encryptionOf('account1')).toMatchObject({
        identity: { federatedIdentityClientId: clientId },
      })
    }
    expect((await keyOf('account1'))['keyname']).toBe('k2')
    expect(errorOf(await patch('account1', withApplication('an app')))).toBe(
      '400 InvalidRequestPropertyValue',
    )
    await patch('account1', withApplication('None'))
    expect((await encryptionOf('account1'))['identity']).toEqual({ userAssignedIdentity: identityId })
  })

  /** Version of the key, as an account shows it that is made for the purpose. */
  async function newestOf(name: string): Promise<string> {
    await put(name, keyed())
    const { currentVersionedKeyIdentifier: kid } = await keyOf(name)
    return typeof kid === 'string' ? (kid.split('/').at(-1) ?? '') : ''
  }
})

it('an account whose stored key was damaged is still shown, and can be deleted', async () => {
  await put('account1', keyed())
  await process.data.write((db) =>
    db
      .updateTable('wrapping')
      .set({ mac: Buffer.alloc(32) })
      .execute(),
  )
  expect(await encryptionOf('account1')).toMatchObject({ status: { displayStatus: 'KeyDamaged' } })
  expect(errorOf(await patch('account1', keyed()))).toBe('409 StorageAccountKeyDamaged')
  expect((await bench.ask('DELETE', pathOf('account1'))).status).toBe(200)
})
