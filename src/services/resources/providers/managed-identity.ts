import { type Endpoints, urlOf } from '../../../kernel/endpoints.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import type { Directory } from '../../directory/directory.ts'
import { guid } from '../document.ts'
import { USER_ASSIGNED_IDENTITY } from '../identities.ts'
import type { Resource, ResourceProvider, ResourceType, WriteCall, Written } from '../provider.ts'

export interface ManagedIdentityDeps {
  readonly directory: Pick<Directory, 'createManagedIdentity' | 'deleteManagedIdentity'>
  readonly endpoints: Endpoints
}

/** https://learn.microsoft.com/rest/api/managedidentity/user-assigned-identities */
export function managedIdentityProvider(deps: ManagedIdentityDeps): ResourceProvider {
  return {
    namespace: 'Microsoft.ManagedIdentity',
    types: [userAssignedIdentities(deps)],
    scopeActions: [],
  }
}

function userAssignedIdentities({ directory, endpoints }: ManagedIdentityDeps): ResourceType {
  /** The principal is made once by resource id: a repeated PUT gives the same. */
  const write = async ({ resource }: WriteCall): Promise<Written> => {
    const principal = await directory.createManagedIdentity({
      tenantId: resource.tenantId,
      resourceId: resource.id,
      displayName: resource.name,
    })
    return { properties: { principalId: principal.principalId, clientId: principal.appId } }
  }
  return {
    type: USER_ASSIGNED_IDENTITY,
    apiVersions: ['2024-11-30', '2023-01-31', '2018-11-30'],
    globalName: false,
    identities: 'none',
    checkName: (name) =>
      /^[A-Za-z0-9][\w-]{2,127}$/.test(name)
        ? null
        : {
            code: 'InvalidResourceName',
            message: `The identity name '${name}' is not valid: 3 to 128 letters, digits, '-' and '_', the first a letter or a digit.`,
          },
    put: write,
    patch: write,
    async delete({ resource }) {
      await directory.deleteManagedIdentity(guid(resource.properties, 'principalId'))
    },
    present: (resource) => Promise.resolve({ properties: presentProperties(endpoints, resource) }),
  }
}

function presentProperties(endpoints: Endpoints, resource: Resource): JsonObject {
  const { principalId, clientId } = resource.properties
  return {
    tenantId: resource.tenantId,
    principalId: principalId ?? null,
    clientId: clientId ?? null,
    clientSecretUrl: credentialsUrl(endpoints, resource, {
      principalId: guid(resource.properties, 'principalId'),
      clientId: guid(resource.properties, 'clientId'),
    }),
  }
}

/** What `az identity create` prints: a name for the credential. Nobody fetches it, and nothing answers there. */
export function credentialsUrl(
  endpoints: Endpoints,
  { id, location, tenantId }: Pick<Resource, 'id' | 'location' | 'tenantId'>,
  identity: { readonly principalId: string; readonly clientId: string },
): string {
  const base = urlOf(endpoints, `control-${location}.identity`)
  const query = new URLSearchParams({ tid: tenantId, oid: identity.principalId, aid: identity.clientId })
  return `${base}${id.replace('/resourceGroups/', '/resourcegroups/')}/credentials?${query.toString()}`
}
