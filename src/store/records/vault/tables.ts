/**
 * Vaults' keys. `vault_uid` and not the vault's name: a vault made again under an old name never sees the old one's keys,
 * and a recovered one sees its own. Names are lower case, for they are compared in any letter case.
 */
export interface VaultTables {
  readonly vault_key: {
    readonly vault_uid: string
    readonly name: string
    /** Milliseconds of observed time after which a deleted key is purged; null while it lives. */
    readonly purge_after: number | null
    /** The date that was promised for it, milliseconds since 1970. */
    readonly purge_at: number | null
    /** Sealed JSON: `StoredKey`. */
    readonly document: Uint8Array
  }
  readonly vault_key_version: {
    readonly vault_uid: string
    readonly name: string
    readonly version: string
    /** Order of creation, from 1; the highest is the current version. */
    readonly ordinal: number
    /** Sealed PKCS #8. */
    readonly material: Uint8Array
    /** Sealed JSON: `StoredVersion`. */
    readonly document: Uint8Array
  }
  readonly vault_key_use: {
    readonly vault_uid: string
    readonly name: string
    readonly version: string
    /** Sealed JSON: `KeyUse`. */
    readonly document: Uint8Array
  }
  readonly vault_deleted: {
    readonly uid: string
    /** Lower case: nobody else may take it until the purge. */
    readonly name: string
    readonly subscription_id: string
    readonly purge_after: number
    readonly purge_at: number
    /** Sealed JSON: `StoredDeletedVault`. */
    readonly document: Uint8Array
  }
  readonly vault_observed_time: {
    /** Always 1. */
    readonly id: number
    readonly observed_ms: number
  }
}
