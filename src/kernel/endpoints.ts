/** Where this installation's roles are reached: one port, one base domain, a host for each role (design: Host alone decides). */
export interface Endpoints {
  /** `localhost`, or the operator's own. Lower case. */
  readonly domain: string
  /** The port as clients see it; 443 is left out of every URL. */
  readonly port: number
}

/** `:8443`, or nothing for 443. */
export function portSuffix({ port }: Endpoints): string {
  return port === 443 ? '' : `:${port}`
}

/** `login.localhost:8443` for `login`; `kv1.vault.localhost:8443` for `kv1.vault`. */
export function hostOf(endpoints: Endpoints, role: string): string {
  return `${role}.${endpoints.domain}${portSuffix(endpoints)}`
}

/** `https://login.localhost:8443`, no slash at the end. */
export function urlOf(endpoints: Endpoints, role: string): string {
  return `https://${hostOf(endpoints, role)}`
}

/** What a token for each role is addressed to: the `aud` claim, without a slash at the end. */
export function audienceOf(endpoints: Endpoints, role: 'management' | 'vault' | 'graph'): string {
  return urlOf(endpoints, role)
}

/** Hard-wired in az and the SDKs whatever the cloud (`spec` of az, section 2). */
export const CONTAINER_REGISTRY_AUDIENCE = 'https://containerregistry.azure.net'

/** The same for every service of every storage account. */
export const STORAGE_AUDIENCE = 'https://storage.azure.com'
