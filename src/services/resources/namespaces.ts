import type { JsonObject } from '../../kernel/json.ts'
import type { TypeTable } from './type-table.ts'

/** The regions that `az account list-locations` shows. Any other well-formed name is taken as well. */
export const locations = [
  { name: 'eastus', displayName: 'East US' },
  { name: 'westus2', displayName: 'West US 2' },
  { name: 'northeurope', displayName: 'North Europe' },
  { name: 'westeurope', displayName: 'West Europe' },
  { name: 'koreacentral', displayName: 'Korea Central' },
  { name: 'japaneast', displayName: 'Japan East' },
  { name: 'southeastasia', displayName: 'Southeast Asia' },
] as const

/** The resource manager's own namespaces: what they hold is no resource of a provider's. */
const own: Readonly<Record<string, readonly string[]>> = {
  'Microsoft.Authorization': ['roleAssignments', 'roleDefinitions'],
  'Microsoft.Features': ['features'],
  'Microsoft.Insights': ['eventtypes'],
  'Microsoft.Resources': ['deployments', 'resourceGroups', 'resources', 'subscriptions'],
}
const OWN_API_VERSIONS = ['2022-04-01', '2021-04-01']

/** All namespaces as `az provider list` shows them. Every one is registered: there is nothing to switch on. */
export function presentNamespaces(types: TypeTable, subscriptionId: string | null): readonly JsonObject[] {
  const shown = types.providers.map(({ namespace, types: resourceTypes }) => ({
    namespace,
    resourceTypes: resourceTypes.map(({ type, apiVersions }) => ({
      resourceType: type.slice(namespace.length + 1),
      apiVersions: [...apiVersions],
    })),
  }))
  const owned = Object.entries(own).map(([namespace, names]) => ({
    namespace,
    resourceTypes: names.map((resourceType) => ({ resourceType, apiVersions: OWN_API_VERSIONS })),
  }))
  return [...shown, ...owned]
    .toSorted((a, b) => (a.namespace < b.namespace ? -1 : 1))
    .map(({ namespace, resourceTypes }) => ({
      ...(subscriptionId === null ? {} : { id: `/subscriptions/${subscriptionId}/providers/${namespace}` }),
      namespace,
      registrationPolicy: 'RegistrationRequired',
      registrationState: 'Registered',
      resourceTypes: resourceTypes.map((type) => ({
        ...type,
        locations: locations.map(({ displayName }) => displayName),
        capabilities: 'SupportsTags, SupportsLocation',
      })),
    }))
}
