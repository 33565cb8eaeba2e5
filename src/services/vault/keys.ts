import { randomHex } from '../../crypto/random.ts'
import { type RsaBits, RsaKey, type RsaPrivateJwk } from '../../crypto/rsa-key.ts'
import { KeyFault } from '../../crypto/faults.ts'
import { base64url } from '../../kernel/bytes.ts'
import { type Clock, unixSeconds } from '../../kernel/clock.ts'
import type { Endpoints } from '../../kernel/endpoints.ts'
import type { Page } from '../../kernel/page.ts'
import { DAY_MS } from '../../kernel/units.ts'
import type { KeyRecords } from '../../store/records/vault/key-records.ts'
import type { FoundKey } from '../../store/records/vault/stored-key.ts'
import type { Changes } from './changes.ts'
import { VaultFault, parameterInvalid } from './faults.ts'
import type { ObservedTime } from './observed-time.ts'
import type { AdmittedCall } from './session.ts'
import {
  type KeyOperation,
  type StoredVersion,
  type VaultKey,
  keyOperations,
  recoveryOf,
  vaultUrl,
} from './vault-key.ts'

/** What a caller says of a version; left out: as it is, or the default for a new one. Times are whole seconds since 1970. */
export interface KeyChanges {
  readonly keyOperations?: readonly KeyOperation[]
  readonly enabled?: boolean
  readonly notBefore?: number
  readonly expires?: number
  readonly tags?: Readonly<Record<string, string>>
}

export interface PageRequest {
  /** What the page before gave as `next`. */
  readonly after: string | null
  readonly limit: number
}

/** Keys at rest: everything but their use. Names and versions in any letter case. */
export interface VaultKeys {
  /** @throws VaultFault `key-not-found` */
  get(call: AdmittedCall, name: string, version: string | null): Promise<VaultKey>
  /** @throws VaultFault `key-is-deleted` */
  assertNameFree(call: AdmittedCall, name: string): Promise<void>
  /** A new key, or a new version of one. @throws VaultFault `key-is-deleted`; Outage when too many are being made */
  create(call: AdmittedCall, name: string, made: { readonly bits: RsaBits } & KeyChanges): Promise<VaultKey>
  /** @throws VaultFault `key-is-deleted`, `parameter-invalid` */
  import(
    call: AdmittedCall,
    name: string,
    brought: { readonly jwk: RsaPrivateJwk } & KeyChanges,
  ): Promise<VaultKey>
  /** A new version like the newest one. @throws VaultFault `key-not-found` */
  rotate(call: AdmittedCall, name: string): Promise<VaultKey>
  /** @throws VaultFault `key-not-found` */
  update(
    call: AdmittedCall,
    at: { readonly name: string; readonly version: string | null },
    changes: KeyChanges,
  ): Promise<VaultKey>
  /** With all its versions; recoverable. @throws VaultFault `key-to-delete-not-found` */
  delete(call: AdmittedCall, name: string): Promise<VaultKey>
  list(call: AdmittedCall, which: 'live' | 'deleted', page: PageRequest): Promise<Page<VaultKey>>
  /** Oldest first. A missing key has no versions: an empty page, as in Azure. */
  listVersions(call: AdmittedCall, name: string, page: PageRequest): Promise<Page<VaultKey>>
  /** @throws VaultFault `deleted-key-not-found` */
  getDeleted(call: AdmittedCall, name: string): Promise<VaultKey>
  /** @throws VaultFault `deleted-key-not-found` */
  recover(call: AdmittedCall, name: string): Promise<VaultKey>
  /** For good. @throws VaultFault `deleted-key-not-found`, `purge-protected` */
  purge(call: AdmittedCall, name: string): Promise<void>
}

export interface KeysDeps {
  readonly records: KeyRecords
  readonly clock: Clock
  readonly observed: Pick<ObservedTime, 'nowMs'>
  readonly endpoints: Endpoints
  readonly changes: Pick<Changes, 'tell'>
  readonly slots: <T>(work: () => Promise<T>) => Promise<T>
  /** Takes what was deleted out of the database's log too. */
  readonly scrub: () => Promise<void>
}

export function vaultKeys(deps: KeysDeps): VaultKeys {
  const { records } = deps
  const shown = ({ vault }: AdmittedCall, name: string, version: StoredVersion): VaultKey => ({
    vaultUrl: vaultUrl(deps.endpoints, vault.name),
    name,
    version,
    recovery: recoveryOf(vault),
    deletion: null,
  })
  const shownKey = (call: AdmittedCall, key: FoundKey): VaultKey => ({
    ...shown(call, key.name, key.current),
    deletion: key.deletion,
  })
  const tell = ({ vault }: AdmittedCall, kind: 'key' | 'key-version-created', name: string) =>
    deps.changes.tell({ kind, vaultUrl: vaultUrl(deps.endpoints, vault.name), keyName: name.toLowerCase() })
  const find = async (call: AdmittedCall, name: string, version: string | null) => {
    const at = version?.toLowerCase() ?? null
    const key = await records.find(call.vault.uid, name)
    if (key?.deletion !== null) throw new VaultFault('key-not-found', { name, version })
    if (at === null || at === key.current.version) return { name: key.name, version: key.current }
    const found = await records.findVersion(call.vault.uid, name, at)
    if (found === null) throw new VaultFault('key-not-found', { name, version })
    return found
  }
  const findDeleted = async ({ vault }: AdmittedCall, name: string): Promise<FoundKey> => {
    const key = await records.find(vault.uid, name)
    if (key === null || key.deletion === null) throw new VaultFault('deleted-key-not-found', { name })
    return key
  }
  const assertNameFree = async ({ vault }: AdmittedCall, name: string): Promise<void> => {
    const key = await records.find(vault.uid, name)
    if (key !== null && key.deletion !== null) throw new VaultFault('key-is-deleted', { name: key.name })
  }
  const add = async (
    call: AdmittedCall,
    name: string,
    material: RsaKey,
    given: KeyChanges,
  ): Promise<VaultKey> => {
    const version = newVersion(material, given, unixSeconds(deps.clock.now()))
    const outcome = await records.add(call.vault.uid, { name, version, material })
    if (outcome === 'deleted') throw new VaultFault('key-is-deleted', { name })
    call.touches(`keys/${name}/${version.version}`)
    tell(call, 'key-version-created', name)
    const key = await find(call, name, version.version)
    return shown(call, key.name, key.version)
  }
  return {
    async get(call, name, version) {
      const found = await find(call, name, version)
      call.touches(`keys/${found.name}/${found.version.version}`)
      return shown(call, found.name, found.version)
    },
    assertNameFree,
    async create(call, name, made) {
      return await add(call, name, await deps.slots(() => RsaKey.generate(made.bits)), made)
    },
    async import(call, name, brought) {
      return await add(call, name, readJwk(brought.jwk), brought)
    },
    async rotate(call, name) {
      const { version } = await find(call, name, null)
      const bits = bitsOf(version)
      const material = await deps.slots(() => RsaKey.generate(bits))
      return await add(call, name, material, inherited(version, unixSeconds(deps.clock.now())))
    },
    async update(call, at, changes) {
      const version = at.version?.toLowerCase() ?? null
      const updated = await records.update(call.vault.uid, { ...at, version }, (before) => ({
        ...changed(before, changes),
        updated: unixSeconds(deps.clock.now()),
      }))
      if (updated === null) throw new VaultFault('key-not-found', at)
      call.touches(`keys/${updated.name}/${updated.version.version}`)
      tell(call, 'key', at.name)
      return shown(call, updated.name, updated.version)
    },
    async delete(call, name) {
      const { retentionDays, uid } = call.vault
      const deletedAt = deps.clock.now()
      const retentionMs = retentionDays * DAY_MS
      const deleted = await records.markDeleted(uid, name, {
        deletedAt,
        purgeAt: new Date(deletedAt.getTime() + retentionMs),
        purgeAfterMs: deps.observed.nowMs() + retentionMs,
      })
      if (deleted === null) throw new VaultFault('key-to-delete-not-found', { name })
      tell(call, 'key', name)
      return shownKey(call, deleted)
    },
    async list(call, which, page) {
      const { items, next } = await records.list(call.vault.uid, which, page)
      return { items: items.map((key) => shownKey(call, key)), next }
    },
    async listVersions(call, name, page) {
      const { items, next } = await records.listVersions(call.vault.uid, name, page)
      return { items: items.map((item) => shown(call, item.name, item.version)), next }
    },
    async getDeleted(call, name) {
      return shownKey(call, await findDeleted(call, name))
    },
    async recover(call, name) {
      const key = await records.recover(call.vault.uid, name)
      if (key === null) throw new VaultFault('deleted-key-not-found', { name })
      tell(call, 'key', name)
      return shownKey(call, key)
    },
    async purge(call, name) {
      await findDeleted(call, name)
      if (call.vault.isPurgeProtected) throw new VaultFault('purge-protected', {})
      if (!(await records.purge(call.vault.uid, name)))
        throw new VaultFault('deleted-key-not-found', { name })
      tell(call, 'key', name)
      await deps.scrub()
    },
  }
}

function newVersion(material: RsaKey, given: KeyChanges, now: number): StoredVersion {
  return {
    version: randomHex(16),
    modulus: base64url(material.modulus),
    exponent: base64url(material.exponent),
    keyOperations: given.keyOperations ?? keyOperations,
    enabled: given.enabled ?? true,
    notBefore: given.notBefore ?? null,
    expires: given.expires ?? null,
    created: now,
    updated: now,
    tags: given.tags ?? null,
  }
}

function changed(before: StoredVersion, changes: KeyChanges): StoredVersion {
  return {
    ...before,
    keyOperations: changes.keyOperations ?? before.keyOperations,
    enabled: changes.enabled ?? before.enabled,
    notBefore: changes.notBefore ?? before.notBefore,
    expires: changes.expires ?? before.expires,
    tags: changes.tags ?? before.tags,
  }
}

/** What a rotated key takes over. An expiry that has passed is left behind: the new version would be born dead. */
function inherited(version: StoredVersion, now: number): KeyChanges {
  return {
    keyOperations: version.keyOperations as readonly KeyOperation[],
    enabled: version.enabled,
    ...(version.notBefore === null ? {} : { notBefore: version.notBefore }),
    ...(version.expires === null || version.expires <= now ? {} : { expires: version.expires }),
    ...(version.tags === null ? {} : { tags: version.tags }),
  }
}

function readJwk(jwk: RsaPrivateJwk): RsaKey {
  try {
    return RsaKey.fromJwk(jwk)
  } catch (error) {
    if (error instanceof KeyFault && 'reason' in error.facts) {
      throw parameterInvalid(`The key cannot be imported: ${error.facts.reason}.`)
    }
    throw error
  }
}

/** Modulus length: the modulus is kept without leading zeros. */
export function bitsOf({ modulus }: StoredVersion): RsaBits {
  return (Buffer.from(modulus, 'base64url').length * 8) as RsaBits
}
