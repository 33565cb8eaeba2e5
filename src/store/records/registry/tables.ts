/**
 * The registry's rows. `sealed` columns are under the customer record key, bound to table and row; `digest_index` and the
 * like are keyed hashes of digests. What is clear, and why, is said at each column. Times are milliseconds since 1970.
 */
export interface RegistryTables {
  readonly registry_repositories: {
    /** 32 hex digits, random: a repository that is made again is another one. */
    readonly id: string
    readonly registry: string
    /** Clear: found by it, and listed in its order. */
    readonly name: string
    readonly sealed: Uint8Array
  }
  readonly registry_manifests: {
    readonly repository: string
    readonly digest_index: Uint8Array
    /** Clear: summed up for the usage, which must work without the key. */
    readonly size: number
    /** Clear: lists are ordered by it. */
    readonly updated_at: number
    readonly sealed: Uint8Array
    /** The document itself, sealed. Last: who reads the other columns need not walk over it. */
    readonly body: Uint8Array
  }
  readonly registry_tags: {
    readonly repository: string
    /** Clear: found by it, and listed in its order. */
    readonly name: string
    /** Finds a manifest's tags; the digest that counts is in `sealed`. */
    readonly manifest_index: Uint8Array
    /** Clear: lists are ordered by it. */
    readonly updated_at: number
    readonly sealed: Uint8Array
  }
  /** What a manifest names. Nothing is sealed: only keyed hashes, which collection needs while the key is away. */
  readonly registry_references: {
    readonly repository: string
    readonly manifest_index: Uint8Array
    readonly kind: ReferenceKind
    readonly target_index: Uint8Array
  }
  /** Content once for the whole registry. A blob is never without a membership. */
  readonly registry_blobs: {
    /** That of the upload it came from: its extents need not be touched when it is committed. */
    readonly id: string
    readonly registry: string
    readonly digest_index: Uint8Array
    /** Clear: summed up for the usage. */
    readonly size: number
    readonly sealed: Uint8Array
  }
  /** That a repository has a blob: it was pushed or mounted there. Nothing else makes a blob readable there. */
  readonly registry_memberships: {
    readonly repository: string
    readonly digest_index: Uint8Array
    readonly blob: string
    /** Since when no manifest of the repository names it; null while one does. Clear: collection finds by it. */
    readonly unreferenced_at: number | null
    readonly sealed: Uint8Array
  }
  readonly registry_extents: {
    /** Of the byte store; of a body in the row, a name alone. */
    readonly ref: string
    readonly registry: string
    /** A blob or an upload. */
    readonly owner: string
    /** Where the extent begins in its owner, and its length: unsealed bytes. Clear: ranges are found by it. */
    readonly start: number
    readonly length: number
    /**
     * The wrapped extent key, or the body itself when `is_inline`; null once doomed, so that the bytes are lost at once to
     * whoever has not begun to read.
     */
    readonly sealed: Uint8Array | null
    /** Since when nothing needs it; its file stays for the reads under way. */
    readonly doomed_at: number | null
    readonly is_inline: number
  }
  readonly registry_uploads: {
    readonly id: string
    readonly repository: string
    /** Bytes so far. Clear: compared in the transaction that appends. */
    readonly size: number
    /** Clear: idle uploads are found by it while the key is away. */
    readonly touched_at: number
    readonly sealed: Uint8Array
  }
}

/** `blob`: config or layer; `manifest`: entry of an index; `subject`: what a referrer refers to. */
export type ReferenceKind = 'blob' | 'manifest' | 'subject'
