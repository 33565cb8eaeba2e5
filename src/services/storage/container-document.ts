import { azureTime } from '../../kernel/clock.ts'
import type { JsonObject } from '../../kernel/json.ts'
import { DAY_MS } from '../../kernel/units.ts'
import { BLOB_SERVICE_TYPE } from './blob-service-type.ts'
import type { ContainerView, ImmutabilityPolicy } from './ports.ts'
import type { StorageAccount } from './storage-account.ts'

export const CONTAINER_TYPE = `${BLOB_SERVICE_TYPE}/containers`
/** How a container says that its blobs are under the account's own key. */
export const ACCOUNT_KEY_SCOPE = '$account-encryption-key'

/** The wire form, with its `etag` beside the rest. */
export function containerDocument(view: ContainerView, account: StorageAccount, now: Date): JsonObject {
  const { lease, deleted, legalHoldTags } = view
  const isLocked = lease.state === 'leased' || lease.state === 'breaking'
  return {
    etag: `"${view.etag}"`,
    ...presentDeletion(deleted, account, now),
    defaultEncryptionScope: view.defaultScope ?? ACCOUNT_KEY_SCOPE,
    denyEncryptionScopeOverride: view.deniesScopeOverride,
    publicAccess: capitalized(view.publicAccess),
    leaseStatus: isLocked ? 'Locked' : 'Unlocked',
    leaseState: capitalized(lease.state),
    ...(lease.state === 'leased' ? { leaseDuration: lease.isInfinite ? 'Infinite' : 'Fixed' } : {}),
    lastModifiedTime: azureTime(view.modifiedAt),
    metadata: view.metadata,
    legalHold: legalHold(legalHoldTags),
    hasImmutabilityPolicy: view.immutability !== null,
    ...(view.immutability === null
      ? {}
      : {
          immutabilityPolicy: {
            etag: `"${view.immutability.etag}"`,
            properties: policyDocument(view.immutability),
          },
        }),
    immutableStorageWithVersioning: { enabled: view.hasVersionImmutability },
    hasLegalHold: legalHoldTags.length > 0,
  }
}

function presentDeletion(deleted: ContainerView['deleted'], account: StorageAccount, now: Date): JsonObject {
  if (deleted === null) return { deleted: false, remainingRetentionDays: 0 }
  const days = account.blobService.containerDeleteRetentionDays ?? 0
  const gone = Math.floor((now.getTime() - deleted.at.getTime()) / DAY_MS)
  return {
    version: deleted.version,
    deleted: true,
    deletedTime: azureTime(deleted.at),
    remainingRetentionDays: Math.max(0, days - gone),
  }
}

function capitalized(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1)
}

function legalHold(tags: readonly string[]): JsonObject {
  return { hasLegalHold: tags.length > 0, tags: tags.map((tag) => ({ tag })) }
}

export function policyDocument({ days, isLocked, allowsAppends }: ImmutabilityPolicy): JsonObject {
  return {
    immutabilityPeriodSinceCreationInDays: days,
    state: isLocked ? 'Locked' : 'Unlocked',
    allowProtectedAppendWrites: allowsAppends,
  }
}
