/**
 * The activity log and the vaults' audit log. Clear: the order, the time in milliseconds since 1970, and the lower-case
 * ARM id of the resource, by all of which they are read; the rest is sealed, bound to table and row id.
 */
export interface ActivityTables {
  activity_events: {
    /** Random; events are read in the order of time, then id. */
    readonly id: string
    readonly at: number
    readonly resource_key: string
    readonly sealed: Uint8Array
  }
  vault_audit: {
    /** Counts up without a gap. */
    readonly seq: number
    readonly at: number
    readonly vault_key: string
    readonly sealed: Uint8Array
    /** Over the row and the MAC of the one before it. */
    readonly mac: Uint8Array
  }
}
