import {
  CONTAINER_REGISTRY_AUDIENCE,
  type Endpoints,
  STORAGE_AUDIENCE,
  portSuffix,
  urlOf,
} from '../../kernel/endpoints.ts'

/** The same in every cloud: the audience of an identity's token that is exchanged for an application's. */
export const TOKEN_EXCHANGE_AUDIENCE = 'api://AzureADTokenExchange'

/**
 * Whether tokens of this installation are issued for a resource: for its own roles, and for any one storage account, whose
 * existence is that account's to tell. Azure's own `https://management.azure.com` and `https://vault.azure.net` are not
 * among them: a client that asks for those is pointed at another cloud.
 */
export function isIssuedAudience(endpoints: Endpoints, resource: string): boolean {
  const own = ['management', 'vault', 'managedhsm', 'graph'].map((role) => urlOf(endpoints, role))
  const known = [...own, STORAGE_AUDIENCE, CONTAINER_REGISTRY_AUDIENCE, TOKEN_EXCHANGE_AUDIENCE]
  return known.some((audience) => isSameAudience(audience, resource)) || isOfAccount(endpoints, resource)
}

/** `https://account1.blob.core.localhost:8443` */
function isOfAccount(endpoints: Endpoints, resource: string): boolean {
  const found = /^https:\/\/[a-z0-9]{3,24}\.(blob|queue|table|file|dfs)\.core\.(.*)$/.exec(resource)
  return found?.[2] !== undefined && withoutSlash(found[2]) === `${endpoints.domain}${portSuffix(endpoints)}`
}

/** Equal but for one slash at the end: az asks for `https://management.../`, the SDKs for the same without. */
export function isSameAudience(a: string, b: string): boolean {
  return withoutSlash(a) === withoutSlash(b)
}

function withoutSlash(audience: string): string {
  return audience.endsWith('/') ? audience.slice(0, -1) : audience
}
