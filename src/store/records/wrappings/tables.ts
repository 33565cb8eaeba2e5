export interface WrappingsTables {
  readonly wrapping: WrappingTable
}

/** A root key, wrapped; two rows for a resource only while a change of key is under way. docs/format/wrapping.md. */
export interface WrappingTable {
  readonly resource_uid: string
  readonly generation: number
  /** Under whose key, and how it is reached: sealed under the resource's service record key. */
  readonly settings: Uint8Array
  readonly root_key: Uint8Array
  readonly record_key: Uint8Array
  readonly index_key: Uint8Array
  readonly mac: Uint8Array
}
