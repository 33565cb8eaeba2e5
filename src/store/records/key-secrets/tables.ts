export interface KeySecretsTables {
  readonly installation_key: InstallationKeyTable
  readonly key_secrets: KeySecretsTable
}

/** The keys store's own record key: one row, or none before the first start. */
export interface InstallationKeyTable {
  readonly name: string
  /** Names the seal key that wraps it, and tells nothing of it: so that a wrong one is told from damage. */
  readonly seal_key_id: string
  readonly wrapped: Uint8Array
}

/** What one resource's keys need that must never lie with its data: docs/format/wrapping.md. */
export interface KeySecretsTable {
  readonly resource_uid: string
  /** 0 while a change of key is under way: the start finds and ends what a crash left. */
  readonly is_settled: number
  /** The key whose newest version is followed, lower case and without version: a push finds it. Null for a pinned one. */
  readonly followed_key: string | null
  readonly service_record_key: Uint8Array
  readonly mac_key: Uint8Array
  readonly service_wrapping_key: Uint8Array | null
  readonly state: Uint8Array
}
