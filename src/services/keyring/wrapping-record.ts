import { z } from 'zod'
import { uint64, utf8 } from '../../crypto/encoding.ts'
import { SealFault } from '../../crypto/faults.ts'
import { sha256 } from '../../crypto/digest.ts'
import { hex } from '../../kernel/bytes.ts'
import type { Guid } from '../../kernel/guid.ts'
import type { KeySecrets } from '../../store/records/key-secrets/key-secrets.ts'
import type { StoredWrapping } from '../../store/records/wrappings/wrappings.ts'
import type { VersionedKey } from './key-id.ts'
import { KeyringFault, type ProtectedResource, type Protection } from './keyring.ts'

/** A root key as it is kept: wrapped, and under whose key. docs/format/wrapping.md. */
export interface Wrapping {
  /** Of this record: each has a number of its own, and the keys store says which one holds. */
  readonly generation: number
  readonly protection: Protection
  /** The key version that wraps the root key; null under service protection. */
  readonly versionedKey: VersionedKey | null
  /** Bound into the payload: the generation at which the root key was wrapped last. */
  readonly payloadGeneration: number
  readonly rootKeyId: string
  readonly lastRotatedAt: Date
  /** Of the version that wraps, as the vault said. */
  readonly keyExpiresAt: Date | null
  readonly wrappedRootKey: Uint8Array
  /** The customer record key under the root key. */
  readonly wrappedRecordKey: Uint8Array
  /** The key of `KeyLease.indexOf` under the customer record key. */
  readonly wrappedIndexKey: Uint8Array
}

const key = z.object({ vaultUrl: z.string(), name: z.string(), version: z.string().nullable() })
const guid = z.guid().transform((text) => text as Guid)
const protection = z.discriminatedUnion('source', [
  z.object({ source: z.literal('service') }),
  z.object({
    source: z.literal('customer'),
    key,
    identity: z.object({ principalId: guid, clientId: guid, isSystem: z.boolean() }),
    federated: z.object({ clientId: guid }).exactOptional(),
  }),
])
const time = z.iso.datetime().transform((text) => new Date(text))
const settingsShape = z.object({
  protection,
  versionedKey: key.extend({ version: z.string() }).nullable(),
  payloadGeneration: z.int().positive(),
  rootKeyId: z.string(),
  lastRotatedAt: time,
  // Earlier records do not say.
  keyExpiresAt: time.nullish().transform((end) => end ?? null),
})

const MAC_CONTEXT = 'strongroom wrapping 1'

export function sealWrapping(
  secrets: KeySecrets,
  resource: ProtectedResource,
  wrapping: Wrapping,
): StoredWrapping {
  const { generation, wrappedRootKey, wrappedRecordKey, wrappedIndexKey, ...settings } = wrapping
  const unsigned = {
    resource_uid: resource.uid,
    generation,
    settings: secrets.serviceRecordKey.seal(
      settingsContext(resource, generation),
      utf8(JSON.stringify(settings)),
    ),
    root_key: wrappedRootKey,
    record_key: wrappedRecordKey,
    index_key: wrappedIndexKey,
  }
  return { ...unsigned, mac: secrets.macKey.mac(MAC_CONTEXT, ...signedParts(resource, unsigned)) }
}

/** @throws KeyringFault `wrapping-refused` when it is another resource's, or not as we wrote it */
export function openWrapping(
  secrets: KeySecrets,
  resource: ProtectedResource,
  stored: StoredWrapping,
): Wrapping {
  if (!secrets.macKey.verify(stored.mac, MAC_CONTEXT, ...signedParts(resource, stored))) {
    throw refusedWrapping(resource, 'it was altered, or belongs to another resource')
  }
  return {
    generation: stored.generation,
    ...settingsOf(secrets, resource, stored),
    wrappedRootKey: stored.root_key,
    wrappedRecordKey: stored.record_key,
    wrappedIndexKey: stored.index_key,
  }
}

function settingsOf(secrets: KeySecrets, resource: ProtectedResource, stored: StoredWrapping) {
  try {
    const plain = secrets.serviceRecordKey.open(settingsContext(resource, stored.generation), stored.settings)
    return settingsShape.parse(JSON.parse(plain.toString('utf8')))
  } catch (cause) {
    throw refusedWrapping(resource, 'its settings do not open', cause)
  }
}

/** SHA-256 of the wrapped root key, in hexadecimal. */
export function fingerprintOf(wrapping: Wrapping): string {
  return hex(sha256(wrapping.wrappedRootKey))
}

/** Runs what opens sealed keys of a wrapping. @throws KeyringFault `wrapping-refused` in place of a SealFault */
export function asWrappingRefusal<T>(resource: ProtectedResource, open: () => T): T {
  try {
    return open()
  } catch (error) {
    if (error instanceof SealFault) throw refusedWrapping(resource, 'what it wraps is not bound to it', error)
    throw error
  }
}

export function refusedWrapping(
  resource: Pick<ProtectedResource, 'resourceId'>,
  reason: string,
  cause?: unknown,
): KeyringFault<'wrapping-refused'> {
  return new KeyringFault('wrapping-refused', { resourceId: resource.resourceId, reason }, { cause })
}

/** All of a row but its MAC: with uid and purpose, so that it is good for its own resource only. */
function signedParts(resource: ProtectedResource, row: Omit<StoredWrapping, 'mac'>): Uint8Array[] {
  const bound = [utf8(resource.uid), utf8(resource.purpose), uint64(row.generation)]
  return [...bound, row.settings, row.root_key, row.record_key, row.index_key]
}

function settingsContext({ uid }: ProtectedResource, generation: number): string {
  return `wrapping/${uid}/${generation}/settings`
}
