import type { ExtentKey } from '../../crypto/extent-key.ts'
import { Fault, Outage } from '../../kernel/fault.ts'
import type { Guid } from '../../kernel/guid.ts'
import type { Json } from '../../kernel/json.ts'
import type { KeyIdentifier, RefusalCause } from './ports.ts'

/** A resource that has a root key. */
export interface ProtectedResource {
  /** `Resource.uid`: what the wrapping is bound to. */
  readonly uid: string
  /** ARM id: in tokens, logs and messages. */
  readonly resourceId: string
  /** `registry`, `blob-account`, ...: bound too. */
  readonly purpose: string
}

/** Under whose key the root key is. */
export type Protection =
  | { readonly source: 'service' }
  | {
      readonly source: 'customer'
      readonly key: KeyIdentifier
      /** The managed identity that opens the vault; the caller has checked that it is attached to the resource. */
      readonly identity: { readonly principalId: Guid; readonly clientId: Guid; readonly isSystem: boolean }
      /**
       * The multi-tenant application as whose service principal, in the vault's own tenant, the identity opens the vault
       * (Azure's `federatedIdentityClientId`). Absent: the identity opens it as itself.
       */
      readonly federated?: { readonly clientId: Guid }
    }

export interface ProtectionState {
  readonly protection: Protection
  /** The version that wraps the root key now; null under `service`. */
  readonly versionedKeyId: string | null
  readonly lastRotatedAt: Date
  /** When that version expires, as the vault said when it was looked at last; null: never, or under `service`. */
  readonly keyExpiresAt: Date | null
  /** SHA-256 of the wrapped root key, hex: changes with each wrap, tells nothing of the key. */
  readonly wrappingFingerprint: string
  /** The latest refusal that has not been followed by an unwrap; null when the key opens or nobody asked since start. */
  readonly refusal: { readonly cause: RefusalCause; readonly message: string; readonly at: Date } | null
  /** Why the newest version of a followed key was not taken up; absent when all is well or nobody tried since start. */
  readonly rotationFailure?: { readonly message: string; readonly at: Date }
}

export interface KeyringFaults {
  /** The customer's key does not open: the protocol's 403. */
  'key-refused': {
    readonly keyId: string
    readonly identity: string
    readonly cause: RefusalCause
    readonly message: string
  }
  /** The key id's host is not under a configured vault suffix, or is no key id. */
  'key-id-invalid': { readonly keyId: string; readonly reason: string }
  /** The key cannot serve: EC, wrong size, soft delete or purge protection off. `missing` holds each `FitnessNeed`. */
  'key-unfit': { readonly keyId: string; readonly missing: readonly string[] }
  /** The stored wrapping is foreign, swapped, older or damaged. */
  'wrapping-refused': { readonly resourceId: string; readonly reason: string }
}
export class KeyringFault<K extends keyof KeyringFaults = keyof KeyringFaults> extends Fault<
  KeyringFaults,
  K
> {
  override readonly name = 'KeyringFault'
}

/**
 * The heart: root keys, leases, changes of key. No root key is in memory but under a lease.
 * An `Outage` means that the vault gave no answer in time: 503 with Retry-After, never 403.
 */
export interface Keyring {
  /** Makes the root key and its first wrapping. Repeatable until the resource is committed. */
  create(resource: ProtectedResource, protection: Protection, signal: AbortSignal): Promise<ProtectionState>
  /**
   * Enables, rotates or switches: rewraps the one root key, O(1). Begins with a fresh unwrap. Does nothing, and wraps
   * nothing, when `to` is what already holds.
   */
  change(resource: ProtectedResource, to: Protection, signal: AbortSignal): Promise<ProtectionState>
  /** What is stored; asks no vault. @throws KeyringFault `wrapping-refused` */
  state(resource: ProtectedResource): Promise<ProtectionState>
  /** Opens the root key, or gives the lease in force. @throws KeyringFault `key-refused`, Outage */
  open(resource: ProtectedResource, signal: AbortSignal): Promise<KeyLease>
  /** Key usable without the customer: for what must work while he has revoked. */
  serviceRecords(resource: ProtectedResource): Promise<ServiceRecords>
  /** With the resource: its wrappings and keys are gone for good. */
  destroy(resource: ProtectedResource): Promise<void>
}

/**
 * A lease ended, by a push or by its time, while it was being used. Nobody has refused: `check()` waits for the next one,
 * or for the refusal.
 */
export class LeaseEnded extends Outage {}

/**
 * The right to use one root key, for a few seconds. Every method throws when the lease is over, `LeaseEnded` unless it is known why.
 * A long transfer calls `check()` before each segment: at once while the lease lives, else it waits for its renewal.
 */
export interface KeyLease {
  /** Void while the lease lives. @throws KeyringFault `key-refused`, Outage */
  check(): Promise<void> | undefined
  readonly rootKeyId: string
  /** Seals a small record under the customer record key; `context` says what and where it is and is bound in. */
  sealRecord(context: string, plain: Uint8Array): Buffer
  openRecord(context: string, sealed: Uint8Array): Buffer
  /** What a record holds as JSON, the same object to all who ask: not to be changed. */
  openJson(context: string, sealed: Uint8Array): Json
  /** Keyed hash for an index value: equal for equal parts in this resource, meaningless elsewhere. 32 bytes. */
  indexOf(context: string, value: string): Buffer
  wrapExtentKey(extent: { readonly extentId: string; readonly length: number }, key: ExtentKey): Buffer
  unwrapExtentKey(
    extent: { readonly extentId: string; readonly length: number },
    wrapped: Uint8Array,
  ): ExtentKey
}

export interface ServiceRecords {
  seal(context: string, plain: Uint8Array): Buffer
  open(context: string, sealed: Uint8Array): Buffer
  /** As `KeyLease.openJson`. */
  openJson(context: string, sealed: Uint8Array): Json
  /** As `open`, for one of many that are gone through: it takes no place in memory from those that every request needs. */
  openInPassing(context: string, sealed: Uint8Array): Buffer
  /** As `KeyLease.indexOf`, for an index that is looked into while the customer has revoked. 32 bytes. */
  indexOf(context: string, value: string): Buffer
  /** For a layer that the customer's key has no part in (infrastructure encryption). */
  wrapExtentKey(context: string, key: ExtentKey): Buffer
  unwrapExtentKey(context: string, wrapped: Uint8Array): ExtentKey
}
