export interface AccessTables {
  readonly access_assignments: {
    /** The assignment's GUID. */
    readonly name: string
    /** Sealed: principal, role, scope and the rest, under table and name. */
    readonly document: Uint8Array
  }
}
