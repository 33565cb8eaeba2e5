import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Az } from '../support/az.ts'
import {
  auditOf,
  callerOf,
  makeIdentity,
  makeKey,
  makeVault,
  serviceKeyPermissions,
  setPolicy,
} from '../support/cmk.ts'
import { GROUP, type Site, openSite } from '../support/site.ts'
import {
  accountPath,
  getAccount,
  makeEncryptedAccount,
  makePlainAccount,
} from '../support/storage-account.ts'
import { words } from '../support/words.ts'

describe('encryption scopes of a storage account', () => {
  let site: Site
  let az: Az

  beforeAll(async () => {
    site = await openSite()
    az = await site.az()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('az storage account encryption-scope create, show, list and update', async () => {
    const { name, vault, keyId } = await makeEncryptedAccount(site, 'azscopes')
    const at = words`--account-name ${name} -g ${GROUP}`
    const scope = words`storage account encryption-scope`
    expect(await az(...scope, ...words`create --name plainscope`, ...at)).toMatchObject({
      name: 'plainscope',
      source: 'Microsoft.Storage',
      state: 'Enabled',
      requireInfrastructureEncryption: false,
      keyVaultProperties: null,
    })
    const keyUri = keyId.replace(/\/[^/]*$/, '')
    expect(
      await az(
        ...scope,
        ...words`create --name keyscope --key-source Microsoft.KeyVault --key-uri ${keyUri}`,
        ...at,
      ),
    ).toMatchObject({
      source: 'Microsoft.KeyVault',
      keyVaultProperties: { keyUri, currentVersionedKeyIdentifier: keyId },
    })
    const listed = await az<readonly { readonly name: string }[]>(...scope, 'list', ...at)
    expect(listed.map((one) => one.name)).toEqual(['keyscope', 'plainscope'])
    expect(await az(...scope, ...words`update --name plainscope --state Disabled`, ...at)).toMatchObject({
      state: 'Disabled',
    })
    expect(await az(...scope, ...words`show --name plainscope`, ...at)).toMatchObject({ state: 'Disabled' })
    expect(await az(...scope, ...words`update --name plainscope --state Enabled`, ...at)).toMatchObject({
      state: 'Enabled',
    })
    // From the service's keys to one's own and back.
    const other = await makeKey(site, vault, 'key2')
    expect(
      await az(
        ...scope,
        ...words`update --name plainscope --key-source Microsoft.KeyVault --key-uri ${other}`,
        ...at,
      ),
    ).toMatchObject({ keyVaultProperties: { keyUri: other, currentVersionedKeyIdentifier: other } })
    expect(
      await az(...scope, ...words`update --name plainscope --key-source Microsoft.Storage`, ...at),
    ).toMatchObject({ source: 'Microsoft.Storage', keyVaultProperties: null })
  })

  it('a scope has a key of its own, under the account’s identity', async () => {
    const { name, vault, identity, keyId } = await makeEncryptedAccount(site, 'ownkey')
    const { encryptionScopes } = site.sdk.storage
    await encryptionScopes.put(GROUP, name, 'one', {
      source: 'Microsoft.KeyVault',
      keyVaultProperties: { keyUri: keyId },
    })
    const wraps = (await auditOf(site, vault)).filter(({ operationName }) => operationName === 'KeyWrap')
    expect(wraps.map(callerOf)).toEqual([identity.principalId, identity.principalId])
  })

  it('without a version the newest is followed, with one it stays', async () => {
    const { name, vault, keyId } = await makeEncryptedAccount(site, 'scopever')
    const { encryptionScopes } = site.sdk.storage
    const key = (keyUri: string) => ({ source: 'Microsoft.KeyVault', keyVaultProperties: { keyUri } })
    await encryptionScopes.put(GROUP, name, 'follows', key(keyId.replace(/\/[^/]*$/, '')))
    await encryptionScopes.put(GROUP, name, 'stays', key(keyId))
    const next = await makeKey(site, vault, 'key1')
    const version = async (scope: string) =>
      (await encryptionScopes.get(GROUP, name, scope)).keyVaultProperties?.currentVersionedKeyIdentifier
    await expect.poll(() => version('follows')).toBe(next)
    expect(await version('stays')).toBe(keyId)
  })

  it('a scope is never deleted, and goes with its account', async () => {
    await makePlainAccount(site, 'permanent')
    await site.sdk.storage.encryptionScopes.put(GROUP, 'permanent', 'scope1', {})
    const path = `${accountPath('permanent')}/encryptionScopes/scope1`
    expect((await site.arm('DELETE', path, '2025-08-01')).status).toBe(405)
    expect(await site.arm('GET', path, '2025-08-01')).toMatchObject({
      status: 200,
      body: { properties: { source: 'Microsoft.Storage', state: 'Enabled' } },
    })
    await site.sdk.storage.storageAccounts.delete(GROUP, 'permanent')
    await makePlainAccount(site, 'permanent')
    expect((await site.arm('GET', path, '2025-08-01')).status).toBe(404)
  })

  it('the second layer is chosen when a scope is made; an account that has it gives it to all', async () => {
    await makePlainAccount(site, 'scopelayers')
    await makePlainAccount(site, 'doublelayers', {
      encryption: { keySource: 'Microsoft.Storage', requireInfrastructureEncryption: true },
    })
    const { encryptionScopes } = site.sdk.storage
    const layers = async (account: string, requireInfrastructureEncryption?: boolean) =>
      (
        await encryptionScopes.put(
          GROUP,
          account,
          `scope-${String(requireInfrastructureEncryption)}`,
          requireInfrastructureEncryption === undefined ? {} : { requireInfrastructureEncryption },
        )
      ).requireInfrastructureEncryption
    expect(await layers('scopelayers', true)).toBe(true)
    expect(await layers('scopelayers')).toBe(false)
    expect(await layers('doublelayers')).toBe(true)
    await expect(
      encryptionScopes.patch(GROUP, 'scopelayers', 'scope-true', { requireInfrastructureEncryption: false }),
    ).rejects.toMatchObject({ code: 'AccountPropertyCannotBeUpdated' })
  })

  it.each([
    [{ source: 'Microsoft.KeyVault' }, 400, 'MissingKeyvaultProperties'],
    [{ source: 'Somebody.Else' }, 400, 'UnknownEncryptionKeySource'],
    [{ state: 'Sleeping' }, 400, 'InvalidRequestPropertyValue'],
    [{ keyVaultProperties: 'k', source: 'Microsoft.KeyVault' }, 400, 'InvalidRequestPropertyValue'],
    [
      { source: 'Microsoft.KeyVault', keyVaultProperties: { keyUri: 'https://evil.example/keys/k' } },
      400,
      'InvalidRequestPropertyValue',
    ],
  ])('%j is refused with %i %s', async (properties, status, code) => {
    await makePlainAccount(site, 'badscopes')
    const path = `${accountPath('badscopes')}/encryptionScopes/scope1`
    expect(await site.arm('PUT', path, '2025-08-01', { properties })).toMatchObject({
      status,
      body: { error: { code } },
    })
  })

  it('an account without an identity has no scope under a customer’s key; a key out of reach is refused', async () => {
    const { vault, keyId, identity } = await makeEncryptedAccount(site, 'lendskey')
    await makePlainAccount(site, 'nobodys')
    const key = { source: 'Microsoft.KeyVault', keyVaultProperties: { keyUri: keyId } }
    const { encryptionScopes } = site.sdk.storage
    await expect(encryptionScopes.put(GROUP, 'nobodys', 'scope1', key)).rejects.toMatchObject({
      code: 'MissingEncryptionPrerequisites',
    })
    await setPolicy(site, vault, identity.principalId, ['get'])
    await expect(encryptionScopes.put(GROUP, 'lendskey', 'scope1', key)).rejects.toMatchObject({
      code: 'KeyVaultAuthenticationFailure',
    })
    await expect(encryptionScopes.get(GROUP, 'lendskey', 'scope1')).rejects.toMatchObject({ statusCode: 404 })
  })

  it('with another identity on the account its scopes go over to it, or the change is refused', async () => {
    const { name, vault, vaultUri, keyId, identity } = await makeEncryptedAccount(site, 'movesids')
    const { encryptionScopes } = site.sdk.storage
    // The scope's key is in a vault of its own, which the second identity may not use at first.
    await makeVault(site, 'kv-movescope', { [identity.principalId]: serviceKeyPermissions })
    const scopeKey = await makeKey(site, 'kv-movescope', 'key1')
    const key = { source: 'Microsoft.KeyVault', keyVaultProperties: { keyUri: scopeKey } }
    await encryptionScopes.put(GROUP, name, 'scope1', key)
    const second = await makeIdentity(site, 'id-movesids2')
    await setPolicy(site, vault, second.principalId, serviceKeyPermissions)
    const replace = () =>
      az.raw(
        ...words`storage account update -n ${name} --identity-type UserAssigned --user-identity-id ${second.id}`,
        ...words`--key-vault-user-identity-id ${second.id} --encryption-key-source Microsoft.Keyvault`,
        ...words`--encryption-key-vault ${vaultUri} --encryption-key-name key1`,
      )
    const refused = await replace()
    expect(refused.stderr).toMatch(/KeyVaultAuthenticationFailure/)
    expect(refused.stderr).toContain(scopeKey.replace(/\/[^/]*$/, ''))
    const { identity: before } = await getAccount(site, name)
    expect(Object.keys(before?.userAssignedIdentities ?? {})).toEqual([identity.id])
    await setPolicy(site, 'kv-movescope', second.principalId, serviceKeyPermissions)
    expect((await replace()).code).toBe(0)
    await setPolicy(site, 'kv-movescope', identity.principalId, [])
    await setPolicy(site, vault, identity.principalId, [])
    // The scope's key opens with the new identity: to the service's keys it goes only by opening.
    await encryptionScopes.patch(GROUP, name, 'scope1', { source: 'Microsoft.Storage' })
    expect(keyId).toBe(
      (await getAccount(site, name)).encryption?.keyVaultProperties?.currentVersionedKeyIdentifier,
    )
  })

  it('scopes stand in no list but their account’s', async () => {
    await makePlainAccount(site, 'listed1')
    await site.sdk.storage.encryptionScopes.put(GROUP, 'listed1', 'scope1', {})
    const { value } = await site.arm.ok('GET', `/resourceGroups/${GROUP}/resources`, '2021-04-01')
    const types = (value as readonly { readonly type: string }[]).map(({ type }) => type)
    expect(types).not.toContain('Microsoft.Storage/storageAccounts/encryptionScopes')
    const pages: number[] = []
    for (const scope of ['scope2', 'scope3'])
      await site.sdk.storage.encryptionScopes.put(GROUP, 'listed1', scope, {})
    const list = site.sdk.storage.encryptionScopes.list(GROUP, 'listed1', { maxpagesize: 2 })
    for await (const page of list.byPage()) pages.push(page.length)
    expect(pages).toEqual([2, 1])
  })
})
