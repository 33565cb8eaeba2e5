import type { RootKey } from '../../crypto/root-key.ts'
import { Outage } from '../../kernel/fault.ts'
import { type CustomerTarget, isOtherIdentityOnSameKey, type WrapTarget } from './change-plan.ts'
import { type CustomerKeyDeps, customerKey } from './customer-key.ts'
import type { Epochs } from './epochs.ts'
import { isKeyRefused } from './fault-kinds.ts'
import { Grant } from './grant.ts'
import type { KeyActivity, WrapCause } from './key-activity.ts'
import { KeyringFault, type ProtectedResource } from './keyring.ts'
import { LeaseTime } from './lease-time.ts'
import type { LeaseClock } from './ports.ts'
import { makeRootKey, openRootKey, wrapForCustomer, wrapForService } from './root-key-wrapping.ts'
import type { Wrapping } from './wrapping-record.ts'
import type { Held, WrappingStore } from './wrapping-store.ts'

export interface RewrapDeps {
  readonly store: WrappingStore
  readonly keys: CustomerKeyDeps
  readonly epochs: Epochs
  readonly clock: LeaseClock
  readonly leaseMs: number
  readonly now: () => Date
  readonly activity: KeyActivity
  /** Tells this process's leases; takes the grant over or ends it. */
  readonly adopt: (resource: ProtectedResource, grant: Grant, wrapping: Wrapping, isCurrent: boolean) => void
}

/** A root key opened for a change of key, with the state of the vault that it rests on. */
interface Opened {
  readonly grant: Grant
  isCurrent(): boolean
}

/** Makes the root key and its first wrapping. */
export async function createWrapping(
  deps: RewrapDeps,
  resource: ProtectedResource,
  findTarget: () => Promise<WrapTarget>,
  signal: AbortSignal,
): Promise<Wrapping> {
  return reported(deps, resource, 'created', async () => {
    const target = await findTarget()
    await deps.store.prepare(resource)
    const { rootKey, ...wrappedKeys } = makeRootKey(resource)
    try {
      const kept = { ...wrappedKeys, rootKeyId: rootKey.keyId }
      return await replace(deps, resource, target, kept, async () => rootKey, signal)
    } finally {
      rootKey.destroy()
    }
  })
}

/** Opens the root key under its present wrapping, now, and wraps it under another. */
export async function rewrap(
  deps: RewrapDeps,
  resource: ProtectedResource,
  held: Held,
  target: WrapTarget,
  cause: WrapCause,
  signal: AbortSignal,
): Promise<Wrapping> {
  return reported(deps, resource, cause, async () => {
    let old = await openPresent(deps, resource, held, target, signal)
    const oldRootKey = async () => {
      if (!old.isCurrent()) {
        old.grant.end()
        old = await openPresent(deps, resource, held, target, signal)
      }
      const keys = old.isCurrent() ? old.grant.keys() : null
      if (keys === null)
        throw new Outage('the present key was changed while another took over', { retryAfterSeconds: 1 })
      return keys.rootKey
    }
    try {
      return await replace(deps, resource, target, held.wrapping, oldRootKey, signal)
    } finally {
      old.grant.end()
    }
  })
}

/**
 * @param rootKey asked for again just before the new wrapping takes over: whoever was cut off meanwhile cannot finish
 */
async function replace(
  deps: RewrapDeps,
  resource: ProtectedResource,
  target: WrapTarget,
  kept: Pick<Wrapping, 'rootKeyId' | 'wrappedRecordKey' | 'wrappedIndexKey'>,
  rootKey: () => Promise<RootKey>,
  signal: AbortSignal,
): Promise<Wrapping> {
  const { wrapping, proof } = await deps.store.replace(resource, {
    serviceWrappingKey: 'wrappingKey' in target ? target.wrappingKey : null,
    wrap: async (generation) => ({
      generation,
      protection: target.protection,
      versionedKey: 'key' in target ? target.key : null,
      payloadGeneration: generation,
      rootKeyId: kept.rootKeyId,
      lastRotatedAt: deps.now(),
      keyExpiresAt: 'key' in target ? target.expiresAt : null,
      wrappedRootKey:
        'key' in target
          ? await wrapUnder(deps.keys, resource, target, generation, await rootKey(), signal)
          : await wrapForService(await rootKey(), resource, generation, target.wrappingKey),
      wrappedRecordKey: kept.wrappedRecordKey,
      wrappedIndexKey: kept.wrappedIndexKey,
    }),
    prove: async (stored) => {
      const opened = await open(deps, resource, stored, signal)
      try {
        await rootKey()
        return opened
      } catch (error) {
        opened.grant.end()
        throw error
      }
    },
  })
  deps.adopt(resource, proof.grant, wrapping, proof.isCurrent())
  return wrapping
}

function wrapUnder(
  keys: CustomerKeyDeps,
  resource: ProtectedResource,
  { protection, key }: CustomerTarget,
  generation: number,
  rootKey: RootKey,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return wrapForCustomer(rootKey, resource, generation, (payload) =>
    customerKey(keys, resource, protection).wrap(key, payload, signal),
  )
}

async function open(
  deps: RewrapDeps,
  resource: ProtectedResource,
  held: Held,
  signal: AbortSignal,
): Promise<Opened> {
  const { protection, generation } = held.wrapping
  const key = protection.source === 'customer' ? protection.key : null
  const epoch = () => (key === null ? 0 : deps.epochs.of(key))
  const sentIn = epoch()
  const time = new LeaseTime(deps.clock)
  const grant = new Grant(
    await openRootKey(deps.keys, resource, held, signal),
    generation,
    time,
    deps.leaseMs,
  )
  return { grant, isCurrent: () => epoch() === sentIn && grant.keys() !== null }
}

/**
 * The key that protects the resource now. Where its identity may not use it any more, but the new one may, by that: an identity
 * that was deleted has to be replaceable. The refusal says what must be done first.
 */
async function openPresent(
  deps: RewrapDeps,
  resource: ProtectedResource,
  held: Held,
  { protection }: WrapTarget,
  signal: AbortSignal,
): Promise<Opened> {
  try {
    return await open(deps, resource, held, signal)
  } catch (error) {
    if (!isKeyRefused(error)) throw error
    if (isOtherIdentityOnSameKey(held.wrapping.protection, protection)) {
      return open(deps, resource, { ...held, wrapping: { ...held.wrapping, protection } }, signal)
    }
    const message = `The present key must open before another can take over; give access to it back first. ${error.facts.message}`
    throw new KeyringFault('key-refused', { ...error.facts, message }, { cause: error })
  }
}

async function reported(
  { store, activity }: RewrapDeps,
  resource: ProtectedResource,
  cause: WrapCause,
  work: () => Promise<Wrapping>,
): Promise<Wrapping> {
  try {
    const wrapping = await work()
    // Two databases: neither waits for the other's disk.
    await Promise.all([store.settle(resource), activity.wrapped(resource, wrapping, cause)])
    return wrapping
  } catch (error) {
    // A version that cannot be taken up is tried again and again: `versionFollowed` tells of it once.
    if (cause !== 'new-key-version') await activity.notWrapped(resource, error, cause)
    throw error
  }
}
