import { MacKey } from '../../crypto/mac-key.ts'
import { RememberingRecordKey } from '../../crypto/opened-records.ts'
import { RecordKey } from '../../crypto/record-key.ts'
import { RootKey } from '../../crypto/root-key.ts'
import { type CustomerKeyDeps, type CustomerProtection, customerKey } from './customer-key.ts'
import type { VersionedKey } from './key-id.ts'
import type { OpenedKeys } from './grant.ts'
import type { ProtectedResource } from './keyring.ts'
import { asWrappingRefusal, refusedWrapping, type Wrapping } from './wrapping-record.ts'
import type { Held } from './wrapping-store.ts'

/** A new root key with what is below it. */
export interface NewRootKey {
  readonly rootKey: RootKey
  readonly wrappedRecordKey: Buffer
  readonly wrappedIndexKey: Buffer
}

export function makeRootKey({ uid }: ProtectedResource): NewRootKey {
  const rootKey = RootKey.generate()
  const recordKey = RecordKey.generate()
  return {
    rootKey,
    wrappedRecordKey: rootKey.wrapRecordKey(recordKeyContext(uid), recordKey),
    wrappedIndexKey: recordKey.wrap(indexKeyContext(uid), MacKey.generate()),
  }
}

/** Under the resource's service wrapping key, which lies in the keys store. */
export function wrapForService(
  rootKey: RootKey,
  resource: ProtectedResource,
  generation: number,
  key: RecordKey,
): Promise<Buffer> {
  return rootKey.sealPayload(bindingOf(resource, generation), async (payload) =>
    key.seal(serviceContext(resource.uid, generation), payload),
  )
}

/** One `wrapKey`. */
export function wrapForCustomer(
  rootKey: RootKey,
  resource: ProtectedResource,
  generation: number,
  wrap: (payload: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  return rootKey.sealPayload(bindingOf(resource, generation), wrap)
}

/**
 * Opens a wrapping: one `unwrapKey` under a customer's key, none under the service's.
 * @throws KeyringFault `key-refused`, `wrapping-refused`, Outage
 */
export async function openRootKey(
  deps: CustomerKeyDeps,
  resource: ProtectedResource,
  { secrets, wrapping }: Held,
  signal: AbortSignal,
): Promise<OpenedKeys> {
  const { protection, versionedKey, wrappedRootKey } = wrapping
  if (protection.source === 'customer' && versionedKey !== null) {
    const payload = await unwrapped(deps, resource, protection, versionedKey, wrappedRootKey, signal)
    return openKeys(resource, wrapping, payload)
  }
  const key = secrets.serviceWrappingKey
  if (key === null) throw refusedWrapping(resource, 'its service wrapping key was destroyed')
  const context = serviceContext(resource.uid, wrapping.payloadGeneration)
  return openKeys(
    resource,
    wrapping,
    asWrappingRefusal(resource, () => key.open(context, wrappedRootKey)),
  )
}

function unwrapped(
  deps: CustomerKeyDeps,
  resource: ProtectedResource,
  protection: CustomerProtection,
  key: VersionedKey,
  wrapped: Uint8Array,
  signal: AbortSignal,
): Promise<Buffer> {
  return customerKey(deps, resource, protection).unwrap(key, wrapped, signal)
}

/** Some MB for each resource in use, at most. */
const MAX_REMEMBERED = 2048

/** Overwrites `payload`. */
function openKeys(resource: ProtectedResource, wrapping: Wrapping, payload: Buffer): OpenedKeys {
  const { uid } = resource
  return asWrappingRefusal(resource, () => {
    const rootKey = RootKey.fromPayload(payload, bindingOf(resource, wrapping.payloadGeneration))
    if (rootKey.keyId !== wrapping.rootKeyId) throw refusedWrapping(resource, 'it wraps another root key')
    const recordKey = rootKey.unwrapRecordKey(recordKeyContext(uid), wrapping.wrappedRecordKey)
    return {
      rootKey,
      recordKey: new RememberingRecordKey(recordKey, MAX_REMEMBERED),
      indexKey: recordKey.unwrapMacKey(indexKeyContext(uid), wrapping.wrappedIndexKey),
    }
  })
}

/** The uid stands for the resource: its ARM id can be given to another once it is deleted. */
function bindingOf({ uid, purpose }: ProtectedResource, generation: number) {
  return { resourceId: uid, purpose, generation }
}

function serviceContext(uid: string, generation: number): string {
  return `wrapping/${uid}/${generation}/root_key`
}

function recordKeyContext(uid: string): string {
  return `wrapping/${uid}/record_key`
}

function indexKeyContext(uid: string): string {
  return `wrapping/${uid}/index_key`
}
