import type { Json, JsonObject } from '../../kernel/json.ts'
import { member } from '../../kernel/json.ts'
import { type ResourceFault, refused } from '../resources/faults.ts'
import type { StorageKind } from './account-kinds.ts'
import { asObject, fixedProperty, invalidValue, sentBoolean, sentObject } from './account-words.ts'

/**
 * What is chosen when an account is made and for good: the second layer, and whether queues and tables come under the
 * account's key. Kept in the account's document under `encryption`; the key itself is the keyring's.
 */

const alwaysAccount = ['file', 'blob'] as const
const chosen = ['queue', 'table'] as const
/** https://learn.microsoft.com/azure/storage/common/infrastructure-encryption-enable */
const doubled: readonly StorageKind[] = ['StorageV2', 'BlockBlobStorage', 'FileStorage']

/** @throws ResourceFault `FeatureNotSupportedForAccount`, `InvalidRequestPropertyValue` */
export function encryptionChoices(sent: JsonObject, kind: StorageKind, now: string): JsonObject {
  const block = sentObject(sent, 'encryption') ?? {}
  const isDoubled = infrastructureOf(block)
  if (isDoubled === true && !doubled.includes(kind))
    throw unsupported('Infrastructure encryption is not supported for the account.')
  const services: Record<string, Json> = {}
  for (const name of alwaysAccount)
    services[name] = { keyType: 'Account', enabled: true, lastEnabledTime: now }
  for (const [name, keyType] of Object.entries(keyTypes(block))) {
    if (keyType === 'Account' && kind !== 'StorageV2')
      throw unsupported(`The account-scoped encryption key for ${name}s needs an account of kind StorageV2.`)
    if (name in services) continue
    services[name] = { keyType, enabled: true, lastEnabledTime: now }
  }
  return { services, ...(isDoubled === undefined ? {} : { requireInfrastructureEncryption: isDoubled }) }
}

/** Clients send back what they have read: that is no change. @throws ResourceFault `AccountPropertyCannotBeUpdated` */
export function assertSameChoices(sent: JsonObject, stored: JsonObject): void {
  const block = sentObject(sent, 'encryption')
  if (block === null) return
  const kept = asObject(stored['encryption'])
  const isDoubled = infrastructureOf(block)
  if (isDoubled !== undefined && isDoubled !== (kept['requireInfrastructureEncryption'] === true))
    throw fixedProperty('requireInfrastructureEncryption')
  const services = asObject(kept['services'])
  for (const [name, keyType] of Object.entries(keyTypes(block))) {
    if (keyType !== (asObject(services[name])['keyType'] ?? 'Service'))
      throw fixedProperty(`encryption.services.${name}.keyType`)
  }
}

function infrastructureOf(block: JsonObject): boolean | undefined {
  return sentBoolean(block, 'requireInfrastructureEncryption', 'encryption.requireInfrastructureEncryption')
}

/** Those that the block names. `enabled` is not read: encryption at rest is always on. */
function keyTypes(block: JsonObject): Readonly<Record<string, string>> {
  const services = sentObject(block, 'services', 'encryption.services') ?? {}
  const found: Record<string, string> = {}
  for (const name of [...alwaysAccount, ...chosen]) {
    const path = `encryption.services.${name}`
    const sent = member(sentObject(services, name, path) ?? {}, 'keyType')
    if (sent === undefined) continue
    const isFixed = name === 'blob' || name === 'file'
    const words = isFixed ? ['Account'] : ['Account', 'Service']
    const word = words.find((known) => typeof sent === 'string' && known.toLowerCase() === sent.toLowerCase())
    if (word === undefined) throw invalidValue(`${path}.keyType`, sent, words.join(' or '))
    found[name] = word
  }
  return found
}

function unsupported(message: string): ResourceFault {
  return refused(400, 'FeatureNotSupportedForAccount', message, { target: 'encryption' })
}
