import type { JsonObject } from '../../kernel/json.ts'
import { asObject } from './account-words.ts'
import type { BlobServiceSettings } from './storage-account.ts'

/** From an account's stored properties, where they are kept. */
export function readBlobService(properties: JsonObject): BlobServiceSettings {
  const stored = asObject(properties['blobService'])
  return {
    isVersioningEnabled: stored['isVersioningEnabled'] === true,
    deleteRetentionDays: daysOf(stored['deleteRetentionDays']),
    containerDeleteRetentionDays: daysOf(stored['containerDeleteRetentionDays']),
  }
}

function daysOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
