import { KeyFault } from '../../crypto/faults.ts'
import { randomHex } from '../../crypto/random.ts'
import { type RsaBits, RsaKey, type RsaPrivateJwk } from '../../crypto/rsa-key.ts'
import { base64url } from '../../kernel/bytes.ts'
import { type Clock, unixSeconds } from '../../kernel/clock.ts'
import type { Endpoints } from '../../kernel/endpoints.ts'
import type { KeyRecords } from '../../store/records/vault/key-records.ts'
import type { Changes } from './changes.ts'
import { VaultFault, parameterInvalid } from './faults.ts'
import { findLive } from './read-keys.ts'
import type { AdmittedCall } from './session.ts'
import {
  type KeyOperation,
  type StoredVersion,
  type VaultKey,
  bitsOf,
  keyOperations,
  shownVersion,
  vaultUrl,
} from './vault-key.ts'

export type { RsaBits, RsaPrivateJwk } from '../../crypto/rsa-key.ts'

/** What a caller says of a version; left out: as it is, or the default for a new one. Times are whole seconds since 1970. */
export interface KeyChanges {
  readonly keyOperations?: readonly KeyOperation[]
  readonly enabled?: boolean
  readonly notBefore?: number
  readonly expires?: number
  readonly tags?: Readonly<Record<string, string>>
}

export interface MakeKeys {
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
  /** `version` null is the newest. @throws VaultFault `key-not-found` */
  update(
    call: AdmittedCall,
    at: { readonly name: string; readonly version: string | null },
    changes: KeyChanges,
  ): Promise<VaultKey>
}

export interface MakeKeysDeps {
  readonly records: KeyRecords
  readonly clock: Clock
  readonly endpoints: Endpoints
  readonly changes: Pick<Changes, 'tell'>
  /** Bounds how many are generated at once. */
  readonly slots: <T>(work: () => Promise<T>) => Promise<T>
}

export function makeKeys(deps: MakeKeysDeps): MakeKeys {
  const { records, endpoints } = deps
  const now = () => unixSeconds(deps.clock.now())
  const add = async (call: AdmittedCall, name: string, material: RsaKey, given: KeyChanges) => {
    const { vault } = call
    const version = newVersion(material, given, now())
    const added = await records.add(vault.uid, { name, version, material })
    if (added === null) throw new VaultFault('key-is-deleted', { name })
    call.touches(`keys/${added.name}/${version.version}`)
    deps.changes.tell({
      kind: 'key-version-created',
      vaultUrl: vaultUrl(endpoints, vault.name),
      keyName: name.toLowerCase(),
    })
    return shownVersion(endpoints, vault, { name: added.name, version })
  }
  return {
    async assertNameFree({ vault }, name) {
      const key = await records.find(vault.uid, name)
      if (key !== null && key.deletion !== null) throw new VaultFault('key-is-deleted', { name: key.name })
    },
    create: async (call, name, made) =>
      await add(call, name, await deps.slots(() => RsaKey.generate(made.bits)), made),
    import: async (call, name, brought) => await add(call, name, readJwk(brought.jwk), brought),
    async rotate(call, name) {
      const { version } = await findLive(records, call, name, null)
      const material = await deps.slots(() => RsaKey.generate(bitsOf(version)))
      return await add(call, name, material, inherited(version, now()))
    },
    async update(call, { name, version }, changes) {
      const { vault } = call
      const at = { name, version: version?.toLowerCase() ?? null }
      const updated = await records.update(vault.uid, at, (before) => changed(before, changes, now()))
      if (updated === null) throw new VaultFault('key-not-found', { name, version })
      call.touches(`keys/${updated.name}/${updated.version.version}`)
      deps.changes.tell({
        kind: 'key',
        vaultUrl: vaultUrl(endpoints, vault.name),
        keyName: name.toLowerCase(),
      })
      return shownVersion(endpoints, vault, updated)
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

function changed(before: StoredVersion, changes: KeyChanges, now: number): StoredVersion {
  return {
    ...before,
    keyOperations: changes.keyOperations ?? before.keyOperations,
    enabled: changes.enabled ?? before.enabled,
    notBefore: changes.notBefore ?? before.notBefore,
    expires: changes.expires ?? before.expires,
    tags: changes.tags ?? before.tags,
    updated: now,
  }
}

/** What a rotated key takes over. An expiry that has passed is left behind: the new version would be born dead. */
function inherited(version: StoredVersion, now: number): KeyChanges {
  return {
    keyOperations: keyOperations.filter((operation) => version.keyOperations.includes(operation)),
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
    if (!(error instanceof KeyFault) || error.code !== 'bad-key') throw error
    const { reason } = (error as KeyFault<'bad-key'>).facts
    throw parameterInvalid(`The key cannot be imported: ${reason}.`)
  }
}
