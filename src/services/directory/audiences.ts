import { CONTAINER_REGISTRY_AUDIENCE, type Endpoints, urlOf } from '../../kernel/endpoints.ts'

/** Hard-wired in az and the storage SDKs, whatever the cloud. */
const STORAGE_AUDIENCE = 'https://storage.azure.com'

/** The same in every cloud: the audience of an identity's token that is exchanged for an application's. */
export const TOKEN_EXCHANGE_AUDIENCE = 'api://AzureADTokenExchange'

/**
 * The resources that tokens of this installation are issued for; anything else is unknown. Azure's own
 * `https://management.azure.com` and `https://vault.azure.net` are not among them: a client that asks for those is
 * pointed at another cloud.
 */
export function issuedAudiences(endpoints: Endpoints): readonly string[] {
  const own = ['management', 'vault', 'managedhsm', 'graph'].map((role) => urlOf(endpoints, role))
  return [...own, STORAGE_AUDIENCE, CONTAINER_REGISTRY_AUDIENCE, TOKEN_EXCHANGE_AUDIENCE]
}

/** Equal but for one slash at the end: az asks for `https://management.../`, the SDKs for the same without. */
export function isSameAudience(a: string, b: string): boolean {
  return withoutSlash(a) === withoutSlash(b)
}

function withoutSlash(audience: string): string {
  return audience.endsWith('/') ? audience.slice(0, -1) : audience
}
