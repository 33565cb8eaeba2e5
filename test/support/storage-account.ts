import type { StorageAccount, StorageAccountCreateParameters } from '@azure/arm-storage'
import { type TestIdentity, makeIdentity, makeKey, makeVault, serviceKeyPermissions } from './cmk.ts'
import { GROUP, LOCATION, type Site } from './site.ts'

/** Quick ways, through the SDK, to a storage account that a test needs and does not prove. */

/** A vault with the key `key1`, which the identity may use. */
export interface KeyedVault {
  readonly vault: string
  readonly vaultUri: string
  readonly identity: TestIdentity
  /** With its version. */
  readonly keyId: string
}

export interface EncryptedAccount extends KeyedVault {
  readonly name: string
}

export const plainAccount: StorageAccountCreateParameters = {
  location: LOCATION,
  kind: 'StorageV2',
  sku: { name: 'Standard_LRS' },
}

export function newAccount(
  { id }: Pick<TestIdentity, 'id'>,
  key: { readonly vaultUri: string; readonly name: string; readonly version?: string },
): StorageAccountCreateParameters {
  return {
    ...plainAccount,
    identity: { type: 'UserAssigned', userAssignedIdentities: { [id]: {} } },
    encryption: {
      keySource: 'Microsoft.Keyvault',
      encryptionIdentity: { encryptionUserAssignedIdentity: id },
      keyVaultProperties: {
        keyVaultUri: key.vaultUri,
        keyName: key.name,
        ...(key.version === undefined ? {} : { keyVersion: key.version }),
      },
    },
  }
}

export async function makePlainAccount(
  { sdk }: Site,
  name: string,
  more: Partial<StorageAccountCreateParameters> = {},
): Promise<StorageAccount> {
  return await sdk.storage.storageAccounts.create(GROUP, name, { ...plainAccount, ...more })
}

/** Identity `id-name`, vault `kv-name`. */
export async function makeKeyedVault(site: Site, name: string): Promise<KeyedVault> {
  const identity = await makeIdentity(site, `id-${name}`)
  const vault = `kv-${name}`
  await makeVault(site, vault, { [identity.principalId]: serviceKeyPermissions })
  const keyId = await makeKey(site, vault, 'key1')
  return { vault, vaultUri: site.server.url(`${vault}.vault`), identity, keyId }
}

/** Account `name` under a key of its own: identity `id-name`, vault `kv-name`, newest version of key `key1`. */
export async function makeEncryptedAccount(
  site: Site,
  name: string,
  more: Partial<StorageAccountCreateParameters> = {},
): Promise<EncryptedAccount> {
  const keyed = await makeKeyedVault(site, name)
  const account = newAccount(keyed.identity, { vaultUri: keyed.vaultUri, name: 'key1' })
  await site.sdk.storage.storageAccounts.create(GROUP, name, { ...account, ...more })
  return { name, ...keyed }
}

export async function getAccount({ sdk }: Site, name: string): Promise<StorageAccount> {
  return await sdk.storage.storageAccounts.getProperties(GROUP, name)
}

/** `properties.encryption` as the account shows it. */
export async function accountEncryption(
  site: Site,
  name: string,
): Promise<NonNullable<StorageAccount['encryption']>> {
  const { encryption } = await getAccount(site, name)
  if (encryption === undefined) throw new Error('an account that says nothing of its encryption')
  return encryption
}

export function accountPath(name: string): string {
  return `/resourceGroups/${GROUP}/providers/Microsoft.Storage/storageAccounts/${name}`
}
