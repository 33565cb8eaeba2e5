import { RecordKey } from '../../crypto/record-key.ts'
import { type CustomerKeyDeps, type CustomerProtection, customerKey } from './customer-key.ts'
import { assertFit } from './fitness.ts'
import { isSameKey, type VersionedKey } from './key-id.ts'
import type { ProtectedResource, Protection } from './keyring.ts'
import type { Wrapping } from './wrapping-record.ts'

/** What a change of key comes to. `newest`: of what holds already, whether its key has a newer version. */
export type ChangePlan =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'newest' }
  /** The wrapped key is the right one: only what is written beside it changes. */
  | { readonly kind: 'settings'; readonly target: CustomerTarget }
  | { readonly kind: 'rewrap'; readonly target: WrapTarget }

/** What the root key is to be wrapped under. */
export type WrapTarget = ServiceTarget | CustomerTarget
export interface ServiceTarget {
  readonly protection: Extract<Protection, { source: 'service' }>
  /** New for each wrapping. */
  readonly wrappingKey: RecordKey
}
export interface CustomerTarget {
  readonly protection: CustomerProtection
  readonly key: VersionedKey
  readonly expiresAt: Date | null
}

/**
 * Asks the vault for no more than the key's description, and that only where the settings really change.
 * @throws KeyringFault `key-unfit`, `key-refused`, Outage
 */
export async function planChange(
  deps: CustomerKeyDeps,
  resource: ProtectedResource,
  now: Wrapping,
  to: Protection,
  signal: AbortSignal,
): Promise<ChangePlan> {
  if (to.source === 'service') {
    return now.protection.source === 'service'
      ? { kind: 'nothing' }
      : { kind: 'rewrap', target: serviceTarget(to) }
  }
  const isSameWay = isSameIdentityAndKey(now.protection, to)
  if (isSameWay && sameVersion(now.protection, to))
    return { kind: to.key.version === null ? 'newest' : 'nothing' }
  const target = await customerTarget(deps, resource, to, signal)
  const isWrappedSo = isSameWay && target.key.version === now.versionedKey?.version
  return isWrappedSo ? { kind: 'settings', target } : { kind: 'rewrap', target }
}

/** @throws KeyringFault `key-unfit`, `key-refused`, Outage */
export async function targetOf(
  deps: CustomerKeyDeps,
  resource: ProtectedResource,
  to: Protection,
  signal: AbortSignal,
): Promise<WrapTarget> {
  return to.source === 'service' ? serviceTarget(to) : customerTarget(deps, resource, to, signal)
}

/** The version to wrap under, described and found fit. @throws KeyringFault `key-unfit`, `key-refused`, Outage */
export async function customerTarget(
  deps: CustomerKeyDeps,
  resource: ProtectedResource,
  protection: CustomerProtection,
  signal: AbortSignal,
): Promise<CustomerTarget> {
  const check = await customerKey(deps, resource, protection).describe(signal)
  assertFit(check)
  return { protection, key: check.key, expiresAt: check.expiresAt }
}

function serviceTarget(protection: ServiceTarget['protection']): ServiceTarget {
  return { protection, wrappingKey: RecordKey.generate() }
}

export function isOtherIdentityOnSameKey(now: Protection, to: Protection): boolean {
  if (now.source === 'service' || to.source === 'service') return false
  return isSameKey(now.key, to.key) && !isSameIdentity(now, to)
}

function isSameIdentityAndKey(now: Protection, to: Protection): boolean {
  if (now.source === 'service' || to.source === 'service') return false
  return isSameKey(now.key, to.key) && isSameIdentity(now, to)
}

function isSameIdentity(now: CustomerProtection, to: CustomerProtection): boolean {
  const [a, b] = [now.identity, to.identity]
  return (
    a.principalId === b.principalId &&
    a.clientId === b.clientId &&
    a.isSystem === b.isSystem &&
    now.federated?.clientId === to.federated?.clientId
  )
}

function sameVersion(now: Protection, to: Protection): boolean {
  return now.source === 'customer' && to.source === 'customer' && now.key.version === to.key.version
}
