import type { Guid } from '../../kernel/guid.ts'
import { Fault } from '../../kernel/fault.ts'

/** A key in a vault, as a resource's settings name it. */
export interface KeyIdentifier {
  /** `https://kv1.vault.localhost:8443`, no slash at the end; its host lies under a configured vault suffix. */
  readonly vaultUrl: string
  readonly name: string
  /** 32 hex digits; null follows the newest version. */
  readonly version: string | null
}

export interface KeyDescription {
  /** `https://.../keys/name/version`: the version that an unversioned identifier stands for now. */
  readonly kid: string
  readonly version: string
  readonly keyType: string
  /** Modulus length. */
  readonly bits: number
  readonly enabled: boolean
  readonly expiresAt: Date | null
  /** Key Vault's `recoveryLevel`: says whether soft delete and purge protection are on. */
  readonly recoveryLevel: string
  readonly keyOperations: readonly string[]
}

/** Why the holder of a key refused. */
export type RefusalCause =
  | 'key-not-found'
  | 'key-disabled'
  | 'key-operation-forbidden'
  | 'permission-missing'
  | 'firewall'
  | 'vault-not-found'
  | 'identity-gone'
  | 'token-refused'
  | 'wrapping-damaged'
  | 'key-not-valid-now'

export interface KeyHolderFaults {
  /** A clear no. Anything that is not one of these (time-out, 429, 5xx) is an `Outage`. */
  refused: { readonly cause: RefusalCause; readonly keyId: string; readonly message: string }
}
export class KeyHolderFault<K extends keyof KeyHolderFaults = keyof KeyHolderFaults> extends Fault<
  KeyHolderFaults,
  K
> {
  override readonly name = 'KeyHolderFault'
}

/** What may have changed the answer to an unwrap. `vaultUrl` null: any vault (a role, an identity). */
export interface KeyChange {
  readonly kind: 'key' | 'key-version-created' | 'vault' | 'access'
  readonly vaultUrl: string | null
  readonly keyName: string | null
}

/**
 * The vault as the keyring sees it. In this process, or over HTTPS on another server: so nothing is passed but a token, a key id
 * and bytes. Every method throws `KeyHolderFault` for a refusal, `Outage` for no answer.
 */
export interface KeyHolder {
  /** Needs the permission `get`. */
  describe(key: KeyIdentifier, token: string, signal: AbortSignal): Promise<KeyDescription>
  /** RSA-OAEP-256 under the newest or the named version. Needs `wrapKey`. */
  wrap(
    key: KeyIdentifier,
    payload: Uint8Array,
    token: string,
    signal: AbortSignal,
  ): Promise<{ readonly kid: string; readonly wrapped: Uint8Array }>
  /** Needs `unwrapKey`. The caller overwrites the buffer. */
  unwrap(key: KeyIdentifier, wrapped: Uint8Array, token: string, signal: AbortSignal): Promise<Buffer>
  /** Pushes changes as they are committed; a holder that cannot push calls nobody, and the lease is the bound. */
  watch(listener: (change: KeyChange) => void): Disposable
}

export interface VaultTokenRequest {
  /** Of the resource's managed identity. */
  readonly principalId: Guid
  /** The application as whose service principal, in the vault's tenant, the identity goes there; null: as itself. */
  readonly federatedClientId: Guid | null
  /** ARM id of the registry or account that the key is opened for. */
  readonly resourceId: string
  /** The vault that will be shown the token: its tenant and its server are found by it. */
  readonly vaultUrl: string
  /** From configuration by the vault's suffix, never from a challenge. */
  readonly audience: string
  readonly lifetimeMs: number
}

/** Gets tokens for a resource's managed identity. @throws KeyHolderFault `identity-gone`, `token-refused`, `vault-not-found`; Outage */
export interface TokenSource {
  token(request: VaultTokenRequest, signal: AbortSignal): Promise<string>
}

/** The process's own clocks, for leases only. Never the movable `Clock`. */
export interface LeaseClock {
  /** Milliseconds, never goes back. */
  monotonic(): number
  /** Milliseconds since 1970, as the machine says. */
  wall(): number
}
