import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Az } from '../support/az.ts'
import { auditOf, makeKey, makeVault, serviceKeyPermissions, setPolicy } from '../support/cmk.ts'
import { GROUP, type Site, openSite } from '../support/site.ts'
import {
  accountEncryption,
  accountPath,
  getAccount,
  makeEncryptedAccount,
  makeKeyedVault,
  newAccount,
} from '../support/storage-account.ts'
import { words } from '../support/words.ts'

describe('versions of the key of a storage account', () => {
  let site: Site
  let az: Az

  beforeAll(async () => {
    site = await openSite()
    az = await site.az()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('B35, B37, B38, B39 without a version the newest one is taken up by itself', async () => {
    const { name, vault, keyId } = await makeEncryptedAccount(site, 'automatic')
    const before = await encryptionOf(name)
    expect(before.currentVersionedKeyIdentifier).toBe(keyId)
    const next = await makeKey(site, vault, 'key1')
    await expect.poll(() => versionOf(name)).toBe(next)
    const after = await encryptionOf(name)
    expect(after.keyVersion).toBe('')
    expect(after.lastKeyRotationTimestamp?.getTime()).toBeGreaterThan(
      before.lastKeyRotationTimestamp?.getTime() ?? Infinity,
    )
    const wraps = (await auditOf(site, vault)).filter(({ operationName }) => operationName === 'KeyWrap')
    expect(wraps.map(({ properties }) => properties.id).at(-1)).toBe(next.slice(next.indexOf('keys/')))
  })

  it('B40 once the rotation is shown, the old version may be disabled', async () => {
    const { name, identity, vault, vaultUri, keyId } = await makeEncryptedAccount(site, 'oldoff')
    const next = await makeKey(site, vault, 'key1')
    await expect.poll(() => versionOf(name)).toBe(next)
    await disable(vault, keyId)
    // Whatever needs the root key still opens it: to the service's keys and back.
    await az(...words`storage account update -n ${name} --encryption-key-source Microsoft.Storage`)
    await enable(name, identity.id, { vaultUri, name: 'key1' })
    expect(await versionOf(name)).toBe(next)
  })

  it('B42, B43 a pinned version stays until another one is named', async () => {
    const { name, identity, vault, vaultUri, keyId } = await pinned('pinned')
    const next = await makeKey(site, vault, 'key1')
    // One beside it that follows the key shows that the new version has made its round.
    const { storageAccounts } = site.sdk.storage
    await storageAccounts.create(GROUP, 'follows', newAccount(identity, { vaultUri, name: 'key1' }))
    const later = await makeKey(site, vault, 'key1')
    await expect.poll(() => versionOf('follows')).toBe(later)
    expect(await versionOf(name)).toBe(keyId)
    await az(
      ...setKey(name, vaultUri, 'key1'),
      ...words`--encryption-key-version ${next.split('/').at(-1) ?? ''}`,
    )
    expect(await versionOf(name)).toBe(next)
    expect((await encryptionOf(name)).keyVersion).toBe(next.split('/').at(-1))
  })

  it('B41, B31 silence keeps the pin, the empty version takes it away', async () => {
    const { name, identity, vault, vaultUri, keyId } = await pinned('unpinned')
    const next = await makeKey(site, vault, 'key1')
    const key = {
      keySource: 'Microsoft.Keyvault',
      keyvaultproperties: { keyname: 'key1', keyvaulturi: vaultUri },
    }
    await site.arm.ok('PATCH', accountPath(name), '2025-08-01', { properties: { encryption: key } })
    expect(await encryptionOf(name)).toMatchObject({
      keyVersion: keyId.split('/').at(-1),
      currentVersionedKeyIdentifier: keyId,
    })
    await az(...setKey(name, vaultUri, 'key1'), '--encryption-key-version', '')
    expect(await encryptionOf(name)).toMatchObject({ keyVersion: '', currentVersionedKeyIdentifier: next })
    // And back to a pin, by the SDK.
    await enable(name, identity.id, { vaultUri, name: 'key1', version: keyId.split('/').at(-1) ?? '' })
    expect(await versionOf(name)).toBe(keyId)
  })

  it('B65 reading and writing back changes nothing: automatic stays automatic, a pin stays, nothing is wrapped', async () => {
    const automatic = await makeEncryptedAccount(site, 'echoauto')
    const fixed = await pinned('echopin')
    for (const { name, vault, keyId } of [automatic, fixed]) {
      const before = await accountEncryption(site, name)
      await az(...words`storage account update -n ${name} --tags a=b`)
      const { properties, ...whole } = await site.arm.ok('GET', accountPath(name), '2025-08-01')
      await site.arm.ok('PUT', accountPath(name), '2025-08-01', { ...whole, properties })
      await site.arm.ok('PATCH', accountPath(name), '2025-08-01', { properties })
      expect(await accountEncryption(site, name)).toEqual(before)
      const wraps = (await auditOf(site, vault)).filter(({ operationName }) => operationName === 'KeyWrap')
      expect(wraps).toHaveLength(1)
      expect(keyId).toContain(wraps[0]?.properties.id ?? 'none')
    }
    await makeKey(site, automatic.vault, 'key1')
    await expect.poll(() => versionOf(automatic.name)).not.toBe(automatic.keyId)
  })

  it('B64 another key, and another vault, take over; the old key may go', async () => {
    const { name, identity, vault, vaultUri, keyId } = await makeEncryptedAccount(site, 'otherkey')
    const second = await makeKey(site, vault, 'key2')
    await az(...setKey(name, vaultUri, 'key2'))
    expect(await versionOf(name)).toBe(second)
    await (await site.sdk.keys(vault).beginDeleteKey('key1')).pollUntilDone()
    await makeVault(site, 'kv-otherkey2', { [identity.principalId]: serviceKeyPermissions })
    const third = await makeKey(site, 'kv-otherkey2', 'key2')
    await az(...setKey(name, site.server.url('kv-otherkey2.vault'), 'key2'))
    expect(await versionOf(name)).toBe(third)
    await (await site.sdk.keys(vault).beginDeleteKey('key2')).pollUntilDone()
    const fourth = await makeKey(site, 'kv-otherkey2', 'other')
    await enable(name, identity.id, { vaultUri: site.server.url('kv-otherkey2.vault'), name: 'other' })
    expect(await versionOf(name)).toBe(fourth)
    expect([vaultUri, keyId]).not.toContain((await encryptionOf(name)).keyVaultUri)
  })

  it('a key with an end shows when its version expires', async () => {
    const { name, identity, vault, vaultUri } = await makeEncryptedAccount(site, 'withend')
    const expiresOn = new Date('2031-01-01T00:00:00Z')
    await site.sdk.keys(vault).createRsaKey('ending', { expiresOn })
    await enable(name, identity.id, { vaultUri, name: 'ending' })
    expect((await encryptionOf(name)).currentVersionedKeyExpirationTimestamp).toEqual(expiresOn)
    await enable(name, identity.id, { vaultUri, name: 'key1' })
    expect((await encryptionOf(name)).currentVersionedKeyExpirationTimestamp).toBeUndefined()
  })

  it('B31 the way of taking up versions is chosen when a key is configured, and when it is updated', async () => {
    const { identity, vault, vaultUri, keyId } = await pinned('bothways')
    const { storageAccounts } = site.sdk.storage
    await storageAccounts.create(GROUP, 'bothways2', newAccount(identity, { vaultUri, name: 'key1' }))
    await enable('bothways', identity.id, { vaultUri, name: 'key1', version: '' })
    await enable('bothways2', identity.id, { vaultUri, name: 'key1', version: keyId.split('/').at(-1) ?? '' })
    const next = await makeKey(site, vault, 'key1')
    await expect.poll(() => versionOf('bothways')).toBe(next)
    expect(await versionOf('bothways2')).toBe(keyId)
  })

  it('B36 each rotation is in the activity log of the account', async () => {
    const { name, vault } = await makeEncryptedAccount(site, 'loggedsa')
    const next = await makeKey(site, vault, 'key1')
    await expect.poll(() => versionOf(name)).toBe(next)
    const { id = '' } = await getAccount(site, name)
    const operations = async () =>
      (
        await az<readonly { readonly operationName: { readonly value: string } }[]>(
          ...words`monitor activity-log list --resource-id ${id}`,
        )
      ).map(({ operationName }) => operationName.value)
    await expect
      .poll(operations)
      .toEqual(
        expect.arrayContaining([
          'Microsoft.Storage/storageAccounts/write',
          'Microsoft.Storage/storageAccounts/encryption/wrap/action',
          'Microsoft.Storage/storageAccounts/encryption/rotate/action',
        ]),
      )
  })

  it('the system-assigned identity takes over when it is named by nothing', async () => {
    const { name, identity, vault } = await makeEncryptedAccount(site, 'bysystem')
    const { identity: identities } = await site.sdk.storage.storageAccounts.update(GROUP, name, {
      identity: { type: 'SystemAssigned,UserAssigned', userAssignedIdentities: { [identity.id]: {} } },
    })
    const system = identities?.principalId ?? ''
    await setPolicy(site, vault, system, serviceKeyPermissions)
    const encryption = { keySource: 'Microsoft.Keyvault', identity: { userAssignedIdentity: '' } }
    const reply = await site.arm.ok('PATCH', accountPath(name), '2025-08-01', { properties: { encryption } })
    expect(reply['properties']).not.toHaveProperty('encryption.identity')
    await site.arm.ok('PATCH', accountPath(name), '2025-08-01', { identity: { type: 'SystemAssigned' } })
    await setPolicy(site, vault, identity.principalId, [])
    const next = await makeKey(site, vault, 'key1')
    await expect.poll(() => versionOf(name)).toBe(next)
  })

  /** Account `name` under the one version that its key has. */
  async function pinned(name: string) {
    const keyed = await makeKeyedVault(site, name)
    const { identity, vaultUri, keyId } = keyed
    const version = keyId.split('/').at(-1) ?? ''
    const account = newAccount(identity, { vaultUri, name: 'key1', version })
    await site.sdk.storage.storageAccounts.create(GROUP, name, account)
    expect((await encryptionOf(name)).keyVersion).toBe(version)
    return { name, ...keyed }
  }

  async function enable(
    account: string,
    identityId: string,
    key: { readonly vaultUri: string; readonly name: string; readonly version?: string },
  ) {
    const { identity, encryption } = newAccount({ id: identityId }, key)
    if (identity === undefined || encryption === undefined) throw new Error('no key')
    return site.sdk.storage.storageAccounts.update(GROUP, account, { identity, encryption })
  }

  /** az wants both, whichever changes. */
  function setKey(account: string, vaultUri: string, key: string): readonly string[] {
    return [
      ...words`storage account update -n ${account} --encryption-key-source Microsoft.Keyvault`,
      ...words`--encryption-key-vault ${vaultUri} --encryption-key-name ${key}`,
    ]
  }

  async function disable(vault: string, keyId: string): Promise<void> {
    await site.sdk.keys(vault).updateKeyProperties('key1', keyId.split('/').at(-1) ?? '', { enabled: false })
  }

  async function encryptionOf(account: string) {
    const { keyVaultProperties } = await accountEncryption(site, account)
    if (keyVaultProperties === undefined) throw new Error('no customer-managed key')
    return keyVaultProperties
  }

  async function versionOf(account: string): Promise<string | undefined> {
    return (await encryptionOf(account)).currentVersionedKeyIdentifier
  }
})
