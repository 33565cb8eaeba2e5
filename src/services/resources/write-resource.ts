import { randomHex } from '../../crypto/random.ts'
import type { Guid } from '../../kernel/guid.ts'
import type { JsonObject } from '../../kernel/json.ts'
import type { StoredResource } from './document.ts'
import { findResource } from './elsewhere.ts'
import { type EngineDeps, authorOf, logged } from './engine.ts'
import { readLocation, readObject, readString, readTags } from './envelope.ts'
import { refused } from './faults.ts'
import { findGroup, groupMissing } from './groups.ts'
import { type ResolvedIdentity, resolveIdentity } from './identities.ts'
import type { ProviderCall, ResourceType, Written } from './provider.ts'
import { resourceMissing } from './read-resource.ts'
import { type ResourceId, composeResourceId } from './resource-id.ts'
import { getSubscription } from './subscriptions.ts'

export interface WriteResult {
  readonly resource: StoredResource
  readonly created: boolean
}

interface Target {
  readonly call: ProviderCall
  readonly id: ResourceId
  readonly type: ResourceType
  readonly tenantId: Guid
  readonly groupLocation: string
  readonly existing: StoredResource | null
  readonly body: JsonObject
  readonly isPatch: boolean
}

/** PUT and PATCH of a resource, for the wire and for deployments alike: the same rights, checks and traces. */
export async function writeResource(
  deps: EngineDeps,
  call: ProviderCall,
  request: { readonly id: ResourceId; readonly body: JsonObject; readonly isPatch: boolean },
): Promise<WriteResult> {
  const type = deps.types.getType(request.id.type, call.apiVersion)
  const entry = { operation: `${type.type}/write`, resourceId: request.id.id, call }
  return await logged(deps, entry, async () => {
    const subscription = await getSubscription(deps, call.caller, request.id.subscriptionId)
    await deps.access.authorize(call.caller, entry.operation, request.id.id)
    if (request.isPatch && type.patch === undefined) throw patchUnsupported(type)
    const unfit = type.checkName(request.id.name)
    if (unfit !== null) throw refused(400, unfit.code, unfit.message)
    const group = await findGroup(deps, request.id)
    if (group === null) throw groupMissing(request.id.resourceGroup)
    const id = canonicalId(request.id, group.name, type)
    return await deps.store.locks.run(id.key, async () => {
      const existing = await findResource(deps, id, call.signal)
      if (existing === null && request.isPatch) throw resourceMissing(id)
      return await write(deps, {
        ...request,
        call,
        id,
        type,
        tenantId: subscription.tenantId,
        groupLocation: group.location,
        existing,
      })
    })
  })
}

/** The group as it was named at its creation, the type as its provider spells it. */
function canonicalId(id: ResourceId, resourceGroup: string, type: ResourceType): ResourceId {
  const names: string[] = []
  for (let level: ResourceId | null = id; level !== null; level = level.parent) names.unshift(level.name)
  return composeResourceId({ subscriptionId: id.subscriptionId, resourceGroup }, type.type, names) ?? id
}

async function write(deps: EngineDeps, target: Target): Promise<WriteResult> {
  const { type, id, existing, body } = target
  await checkNameIsFree(deps, target)
  const draft = envelopeOf(deps, target)
  const resolved = await resolveIdentity(deps, {
    ...target,
    resourceId: draft.id,
    resourceName: draft.name,
    existing: existing?.identity ?? null,
  })
  const resource = { ...draft, identity: resolved.identity }
  const properties = readObject(body, 'properties') ?? {}
  let written: Written
  try {
    const providerCall = { ...target.call, resource, existing, properties, body }
    written =
      (await (target.isPatch ? type.patch?.(providerCall) : type.put(providerCall))) ?? unwritten(type)
  } catch (error) {
    // Nothing was committed: the identity made for this write has no resource to live with.
    if (resolved.madeSystem !== null) await deps.directory.deleteManagedIdentity(resolved.madeSystem)
    throw error
  }
  if (written.changeParent !== undefined) {
    return await changeParent(deps, id, { ...resource, properties: written.properties }, written.changeParent)
  }
  if (type.elsewhere !== undefined)
    return { resource: { ...resource, properties: written.properties }, created: existing === null }
  return await commit(deps, type, { resource, existing, written, resolved })
}

async function commit(
  deps: EngineDeps,
  type: ResourceType,
  change: {
    readonly resource: StoredResource
    readonly existing: StoredResource | null
    readonly written: Written
    readonly resolved: ResolvedIdentity
  },
): Promise<WriteResult> {
  const { written, resource } = change
  const saved: StoredResource = {
    ...resource,
    uid: written.uid ?? resource.uid,
    tags: written.tags ?? resource.tags,
    sku: written.sku === undefined ? resource.sku : written.sku,
    kind: written.kind === undefined ? resource.kind : written.kind,
    properties: written.properties,
  }
  const outcome = await deps.store.save(saved, type)
  if (outcome === 'name-taken') throw nameTaken(type, saved.name)
  if (outcome === 'parent-missing') throw parentMissing(saved.id)
  if (outcome === 'group-missing') throw groupMissing(saved.resourceGroup)
  if (outcome === 'group-deleting') throw groupDeleting(saved.resourceGroup)
  const { droppedSystem } = change.resolved
  if (droppedSystem !== null) await deps.directory.deleteManagedIdentity(droppedSystem)
  type.committed?.(saved, 'put')
  return { resource: saved, created: change.existing === null }
}

async function changeParent(
  deps: EngineDeps,
  id: ResourceId,
  child: StoredResource,
  change: (properties: JsonObject) => JsonObject,
): Promise<WriteResult> {
  const parentId = id.parent
  const parent =
    parentId === null ? null : await deps.store.amend(parentId.id, ({ properties }) => change(properties))
  if (parent === null) throw parentMissing(id.id)
  deps.types.findType(parent.type)?.committed?.(parent, 'put')
  return { resource: child, created: false }
}

/** All but identity and properties, as it will be. */
function envelopeOf({ clock }: EngineDeps, target: Target): StoredResource {
  const { existing, body, id, type, isPatch } = target
  const location = readLocation(body, type.type) ?? existing?.location ?? target.groupLocation
  if (existing !== null && location !== existing.location) {
    throw refused(
      409,
      'InvalidResourceLocation',
      `The resource '${existing.name}' already exists in location '${existing.location}' in resource group '${existing.resourceGroup}'. A resource with the same name cannot be created in location '${location}'. Please select a new resource name.`,
    )
  }
  const author = authorOf(target.call)
  const now = clock.now()
  const sku = readObject(body, 'sku')
  return {
    id: existing?.id ?? id.id,
    uid: existing?.uid ?? randomHex(16),
    subscriptionId: id.subscriptionId,
    tenantId: target.tenantId,
    resourceGroup: existing?.resourceGroup ?? id.resourceGroup,
    type: type.type,
    name: existing?.name ?? id.name,
    location,
    tags: readTags(body) ?? (isPatch ? (existing?.tags ?? {}) : {}),
    sku: isPatch && sku !== null ? { ...existing?.sku, ...sku } : (sku ?? existing?.sku ?? null),
    kind: readString(body, 'kind') ?? existing?.kind ?? null,
    identity: existing?.identity ?? null,
    properties: existing?.properties ?? {},
    createdAt: existing?.createdAt ?? now,
    createdBy: existing?.createdBy ?? author.principalId,
    createdByKind: existing?.createdByKind ?? author.kind,
    modifiedAt: now,
    modifiedBy: author.principalId,
    modifiedByKind: author.kind,
  }
}

/** Before the provider does anything that only a commit would find to be in vain. */
async function checkNameIsFree(deps: EngineDeps, { type, id, existing, call }: Target): Promise<void> {
  if (existing !== null) return
  if (id.parent !== null && (await findResource(deps, id.parent, call.signal)) === null)
    throw parentMissing(id.id)
  if (type.globalName && (await deps.store.findByGlobalName(type.type, id.name)) !== null) {
    throw nameTaken(type, id.name)
  }
}

function nameTaken(type: ResourceType, name: string) {
  const words = type.nameTaken?.(name) ?? {
    code: 'NameNotAvailable',
    message: `The name '${name}' is already in use.`,
  }
  return refused(409, words.code, words.message)
}

function parentMissing(id: string) {
  const parent = id.split('/').at(-3) ?? ''
  return refused(
    404,
    'ParentResourceNotFound',
    `Failed to perform 'write' on resource '${id}', because the parent resource '${parent}' could not be found.`,
  )
}

export function groupDeleting(name: string) {
  return refused(
    409,
    'ResourceGroupBeingDeleted',
    `The resource group '${name}' is in deprovisioning state and cannot perform this operation.`,
  )
}

function patchUnsupported(type: ResourceType) {
  return refused(405, 'MethodNotAllowed', `Resources of type '${type.type}' have no PATCH.`)
}

function unwritten(type: ResourceType): never {
  throw new Error(`${type.type} has no patch`)
}
