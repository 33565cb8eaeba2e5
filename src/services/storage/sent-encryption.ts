import { type Guid, parseGuid } from '../../kernel/guid.ts'
import { type JsonObject, member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import { invalidValue, sentObject, sentText } from './account-words.ts'

/** `properties.encryption` as sent, without what is fixed at creation; null where it is silent. Names in any letter case. */
export interface SentEncryption {
  readonly source: 'service' | 'customer' | null
  readonly key: SentKey | null
  readonly identity: SentIdentity | null
}

/** `keyvaultproperties`. */
export interface SentKey {
  readonly vaultUri: string | null
  readonly name: string | null
  /** `''`: the newest, always. Null: not named. */
  readonly version: string | null
}

/** `encryption.identity`: with which identity of the account the vault is asked. */
export interface SentIdentity {
  /** Resource id; `''`: the system-assigned one. */
  readonly userAssigned: string | null
  /** The multi-tenant application of a vault in another tenant; `none`: the vault is in the account's own. */
  readonly federated: Guid | 'none' | null
}

const sources = { 'microsoft.storage': 'service', 'microsoft.keyvault': 'customer' } as const

/** @throws ResourceFault for a malformed block, `UnknownEncryptionKeySource` */
export function readSentEncryption(properties: JsonObject): SentEncryption {
  const block = sentObject(properties, 'encryption')
  if (block === null) return { source: null, key: null, identity: null }
  const key = sentObject(block, 'keyvaultproperties', 'encryption.keyvaultproperties')
  const identity = sentObject(block, 'identity', 'encryption.identity')
  return {
    source: readSource(block),
    key: key === null ? null : readKey(key),
    identity: identity === null ? null : readIdentity(identity),
  }
}

export function readSource(block: JsonObject): SentEncryption['source'] {
  // The account's `keySource`, an encryption scope's `source`.
  const sent = member(block, 'keySource') ?? member(block, 'source')
  if (sent === undefined) return null
  const word = typeof sent === 'string' ? sent.toLowerCase() : ''
  if (word === 'microsoft.storage' || word === 'microsoft.keyvault') return sources[word]
  throw refused(
    400,
    'UnknownEncryptionKeySource',
    'The encryption key source given is unknown: it must be Microsoft.Storage or Microsoft.Keyvault.',
    { target: 'encryption.keySource' },
  )
}

function readKey(block: JsonObject): SentKey {
  const text = (name: string) => sentText(block, name, `encryption.keyvaultproperties.${name}`)
  return { vaultUri: text('keyvaulturi'), name: text('keyname'), version: text('keyversion') }
}

function readIdentity(block: JsonObject): SentIdentity {
  const text = (name: string) => sentText(block, name, `encryption.identity.${name}`)
  return {
    userAssigned: text('userAssignedIdentity'),
    federated: readFederated(text('federatedIdentityClientId')),
  }
}

/** az and PowerShell say `None` for taking it away. */
function readFederated(sent: string | null): SentIdentity['federated'] {
  if (sent === null) return null
  if (sent === '' || sent.toLowerCase() === 'none') return 'none'
  const clientId = parseGuid(sent)
  if (clientId === null)
    throw invalidValue('encryption.identity.federatedIdentityClientId', sent, "an application's client id")
  return clientId
}
