import { AccountKey } from '../../crypto/account-key.ts'
import { randomHex } from '../../crypto/random.ts'
import { type Json, type JsonObject, isJsonObject } from '../../kernel/json.ts'
import type { StorageAccountKey } from './storage-account.ts'

/** One of an account's two keys as its document has it: sealed with it, shown by `listKeys` alone. */
export interface StoredKey {
  readonly keyName: StorageAccountKey['name']
  /** Base64. */
  readonly value: string
  /** As `azureTime` writes it. */
  readonly creationTime: string
}

const names = ['key1', 'key2'] as const

export function newAccountKeys(now: string): readonly JsonObject[] {
  return names.map((keyName) => ({ keyName, value: AccountKey.generateText(), creationTime: now }))
}

export function storedKeys(properties: JsonObject): readonly StoredKey[] {
  const stored = properties['keys']
  return (Array.isArray(stored) ? (stored as readonly Json[]) : []).flatMap((key) => {
    if (!isJsonObject(key)) return []
    const { value, creationTime } = key
    const keyName = names.find((name) => name === key['keyName'])
    const isWhole = keyName !== undefined && typeof value === 'string' && typeof creationTime === 'string'
    return isWhole ? [{ keyName, value, creationTime }] : []
  })
}

/** For the data plane. A key that does not read is left out: it would let nobody in. */
export function accountKeys(properties: JsonObject): readonly StorageAccountKey[] {
  return storedKeys(properties).flatMap(({ keyName, value }) => {
    const key = AccountKey.parse(value)
    return key === null ? [] : [{ name: keyName, key }]
  })
}

/** @returns null when there is no key of that name */
export function withNewKey(properties: JsonObject, name: string, now: string): JsonObject | null {
  const keys = storedKeys(properties)
  if (!keys.some(({ keyName }) => keyName === name)) return null
  return {
    ...properties,
    keys: keys.map((key) => ({
      ...key,
      ...(key.keyName === name ? { value: AccountKey.generateText(), creationTime: now } : {}),
    })),
  }
}

/** User delegation keys that were issued until now fit no more. */
export function withNewDelegationEpoch(properties: JsonObject): JsonObject {
  return { ...properties, delegationEpoch: randomHex(16) }
}

export function delegationEpochOf({ delegationEpoch }: JsonObject): string {
  return typeof delegationEpoch === 'string' ? delegationEpoch : ''
}
