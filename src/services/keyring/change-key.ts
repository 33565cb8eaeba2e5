import type { RootKey } from '../../crypto/root-key.ts'
import { Outage } from '../../kernel/fault.ts'
import { type CustomerTarget, type WrapTarget, customerTarget, planChange, targetOf } from './change-plan.ts'
import { type CustomerKeyDeps, customerKey } from './customer-key.ts'
import type { Epochs } from './epochs.ts'
import { isKeyRefused } from './fault-kinds.ts'
import { Grant } from './grant.ts'
import type { KeyActivity, WrapCause } from './key-activity.ts'
import { KeyringFault, type ProtectedResource, type Protection } from './keyring.ts'
import { LeaseTime } from './lease-time.ts'
import type { LeaseClock } from './ports.ts'
import { makeRootKey, openRootKey, wrapForCustomer, wrapForService } from './root-key-wrapping.ts'
import type { Serial } from './waiting.ts'
import type { Wrapping } from './wrapping-record.ts'
import type { Held, WrappingStore } from './wrapping-store.ts'

export interface ChangeDeps {
  readonly store: WrappingStore
  readonly keys: CustomerKeyDeps
  readonly epochs: Epochs
  readonly clock: LeaseClock
  readonly leaseMs: number
  readonly now: () => Date
  readonly activity: KeyActivity
  /** Changes of one resource wait for each other. */
  readonly serial: Serial
  /** Tells this process's leases; takes the grant over or ends it. */
  readonly adopt: (resource: ProtectedResource, grant: Grant, wrapping: Wrapping, isCurrent: boolean) => void
  /** What became of taking up newer versions; null: all is well. */
  readonly versionFollowed: (resource: ProtectedResource, failure: unknown) => void
}

/** A root key opened for a change of key, with the state of the vault that it rests on. */
interface Opened {
  readonly grant: Grant
  isCurrent(): boolean
}

/**
 * Enables, rotates, switches: wraps the one root key anew, whatever the amount of data. The old key must open now, by a
 * fresh unwrap; it must still be allowed to when the new one takes over.
 */
export function changeKey(
  deps: ChangeDeps,
  resource: ProtectedResource,
  to: Protection,
  signal: AbortSignal,
): Promise<Wrapping> {
  return deps.serial.run(resource.uid, async () => {
    signal.throwIfAborted()
    await deps.store.settle(resource)
    return changeHeld(deps, resource, await deps.store.read(resource), to, signal)
  })
}

/** The first wrapping. A resource that has one already, because its creation is repeated, keeps its root key. */
export function createKey(
  deps: ChangeDeps,
  resource: ProtectedResource,
  to: Protection,
  signal: AbortSignal,
): Promise<Wrapping> {
  return deps.serial.run(resource.uid, async () => {
    signal.throwIfAborted()
    await deps.store.settle(resource)
    const held = await deps.store.find(resource)
    if (held !== null) return changeHeld(deps, resource, held, to, signal)
    return reported(deps, resource, 'created', async () => {
      const target = await targetOf(deps.keys, resource, to, signal)
      await deps.store.prepare(resource)
      const { rootKey, ...wrappedKeys } = makeRootKey(resource)
      try {
        const base = { ...wrappedKeys, rootKeyId: rootKey.keyId }
        return await replace(deps, resource, target, base, async () => rootKey, signal)
      } finally {
        rootKey.destroy()
      }
    })
  })
}

/** Takes up the newest version of a key that is followed; never wraps for any other reason. Never fails. */
export function followNewestVersion(
  deps: ChangeDeps,
  resource: ProtectedResource,
  signal: AbortSignal,
): Promise<void> {
  return deps.serial.run(resource.uid, async () => {
    const held = await deps.store.find(resource)
    if (held !== null && !signal.aborted) await takeUpNewest(deps, resource, held, signal)
  })
}

async function changeHeld(
  deps: ChangeDeps,
  resource: ProtectedResource,
  held: Held,
  to: Protection,
  signal: AbortSignal,
): Promise<Wrapping> {
  const plan = await planChange(deps.keys, resource, held.wrapping, to, signal)
  switch (plan.kind) {
    case 'nothing':
      return held.wrapping
    case 'newest':
      return takeUpNewest(deps, resource, held, signal)
    case 'settings':
      return reconfigure(deps, resource, held, to)
    case 'rewrap':
      return rewrap(deps, resource, held, plan.target, 'requested', signal)
  }
}

/** What holds goes on to hold when the newest version cannot be had: that is shown, and not the caller's fault. */
async function takeUpNewest(
  deps: ChangeDeps,
  resource: ProtectedResource,
  held: Held,
  signal: AbortSignal,
): Promise<Wrapping> {
  const { protection, versionedKey } = held.wrapping
  if (protection.source === 'service' || protection.key.version !== null) return held.wrapping
  try {
    const target = await customerTarget(deps.keys, resource, protection, signal)
    const isNewest = target.key.version === versionedKey?.version
    const after = isNewest
      ? held.wrapping
      : await rewrap(deps, resource, held, target, 'new-key-version', signal)
    deps.versionFollowed(resource, null)
    return after
  } catch (error) {
    deps.versionFollowed(resource, error)
    return held.wrapping
  }
}

/** Same key version, same identity: nothing is wrapped, the record is written and signed anew under its next number. */
async function reconfigure(
  deps: ChangeDeps,
  resource: ProtectedResource,
  held: Held,
  to: Protection,
): Promise<Wrapping> {
  const { wrapping } = await deps.store.replace(resource, {
    serviceWrappingKey: null,
    wrap: async (generation) => ({ ...held.wrapping, generation, protection: to }),
    prove: async () => undefined,
  })
  deps.activity.reconfigured(resource, wrapping)
  return wrapping
}

async function rewrap(
  deps: ChangeDeps,
  resource: ProtectedResource,
  held: Held,
  target: WrapTarget,
  cause: WrapCause,
  signal: AbortSignal,
): Promise<Wrapping> {
  return reported(deps, resource, cause, async () => {
    let old = await openPresent(deps, resource, held, signal)
    const oldRootKey = async () => {
      if (!old.isCurrent()) {
        old.grant.end()
        old = await openPresent(deps, resource, held, signal)
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
  deps: ChangeDeps,
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
  deps: ChangeDeps,
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

/** The key that protects the resource now. Its refusal says what must be done first. */
async function openPresent(
  deps: ChangeDeps,
  resource: ProtectedResource,
  held: Held,
  signal: AbortSignal,
): Promise<Opened> {
  try {
    return await open(deps, resource, held, signal)
  } catch (error) {
    if (!isKeyRefused(error)) throw error
    const message = `The present key must open before another can take over; give access to it back first. ${error.facts.message}`
    throw new KeyringFault('key-refused', { ...error.facts, message }, { cause: error })
  }
}

async function reported(
  { activity }: ChangeDeps,
  resource: ProtectedResource,
  cause: WrapCause,
  work: () => Promise<Wrapping>,
): Promise<Wrapping> {
  try {
    const wrapping = await work()
    activity.wrapped(resource, wrapping, cause)
    return wrapping
  } catch (error) {
    // A version that cannot be taken up is tried again and again: `versionFollowed` tells of it once.
    if (cause !== 'new-key-version') activity.notWrapped(resource, error, cause)
    throw error
  }
}
