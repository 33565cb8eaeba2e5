import { type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { azureTime } from '../../kernel/clock.ts'
import { inWords } from '../keyring/fault-kinds.ts'
import { formatKeyIdentifier } from '../keyring/key-id.ts'
import type { Keyring, ProtectedResource, Protection, ProtectionState } from '../keyring/keyring.ts'
import type { KeyIdentifier } from '../keyring/ports.ts'
import {
  type AttachedIdentity,
  findAttached,
  identityInUse,
  isAttached,
  systemIdentityOf,
} from '../resources/attached-identity.ts'
import { refused } from '../resources/faults.ts'
import type { Resource, ResourceIdentity } from '../resources/provider.ts'

/** `properties.encryption` as sent; null where it is silent. Names are read in any letter case: the seed's template sends `KeyIdentifier`. */
export interface SentEncryption {
  readonly status: 'enabled' | 'disabled' | null
  readonly keyIdentifier: string | null
  /** Client id, principal id, resource id or name of an attached identity, or `system`. */
  readonly identity: string | null
}

export interface EncryptionDeps {
  readonly keyring: Keyring
  /** @throws KeyringFault `key-id-invalid` */
  readonly parseKeyId: (text: string) => KeyIdentifier
  /** `azure`: a customer's key at creation or never, and for good. */
  readonly limits: 'azure' | 'lifted'
}

/** @throws ResourceFault for a malformed block */
export function readSentEncryption(properties: JsonObject): SentEncryption {
  const block = member(properties, 'encryption')
  if (block === undefined) return { status: null, keyIdentifier: null, identity: null }
  if (!isJsonObject(block)) throw notAnObject('encryption')
  const status = member(block, 'status') ?? null
  if (status !== null && status !== 'enabled' && status !== 'disabled') {
    throw refused(400, 'InvalidEncryptionSettings', 'encryption.status must be enabled or disabled.', {
      target: 'encryption.status',
    })
  }
  const vault = member(block, 'keyVaultProperties')
  if (vault !== undefined && !isJsonObject(vault)) throw notAnObject('encryption.keyVaultProperties')
  const text = (name: string) => {
    const value = vault === undefined ? undefined : member(vault, name)
    if (value !== undefined && typeof value !== 'string') {
      throw refused(
        400,
        'InvalidEncryptionSettings',
        `encryption.keyVaultProperties.${name} must be a string.`,
      )
    }
    return value === undefined || value === '' ? null : value
  }
  return { status, keyIdentifier: text('keyIdentifier'), identity: text('identity') }
}

function notAnObject(target: string) {
  return refused(400, 'InvalidEncryptionSettings', `${target} must be an object.`, { target })
}

/**
 * Brings a registry's protection to what was sent, through the keyring. Silence changes nothing: a full-body PUT
 * without the block keeps the key.
 * @throws ResourceFault in Azure's words
 */
export async function applyEncryption(
  deps: EncryptionDeps,
  {
    resource,
    isNew,
    sent,
    sku,
    signal,
  }: {
    readonly resource: Resource
    readonly isNew: boolean
    readonly sent: SentEncryption
    readonly sku: string
    readonly signal: AbortSignal
  },
): Promise<ProtectionState> {
  const { keyring } = deps
  const registry = protectedRegistry(resource)
  try {
    if (isNew) {
      const wanted =
        sent.status === 'enabled'
          ? customerProtection(deps, resource, sent, null)
          : { source: 'service' as const }
      if (wanted.source === 'customer') assertMayBeEncrypted(sku)
      if (wanted.source === 'customer' && wanted.identity.isSystem) throw systemIdentityAtCreation()
      return await keyring.create(registry, wanted, signal)
    }
    const state = await keyring.state(registry)
    const wanted = wantedProtection(deps, resource, sent, state.protection)
    if (wanted.source === 'customer') {
      assertMayBeEncrypted(sku)
      assertAttached(resource, wanted)
    }
    return wanted === state.protection ? state : await keyring.change(registry, wanted, signal)
  } catch (error) {
    throw worded(error, sent)
  }
}

export function protectedRegistry(resource: {
  readonly uid: string
  readonly id: string
}): ProtectedResource {
  return { uid: resource.uid, resourceId: resource.id, purpose: 'registry' }
}

/** The wire form. In 2019-12-01-preview the block had three fields and the status, no more. */
export function presentEncryption(
  { protection, versionedKeyId, lastRotatedAt }: ProtectionState,
  apiVersion: string,
): JsonObject {
  if (protection.source === 'service') return { status: 'disabled' }
  const keyVaultProperties = {
    identity: protection.identity.isSystem ? 'system' : protection.identity.clientId,
    keyIdentifier: formatKeyIdentifier(protection.key),
    versionedKeyIdentifier: versionedKeyId,
  }
  if (apiVersion.startsWith('2019')) return { status: 'enabled', keyVaultProperties }
  return {
    status: 'enabled',
    keyVaultProperties: {
      ...keyVaultProperties,
      keyRotationEnabled: protection.key.version === null,
      lastKeyRotationTimestamp: azureTime(lastRotatedAt),
    },
  }
}

function wantedProtection(
  deps: EncryptionDeps,
  resource: Resource,
  sent: SentEncryption,
  now: Protection,
): Protection {
  const wantsCustomer = sent.status === 'enabled' || (sent.status === null && now.source === 'customer')
  if (deps.limits === 'azure') {
    if (now.source === 'customer' && sent.status === 'disabled') {
      throw refused(
        400,
        'EncryptionCannotBeDisabled',
        'A registry that was created with a customer-managed key keeps it: encryption cannot be disabled. (The server option --limits lifted allows it.)',
      )
    }
    if (now.source === 'service' && wantsCustomer) {
      throw refused(
        400,
        'EncryptionOnlyAtCreation',
        'A customer-managed key can be enabled only when a registry is created. (The server option --limits lifted allows it at any time.)',
      )
    }
  }
  if (!wantsCustomer) return now.source === 'service' ? now : { source: 'service' }
  return sent.keyIdentifier === null && sent.identity === null
    ? now
    : customerProtection(deps, resource, sent, now)
}

function customerProtection(
  deps: EncryptionDeps,
  resource: Resource,
  sent: SentEncryption,
  now: Protection | null,
): Extract<Protection, { readonly source: 'customer' }> {
  const before = now?.source === 'customer' ? now : null
  const key = sent.keyIdentifier === null ? before?.key : deps.parseKeyId(sent.keyIdentifier)
  const identity =
    sent.identity === null ? before?.identity : attachedIdentity(resource.identity, sent.identity)
  if (key === undefined || identity === undefined) {
    throw refused(
      400,
      'MissingEncryptionSettings',
      'encryption.keyVaultProperties needs keyIdentifier and identity when encryption is enabled.',
      { target: 'encryption.keyVaultProperties' },
    )
  }
  return { source: 'customer', key, identity }
}

/** Principal id, client id, resource id or name; `system` (az's `[system]`) for the registry's own. */
function attachedIdentity(identities: ResourceIdentity | null, text: string): AttachedIdentity {
  if (/^(system|\[system\])$/i.test(text)) {
    const system = systemIdentityOf(identities)
    if (system !== null) return system
    throw refused(
      400,
      'SystemAssignedIdentityNotEnabled',
      "The registry's system-assigned identity is not enabled: assign it first (az acr identity assign --identities [system]), give it access to the key, then rotate.",
    )
  }
  const found = findAttached(identities, text)
  if (found !== null) return found
  throw refused(
    400,
    'IdentityNotAttached',
    `The identity '${text.slice(0, 300)}' is not attached to the registry. Assign it first: az acr identity assign --identities <resource id>.`,
    { target: 'encryption.keyVaultProperties.identity' },
  )
}

function assertAttached(
  resource: Resource,
  { identity }: Extract<Protection, { readonly source: 'customer' }>,
): void {
  if (isAttached(resource.identity, identity)) return
  const first = 'Rotate to another identity first (az acr encryption rotate-key --identity ...).'
  throw identityInUse(resource, identity, first)
}

function assertMayBeEncrypted(sku: string): void {
  if (sku === 'Premium') return
  throw refused(
    400,
    'EncryptionNotSupportedForSku',
    `Customer-managed keys need the Premium tier, not ${sku}.`,
    { target: 'sku.name' },
  )
}

function systemIdentityAtCreation() {
  return refused(
    400,
    'UserAssignedIdentityRequired',
    'A registry is created with a user-assigned identity: its system-assigned one has no access to the key before it exists. Rotate to it later.',
  )
}

function worded(error: unknown, sent: SentEncryption): unknown {
  return inWords(error, {
    'key-refused': ({ keyId, identity, cause, message }) =>
      refused(
        400,
        'KeyVaultAccessForbidden',
        `Failed to access KeyId '${keyId}'. Verify that identity '${identity}' has 'Get, Wrap Key, Unwrap Key' permission on key '${keyId}'. For more information on bring your own key, please visit 'https://aka.ms/acr/cmk'.`,
        { details: [{ code: cause, message }] },
      ),
    'key-id-invalid': ({ keyId, reason }) =>
      refused(
        400,
        'InvalidKeyIdentifier',
        `'${keyId.slice(0, 300)}' is not a key that this installation may use: ${reason}.`,
        { target: 'encryption.keyVaultProperties.keyIdentifier' },
      ),
    'key-unfit': ({ keyId, missing }) =>
      refused(
        400,
        'KeyVaultKeyNotSuitable',
        `The key '${keyId}' cannot encrypt a registry: ${missing.join('; ')}.`,
        { details: missing.map((message) => ({ code: 'KeyVaultKeyNotSuitable', message })) },
      ),
    'wrapping-refused': ({ reason }) =>
      refused(
        409,
        'RegistryKeyDamaged',
        `The stored key of the registry was refused: ${reason}. Restore data and keys of the same time.${sent.keyIdentifier === null ? '' : ' The key was not changed.'}`,
      ),
  })
}
