import { type JsonObject, member } from '../../kernel/json.ts'
import { asObject, invalidValue, notCarriedOut, sentBoolean, sentObject, sentText } from './account-words.ts'
import { presentCors, sentCors } from './sent-cors.ts'
import type { AnalyticsMetrics, BlobServiceSettings } from './storage-account.ts'

/** https://learn.microsoft.com/rest/api/storagerp/blob-services/set-service-properties */
const MAX_DAYS = 365

const unmeasured: AnalyticsMetrics = {
  version: '1.0',
  isEnabled: false,
  includesApis: false,
  retentionDays: null,
}

/** Of an account that nobody has changed. */
export const standardBlobService: BlobServiceSettings = {
  isVersioningEnabled: false,
  deleteRetentionDays: null,
  containerDeleteRetentionDays: null,
  corsRules: [],
  defaultServiceVersion: null,
  staticWebsite: null,
  logging: { version: '1.0', isRead: false, isWrite: false, isDelete: false, retentionDays: null },
  hourMetrics: unmeasured,
  minuteMetrics: unmeasured,
}

/** From an account's stored properties, where they are kept as `blobService`. */
export function readBlobService(properties: JsonObject): BlobServiceSettings {
  // Written by `withBlobService` alone, in this version or in one that knew less.
  const stored: Partial<BlobServiceSettings> = asObject(properties['blobService'])
  return { ...standardBlobService, ...stored }
}

export function withBlobService(properties: JsonObject, settings: BlobServiceSettings): JsonObject {
  return { ...properties, blobService: settings }
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
    ...stored,
    isVersioningEnabled: versioning ?? stored.isVersioningEnabled,
    deleteRetentionDays: days('deleteRetentionPolicy', stored.deleteRetentionDays),
    containerDeleteRetentionDays: days('containerDeleteRetentionPolicy', stored.containerDeleteRetentionDays),
    corsRules: sentCors(sent) ?? stored.corsRules,
    defaultServiceVersion: sentVersion(sent) ?? stored.defaultServiceVersion,
  }
}

function sentVersion(sent: JsonObject): string | null {
  const version = sentText(sent, 'defaultServiceVersion')
  if (version !== null && !isServiceVersion(version))
    throw invalidValue('defaultServiceVersion', version, 'a version of the blob service')
  return version
}

/** Any well-formed one from 2009-04-14 on, also those to come. */
export function isServiceVersion(version: string): boolean {
  return /^20\d\d-\d\d-\d\d$/.test(version) && version >= '2009-04-14'
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
    cors: presentCors(settings.corsRules),
    ...(settings.defaultServiceVersion === null
      ? {}
      : { defaultServiceVersion: settings.defaultServiceVersion }),
    deleteRetentionPolicy: { allowPermanentDelete: false, ...presentDays(settings.deleteRetentionDays) },
    isVersioningEnabled: settings.isVersioningEnabled,
    containerDeleteRetentionPolicy: presentDays(settings.containerDeleteRetentionDays),
  }
}

function presentDays(days: number | null): JsonObject {
  return days === null ? { enabled: false } : { enabled: true, days }
}
