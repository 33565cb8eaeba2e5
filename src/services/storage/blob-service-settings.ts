import { type Json, type JsonObject, member } from '../../kernel/json.ts'
import { asObject, invalidValue, notCarriedOut, sentBoolean, sentObject } from './account-words.ts'
import type { BlobServiceSettings } from './storage-account.ts'

/** https://learn.microsoft.com/rest/api/storagerp/blob-services/set-service-properties */
const MAX_DAYS = 365

/** From an account's stored properties, where they are kept as `blobService`. */
export function readBlobService(properties: JsonObject): BlobServiceSettings {
  const stored = asObject(properties['blobService'])
  return {
    isVersioningEnabled: stored['isVersioningEnabled'] === true,
    deleteRetentionDays: daysOf(stored['deleteRetentionDays']),
    containerDeleteRetentionDays: daysOf(stored['containerDeleteRetentionDays']),
  }
}

export function withBlobService(properties: JsonObject, settings: BlobServiceSettings): JsonObject {
  return { ...properties, blobService: { ...settings } }
}

function daysOf(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null
}

/**
 * `properties` of `blobServices/default` laid over what holds; a PUT that is silent on something leaves it.
 * @throws ResourceFault for a value that is none, or what this version does not have
 */
export function mergeBlobService(stored: BlobServiceSettings, sent: JsonObject): BlobServiceSettings {
  assertAbsent(sent)
  const versioning = sentBoolean(sent, 'isVersioningEnabled')
  const days = (name: string, before: number | null) => {
    const policy = sentObject(sent, name)
    return policy === null ? before : retention(policy, name)
  }
  return {
    isVersioningEnabled: versioning ?? stored.isVersioningEnabled,
    deleteRetentionDays: days('deleteRetentionPolicy', stored.deleteRetentionDays),
    containerDeleteRetentionDays: days('containerDeleteRetentionPolicy', stored.containerDeleteRetentionDays),
  }
}

function retention(policy: JsonObject, name: string): number | null {
  if (sentBoolean(policy, 'allowPermanentDelete', `${name}.allowPermanentDelete`) === true)
    throw notCarriedOut(`${name}.allowPermanentDelete`)
  const isEnabled = sentBoolean(policy, 'enabled', `${name}.enabled`)
  if (isEnabled !== true) return null
  const days = member(policy, 'days')
  if (typeof days !== 'number' || !Number.isInteger(days) || days < 1 || days > MAX_DAYS)
    throw invalidValue(`${name}.days`, days, `a whole number from 1 to ${MAX_DAYS}`)
  return days
}

function assertAbsent(sent: JsonObject): void {
  for (const [name, part] of [
    ['changeFeed', 'enabled'],
    ['restorePolicy', 'enabled'],
    ['lastAccessTimeTrackingPolicy', 'enable'],
  ] as const) {
    const block = sentObject(sent, name)
    if (block !== null && sentBoolean(block, part, `${name}.${part}`) === true) throw notCarriedOut(name)
  }
  if (sentBoolean(sent, 'automaticSnapshotPolicyEnabled') === true)
    throw notCarriedOut('automaticSnapshotPolicyEnabled')
}

export function presentBlobService(settings: BlobServiceSettings): JsonObject {
  return {
    cors: { corsRules: [] },
    deleteRetentionPolicy: { allowPermanentDelete: false, ...presentDays(settings.deleteRetentionDays) },
    isVersioningEnabled: settings.isVersioningEnabled,
    containerDeleteRetentionPolicy: presentDays(settings.containerDeleteRetentionDays),
  }
}

function presentDays(days: number | null): JsonObject {
  return days === null ? { enabled: false } : { enabled: true, days }
}
