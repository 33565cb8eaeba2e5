import type { HostRule, HostTable } from '../http/hosts.ts'
import type { Clock } from '../kernel/clock.ts'
import { type Endpoints, audienceOf } from '../kernel/endpoints.ts'
import { identityEndpoint } from '../services/directory/identity-endpoint.ts'
import type { RequestHead } from '../http/operation.ts'
import type { StorageAccounts } from '../services/storage/storage-account.ts'
import type { BlobAuthDeps } from '../wire/blob/auth.ts'
import { blobProtocol } from '../wire/blob/index.ts'
import { websiteProtocol } from '../wire/blob/website.ts'
import { storageAdmission } from '../wire/shared/storage-auth/admission.ts'
import { AZURITE_ACCOUNT } from './azurite-account.ts'
import { entraProtocol } from '../wire/entra/index.ts'
import { graphProtocol } from '../wire/graph/index.ts'
import { keyVaultProtocol } from '../wire/key-vault/index.ts'
import { managedIdentityProtocol } from '../wire/managed-identity/index.ts'
import { registryProtocol } from '../wire/registry/index.ts'
import { resourceManagerProtocol } from '../wire/resource-manager/index.ts'
import type { Services } from './services.ts'

/** Which host speaks what. */
export function publicHosts(services: Services, endpoints: Endpoints, clock: Clock): readonly HostRule[] {
  const { directory, resources, roles, deployments, activity } = services
  const { domain } = endpoints
  return [
    { host: `login.${domain}`, protocol: entraProtocol({ directory, endpoints, clock }) },
    { host: `graph.${domain}`, protocol: graphProtocol({ directory, endpoints }) },
    {
      host: `management.${domain}`,
      protocol: resourceManagerProtocol({
        directory,
        resources,
        roles,
        deployments,
        activity,
        endpoints,
        clock,
      }),
    },
    { host: `*.vault.${domain}`, protocol: keyVaultProtocol(services.vault) },
    { host: `*.azurecr.${domain}`, protocol: registryHost(services, endpoints) },
    ...blobHosts(services, endpoints, clock),
  ]
}

function registryHost(services: Services, endpoints: Endpoints): HostRule['protocol'] {
  const { directory, access, registries, registryTokens } = services
  return registryProtocol({
    content: services.registryContent,
    auth: {
      registries,
      tokens: registryTokens,
      directory,
      signIn: directory,
      access,
      isPasswordInForce: (passwordId) => directory.isPasswordInForce(passwordId),
      managementAudience: audienceOf(endpoints, 'management'),
    },
  })
}

/** By name, and in path style by address. The account that everybody knows the key of is not there. */
function blobHosts(services: Services, endpoints: Endpoints, clock: Clock): readonly HostRule[] {
  const { storageAccounts, blobs } = services
  const find: StorageAccounts['find'] = async (name) =>
    name.toLowerCase() === AZURITE_ACCOUNT ? null : storageAccounts.find(name)
  const protocol = blobHost(services, {
    endpoints,
    clock,
    find,
    endpointOf: ({ authority, subject }) => {
      const isByName = authority.startsWith(`${subject}.`)
      return isByName ? `https://${authority}/` : `https://${authority}/${subject}/`
    },
  })
  const website = websiteProtocol({ blobs, endpoints, auth: blobAuth(services, { endpoints, clock, find }) })
  return [
    { host: `*.blob.core.${endpoints.domain}`, protocol },
    { host: 'address', protocol },
    { host: `*.web.core.${endpoints.domain}`, protocol: website },
  ]
}

export interface BlobHostOptions {
  readonly endpoints: Endpoints
  readonly clock: Clock
  /** Which accounts there are for it. */
  readonly find: StorageAccounts['find']
  readonly endpointOf: (head: RequestHead) => string
}

export function blobHost(services: Services, options: BlobHostOptions): HostRule['protocol'] {
  const { blobs, delegationKeys } = services
  const { endpoints, clock, endpointOf } = options
  return blobProtocol({
    blobs,
    delegationKeys,
    clock,
    endpoints,
    endpointOf,
    auth: blobAuth(services, options),
  })
}

function blobAuth(
  { containerAccess: containers, delegationKeys, directory, access }: Services,
  { endpoints, clock, find }: Omit<BlobHostOptions, 'endpointOf'>,
): BlobAuthDeps {
  const admission = storageAdmission({ clock, containers, directory, endpoints, access, delegationKeys })
  return { accounts: { find }, admission }
}

/** The managed-identity endpoint answers under any host: clients reach it through a proxy by the address they have built in. */
export function identityHosts(
  { directory }: Pick<Services, 'directory'>,
  allowed: readonly string[],
  secret: string,
): HostTable {
  const protocol = managedIdentityProtocol({ endpoint: identityEndpoint({ directory, allowed, secret }) })
  return { find: () => ({ protocol, subject: '' }) }
}
