import { azureTime } from '../../kernel/clock.ts'
import type { JsonObject } from '../../kernel/json.ts'
import { isKeyringFault } from '../keyring/fault-kinds.ts'
import { formatKeyIdentifier } from '../keyring/key-id.ts'
import type { Keyring, Protection } from '../keyring/keyring.ts'
import {
  type AttachedIdentity,
  findAttached,
  identityInUse,
  isAttached,
  systemIdentityOf,
} from '../resources/attached-identity.ts'
import { refused } from '../resources/faults.ts'
import type { Resource, ResourceReader } from '../resources/provider.ts'
import {
  type CustomerProtection,
  type EncryptionDeps,
  missingPrerequisites,
  presentStatus,
} from './account-encryption.ts'
import { sentObject, sentText } from './account-words.ts'
import { keyRefusal } from './key-refusals.ts'
import { readSource } from './sent-encryption.ts'
import { ENCRYPTION_SCOPE_TYPE, protectedAccount, protectedScope } from './storage-account.ts'

/**
 * Brings a scope's protection to what was sent, through the keyring and with the account's identity. Silence changes nothing.
 * @throws ResourceFault in Azure's words
 */
export async function applyScopeEncryption(
  deps: EncryptionDeps,
  change: {
    readonly scope: Resource
    readonly account: Resource
    readonly isNew: boolean
    readonly sent: JsonObject
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { keyring } = deps
  const { account, isNew, sent, signal } = change
  const scope = protectedOf(change.scope)
  try {
    const before = isNew ? null : (await keyring.state(scope)).protection
    const wanted = await wantedProtection(deps, { sent, account }, before)
    if (isNew) await keyring.create(scope, wanted, signal)
    else if (wanted !== before) await keyring.change(scope, wanted, signal)
  } catch (error) {
    throw keyRefusal(error)
  }
}

function protectedOf({ uid, id }: Resource) {
  return protectedScope({ uid, resourceId: id })
}

/** @returns `before` itself when nothing was sent that would change it */
async function wantedProtection(
  deps: EncryptionDeps,
  { sent, account }: { readonly sent: JsonObject; readonly account: Resource },
  before: Protection | null,
): Promise<Protection> {
  const source = readSource(sent) ?? before?.source ?? 'service'
  if (source === 'service') return before?.source === 'service' ? before : { source }
  const vault = sentObject(sent, 'keyVaultProperties')
  const keyUri = vault === null ? null : sentText(vault, 'keyUri', 'keyVaultProperties.keyUri')
  if (keyUri !== null && keyUri !== '')
    return { source, key: deps.parseKeyId(keyUri), ...(await identityOf(deps.keyring, account)) }
  if (before?.source === 'customer') return before
  throw refused(
    400,
    'MissingKeyvaultProperties',
    'The encryption keyvault properties are missing from the request.',
    { target: 'keyVaultProperties.keyUri' },
  )
}

type Opener = Pick<CustomerProtection, 'identity' | 'federated'>

/** The account's: the one that opens its own key, else the system-assigned one, else the one that is assigned to it. */
async function identityOf(keyring: Keyring, account: Resource): Promise<Opener> {
  const { protection } = await keyring.state(protectedAccount({ uid: account.uid, resourceId: account.id }))
  const opener = openerOf(account, protection)
  if (opener !== null) return opener
  throw missingPrerequisites('Managed Service Identity (MSI) is not set for this account.')
}

function openerOf(account: Resource, protection: Protection): Opener | null {
  if (protection.source === 'customer') {
    const { identity, federated } = protection
    return federated === undefined ? { identity } : { identity, federated }
  }
  const assigned = account.identity?.user[0]?.resourceId
  const identity: AttachedIdentity | null =
    systemIdentityOf(account.identity) ??
    (assigned === undefined ? null : findAttached(account.identity, assigned))
  return identity === null ? null : { identity }
}

/**
 * Before an identity is detached from its account: the scopes whose keys it opens go over to the account's other one.
 * May be repeated. @throws ResourceFault when there is no other, or it may not use one of the keys
 */
export async function moveScopes(
  {
    keyring,
    resources,
  }: { readonly keyring: Keyring; readonly resources: Pick<ResourceReader, 'listByType'> },
  /** As it will be. */
  { account, protection }: { readonly account: Resource; readonly protection: Protection },
  signal: AbortSignal,
): Promise<void> {
  const prefix = `${account.id}/encryptionScopes/`.toLowerCase()
  for (const scope of await resources.listByType(ENCRYPTION_SCOPE_TYPE)) {
    if (!scope.id.toLowerCase().startsWith(prefix)) continue
    const { protection: now } = await keyring.state(protectedOf(scope))
    if (now.source === 'service' || isAttached(account.identity, now.identity)) continue
    const opener = openerOf(account, protection)
    if (opener === null) throw identityInUse(scope, now.identity, 'Assign another one to the account first.')
    try {
      await keyring.change(protectedOf(scope), { source: 'customer', key: now.key, ...opener }, signal)
    } catch (error) {
      throw keyRefusal(error)
    }
  }
}

export async function presentScopeEncryption(
  keyring: Pick<Keyring, 'state'>,
  scope: Resource,
): Promise<JsonObject> {
  try {
    const state = await keyring.state(protectedOf(scope))
    const { protection } = state
    if (protection.source === 'service') return { source: 'Microsoft.Storage' }
    return {
      source: 'Microsoft.KeyVault',
      keyVaultProperties: {
        keyUri: formatKeyIdentifier(protection.key),
        currentVersionedKeyIdentifier: state.versionedKeyId,
        lastKeyRotationTimestamp: azureTime(state.lastRotatedAt),
      },
      ...presentStatus(state),
    }
  } catch (error) {
    if (!isKeyringFault(error) || error.code !== 'wrapping-refused') throw error
    return keyDamaged
  }
}

/** It is still shown, so that it can be looked at. */
const keyDamaged: JsonObject = {
  status: {
    displayStatus: 'KeyDamaged',
    message: 'The stored key of the encryption scope was refused. Restore data and keys of the same time.',
  },
}
