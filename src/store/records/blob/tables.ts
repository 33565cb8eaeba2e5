/**
 * Blob storage's rows. `sealed` columns are under the account's service record key, since what they hold must work while the
 * customer has revoked; `metadata`, `body` and the keys of extents are under the customer's. Each is bound to its table and
 * row. What is clear, and why, is said at each column. Times are milliseconds since 1970.
 */
export interface BlobTables {
  readonly blob_containers: {
    /** 32 hex digits, random: a container that is made again is another one. */
    readonly id: string
    readonly account: string
    /** Clear: found by it, and listed in its order. */
    readonly name: string
    /** Since when it is soft-deleted; clear: found by it. */
    readonly deleted_at: number | null
    readonly sealed: Uint8Array
  }
  readonly blob_blobs: {
    readonly container: string
    /** Clear: found by it, and listed in its order. */
    readonly name: string
    /** `~` for the base blob; else when the snapshot was taken or the version replaced. Clear: found by it, listed in its order. */
    readonly moment: string
    /** Random; what is sealed under the customer's key is bound to it, and stays so when a row gets another moment. */
    readonly id: string
    /** Its only extent, when there is just one: found with the row in one statement. The sealed document decides. */
    readonly extent: string | null
    /** Since when it is soft-deleted; clear: found by it. */
    readonly deleted_at: number | null
    readonly sealed: Uint8Array
    /** User metadata; null for none. */
    readonly metadata: Uint8Array | null
  }
  /** Blocks that no block list has committed yet. */
  readonly blob_blocks: {
    readonly container: string
    readonly name: string
    /** As the client gave it. Clear: found by it. */
    readonly block: string
    readonly ref: string
    /** From 1 in the order of the first upload of each id: of the last one, how many there are. Clear: counted by it. */
    readonly number: number
    /** Clear: blocks that are too old are found by it. */
    readonly created_at: number
    readonly sealed: Uint8Array
  }
  /** Nodes of extent maps that are too long for a blob's own document: trees, whose nodes blobs and snapshots share. */
  readonly blob_map_nodes: {
    /** Random. */
    readonly node: string
    readonly account: string
    /** How many blobs and nodes name it. */
    readonly uses: number
    /** Since when nothing names it; it stays for the reads under way. */
    readonly doomed_at: number | null
    readonly sealed: Uint8Array
  }
  readonly blob_extents: {
    /** Of the byte store; of a body in the row, a name alone. */
    readonly ref: string
    readonly account: string
    /** Unsealed bytes. Clear: bound by the seal, and summed up for the usage. */
    readonly length: number
    /** How many blobs, blocks and nodes of maps name it; one that is cut in two names it twice. */
    readonly uses: number
    /** Since when nothing names it; it stays for the reads under way. */
    readonly doomed_at: number | null
    /** The wrapped extent key, or the body itself when `is_inline`. */
    readonly sealed: Uint8Array
    readonly is_inline: number
    /** The wrapped key of the second layer, where infrastructure encryption is on; null: there is none. */
    readonly outer: Uint8Array | null
  }
  /** Copies under way: what goes on with them after a restart. */
  readonly blob_copies: {
    /** A GUID, as the client knows it. */
    readonly id: string
    readonly account: string
    /** Of the destination. */
    readonly container: string
    readonly name: string
    readonly sealed: Uint8Array
  }
  /** What Find Blobs by Tags looks in: base blobs alone. Keyed hashes: the tags stand in the blob's document. */
  readonly blob_tags: {
    readonly account: string
    /** Of a tag's name and value, or of its name alone. */
    readonly tag_index: Uint8Array
    readonly container: string
    readonly name: string
  }
}
