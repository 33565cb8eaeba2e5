import { type Guid, parseGuid } from '../../kernel/guid.ts'
import { isJsonObject, type Json, type JsonObject } from '../../kernel/json.ts'
import type { Resource, ResourceIdentity } from './provider.ts'

/** Who wrote, for `systemData`: the principal, and whether it was a managed identity. */
export interface Author {
  readonly principalId: Guid
  readonly kind: 'application' | 'managedIdentity'
}

/** A resource with what `systemData` tells of its authors. */
export interface StoredResource extends Resource {
  readonly createdByKind: Author['kind']
  readonly modifiedByKind: Author['kind']
}

/** The document that is sealed. */
export function toDocument(resource: StoredResource): JsonObject {
  return {
    id: resource.id,
    uid: resource.uid,
    subscriptionId: resource.subscriptionId,
    tenantId: resource.tenantId,
    resourceGroup: resource.resourceGroup,
    type: resource.type,
    name: resource.name,
    location: resource.location,
    tags: resource.tags,
    sku: resource.sku,
    kind: resource.kind,
    identity: identityDocument(resource.identity),
    properties: resource.properties,
    createdAt: resource.createdAt.toISOString(),
    createdBy: resource.createdBy,
    createdByKind: resource.createdByKind,
    modifiedAt: resource.modifiedAt.toISOString(),
    modifiedBy: resource.modifiedBy,
    modifiedByKind: resource.modifiedByKind,
  }
}

/** Documents are ours and sealed: one that does not read is a bug, not a refusal. */
export function fromDocument(document: JsonObject): StoredResource {
  return {
    id: text(document, 'id'),
    uid: text(document, 'uid'),
    subscriptionId: guid(document, 'subscriptionId'),
    tenantId: guid(document, 'tenantId'),
    resourceGroup: text(document, 'resourceGroup'),
    type: text(document, 'type'),
    name: text(document, 'name'),
    location: text(document, 'location'),
    tags: stringMap(document['tags']),
    sku: objectOrNull(document['sku']),
    kind: typeof document['kind'] === 'string' ? document['kind'] : null,
    identity: readIdentity(document['identity']),
    properties: objectOrNull(document['properties']) ?? {},
    createdAt: new Date(text(document, 'createdAt')),
    createdBy: guid(document, 'createdBy'),
    createdByKind: authorKind(document['createdByKind']),
    modifiedAt: new Date(text(document, 'modifiedAt')),
    modifiedBy: guid(document, 'modifiedBy'),
    modifiedByKind: authorKind(document['modifiedByKind']),
  }
}

export function text(document: JsonObject, name: string): string {
  const value = document[name]
  if (typeof value !== 'string') throw new Error(`a stored document has no ${name}`)
  return value
}

export function guid(document: JsonObject, name: string): Guid {
  const value = parseGuid(text(document, name))
  if (value === null) throw new Error(`a stored document has no ${name}`)
  return value
}

export function stringMap(value: Json | undefined): Readonly<Record<string, string>> {
  if (!isJsonObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

export function authorKind(value: Json | undefined): Author['kind'] {
  return value === 'managedIdentity' ? 'managedIdentity' : 'application'
}

function objectOrNull(value: Json | undefined): JsonObject | null {
  return isJsonObject(value) ? value : null
}

function identityDocument(identity: ResourceIdentity | null): Json {
  if (identity === null) return null
  return {
    system: identity.system === null ? null : { ...identity.system },
    user: identity.user.map((attached) => ({ ...attached })),
  }
}

function readIdentity(value: Json | undefined): ResourceIdentity | null {
  if (!isJsonObject(value)) return null
  const system = objectOrNull(value['system'])
  const user = Array.isArray(value['user']) ? (value['user'] as readonly Json[]).filter(isJsonObject) : []
  return {
    system: system === null ? null : principal(system),
    user: user.map((attached) => ({ resourceId: text(attached, 'resourceId'), ...principal(attached) })),
  }
}

function principal(document: JsonObject): { readonly principalId: Guid; readonly clientId: Guid } {
  return { principalId: guid(document, 'principalId'), clientId: guid(document, 'clientId') }
}
