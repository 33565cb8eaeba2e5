import { azureTime } from '../../kernel/clock.ts'
import type { JsonObject } from '../../kernel/json.ts'
import { isSameKey } from '../keyring/key-id.ts'
import { type Keyring, KeyringFault, type Protection, type ProtectionState } from '../keyring/keyring.ts'
import type { KeyIdentifier } from '../keyring/ports.ts'
import { findAttached, identityInUse, isAttached, systemIdentityOf } from '../resources/attached-identity.ts'
import { type ResourceFault, refused } from '../resources/faults.ts'
import type { Resource } from '../resources/provider.ts'
import { invalidValue } from './account-words.ts'
import { keyRefusal } from './key-refusals.ts'
import type { SentEncryption, SentKey } from './sent-encryption.ts'
import { protectedAccount } from './storage-account.ts'

export type CustomerProtection = Extract<Protection, { readonly source: 'customer' }>

export interface EncryptionDeps {
  readonly keyring: Keyring
  /** @throws KeyringFault `key-id-invalid` */
  readonly parseKeyId: (text: string) => KeyIdentifier
}

export interface EncryptionChange {
  /** As it will be, with its identities. */
  readonly resource: Resource
  /** As it is; null at creation. */
  readonly existing: Resource | null
  /** A PATCH keeps what it does not name. */
  readonly isPatch: boolean
  readonly sent: SentEncryption
  readonly signal: AbortSignal
}

/**
 * Brings an account's protection to what was sent, through the keyring. A block that is not sent changes nothing.
 * @returns the protection that holds then
 * @throws ResourceFault in Azure's words
 */
export async function applyEncryption(deps: EncryptionDeps, change: EncryptionChange): Promise<Protection> {
  const { keyring } = deps
  const { resource, existing, signal } = change
  const account = protectedAccount({ uid: resource.uid, resourceId: resource.id })
  try {
    const now = existing === null ? null : (await keyring.state(account)).protection
    const wanted = wantedProtection(deps, change, now)
    if (wanted.source === 'customer') assertIdentity(change, wanted)
    if (existing === null) await keyring.create(account, wanted, signal)
    else if (wanted !== now) await keyring.change(account, wanted, signal)
    return wanted
  } catch (error) {
    throw keyRefusal(error)
  }
}

/** @returns `now` itself when nothing was sent that would change it */
function wantedProtection(
  deps: EncryptionDeps,
  change: EncryptionChange,
  now: Protection | null,
): Protection {
  const { sent, resource } = change
  const before = now?.source === 'customer' ? now : null
  const source = sent.source ?? now?.source ?? 'service'
  if (source === 'service') {
    // A scope may name keys of its own; an account says whose key it means.
    if (sent.source === null && sent.key !== null) throw missingSource()
    return now?.source === 'service' ? now : { source: 'service' }
  }
  const isSilent = sent.key === null && sent.identity === null
  if (before !== null && isSilent && (sent.source === null || isAttached(resource.identity, before.identity)))
    return before
  return {
    source: 'customer',
    key: wantedKey(deps, change, before),
    ...wantedIdentity(change, before),
  }
}

function wantedKey(
  { parseKeyId }: EncryptionDeps,
  { sent, isPatch }: EncryptionChange,
  before: CustomerProtection | null,
): KeyIdentifier {
  const key: SentKey = sent.key ?? { vaultUri: null, name: null, version: before?.key.version ?? '' }
  const vaultUri = (key.vaultUri ?? before?.key.vaultUrl ?? '').replace(/\/+$/, '')
  const name = key.name ?? before?.key.name ?? ''
  if (vaultUri === '' || name === '') throw missingKey()
  if (key.name?.includes('/') === true)
    throw invalidValue('encryption.keyvaultproperties.keyname', key.name, 'the name of a key')
  const newest = parseKeyId(`${vaultUri}/keys/${name}`)
  if (key.version === '') return newest
  if (key.version !== null) return parseKeyId(`${vaultUri}/keys/${name}/${key.version}`)
  // A version belongs to its key: a PATCH that names another one cannot keep it.
  return isPatch && before !== null && isSameKey(before.key, newest) ? before.key : newest
}

function wantedIdentity(
  change: EncryptionChange,
  before: CustomerProtection | null,
): Pick<CustomerProtection, 'identity' | 'federated'> {
  const { sent, resource } = change
  const named = sent.identity?.userAssigned ?? null
  const identity = named === null ? unnamedIdentity(resource, before) : namedIdentity(change, named)
  const federated = sent.identity?.federated ?? null
  const clientId = federated ?? (named === null ? (before?.federated?.clientId ?? 'none') : 'none')
  if (clientId === 'none') return { identity }
  if (identity.isSystem) {
    throw missingPrerequisites(
      'encryption.identity.federatedIdentityClientId goes with a user-assigned identity, named in encryption.identity.userAssignedIdentity.',
    )
  }
  return { identity, federated: { clientId } }
}

/** The one that holds, unless this very write takes it away and leaves the system-assigned one. */
function unnamedIdentity(
  resource: Resource,
  before: CustomerProtection | null,
): CustomerProtection['identity'] {
  if (before !== null && isAttached(resource.identity, before.identity)) return before.identity
  const identity = systemIdentityOf(resource.identity) ?? before?.identity
  if (identity !== undefined) return identity
  throw missingPrerequisites(
    resource.identity === null
      ? 'Managed Service Identity (MSI) is not set for this account.'
      : 'No identity was named: set encryption.identity.userAssignedIdentity to the resource id of one that is assigned to the account.',
  )
}

/** One that this very write takes away, as clients send back what they have read, is left for `assertIdentity` to refuse. */
function namedIdentity(
  { resource, existing }: EncryptionChange,
  text: string,
): CustomerProtection['identity'] {
  if (text !== '') {
    const found = findAttached(resource.identity, text) ?? findAttached(existing?.identity ?? null, text)
    if (found?.isSystem === false) return found
    throw missingPrerequisites(
      `The identity '${text.slice(0, 300)}' is not assigned to the account. Assign it with the same request: identity.userAssignedIdentities.`,
    )
  }
  const system = systemIdentityOf(resource.identity)
  if (system !== null) return system
  throw missingPrerequisites("The account's system-assigned identity is not enabled.")
}

function assertIdentity({ resource, existing }: EncryptionChange, { identity }: CustomerProtection): void {
  if (existing === null && identity.isSystem) {
    throw missingPrerequisites(
      'An account is created with a user-assigned identity: its system-assigned one has no access to the key before it exists.',
    )
  }
  if (isAttached(resource.identity, identity)) return
  throw identityInUse(
    resource,
    identity,
    'Name another one in encryption.identity first (az storage account update --key-vault-user-identity-id ...).',
  )
}

/** Azure's sentence, and after it what is missing. Its code is not published. */
export function missingPrerequisites(what: string): ResourceFault {
  return refused(
    400,
    'MissingEncryptionPrerequisites',
    `Missing pre-requisites to enable EncryptionAtRest/Customer Managed Key for this storage account. For more information, see - https://aka.ms/storagecmkconfiguration ${what}`,
    { target: 'encryption.identity' },
  )
}

function missingKey(): ResourceFault {
  return refused(
    400,
    'MissingKeyvaultProperties',
    'The encryption keyvault properties are missing from the request.',
    { target: 'encryption.keyvaultproperties' },
  )
}

function missingSource(): ResourceFault {
  return refused(
    400,
    'MissingEncryptionKeySource',
    'The encryption keySource is missing from the request: keyvaultproperties go with Microsoft.Keyvault.',
    { target: 'encryption.keySource' },
  )
}

/** The whole block: the choices of the account's creation, and under whose key it is. */
export async function presentEncryption(
  keyring: Pick<Keyring, 'state'>,
  resource: Resource,
): Promise<JsonObject> {
  const choices = resource.properties['encryption'] as JsonObject
  try {
    const account = protectedAccount({ uid: resource.uid, resourceId: resource.id })
    const state = await keyring.state(account)
    return { ...choices, ...presentProtection(resource, state), ...presentStatus(state) }
  } catch (error) {
    if (!(error instanceof KeyringFault) || error.code !== 'wrapping-refused') throw error
    // The account is still shown, so that it can be looked at and deleted.
    const message = 'The stored key of the account was refused. Restore data and keys of the same time.'
    return { ...choices, status: { displayStatus: 'KeyDamaged', message } }
  }
}

function presentProtection(resource: Resource, state: ProtectionState): JsonObject {
  const { protection } = state
  if (protection.source === 'service') return { keySource: 'Microsoft.Storage' }
  const { key, identity, federated } = protection
  const attached = resource.identity?.user.find(({ principalId }) => principalId === identity.principalId)
  const shownIdentity = {
    ...(attached === undefined ? {} : { userAssignedIdentity: attached.resourceId }),
    ...(federated === undefined ? {} : { federatedIdentityClientId: federated.clientId }),
  }
  return {
    keySource: 'Microsoft.Keyvault',
    keyvaultproperties: {
      keyvaulturi: key.vaultUrl,
      keyname: key.name,
      keyversion: key.version ?? '',
      currentVersionedKeyIdentifier: state.versionedKeyId,
      lastKeyRotationTimestamp: azureTime(state.lastRotatedAt),
      ...(state.keyExpiresAt === null
        ? {}
        : { currentVersionedKeyExpirationTimestamp: azureTime(state.keyExpiresAt) }),
    },
    ...(identity.isSystem ? {} : { identity: shownIdentity }),
  }
}

/** Ours, and only when something is wrong: the key refuses, or a newer version of it could not be taken up. */
export function presentStatus({ refusal, rotationFailure }: ProtectionState): JsonObject {
  if (refusal !== null) {
    const { cause, message, at } = refusal
    return {
      status: { displayStatus: 'KeyRefused', message: `${cause}: ${message}`, timestamp: azureTime(at) },
    }
  }
  if (rotationFailure === undefined) return {}
  const { message, at } = rotationFailure
  return { status: { displayStatus: 'KeyVersionNotTakenUp', message, timestamp: azureTime(at) } }
}
