import { type RequestHead, operation, queryValue } from '../../../http/operation.ts'
import { type Endpoints, hostOf, urlOf } from '../../../kernel/endpoints.ts'
import type { Json, JsonObject } from '../../../kernel/json.ts'
import type { ArmSession, Needs } from '../session.ts'

/** What `az cloud register` learns an installation from; asked without a token. Its forms by version are az's own. */
export function metadataOperation({ endpoints }: { readonly endpoints: Endpoints }) {
  return operation<ArmSession | null, Needs, '/metadata/endpoints'>({
    id: 'GetMetadataEndpoints',
    method: 'GET',
    path: '/metadata/endpoints',
    needs: null,
    body: { kind: 'none' },
    run: ({ head }) => Promise.resolve({ status: 200, body: metadata(endpoints, head) }),
  })
}

function metadata(endpoints: Endpoints, head: RequestHead): Json {
  const version = queryValue(head, 'api-version') ?? ''
  if (version !== '' && version < '2018') return earlyForm(endpoints)
  return version !== '' && version < '2022' ? [currentForm(endpoints)] : currentForm(endpoints)
}

function earlyForm(endpoints: Endpoints): JsonObject {
  return {
    galleryEndpoint: `${urlOf(endpoints, 'portal')}/`,
    graphEndpoint: `${urlOf(endpoints, 'graph')}/`,
    portalEndpoint: `${urlOf(endpoints, 'portal')}/`,
    authentication: {
      loginEndpoint: authority(endpoints),
      audiences: [`${urlOf(endpoints, 'management')}/`],
    },
  }
}

function currentForm(endpoints: Endpoints): JsonObject {
  const management = `${urlOf(endpoints, 'management')}/`
  const graph = `${urlOf(endpoints, 'graph')}/`
  return {
    name: 'Strongroom',
    portal: urlOf(endpoints, 'portal'),
    authentication: {
      loginEndpoint: authority(endpoints),
      audiences: [management],
      tenant: 'common',
      identityProvider: 'AAD',
    },
    graph,
    graphAudience: graph,
    microsoftGraphResourceId: graph,
    resourceManager: management,
    suffixes: {
      acrLoginServer: hostOf(endpoints, 'azurecr'),
      keyVaultDns: hostOf(endpoints, 'vault'),
      mhsmDns: hostOf(endpoints, 'managedhsm'),
      storage: hostOf(endpoints, 'core'),
      sqlServerHostname: hostOf(endpoints, 'database'),
    },
  }
}

/** The one form of an authority that every version of az takes without asking the public cloud about it. */
function authority(endpoints: Endpoints): string {
  return `${urlOf(endpoints, 'login')}/adfs`
}
