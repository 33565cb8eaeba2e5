import { type CustomerTarget, customerTarget, planChange, targetOf } from './change-plan.ts'
import type { ProtectedResource, Protection } from './keyring.ts'
import { type RewrapDeps, createWrapping, rewrap } from './rewrap.ts'
import type { Serial } from './waiting.ts'
import type { Wrapping } from './wrapping-record.ts'
import type { Held } from './wrapping-store.ts'

export interface ChangeDeps extends RewrapDeps {
  /** Changes of one resource wait for each other. */
  readonly serial: Serial
  /** What became of taking up newer versions; null: all is well. */
  readonly versionFollowed: (resource: ProtectedResource, failure: unknown) => void
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
    return createWrapping(deps, resource, () => targetOf(deps.keys, resource, to, signal), signal)
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
      return reconfigure(deps, resource, held, plan.target)
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
      ? await keepExpiry(deps, resource, held, target)
      : await rewrap(deps, resource, held, target, 'new-key-version', signal)
    deps.versionFollowed(resource, null)
    return after
  } catch (error) {
    deps.versionFollowed(resource, error)
    return held.wrapping
  }
}

/** The vault's word on when the version ends may have changed since it wrapped. */
async function keepExpiry(
  deps: ChangeDeps,
  resource: ProtectedResource,
  held: Held,
  target: CustomerTarget,
): Promise<Wrapping> {
  const isSame = held.wrapping.keyExpiresAt?.getTime() === target.expiresAt?.getTime()
  return isSame ? held.wrapping : reconfigure(deps, resource, held, target)
}

/** Same key version, same identity: nothing is wrapped, the record is written and signed anew under its next number. */
async function reconfigure(
  deps: ChangeDeps,
  resource: ProtectedResource,
  held: Held,
  { protection, expiresAt }: CustomerTarget,
): Promise<Wrapping> {
  const { wrapping } = await deps.store.replace(resource, {
    serviceWrappingKey: null,
    wrap: async (generation) => ({ ...held.wrapping, generation, protection, keyExpiresAt: expiresAt }),
    prove: async () => undefined,
  })
  await Promise.all([deps.store.settle(resource), deps.activity.reconfigured(resource, wrapping)])
  return wrapping
}
