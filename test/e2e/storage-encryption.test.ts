import type { StorageAccountUpdateParameters } from '@azure/arm-storage'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Az } from '../support/az.ts'
import {
  auditOf,
  callerOf,
  importKey,
  makeIdentity,
  makeKey,
  makeVault,
  serviceKeyPermissions,
  setPolicy,
  vaultPath,
} from '../support/cmk.ts'
import { newJwk } from '../support/rsa.ts'
import { GROUP, LOCATION, type Site, openSite } from '../support/site.ts'
import {
  accountEncryption,
  accountPath,
  getAccount,
  makeEncryptedAccount,
  makeKeyedVault,
  makePlainAccount,
  newAccount,
} from '../support/storage-account.ts'
import { words } from '../support/words.ts'

describe('a customer-managed key on a storage account', () => {
  let site: Site
  let az: Az

  beforeAll(async () => {
    site = await openSite()
    az = await site.az()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('B01, B25 an account is created under a key with the flags of az, and says so', async () => {
    const { identity, vaultUri, keyId } = await makeKeyedVault(site, 'created')
    await az(
      ...words`storage account create -g ${GROUP} -n created --sku Standard_LRS --kind StorageV2`,
      ...words`--identity-type UserAssigned --user-identity-id ${identity.id}`,
      ...words`--encryption-key-source Microsoft.Keyvault --encryption-key-vault ${vaultUri}`,
      ...words`--encryption-key-name key1 --key-vault-user-identity-id ${identity.id}`,
    )
    const shown = await az(...words`storage account show -n created`)
    expect(shown).toMatchObject({
      identity: { type: 'UserAssigned' },
      encryption: {
        keySource: 'Microsoft.Keyvault',
        keyVaultProperties: {
          keyName: 'key1',
          keyVersion: '',
          keyVaultUri: vaultUri,
          currentVersionedKeyIdentifier: keyId,
        },
        encryptionIdentity: { encryptionUserAssignedIdentity: identity.id },
      },
    })
    // In Azure's lower case on the wire, whatever was sent.
    const { properties } = await site.arm.ok('GET', accountPath('created'), '2023-05-01')
    expect(properties).toMatchObject({
      encryption: { keyvaultproperties: { keyname: 'key1', keyvaulturi: vaultUri } },
    })
  })

  it('names are read in any letter case', async () => {
    const { identity, vaultUri, keyId } = await makeKeyedVault(site, 'anycase')
    const body = {
      location: LOCATION,
      kind: 'storagev2',
      sku: { Name: 'standard_lrs' },
      identity: { type: 'userassigned', userAssignedIdentities: { [identity.id.toUpperCase()]: {} } },
      properties: {
        Encryption: {
          KeySource: 'microsoft.keyvault',
          keyVaultProperties: {
            KeyName: 'key1',
            keyVaultUri: `${vaultUri}/`,
            keyVersion: keyId.split('/').at(-1),
          },
          Identity: { UserAssignedIdentity: identity.id.toLowerCase() },
        },
      },
    }
    expect(await site.arm.ok('PUT', accountPath('anycase'), '2021-01-01', body)).toMatchObject({
      kind: 'StorageV2',
      sku: { name: 'Standard_LRS', tier: 'Standard' },
      properties: {
        encryption: {
          keySource: 'Microsoft.Keyvault',
          keyvaultproperties: { keyname: 'key1', keyversion: keyId.split('/').at(-1) },
          identity: { userAssignedIdentity: identity.id },
        },
      },
    })
  })

  it('B25 at creation the system-assigned identity will not do, and no identity neither', async () => {
    const { vaultUri } = await makeKeyedVault(site, 'early')
    const encryption = {
      keySource: 'Microsoft.Keyvault',
      keyvaultproperties: { keyname: 'key1', keyvaulturi: vaultUri },
    }
    const base = {
      location: LOCATION,
      kind: 'StorageV2',
      sku: { name: 'Standard_LRS' },
      properties: { encryption },
    }
    for (const identity of [{ type: 'SystemAssigned' }, { type: 'None' }, undefined]) {
      const reply = await site.arm('PUT', accountPath('early'), '2025-08-01', { ...base, identity })
      expect(reply).toMatchObject({
        status: 400,
        body: { error: { code: 'MissingEncryptionPrerequisites' } },
      })
      expect(messageOf(reply)).toMatch(
        /^Missing pre-requisites to enable EncryptionAtRest\/Customer Managed Key/,
      )
    }
    expect((await site.arm('GET', accountPath('early'), '2025-08-01')).status).toBe(404)
  })

  it('B26, B07 an existing account takes a user-assigned or its system-assigned identity', async () => {
    const { identity, vault, vaultUri, keyId } = await makeKeyedVault(site, 'later')
    await az(...words`storage account create -g ${GROUP} -n later`)
    await az(
      ...words`storage account update -g ${GROUP} -n later --identity-type UserAssigned --user-identity-id ${identity.id}`,
      ...words`--encryption-key-source Microsoft.Keyvault --encryption-key-vault ${vaultUri}`,
      ...words`--encryption-key-name key1 --key-vault-user-identity-id ${identity.id}`,
    )
    expect(await accountEncryption(site, 'later')).toMatchObject({
      keySource: 'Microsoft.Keyvault',
      encryptionIdentity: { encryptionUserAssignedIdentity: identity.id },
    })
    // To the system-assigned one. az sends back the identity that it has read, so the way leads over the service's keys.
    const withSystem = await az<{ readonly identity: { readonly principalId: string } }>(
      ...words`storage account update -g ${GROUP} -n later --identity-type SystemAssigned,UserAssigned`,
      ...words`--user-identity-id ${identity.id}`,
    )
    const { principalId } = withSystem.identity
    await setPolicy(site, vault, principalId, serviceKeyPermissions)
    const detach = words`storage account update -g ${GROUP} -n later --identity-type SystemAssigned`
    expect(await az.fails(...detach)).toMatch(/IdentityInUse/)
    await az(...words`storage account update -n later --encryption-key-source Microsoft.Storage`)
    await az(...detach)
    await az(
      ...words`storage account update -n later --encryption-key-source Microsoft.Keyvault`,
      ...words`--encryption-key-vault ${vaultUri} --encryption-key-name key1`,
    )
    const { encryption, identity: identities } = await getAccount(site, 'later')
    expect(identities).toMatchObject({ type: 'SystemAssigned', principalId })
    expect(encryption?.encryptionIdentity).toBeUndefined()
    expect(encryption?.keyVaultProperties?.currentVersionedKeyIdentifier).toBe(keyId)
    const wraps = (await auditOf(site, vault)).filter(({ operationName }) => operationName === 'KeyWrap')
    expect(wraps.map(callerOf)).toEqual([identity.principalId, principalId])
  })

  it('B10, B09 enabling wraps once, as the identity that was named', async () => {
    const { vault, identity, keyId } = await makeEncryptedAccount(site, 'wrapsonce')
    const events = await auditOf(site, vault)
    const wraps = events.filter(({ operationName }) => operationName === 'KeyWrap')
    expect(wraps.map(callerOf)).toEqual([identity.principalId])
    expect(keyId.endsWith(`/${wraps[0]?.properties.id ?? ''}`)).toBe(true)
    expect(wraps[0]?.identity.claim?.['xms_mirid']?.toLowerCase()).toBe(identity.id.toLowerCase())
  })

  it('B29 the account only looks at its key, wraps and unwraps', async () => {
    const { vault, identity, name } = await makeEncryptedAccount(site, 'onlyuses')
    await makeKey(site, vault, 'key1')
    await expect.poll(() => versionOf(name)).toBe(await newestOf(vault))
    const used = (await auditOf(site, vault)).filter((event) => callerOf(event) === identity.principalId)
    expect(new Set(used.map(({ operationName }) => operationName))).toEqual(
      new Set(['KeyGet', 'KeyWrap', 'KeyUnwrap']),
    )
  })

  it('B12 each of the three permissions is needed, and the refusal names identity and key', async () => {
    const { identity, vault, vaultUri } = await makeKeyedVault(site, 'minimum')
    await makePlainAccount(site, 'minimum')
    for (const missing of serviceKeyPermissions) {
      await setPolicy(
        site,
        vault,
        identity.principalId,
        serviceKeyPermissions.filter((one) => one !== missing),
      )
      const error = await refusal(enable('minimum', identity.id, vaultUri))
      expect(error).toMatchObject({ statusCode: 400, code: 'KeyVaultAuthenticationFailure' })
      expect(error.message).toContain('The operation failed because of authentication issue on the keyvault.')
      expect(error.message).toContain(identity.clientId)
      expect(error.message).toContain(`${vaultUri}/keys/key1`)
      expect(error.message).toContain('permission-missing')
      expect((await accountEncryption(site, 'minimum')).keySource).toBe('Microsoft.Storage')
    }
    await setPolicy(site, vault, identity.principalId, serviceKeyPermissions)
    await enable('minimum', identity.id, vaultUri)
    expect((await accountEncryption(site, 'minimum')).keySource).toBe('Microsoft.Keyvault')
  })

  it('B21 the vault must have purge protection; soft delete cannot be off', async () => {
    const identity = await makeIdentity(site, 'id-unprotected')
    const { tenantId } = site.server.owner
    await site.sdk.vaults.vaults.createOrUpdate(GROUP, 'kv-unprotected', {
      location: LOCATION,
      properties: {
        tenantId,
        sku: { family: 'A', name: 'standard' },
        enableRbacAuthorization: false,
        accessPolicies: [site.ownerId, identity.principalId].map((objectId) => ({
          tenantId,
          objectId,
          permissions: { keys: ['all'] },
        })),
      },
    })
    await makeKey(site, 'kv-unprotected', 'key1')
    await makePlainAccount(site, 'unprotected')
    const line = [
      ...words`storage account update -g ${GROUP} -n unprotected --identity-type UserAssigned --user-identity-id ${identity.id}`,
      ...words`--encryption-key-source Microsoft.Keyvault --encryption-key-vault ${site.server.url('kv-unprotected.vault')}`,
      ...words`--encryption-key-name key1 --key-vault-user-identity-id ${identity.id}`,
    ]
    const error = await az.fails(...line)
    expect(error).toMatch(/\(KeyVaultPolicyError\) Keyvault policy recoverable is not set/)
    expect(error).toMatch(/purge protection/)
    expect(error).not.toMatch(/soft delete/)
    await az(...words`keyvault update --name kv-unprotected --enable-purge-protection true`)
    await az(...line)
    const { body } = await site.arm('PUT', vaultPath('kv-hard2'), '2023-07-01', {
      location: LOCATION,
      properties: {
        tenantId,
        sku: { family: 'A', name: 'standard' },
        accessPolicies: [],
        enableSoftDelete: false,
      },
    })
    expect(JSON.stringify(body)).toMatch(/enableSoftDelete/)
  })

  it(
    'B22, B04 RSA keys of three sizes, generated or brought, each wrap the account',
    { timeout: 240_000 },
    async () => {
      const identity = await makeIdentity(site, 'id-sizes')
      await makeVault(site, 'kv-sizes', { [identity.principalId]: serviceKeyPermissions })
      const vaultUri = site.server.url('kv-sizes.vault')
      const { storageAccounts } = site.sdk.storage
      await site.sdk.keys('kv-sizes').createRsaKey('made3072', { keySize: 3072 })
      await site.sdk.keys('kv-sizes').createRsaKey('made2048', { keySize: 2048 })
      for (const bits of [2048, 3072, 4096]) await importKey(site, 'kv-sizes', `brought${bits}`, newJwk(bits))
      for (const name of ['made2048', 'made3072', 'brought2048', 'brought3072', 'brought4096']) {
        await storageAccounts.create(GROUP, `key${name}`, newAccount(identity, { vaultUri, name }))
        const { keyVaultProperties } = await accountEncryption(site, `key${name}`)
        expect(keyVaultProperties).toMatchObject({ keyName: name })
      }
    },
  )

  it('a disabled key, one that may not wrap, one that is not there and one that has expired are refused with reasons', async () => {
    const { identity, vault, vaultUri } = await makeKeyedVault(site, 'unfit')
    await makePlainAccount(site, 'unfit')
    const keys = site.sdk.keys(vault)
    await keys.createRsaKey('disabled', { enabled: false })
    await keys.createRsaKey('signs', { keyOps: ['sign', 'verify'] })
    await keys.createRsaKey('expired', { expiresOn: new Date('2020-01-01T00:00:00Z') })
    for (const [key, code, reason] of [
      ['disabled', 'KeyVaultKeyNotSuitable', /disabled/],
      ['signs', 'KeyVaultKeyNotSuitable', /wrapKey.*unwrapKey/],
      ['nowhere', 'KeyVaultEncryptionKeyNotFound', /keys\/nowhere/],
      ['expired', 'KeyVaultAuthenticationFailure', /expired/],
    ] as const) {
      const error = await refusal(enable('unfit', identity.id, vaultUri, key))
      expect(error).toMatchObject({ statusCode: 400, code })
      expect(error.message).toMatch(reason)
    }
    const elsewhere = await refusal(enable('unfit', identity.id, site.server.url('nobody.vault')))
    expect(elsewhere).toMatchObject({ statusCode: 400, code: 'KeyVaultVaultNotFound' })
    expect((await accountEncryption(site, 'unfit')).keySource).toBe('Microsoft.Storage')
  })

  it('B03 a vault that this installation may not ask is refused, whatever its name looks like', async () => {
    const { identity, vaultUri } = await makeKeyedVault(site, 'places')
    await makePlainAccount(site, 'places')
    const { port } = site.server
    for (const uri of [
      'https://kv-places.vault.azure.net',
      `https://kv-places.vault.localhost:${port}.evil.example`,
      `https://evil.example/#.vault.localhost:${port}`,
      `http://kv-places.vault.localhost:${port}`,
      `https://user@kv-places.vault.localhost:${port}`,
      `${vaultUri}/keys/key1?a=`,
      'kv-places',
    ]) {
      const error = await refusal(enable('places', identity.id, uri))
      expect(error).toMatchObject({ statusCode: 400, code: 'InvalidRequestPropertyValue' })
    }
    // A name that brings its own version, or another path, is no name.
    for (const key of ['key1/0123456789abcdef0123456789abcdef', '../secrets', 'key1?x=', '']) {
      const error = await refusal(enable('places', identity.id, vaultUri, key))
      expect(error.statusCode).toBe(400)
    }
    await enable('places', identity.id, `${vaultUri}/`)
  })

  it('B24, B55 an identity must be named, and be assigned to the account', async () => {
    const { identity, vaultUri } = await makeKeyedVault(site, 'unnamed')
    const stranger = await makeIdentity(site, 'id-stranger')
    await makePlainAccount(site, 'unnamed')
    const encryption = {
      keySource: 'Microsoft.Keyvault',
      keyvaultproperties: { keyname: 'key1', keyvaulturi: vaultUri },
    }
    const attached = { type: 'UserAssigned', userAssignedIdentities: { [identity.id]: {} } }
    for (const body of [
      { properties: { encryption } },
      { identity: attached, properties: { encryption } },
      {
        identity: attached,
        properties: { encryption: { ...encryption, identity: { userAssignedIdentity: stranger.id } } },
      },
      {
        identity: attached,
        properties: { encryption: { ...encryption, identity: { userAssignedIdentity: '' } } },
      },
    ]) {
      const reply = await site.arm('PATCH', accountPath('unnamed'), '2025-08-01', body)
      expect(reply).toMatchObject({
        status: 400,
        body: { error: { code: 'MissingEncryptionPrerequisites' } },
      })
    }
    const { encryption: kept, identity: identities } = await getAccount(site, 'unnamed')
    expect(kept?.keySource).toBe('Microsoft.Storage')
    expect(identities).toBeUndefined()
  })

  it('a key source without a key, a key without a source, and an unknown source are told apart', async () => {
    const { vaultUri } = await makeKeyedVault(site, 'halves')
    await makePlainAccount(site, 'halves')
    for (const [encryption, code] of [
      [{ keySource: 'Microsoft.Keyvault' }, 'MissingKeyvaultProperties'],
      [
        { keySource: 'Microsoft.Keyvault', keyvaultproperties: { keyname: 'key1' } },
        'MissingKeyvaultProperties',
      ],
      [{ keyvaultproperties: { keyname: 'key1', keyvaulturi: vaultUri } }, 'MissingEncryptionKeySource'],
      [{ keySource: 'Amazon.Kms' }, 'UnknownEncryptionKeySource'],
      [{ keySource: 'Microsoft.Keyvault', keyvaultproperties: 'key1' }, 'InvalidRequestPropertyValue'],
      [
        { keySource: 'Microsoft.Keyvault', keyvaultproperties: { keyname: 7 } },
        'InvalidRequestPropertyValue',
      ],
      ['on', 'InvalidRequestPropertyValue'],
    ] as const) {
      const reply = await site.arm('PATCH', accountPath('halves'), '2025-08-01', {
        properties: { encryption },
      })
      expect(reply).toMatchObject({ status: 400, body: { error: { code } } })
    }
  })

  it('B59 a new account is under service-managed keys', async () => {
    await makePlainAccount(site, 'default1')
    expect(await accountEncryption(site, 'default1')).toMatchObject({
      keySource: 'Microsoft.Storage',
      services: { blob: { enabled: true, keyType: 'Account' }, file: { enabled: true, keyType: 'Account' } },
    })
  })

  it('B20 an account goes to and fro between its own key and the service as often as one likes', async () => {
    const { name, identity, vaultUri, vault } = await makeEncryptedAccount(site, 'toandfro')
    for (let round = 0; round < 5; round++) {
      await az(...words`storage account update -n ${name} --encryption-key-source Microsoft.Storage`)
      const plain = await accountEncryption(site, name)
      expect(plain.keySource).toBe('Microsoft.Storage')
      expect(plain.keyVaultProperties).toBeUndefined()
      await enable(name, identity.id, vaultUri)
      expect((await accountEncryption(site, name)).keySource).toBe('Microsoft.Keyvault')
    }
    const wraps = (await auditOf(site, vault)).filter(({ operationName }) => operationName === 'KeyWrap')
    expect(wraps).toHaveLength(6)
  })

  it('queues and tables come under the account’s key when it is made, and then stay as they are', async () => {
    await az(
      ...words`storage account create -g ${GROUP} -n keytypes --kind StorageV2`,
      ...words`--encryption-key-type-for-queue Account --encryption-key-type-for-table Service`,
    )
    const { services } = await accountEncryption(site, 'keytypes')
    expect(services).toMatchObject({ queue: { keyType: 'Account' }, table: { keyType: 'Service' } })
    // What a client read and sends back is no change.
    await az(...words`storage account update -n keytypes --tags a=b`)
    for (const [service, keyType] of [
      ['queue', 'Service'],
      ['table', 'Account'],
    ])
      expect(
        await site.arm('PATCH', accountPath('keytypes'), '2025-08-01', {
          properties: { encryption: { services: { [service ?? '']: { keyType } } } },
        }),
      ).toMatchObject({ status: 400, body: { error: { code: 'AccountPropertyCannotBeUpdated' } } })
    const older = { keySource: 'Microsoft.Storage', services: { queue: { keyType: 'Account' } } }
    const refused = site.sdk.storage.storageAccounts.create(GROUP, 'keytypesold', {
      location: LOCATION,
      kind: 'Storage',
      sku: { name: 'Standard_LRS' },
      encryption: older,
    })
    await expect(refused).rejects.toMatchObject({ code: 'FeatureNotSupportedForAccount' })
  })

  it('the second layer is chosen when the account is made, and for good', async () => {
    await az(...words`storage account create -g ${GROUP} -n doubled --require-infrastructure-encryption true`)
    expect((await accountEncryption(site, 'doubled')).requireInfrastructureEncryption).toBe(true)
    await az(...words`storage account update -n doubled --tags a=b`)
    await makePlainAccount(site, 'single')
    for (const [name, requireInfrastructureEncryption] of [
      ['doubled', false],
      ['single', true],
    ] as const) {
      const reply = await site.arm('PATCH', accountPath(name), '2025-08-01', {
        properties: { encryption: { requireInfrastructureEncryption } },
      })
      expect(reply).toMatchObject({
        status: 400,
        body: { error: { code: 'AccountPropertyCannotBeUpdated' } },
      })
    }
    expect(
      await site.arm('PUT', accountPath('doubledold'), '2025-08-01', {
        location: LOCATION,
        kind: 'Storage',
        sku: { name: 'Standard_LRS' },
        properties: { encryption: { requireInfrastructureEncryption: true } },
      }),
    ).toMatchObject({ status: 400, body: { error: { code: 'FeatureNotSupportedForAccount' } } })
  })

  it('the identity that opens the key cannot be detached; naming another one lets it go', async () => {
    const { name, identity, vault } = await makeEncryptedAccount(site, 'attached')
    for (const sent of [{ type: 'None' }, { type: 'SystemAssigned' }]) {
      const reply = await site.arm('PATCH', accountPath(name), '2025-08-01', { identity: sent })
      expect(reply).toMatchObject({ status: 409, body: { error: { code: 'IdentityInUse' } } })
      expect(messageOf(reply)).toContain(identity.clientId)
    }
    const second = await makeIdentity(site, 'id-second')
    await setPolicy(site, vault, second.principalId, serviceKeyPermissions)
    await az(
      ...words`storage account update -n ${name} --identity-type UserAssigned --user-identity-id ${second.id}`,
      ...words`--key-vault-user-identity-id ${second.id}`,
    )
    const { identity: identities } = await getAccount(site, name)
    expect(Object.keys(identities?.userAssignedIdentities ?? {})).toEqual([second.id])
    const both = { [identity.id]: {}, [second.id]: {} }
    expect(
      await site.arm('PATCH', accountPath(name), '2025-08-01', {
        identity: { type: 'UserAssigned', userAssignedIdentities: both },
      }),
    ).toMatchObject({ status: 400, body: { error: { code: 'InvalidIdentityValues' } } })
  })

  it('while the old key is out of reach no new one takes over, and the error says why', async () => {
    const { name, identity, vault, keyId } = await makeEncryptedAccount(site, 'lostkey')
    await makeVault(site, 'kv-lostkey2', { [identity.principalId]: serviceKeyPermissions })
    await makeKey(site, 'kv-lostkey2', 'key1')
    await site.sdk.keys(vault).updateKeyProperties('key1', keyId.split('/').at(-1) ?? '', { enabled: false })
    const newUri = site.server.url('kv-lostkey2.vault')
    const error = await refusal(enable(name, identity.id, newUri))
    expect(error.statusCode).toBe(400)
    expect(error.message).toMatch(/present key must open before another can take over/)
    expect(error.message).toContain(keyId)
    const back = await refusal(update(name, { encryption: { keySource: 'Microsoft.Storage' } }))
    expect(back.message).toMatch(/present key must open before another can take over/)
    expect((await accountEncryption(site, name)).keyVaultProperties?.currentVersionedKeyIdentifier).toBe(
      keyId,
    )
    await site.sdk.keys(vault).updateKeyProperties('key1', keyId.split('/').at(-1) ?? '', { enabled: true })
    await enable(name, identity.id, newUri)
    expect((await accountEncryption(site, name)).keyVaultProperties?.keyVaultUri).toBe(newUri)
  })

  it('a refused key shows on the account until it opens again', async () => {
    const { name, identity, vault, vaultUri } = await makeEncryptedAccount(site, 'refusing')
    await setPolicy(site, vault, identity.principalId, [])
    // Whoever asks for the key learns of the refusal; here it is a change of key.
    await refusal(update(name, { encryption: { keySource: 'Microsoft.Storage' } }))
    await setPolicy(site, vault, identity.principalId, serviceKeyPermissions)
    await enable(name, identity.id, vaultUri)
    expect((await getAccount(site, name)).statusOfPrimary).toBe('available')
  })

  function enable(account: string, identityId: string, vaultUri: string, key = 'key1') {
    return update(account, {
      identity: { type: 'UserAssigned', userAssignedIdentities: { [identityId]: {} } },
      encryption: {
        keySource: 'Microsoft.Keyvault',
        encryptionIdentity: { encryptionUserAssignedIdentity: identityId },
        keyVaultProperties: { keyVaultUri: vaultUri, keyName: key },
      },
    })
  }

  function update(account: string, body: StorageAccountUpdateParameters) {
    return site.sdk.storage.storageAccounts.update(GROUP, account, body)
  }

  async function versionOf(account: string): Promise<string | undefined> {
    return (await accountEncryption(site, account)).keyVaultProperties?.currentVersionedKeyIdentifier
  }

  async function newestOf(vault: string): Promise<string | undefined> {
    return (await site.sdk.keys(vault).getKey('key1')).id
  }
})

async function refusal(work: Promise<unknown>): Promise<Error & { statusCode: number; code: string }> {
  try {
    await work
  } catch (error) {
    return error as Error & { statusCode: number; code: string }
  }
  throw new Error('it should have been refused')
}

function messageOf({ body }: { readonly body: Readonly<Record<string, unknown>> }): string {
  return (body['error'] as { readonly message: string }).message
}
