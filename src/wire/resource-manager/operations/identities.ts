import type { Endpoints } from '../../../kernel/endpoints.ts'
import { refused } from '../../../services/resources/faults.ts'
import { credentialsUrl } from '../../../services/resources/providers/managed-identity.ts'
import { parseResourceId } from '../../../services/resources/resource-id.ts'
import type { Resources } from '../../../services/resources/resources.ts'
import { providerCall } from '../session.ts'
import { type ArmOperation, armOperation } from './arm-operation.ts'

/** The system-assigned identity of any resource. https://learn.microsoft.com/rest/api/managedidentity/system-assigned-identities */
export function identityOperations({
  resources,
  endpoints,
}: {
  readonly resources: Resources
  readonly endpoints: Endpoints
}): readonly ArmOperation[] {
  return [
    armOperation({
      id: 'GetSystemAssignedIdentity',
      method: 'GET',
      path: '/{resource+}/providers/Microsoft.ManagedIdentity/identities/default',
      async run(call) {
        const id = parseResourceId(`/${call.params.resource}`)
        const resource = id === null ? null : await resources.get(providerCall(call), id)
        const system = resource?.identity?.system ?? null
        if (resource === null || system === null) {
          throw refused(
            404,
            'ResourceNotFound',
            `The resource '/${call.params.resource}' has no system-assigned identity.`,
          )
        }
        return {
          status: 200,
          body: {
            id: `${resource.id}/providers/Microsoft.ManagedIdentity/identities/default`,
            name: 'default',
            type: 'Microsoft.ManagedIdentity/identities',
            location: resource.location,
            tags: {},
            properties: {
              tenantId: resource.tenantId,
              ...system,
              clientSecretUrl: credentialsUrl(endpoints, resource, system),
            },
          },
        }
      },
    }),
  ]
}
