/** One version of a key without its private half, as it is kept. Times are whole seconds since 1970, as Key Vault has them. */
export interface StoredVersion {
  /** 32 hex digits. */
  readonly version: string
  /** base64url of the public numbers, big-endian. */
  readonly modulus: string
  readonly exponent: string
  readonly keyOperations: readonly string[]
  readonly enabled: boolean
  readonly notBefore: number | null
  readonly expires: number | null
  readonly created: number
  readonly updated: number
  /** Null: none were ever given. */
  readonly tags: Readonly<Record<string, string>> | null
}

/** Since when a key is deleted, and until when it can be recovered. */
export interface Deletion {
  readonly deletedAt: Date
  /** The date that was promised at deletion. */
  readonly purgeAt: Date
  /** The observed time at which it is due. A purge waits for both. */
  readonly purgeAfterMs: number
}

/** A key: its name as it was written at creation, and the version that stands for it. */
export interface FoundKey {
  readonly name: string
  readonly deletion: Deletion | null
  readonly current: StoredVersion
}

/** A key's last unwrap, and who asked for it. */
export interface KeyUse {
  readonly version: string
  /** Whole seconds since 1970. */
  readonly at: number
  readonly principalId: string
  readonly appId: string
  /** The resource the key was opened for, where the keyring asked. */
  readonly resourceId: string | null
}
