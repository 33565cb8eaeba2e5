import { SealFault } from '../../crypto/faults.ts'
import type { Log } from '../../observe/log.ts'
import type { KeySecrets, KeySecretsRepository } from '../../store/records/key-secrets/key-secrets.ts'
import type { WrappingsRepository } from '../../store/records/wrappings/wrappings.ts'
import type { RecordKey } from '../../crypto/record-key.ts'
import { keyLookup } from './key-id.ts'
import type { ProtectedResource, Protection } from './keyring.ts'
import { type Wrapping, openWrapping, refusedWrapping, sealWrapping } from './wrapping-record.ts'

export interface WrappingStoreDeps {
  /** In keys.db. */
  readonly keySecrets: KeySecretsRepository
  /** In data.db. */
  readonly wrappings: WrappingsRepository
  /** Takes what was deleted out of both databases' logs. */
  readonly scrub: () => Promise<void>
  readonly log: Pick<Log, 'warn' | 'error'>
}

export interface Held {
  readonly secrets: KeySecrets
  readonly wrapping: Wrapping
}

export interface Replacement<P> {
  /** Of a wrapping under service protection. */
  readonly serviceWrappingKey: RecordKey | null
  /** Wraps the root key under its new protection. */
  readonly wrap: (generation: number) => Promise<Wrapping>
  /** Opens what was stored, as any later start would have to; throws when it must not take over. */
  readonly prove: (held: Held) => Promise<P>
}

/**
 * Where wrappings are kept, and how one takes the place of another although no transaction spans the two databases.
 *
 * 1. keys.db: a number is issued, the resource is unsettled     crash after it: undone
 * 2. data.db: the new wrapping is added, the old one stays      crash after it: undone
 * 3. the new one is read again and proven                       crash after it: undone
 * 4. keys.db: the new one is confirmed, and a service wrapping key that is not its own destroyed, in one commit
 * 5. `settle`: data.db: the old one is removed; logs are scrubbed; keys.db: settled      crash before the end: finished
 *
 * At every instant exactly one wrapping holds, the confirmed one, and the key that opens it exists. No number is issued
 * twice, so a copy of an unfinished or an older wrapping never fits again.
 */
export interface WrappingStore {
  /** The wrapping that holds. @throws KeyringFault `wrapping-refused` */
  read(resource: ProtectedResource): Promise<Held>
  /** Null when there is no proven wrapping yet. */
  find(resource: ProtectedResource): Promise<Held | null>
  /** Makes what a first wrapping needs in the keys store. */
  prepare(resource: ProtectedResource): Promise<void>
  /** Steps 1 to 4. Whoever calls it calls `settle` then; when it fails, it is settled already. */
  replace<P>(
    resource: ProtectedResource,
    replacement: Replacement<P>,
  ): Promise<{ readonly wrapping: Wrapping; readonly proof: P }>
  /**
   * Finishes or undoes what an earlier replacement left, whichever the keys store says. Never fails: what cannot be tidied
   * up now is logged, and the next change, renewal or start does it. Only while no replacement is under way.
   */
  settle(resource: Pick<ProtectedResource, 'uid' | 'resourceId'>): Promise<void>
  /** `settle` for all: at the start. */
  settleAll(): Promise<void>
  remove(uid: string): Promise<void>
}

const PAGE = 100

export function openWrappingStore(deps: WrappingStoreDeps): WrappingStore {
  const find = (resource: ProtectedResource) => findHeld(deps, resource)
  return {
    find,
    prepare: (resource) => deps.keySecrets.ensure(resource),
    settle: (resource) => settleQuietly(deps, resource),
    async read(resource) {
      const held = await find(resource)
      if (held === null) throw refusedWrapping(resource, 'the resource has no root key')
      return held
    },
    replace: (resource, replacement) => replaceWrapping(deps, resource, replacement),
    async settleAll() {
      for (let after = ''; ;) {
        const { items, next } = await deps.keySecrets.listUnsettled(after, PAGE)
        for (const owner of items) await settleQuietly(deps, owner)
        if (next === null) return
        after = next
      }
    },
    async remove(uid) {
      // The keys first: without them nothing of the rest is of use to anyone.
      await deps.keySecrets.remove(uid)
      await deps.wrappings.removeOthers(uid, null)
      await deps.scrub()
    },
  }
}

async function findHeld(
  { keySecrets, wrappings }: WrappingStoreDeps,
  resource: ProtectedResource,
): Promise<Held | null> {
  const secrets = await keySecrets.find(resource.uid).catch((error: unknown) => {
    throw error instanceof SealFault ? refusedWrapping(resource, 'the keys store is damaged', error) : error
  })
  if (secrets === null || secrets.confirmed === 0) return null
  const stored = await wrappings.find(resource.uid, secrets.confirmed)
  if (stored !== null) return { secrets, wrapping: openWrapping(secrets, resource, stored) }
  const others = await wrappings.listGenerations(resource.uid)
  const newest = others.at(-1)
  if (newest === undefined) throw refusedWrapping(resource, 'it is missing from the data records')
  const age = newest < secrets.confirmed ? 'older' : 'newer'
  throw refusedWrapping(
    resource,
    `the data records are ${age} than the keys store: put back the copy that belongs to it`,
  )
}

async function replaceWrapping<P>(
  deps: WrappingStoreDeps,
  resource: ProtectedResource,
  { serviceWrappingKey, wrap, prove }: Replacement<P>,
): Promise<{ readonly wrapping: Wrapping; readonly proof: P }> {
  const { keySecrets, wrappings } = deps
  const { uid } = resource
  try {
    const generation = await keySecrets.issue(uid, serviceWrappingKey)
    const secrets = await keySecrets.find(uid)
    if (secrets === null) throw refusedWrapping(resource, 'the resource was deleted meanwhile')
    await wrappings.add(sealWrapping(secrets, resource, await wrap(generation)))
    const stored = await wrappings.find(uid, generation)
    if (stored === null) throw refusedWrapping(resource, 'the new wrapping was not kept')
    const held = { secrets, wrapping: openWrapping(secrets, resource, stored) }
    const proof = await prove(held)
    await keySecrets.confirm(uid, generation, followedKey(held.wrapping.protection))
    return { wrapping: held.wrapping, proof }
  } catch (error) {
    // The keys store decides what becomes of it: a confirmation whose outcome is unknown may have been written.
    await settleQuietly(deps, resource)
    throw error
  }
}

async function settleOne(
  { keySecrets, wrappings, scrub, log }: WrappingStoreDeps,
  uid: string,
): Promise<void> {
  const secrets = await keySecrets.find(uid)
  if (secrets === null || secrets.isSettled) return
  if (secrets.confirmed === 0) {
    // A creation that never came to its end: nothing was sealed under this root key.
    await keySecrets.remove(uid)
    await wrappings.removeOthers(uid, null)
    await scrub()
    return
  }
  const generations = await wrappings.listGenerations(uid)
  if (!generations.includes(secrets.confirmed)) {
    log.error(
      { resourceId: secrets.owner.resourceId, confirmed: secrets.confirmed, generations },
      'wrapping missing',
    )
    return
  }
  await keySecrets.withdraw(uid)
  await wrappings.removeOthers(uid, secrets.confirmed)
  if ((await keySecrets.find(uid))?.mustScrub === true) await scrub()
  await keySecrets.settle(uid)
}

async function settleQuietly(
  deps: WrappingStoreDeps,
  { uid, resourceId }: Pick<ProtectedResource, 'uid' | 'resourceId'>,
): Promise<void> {
  try {
    await settleOne(deps, uid)
  } catch (error) {
    // What holds is decided already; the next change, renewal or start tidies up.
    deps.log.warn({ resourceId, error }, 'a change of key could not be tidied up yet')
  }
}

function followedKey(protection: Protection): string | null {
  return protection.source === 'customer' && protection.key.version === null
    ? keyLookup(protection.key)
    : null
}
