import { azureTime } from '../../kernel/clock.ts'
import type { JsonObject } from '../../kernel/json.ts'
import type { StoredResource } from './document.ts'
import type { ResourceIdentity } from './provider.ts'
import { parseResourceId } from './resource-id.ts'
import type { TypeTable } from './type-table.ts'

/** A resource in ARM's wire form of that api-version. */
export async function presentResource(
  types: TypeTable,
  resource: StoredResource,
  apiVersion: string,
): Promise<JsonObject> {
  const type = types.getType(resource.type, apiVersion)
  const { properties, ...members } = await type.present(resource, apiVersion)
  if (type.isProxy === true) {
    const { id, name } = resource
    return { id, name, type: type.type, ...members, properties }
  }
  return { ...envelope(resource), ...members, properties, systemData: systemData(resource) }
}

/** A resource as `GET …/resources` lists it: without its provider's part. */
export async function presentListed(
  types: TypeTable,
  resource: StoredResource,
  request: { readonly apiVersion: string; readonly expand: ReadonlySet<string> },
): Promise<JsonObject> {
  const listed: Record<string, JsonObject[string]> = { ...envelope(resource), name: fullName(resource) }
  if (request.expand.has('createdtime')) listed['createdTime'] = azureTime(resource.createdAt)
  if (request.expand.has('changedtime')) listed['changedTime'] = azureTime(resource.modifiedAt)
  if (request.expand.has('provisioningstate')) {
    const whole = await presentResource(types, resource, request.apiVersion)
    const state = (whole['properties'] as JsonObject)['provisioningState']
    listed['provisioningState'] = typeof state === 'string' ? state : 'Succeeded'
  }
  return listed
}

function envelope(resource: StoredResource): JsonObject {
  return {
    id: resource.id,
    name: resource.name,
    type: resource.type,
    location: resource.location,
    tags: resource.tags,
    ...(resource.sku === null ? {} : { sku: resource.sku }),
    ...(resource.kind === null ? {} : { kind: resource.kind }),
    ...(resource.identity === null
      ? {}
      : { identity: presentIdentity(resource.identity, resource.tenantId, ', ') }),
  }
}

/** @param separator of the words in `type`: storage writes no blank */
export function presentIdentity(
  { system, user }: ResourceIdentity,
  tenantId: string,
  separator: ', ' | ',',
): JsonObject {
  const words = [
    ...(system === null ? [] : ['SystemAssigned']),
    ...(user.length === 0 ? [] : ['UserAssigned']),
  ]
  return {
    type: words.join(separator),
    ...(system === null ? {} : { principalId: system.principalId, tenantId }),
    ...(user.length === 0
      ? {}
      : {
          userAssignedIdentities: Object.fromEntries(
            user.map(({ resourceId, principalId, clientId }) => [resourceId, { principalId, clientId }]),
          ),
        }),
  }
}

/** https://learn.microsoft.com/rest/api/resources/resources/get-by-id#systemdata; the authors are object ids. */
function systemData(resource: StoredResource): JsonObject {
  return {
    createdBy: resource.createdBy,
    createdByType: authorType(resource.createdByKind),
    createdAt: azureTime(resource.createdAt),
    lastModifiedBy: resource.modifiedBy,
    lastModifiedByType: authorType(resource.modifiedByKind),
    lastModifiedAt: azureTime(resource.modifiedAt),
  }
}

function authorType(kind: StoredResource['createdByKind']): string {
  return kind === 'managedIdentity' ? 'ManagedIdentity' : 'Application'
}

/** `kv1/add` for a nested resource. */
function fullName(resource: StoredResource): string {
  const names: string[] = []
  for (let id = parseResourceId(resource.id); id !== null; id = id.parent) names.unshift(id.name)
  return names.join('/')
}
