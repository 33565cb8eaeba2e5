import type { Resource } from '../resources/provider.ts'
import type { ResourceStore } from '../resources/store.ts'
import { isKind } from './account-kinds.ts'
import { accountKeys, delegationEpochOf } from './account-keys.ts'
import { asObject } from './account-words.ts'
import { readBlobService, withBlobService } from './blob-service-settings.ts'
import {
  type EncryptionScope,
  STORAGE_ACCOUNT_TYPE,
  type StorageAccount,
  type StorageAccounts,
} from './storage-account.ts'
import { networkOf } from './storage-network.ts'

interface Known {
  readonly account: StorageAccount
  /** By name in lower case. */
  readonly scopes: Map<string, EncryptionScope>
}

/** Accounts and their encryption scopes as the data plane asks for them: read once, kept until they change. */
export function openStorageAccounts(
  resources: Pick<ResourceStore, 'findByGlobalName' | 'findById' | 'findByUid' | 'amend'>,
): StorageAccounts {
  const known = new Map<string, Known>()
  // A read that began before a change must not bring the old settings back after it.
  let changes = 0
  const forget = (name: string) => {
    changes++
    known.delete(name.toLowerCase())
  }
  return {
    async find(name) {
      const key = name.toLowerCase()
      const kept = known.get(key)
      if (kept !== undefined) return kept.account
      const before = changes
      const resource = await resources.findByGlobalName(STORAGE_ACCOUNT_TYPE, key)
      if (resource === null) return null
      const account = readAccount(resource)
      if (before === changes) known.set(key, { account, scopes: new Map() })
      return account
    },
    async findScope(account, name) {
      const key = name.toLowerCase()
      const kept = known.get(account.name)?.scopes.get(key)
      if (kept !== undefined) return kept
      const before = changes
      const resource = await resources.findById(`${account.resourceId}/encryptionScopes/${name}`)
      if (resource === null) return null
      const scope = readScope(resource, account)
      if (before === changes) known.get(account.name)?.scopes.set(key, scope)
      return scope
    },
    async findScopeByUid(account, uid) {
      const kept = known.get(account.name)?.scopes.values() ?? []
      for (const scope of kept) if (scope.uid === uid) return scope
      const resource = await resources.findByUid(uid)
      const parent = `${account.resourceId}/encryptionScopes/`.toLowerCase()
      return resource?.id.toLowerCase().startsWith(parent) === true ? readScope(resource, account) : null
    },
    async changeBlobService({ name, resourceId }, change) {
      try {
        await resources.amend(resourceId, ({ properties }) =>
          withBlobService(properties, change(readBlobService(properties))),
        )
      } finally {
        // Also when it failed: the outcome of a commit may be unknown.
        forget(name)
      }
    },
    forget,
  }
}

/** From the provider's stored form. */
export function readAccount(resource: Resource): StorageAccount {
  const { properties } = resource
  const tier = properties['accessTier']
  const tls = properties['minimumTlsVersion']
  return {
    uid: resource.uid,
    resourceId: resource.id,
    subscriptionId: resource.subscriptionId,
    tenantId: resource.tenantId,
    name: resource.name.toLowerCase(),
    kind: isKind(resource.kind) ? resource.kind : 'StorageV2',
    sku: skuOf(resource),
    accessTier: tier === 'Cool' || tier === 'Cold' ? tier : 'Hot',
    createdAt: resource.createdAt,
    isHttpsOnly: properties['supportsHttpsTrafficOnly'] !== false,
    minimumTlsVersion: tls === 'TLS1_0' || tls === 'TLS1_1' || tls === 'TLS1_3' ? tls : 'TLS1_2',
    allowsSharedKey: properties['allowSharedKeyAccess'] !== false,
    allowsBlobPublicAccess: properties['allowBlobPublicAccess'] === true,
    requiresInfrastructureEncryption: hasInfrastructureEncryption(resource),
    network: networkOf(properties),
    keys: accountKeys(properties),
    delegationEpoch: delegationEpochOf(properties),
    blobService: readBlobService(properties),
  }
}

export function skuOf({ sku }: Pick<Resource, 'sku'>): string {
  const name = sku?.['name']
  return typeof name === 'string' ? name : ''
}

function readScope(resource: Resource, account: StorageAccount): EncryptionScope {
  return {
    uid: resource.uid,
    resourceId: resource.id,
    name: resource.name,
    isEnabled: resource.properties['state'] !== 'Disabled',
    requiresInfrastructureEncryption:
      account.requiresInfrastructureEncryption ||
      resource.properties['requireInfrastructureEncryption'] === true,
  }
}

export function hasInfrastructureEncryption({ properties }: Pick<Resource, 'properties'>): boolean {
  return asObject(properties['encryption'])['requireInfrastructureEncryption'] === true
}
