import { type AnyOperation, type Reply, operation, queryValue } from '../../../http/operation.ts'
import { hostOf, urlOf } from '../../../kernel/endpoints.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import type { Guid } from '../../../kernel/guid.ts'
import type { EntraDeps } from '../deps.ts'
import { EntraFault } from '../faults.ts'

const none = { kind: 'none' } as const
/** MSAL keeps discovery documents for a day whatever we say; keys change when they are rotated. */
const forADay = { 'cache-control': 'max-age=86400, private' }
const forMinutes = { 'cache-control': 'max-age=300, private' }

/**
 * OpenID Connect discovery for a tenant (v1 and v2.0) and for `/adfs`, which names none.
 * https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
 */
export function discoveryOperations(deps: EntraDeps): readonly AnyOperation<null>[] {
  const login = urlOf(deps.endpoints, 'login')
  return [
    operation({
      id: 'AdfsDiscovery',
      method: 'GET',
      path: '/adfs/.well-known/openid-configuration',
      needs: null,
      body: none,
      run: async () =>
        document(deps, {
          issuer: `${login}/adfs`,
          authorization_endpoint: `${login}/adfs/oauth2/authorize`,
          token_endpoint: `${login}/adfs/oauth2/token`,
          jwks_uri: `${login}/adfs/discovery/keys`,
        }),
    }),
    operation({
      id: 'DiscoveryV2',
      method: 'GET',
      path: '/{tenant}/v2.0/.well-known/openid-configuration',
      needs: null,
      body: none,
      async run({ params }) {
        const base = `${login}/${tenantOf(deps, params.tenant)}`
        return document(deps, {
          issuer: `${base}/v2.0`,
          authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
          token_endpoint: `${base}/oauth2/v2.0/token`,
          jwks_uri: `${base}/discovery/v2.0/keys`,
        })
      },
    }),
    operation({
      id: 'DiscoveryV1',
      method: 'GET',
      path: '/{tenant}/.well-known/openid-configuration',
      needs: null,
      body: none,
      async run({ params }) {
        const tenantId = tenantOf(deps, params.tenant)
        const base = `${login}/${tenantId}`
        return document(deps, {
          issuer: `https://sts.windows.net/${tenantId}/`,
          authorization_endpoint: `${base}/oauth2/authorize`,
          token_endpoint: `${base}/oauth2/token`,
          jwks_uri: `${base}/discovery/keys`,
        })
      },
    }),
    ...keyOperations(deps),
    instanceOperation(deps),
  ]
}

/** The keys are the same for all tenants, as `common` and `/adfs` must have them. */
function keyOperations(deps: EntraDeps): readonly AnyOperation<null>[] {
  const keys = (id: string, path: '/{tenant}/discovery/keys' | '/{tenant}/discovery/v2.0/keys') =>
    operation({
      id,
      method: 'GET',
      path,
      needs: null,
      body: none,
      async run({ params: { tenant } }): Promise<Reply> {
        if (tenant !== 'common' && tenant !== 'adfs') tenantOf(deps, tenant)
        const published = deps.directory.publishedKeys().map((key) => ({ ...key }))
        return { status: 200, headers: forMinutes, body: { keys: published } }
      },
    })
  return [keys('KeysV1', '/{tenant}/discovery/keys'), keys('KeysV2', '/{tenant}/discovery/v2.0/keys')]
}

/** Tells MSAL that this host is an authority of its own, and by no other name. */
function instanceOperation(deps: EntraDeps): AnyOperation<null> {
  const host = hostOf(deps.endpoints, 'login')
  return operation({
    id: 'InstanceDiscovery',
    method: 'GET',
    path: '/common/discovery/instance',
    needs: null,
    body: none,
    async run({ head }) {
      const asked = queryValue(head, 'authorization_endpoint') ?? ''
      const found = /^https:\/\/([^/]+)\/([^/]+)\//.exec(asked)
      if (found?.[1]?.toLowerCase() !== host) throw new EntraFault('instance-unknown', {})
      const tenantId = tenantOf(deps, found[2] ?? '')
      return {
        status: 200,
        headers: forADay,
        body: {
          tenant_discovery_endpoint: `https://${host}/${tenantId}/v2.0/.well-known/openid-configuration`,
          'api-version': '1.1',
          metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
        },
      }
    },
  })
}

function document({ endpoints }: EntraDeps, addresses: JsonObject): Reply {
  const body = {
    ...addresses,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    grant_types_supported: ['client_credentials'],
    response_types_supported: ['token'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    request_uri_parameter_supported: false,
    cloud_instance_name: hostOf(endpoints, 'login'),
    msgraph_host: hostOf(endpoints, 'graph'),
  }
  return { status: 200, headers: forADay, body }
}

function tenantOf({ directory }: EntraDeps, tenant: string): Guid {
  const found = directory.findTenant(tenant)
  if (found === null) throw new EntraFault('discovery-tenant-unknown', { tenant })
  return found.tenantId
}
