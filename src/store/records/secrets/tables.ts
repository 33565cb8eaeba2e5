export interface SecretsTables {
  /** Small secrets of the installation, each sealed under the keys store's record key. */
  secret: {
    name: string
    sealed: Uint8Array
  }
}
