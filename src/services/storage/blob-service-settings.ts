import { type Json, type JsonObject, member } from '../../kernel/json.ts'
import { asObject, invalidValue, notCarriedOut, sentBoolean, sentObject, sentText } from './account-words.ts'
import { presentCors, readCors, sentCors } from './cors-json.ts'
import type { AnalyticsLogging, AnalyticsMetrics, BlobServiceSettings, StaticWebsite } from './storage-account.ts'

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
  const stored = asObject(properties['blobService'])
  // Written by `withBlobService` alone.
  const kept = stored as Partial<BlobServiceSettings>
  return {
    isVersioningEnabled: kept.isVersioningEnabled === true,
    deleteRetentionDays: kept.deleteRetentionDays ?? null,
    containerDeleteRetentionDays: kept.containerDeleteRetentionDays ?? null,
    corsRules: readCors(stored['corsRules']),
    defaultServiceVersion: kept.defaultServiceVersion ?? null,
    staticWebsite: kept.staticWebsite ?? null,
    logging: kept.logging ?? standardBlobService.logging,
    hourMetrics: kept.hourMetrics ?? unmeasured,
    minuteMetrics: kept.minuteMetrics ?? unmeasured,
  }
}
