import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Az, openAz } from '../support/az.ts'
import { type AzureSdk, azureSdk } from '../support/azure-sdk.ts'
import {
  encryptionOf,
  makeIdentity,
  makeKey,
  newRegistry,
  serviceKeyPermissions,
  setPolicy,
  vaultPath,
} from '../support/cmk.ts'
import { runStrongroom } from '../support/command-line.ts'
import { type TestPrincipal, makeServicePrincipal } from '../support/principals.ts'
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

describe('who runs the storage does not hold the key', () => {
  let site: Site
  let az: Az

  beforeAll(async () => {
    site = await openSite()
    az = await site.az()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('B08 a storage administrator enables a key without rights at the vault; a reader does not', async () => {
    const { identity, vaultUri } = await makeKeyedVault(site, 'delegated')
    await makePlainAccount(site, 'delegated')
    const { login, principalId } = await makeServicePrincipal(site, 'storage administrator')
    await grant(principalId, 'Storage Account Contributor', await idOf('delegated'))
    const enable = (own: Az) =>
      own.raw(
        ...words`storage account update -g ${GROUP} -n delegated --identity-type UserAssigned`,
        ...words`--user-identity-id ${identity.id} --key-vault-user-identity-id ${identity.id}`,
        ...words`--encryption-key-source Microsoft.Keyvault --encryption-key-vault ${vaultUri}`,
        ...words`--encryption-key-name key1`,
      )
    await using administrator = await openAz(site.server, login)
    // Lending an identity is a right of its own.
    expect((await enable(administrator)).stderr).toMatch(/LinkedAuthorizationFailed/)
    await grant(principalId, 'Managed Identity Operator', identity.id)
    expect(await enable(administrator)).toMatchObject({ code: 0 })
    expect((await accountEncryption(site, 'delegated')).keySource).toBe('Microsoft.Keyvault')

    const reader = await makeServicePrincipal(site, 'storage reader')
    await grant(reader.principalId, 'Reader', await idOf('delegated'))
    await using reading = await openAz(site.server, reader.login)
    expect((await enable(reading)).stderr).toMatch(/AuthorizationFailed/)
  })

  it('B53 the vault’s administrator cuts off; the storage owner cannot go back to the service’s keys meanwhile', async () => {
    const { name, vault, keyId } = await makeEncryptedAccount(site, 'duties')
    const vaultAdmin = await makeServicePrincipal(site, 'vault administrator')
    await setPolicy(site, vault, vaultAdmin.principalId, ['all'])
    const storageOwner = await makeServicePrincipal(site, 'storage owner')
    await grant(storageOwner.principalId, 'Owner', await idOf(name))
    const version = keyId.split('/').at(-1) ?? ''
    const keys = azureSdk(site.server, vaultAdmin.login).keys(vault)
    await keys.updateKeyProperties('key1', version, { enabled: false })

    const owner = azureSdk(site.server, storageOwner.login)
    await expect(
      owner.storage.storageAccounts.update(GROUP, name, { encryption: { keySource: 'Microsoft.Storage' } }),
    ).rejects.toMatchObject({ statusCode: 400, code: 'KeyVaultEncryptionKeyNotFound' })
    await expect(
      owner.keys(vault).updateKeyProperties('key1', version, { enabled: true }),
    ).rejects.toMatchObject({
      statusCode: 403,
    })
    // The vault's administrator has no rights to the storage.
    const foreign = azureSdk(site.server, vaultAdmin.login).storage.storageAccounts
    await expect(foreign.getProperties(GROUP, name)).rejects.toMatchObject({ statusCode: 403 })
    await expect(foreign.listKeys(GROUP, name)).rejects.toMatchObject({ statusCode: 403 })
    expect((await accountEncryption(site, name)).keySource).toBe('Microsoft.Keyvault')
  })

  it('B56 a vault with policies and a vault with roles serve alike', async () => {
    const identity = await makeIdentity(site, 'id-roles')
    const { tenantId } = site.server.owner
    await site.sdk.vaults.vaults.createOrUpdate(GROUP, 'kv-roles', {
      location: LOCATION,
      properties: {
        tenantId,
        sku: { family: 'A', name: 'standard' },
        enableRbacAuthorization: true,
        enablePurgeProtection: true,
      },
    })
    const scope = `/subscriptions/${site.server.owner.subscriptionId}${vaultPath('kv-roles')}`
    await grant(site.ownerId, 'Key Vault Administrator', scope)
    await makeKey(site, 'kv-roles', 'key1')
    const account = newAccount(identity, { vaultUri: site.server.url('kv-roles.vault'), name: 'key1' })
    const create = () => site.sdk.storage.storageAccounts.create(GROUP, 'byroles', account)
    await expect(create()).rejects.toMatchObject({ code: 'KeyVaultAuthenticationFailure' })
    await grant(identity.principalId, 'Key Vault Crypto Service Encryption User', scope)
    await create()
    expect((await accountEncryption(site, 'byroles')).keySource).toBe('Microsoft.Keyvault')
    expect((await makeEncryptedAccount(site, 'bypolicy')).name).toBe('bypolicy')
  })

  it('B67 an identity that is deleted opens nothing any more; the account’s own dies with it', async () => {
    const { name, identity, vault, vaultUri } = await makeEncryptedAccount(site, 'lifecycle')
    await site.sdk.identities.userAssignedIdentities.delete(GROUP, 'id-lifecycle')
    // Its key opens no more, and whoever asks is told what is gone.
    const gone = site.sdk.storage.storageAccounts.update(GROUP, name, {
      encryption: { keySource: 'Microsoft.Storage' },
    })
    await expect(gone).rejects.toMatchObject({ code: 'KeyVaultAccessTokenCannotBeAcquired' })
    await expect(gone).rejects.toThrow(identity.clientId)

    await makePlainAccount(site, 'ownidentity', { identity: { type: 'SystemAssigned' } })
    const principalId = (await getAccount(site, 'ownidentity')).identity?.principalId ?? ''
    await setPolicy(site, vault, principalId, serviceKeyPermissions)
    await site.sdk.storage.storageAccounts.update(GROUP, 'ownidentity', {
      encryption: {
        keySource: 'Microsoft.Keyvault',
        keyVaultProperties: { keyVaultUri: vaultUri, keyName: 'key1' },
      },
    })
    expect((await accountEncryption(site, 'ownidentity')).keySource).toBe('Microsoft.Keyvault')
    await site.sdk.storage.storageAccounts.delete(GROUP, 'ownidentity')
    expect(await az.fails(...words`ad sp show --id ${principalId}`)).toMatch(/does not exist|not found/i)
  })

  it('B66 the forms of the how-tos: versions, identities and the way back, flag by flag', async () => {
    const { identity, vault, vaultUri, keyId } = await makeKeyedVault(site, 'howto')
    const version = keyId.split('/').at(-1) ?? ''
    // A new account with a pinned version.
    await az(
      ...words`storage account create -g ${GROUP} -n howto -l ${LOCATION} --sku Standard_LRS --kind StorageV2`,
      ...words`--identity-type SystemAssigned,UserAssigned --user-identity-id ${identity.id}`,
      ...words`--encryption-key-vault ${vaultUri} --encryption-key-name key1 --encryption-key-version ${version}`,
      ...words`--encryption-key-source Microsoft.Keyvault --key-vault-user-identity-id ${identity.id}`,
    )
    expect(await accountEncryption(site, 'howto')).toMatchObject({
      keyVaultProperties: { keyVersion: version, currentVersionedKeyIdentifier: keyId },
    })
    // An existing account with its own identity: --assign-identity, then the key.
    await az(...words`storage account create -g ${GROUP} -n howtosystem`)
    const assigned = await az<{ readonly identity: { readonly principalId: string } }>(
      ...words`storage account update -n howtosystem -g ${GROUP} --assign-identity`,
    )
    await setPolicy(site, vault, assigned.identity.principalId, serviceKeyPermissions)
    await az(
      ...words`storage account update -n howtosystem -g ${GROUP} --encryption-key-name key1`,
      ...words`--encryption-key-source Microsoft.Keyvault --encryption-key-vault ${vaultUri}`,
    )
    expect((await accountEncryption(site, 'howtosystem')).keyVaultProperties?.keyVersion).toBe('')
    for (const name of ['howto', 'howtosystem']) {
      await az(
        ...words`storage account update -n ${name} -g ${GROUP} --encryption-key-source Microsoft.Storage`,
      )
      expect((await accountEncryption(site, name)).keySource).toBe('Microsoft.Storage')
    }
  })

  it('B05 the vault may be in another subscription and another region, of an account’s key and of a registry’s', async () => {
    const identity = await makeIdentity(site, 'id-far')
    const elsewhere = await anotherSubscription()
    await elsewhere.resources.resourceGroups.createOrUpdate('far', { location: 'koreacentral' })
    const { tenantId } = site.server.owner
    await elsewhere.vaults.vaults.createOrUpdate('far', 'kv-far', {
      location: 'koreacentral',
      properties: {
        tenantId,
        sku: { family: 'A', name: 'standard' },
        enableRbacAuthorization: false,
        enablePurgeProtection: true,
        accessPolicies: [site.ownerId, identity.principalId].map((objectId) => ({
          tenantId,
          objectId,
          permissions: { keys: ['all'] },
        })),
      },
    })
    const keyId = await makeKey(site, 'kv-far', 'key1')
    const account = newAccount(identity, { vaultUri: site.server.url('kv-far.vault'), name: 'key1' })
    await site.sdk.storage.storageAccounts.create(GROUP, 'farkey', account)
    expect(await accountEncryption(site, 'farkey')).toMatchObject({ keySource: 'Microsoft.Keyvault' })
    await site.sdk.registries.registries.create(GROUP, 'farkey', newRegistry(identity, keyId))
    expect(await encryptionOf(site, 'farkey')).toMatchObject({ status: 'enabled' })
  })

  async function anotherSubscription(): Promise<AzureSdk> {
    const { server } = site
    await server.stop()
    const { stdout } = await runStrongroom('subscription', 'create', 'keys', '--data', server.dataDir)
    await server.start()
    const [subscriptionId = ''] = /[0-9a-f-]{36}/.exec(stdout) ?? []
    return azureSdk({ ...server, owner: { ...server.owner, subscriptionId } })
  }

  it('behind the vault’s firewall an account is configured where trusted services are let through', async () => {
    const { identity, vault, vaultUri } = await makeKeyedVault(site, 'walled')
    const wall = (bypass: 'AzureServices' | 'None') =>
      site.sdk.vaults.vaults.update(GROUP, vault, {
        properties: { networkAcls: { bypass, defaultAction: 'Deny' } },
      })
    await wall('None')
    const account = newAccount(identity, { vaultUri, name: 'key1' })
    const create = () => site.sdk.storage.storageAccounts.create(GROUP, 'walled', account)
    await expect(create()).rejects.toMatchObject({ code: 'KeyVaultAuthenticationFailure' })
    await expect(create()).rejects.toThrow(/firewall/)
    await wall('AzureServices')
    await create()
    expect((await accountEncryption(site, 'walled')).keySource).toBe('Microsoft.Keyvault')
  })

  async function idOf(account: string): Promise<string> {
    return (await getAccount(site, account)).id ?? accountPath(account)
  }

  async function grant(
    principalId: TestPrincipal['principalId'],
    role: string,
    scope: string,
  ): Promise<void> {
    await az(
      ...words`role assignment create --assignee-object-id ${principalId} --role ${role} --scope ${scope}`,
      ...words`--assignee-principal-type ServicePrincipal`,
    )
  }
})
