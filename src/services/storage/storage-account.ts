import type { AccountKey } from '../../crypto/account-key.ts'
import type { Guid } from '../../kernel/guid.ts'
import type { ProtectedResource } from '../keyring/keyring.ts'
import type { CorsRule } from './cors.ts'

export const STORAGE_ACCOUNT_TYPE = 'Microsoft.Storage/storageAccounts'
export const ENCRYPTION_SCOPE_TYPE = `${STORAGE_ACCOUNT_TYPE}/encryptionScopes`

/** A storage account as its data plane needs it: read from the resource, kept until the resource changes. */
export interface StorageAccount {
  readonly uid: string
  readonly resourceId: string
  readonly subscriptionId: Guid
  readonly tenantId: Guid
  /** Lower case, as in the host name. */
  readonly name: string
  readonly kind: 'Storage' | 'StorageV2' | 'BlobStorage' | 'BlockBlobStorage' | 'FileStorage'
  /** `Standard_LRS` */
  readonly sku: string
  readonly accessTier: 'Hot' | 'Cool' | 'Cold'
  readonly createdAt: Date
  readonly isHttpsOnly: boolean
  readonly minimumTlsVersion: 'TLS1_0' | 'TLS1_1' | 'TLS1_2' | 'TLS1_3'
  readonly allowsSharedKey: boolean
  readonly allowsBlobPublicAccess: boolean
  /** A second, independent sealing layer under a service-managed key. */
  readonly requiresInfrastructureEncryption: boolean
  readonly network: StorageNetwork
  readonly keys: readonly StorageAccountKey[]
  /** Another one each time that user delegation keys are revoked; empty before. */
  readonly delegationEpoch: string
  /** Blob service settings of the resource manager: versioning and soft delete. */
  readonly blobService: BlobServiceSettings
}

export interface StorageAccountKey {
  readonly name: 'key1' | 'key2'
  readonly key: AccountKey
}

export interface StorageNetwork {
  readonly isPublic: boolean
  readonly defaultAction: 'Allow' | 'Deny'
  /** IPv4 addresses or CIDR ranges. */
  readonly ipRules: readonly string[]
}

/** `blobServices/default`, and the properties of the blob service on its data plane: one setting each. An alias, as are its parts: JSON. */
export type BlobServiceSettings = {
  readonly isVersioningEnabled: boolean
  /** Whole days, as in all of these; null: off. */
  readonly deleteRetentionDays: number | null
  readonly containerDeleteRetentionDays: number | null
  readonly corsRules: readonly CorsRule[]
  /** What requests without `x-ms-version` are taken to have sent; null: nothing is set. */
  readonly defaultServiceVersion: string | null
  /** Null: off. */
  readonly staticWebsite: StaticWebsite | null
  /** Kept for the clients that ask for them: no log and no metric of Azure's is made. */
  readonly logging: AnalyticsLogging
  readonly hourMetrics: AnalyticsMetrics
  readonly minuteMetrics: AnalyticsMetrics
}

/** Paths of blobs in `$web`. */
export type StaticWebsite = {
  /** A file name, looked for in the folder that was asked for. */
  readonly indexDocument: string | null
  /** Answered wherever nothing is found, as a found page: what single-page applications want. */
  readonly defaultIndexDocumentPath: string | null
  readonly errorDocument404Path: string | null
}

export type AnalyticsLogging = {
  readonly version: string
  readonly isRead: boolean
  readonly isWrite: boolean
  readonly isDelete: boolean
  readonly retentionDays: number | null
}

export type AnalyticsMetrics = {
  readonly version: string
  readonly isEnabled: boolean
  readonly includesApis: boolean
  readonly retentionDays: number | null
}

/** An encryption scope: a root key of its own below the account. */
export interface EncryptionScope {
  readonly uid: string
  readonly resourceId: string
  /** In the letter case of its creation. */
  readonly name: string
  readonly isEnabled: boolean
  readonly requiresInfrastructureEncryption: boolean
}

export interface StorageAccounts {
  /** @returns null when no account has that name (in any letter case) */
  find(name: string): Promise<StorageAccount | null>
  /** @returns null when the account has no such scope (names in any letter case) */
  findScope(account: StorageAccount, name: string): Promise<EncryptionScope | null>
  /** By the uid that is stored with a blob. */
  findScopeByUid(account: StorageAccount, uid: string): Promise<EncryptionScope | null>
  /**
   * Changes settings of the account's blob service.
   * @param change called with what holds, in the committing transaction; throws to change nothing
   */
  changeBlobService(
    account: Pick<StorageAccount, 'name' | 'resourceId'>,
    change: (before: BlobServiceSettings) => BlobServiceSettings,
  ): Promise<void>
  /** To be called after the account, its blob service or one of its scopes has changed. */
  forget(name: string): void
}

/** What the keyring keeps the account's root key for. */
export function protectedAccount(account: {
  readonly uid: string
  readonly resourceId: string
}): ProtectedResource {
  return { uid: account.uid, resourceId: account.resourceId, purpose: 'storage-account' }
}

export function protectedScope(scope: Pick<EncryptionScope, 'uid' | 'resourceId'>): ProtectedResource {
  return { uid: scope.uid, resourceId: scope.resourceId, purpose: 'encryption-scope' }
}
