import type { Guid } from '../../kernel/guid.ts'
import type { Page } from '../../kernel/page.ts'
import type { StoredResource } from './document.ts'
import { findResource, listElsewhere } from './elsewhere.ts'
import type { EngineDeps } from './engine.ts'
import { refused } from './faults.ts'
import { findGroup, getGroup, groupMissing } from './groups.ts'
import type { ProviderCall } from './provider.ts'
import type { ResourceId } from './resource-id.ts'
import { getSubscription } from './subscriptions.ts'

/** @throws AccessFault `denied` first, then ResourceFault `ResourceGroupNotFound`, `ResourceNotFound` */
export async function getResource(
  deps: EngineDeps,
  call: ProviderCall,
  id: ResourceId,
): Promise<StoredResource> {
  const type = deps.types.getType(id.type, call.apiVersion)
  await getSubscription(deps, call.caller, id.subscriptionId)
  await deps.access.authorize(call.caller, `${type.type}/read`, id.id)
  return await existingResource(deps, id, call.signal)
}

/** For a caller whose right was looked at. @throws ResourceFault `ResourceGroupNotFound`, `ResourceNotFound` */
export async function existingResource(
  deps: Pick<EngineDeps, 'store' | 'types'>,
  id: ResourceId,
  signal: AbortSignal,
): Promise<StoredResource> {
  const found = await findResource(deps, id, signal)
  if (found !== null) return found
  if ((await findGroup(deps, id)) === null) throw groupMissing(id.resourceGroup)
  throw resourceMissing(id)
}

export interface ResourceList {
  readonly subscriptionId: Guid
  /** Null: the whole subscription. */
  readonly resourceGroup: string | null
  readonly type?: string
  readonly name?: string
  readonly parent?: ResourceId | null
  /** Where to go on: `next` of the page before. */
  readonly after: string | null
  readonly limit: number
  /** What no index knows. */
  readonly keeps?: (resource: StoredResource) => boolean
  /** Of the request, for resources that are not listed from rows. */
  readonly query?: URLSearchParams
}

/** Those that the caller may read; a page may hold fewer than `limit` and still have a next one. */
export async function listResources(
  deps: EngineDeps,
  call: ProviderCall,
  list: ResourceList,
): Promise<Page<StoredResource>> {
  const { subscriptionId, resourceGroup } = list
  const type = list.type === undefined ? null : deps.types.findType(list.type)
  if (type?.elsewhere !== undefined && list.parent != null)
    return await listChildren(deps, call, list, { type, elsewhere: type.elsewhere, parent: list.parent })
  if (resourceGroup === null) await getSubscription(deps, call.caller, subscriptionId)
  else await assertGroup(deps, call, { subscriptionId, resourceGroup })
  const page = await deps.store.list(
    {
      subscriptionId,
      ...(resourceGroup === null ? {} : { groupKey: resourceGroup.toLowerCase() }),
      ...(list.type === undefined ? {} : { typeKey: list.type.toLowerCase() }),
      ...(list.name === undefined ? {} : { nameKey: list.name.toLowerCase() }),
      ...(list.parent == null ? {} : { parentKey: list.parent.key }),
    },
    list,
  )
  const items: StoredResource[] = []
  for (const resource of page.items) {
    if (list.keeps?.(resource) === false) continue
    if (type === null && deps.types.findType(resource.type)?.isProxy === true) continue
    if (await deps.access.allows(call.caller.principalId, `${resource.type}/read`, resource.id)) {
      items.push(resource)
    }
  }
  return { items, next: page.next }
}

/** The right to read them at their parent is enough, as in Azure: data roles have it, and no right to the parent itself. */
async function listChildren(
  deps: EngineDeps,
  call: ProviderCall,
  list: ResourceList,
  children: Parameters<typeof listElsewhere>[1],
): Promise<Page<StoredResource>> {
  const { parent, type } = children
  await getSubscription(deps, call.caller, list.subscriptionId)
  await deps.access.authorize(call.caller, `${type.type}/read`, parent.id)
  await existingResource(deps, parent, call.signal)
  const { after, limit, query = new URLSearchParams() } = list
  const page = await listElsewhere(deps, children, { after, limit, query }, call.signal)
  if (page === null) throw resourceMissing(parent)
  return page
}

/** Who may read nothing in a group learns nothing of its existence. */
async function assertGroup(
  deps: EngineDeps,
  call: ProviderCall,
  name: { readonly subscriptionId: Guid; readonly resourceGroup: string },
): Promise<void> {
  const scope = `/subscriptions/${name.subscriptionId}/resourceGroups/${name.resourceGroup}`
  const filter = { scope, isAtScopeOnly: false, principalId: call.caller.principalId }
  if (deps.access.listAssignments(filter).length === 0) {
    await getGroup(deps, call, name)
    return
  }
  await getSubscription(deps, call.caller, name.subscriptionId)
  if ((await findGroup(deps, name)) === null) throw groupMissing(name.resourceGroup)
}

export function resourceMissing(id: ResourceId) {
  const path = id.id.slice(id.id.toLowerCase().indexOf('/providers/') + '/providers/'.length)
  return refused(
    404,
    'ResourceNotFound',
    `The Resource '${path}' under resource group '${id.resourceGroup}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
  )
}
