/** A container registry as the data side needs it: which one, and what it is called. */
export interface RegistryRef {
  /** `Resource.uid`: what keys and rows are bound to. */
  readonly uid: string
  /** ARM id: names the registry to the keyring. */
  readonly resourceId: string
  /** `contoso` */
  readonly name: string
  /** Host as clients write it, with its port unless that is 443: `contoso.azurecr.localhost:8443`. */
  readonly loginServer: string
}
