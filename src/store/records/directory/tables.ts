export interface DirectoryTables {
  readonly directory_objects: {
    readonly kind: DirectoryKind
    /** GUID of the object; of a signing key its `kid`. */
    readonly id: string
    /** Sealed, under table, kind and id. */
    readonly document: Uint8Array
  }
}

export type DirectoryKind = 'tenant' | 'application' | 'principal' | 'signing-key'
