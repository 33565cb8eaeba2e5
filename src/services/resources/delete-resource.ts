import type { StoredResource } from './document.ts'
import { findResource } from './elsewhere.ts'
import { type EngineDeps, logged } from './engine.ts'
import { refused } from './faults.ts'
import type { ProviderCall, ResourceType } from './provider.ts'
import type { ResourceId } from './resource-id.ts'
import { getSubscription } from './subscriptions.ts'

/** @returns what was there, or null. Nested resources go along. */
export async function deleteResource(
  deps: EngineDeps,
  call: ProviderCall,
  id: ResourceId,
): Promise<StoredResource | null> {
  const type = deps.types.getType(id.type, call.apiVersion)
  const entry = { operation: `${type.type}/delete`, resourceId: id.id, call }
  return await logged(deps, entry, async () => {
    await getSubscription(deps, call.caller, id.subscriptionId)
    await deps.access.authorize(call.caller, entry.operation, id.id)
    if (type.isPermanent === true || (type.elsewhere !== undefined && type.delete === undefined))
      throw refused(405, 'MethodNotAllowed', `Resources of type '${type.type}' are not deleted.`)
    if (type.elsewhere !== undefined) return await removeElsewhere(deps, call, id, type)
    return await removeResource(deps, call, id.id)
  })
}

async function removeElsewhere(
  deps: EngineDeps,
  call: ProviderCall,
  id: ResourceId,
  type: ResourceType,
): Promise<StoredResource | null> {
  return await deps.store.locks.run(id.key, async () => {
    const resource = await findResource(deps, id, call.signal)
    if (resource === null) return null
    await type.delete?.({ ...call, resource })
    await deps.access.forgetScope(resource.id)
    return resource
  })
}

/** The same without asking whether the caller may: a group that is deleted takes its contents along. */
export async function removeResource(
  deps: EngineDeps,
  call: ProviderCall,
  id: string,
): Promise<StoredResource | null> {
  return await deps.store.locks.run(id.toLowerCase(), async () => {
    const resource = await deps.store.findStored(id)
    if (resource === null) return null
    for (const child of await childrenOf(deps, resource)) await removeRow(deps, call, child)
    await removeRow(deps, call, resource)
    return resource
  })
}

async function removeRow(deps: EngineDeps, call: ProviderCall, resource: StoredResource): Promise<void> {
  const type = deps.types.findType(resource.type)
  await type?.delete?.({ ...call, resource })
  // Before the row goes: after a crash between the two, nobody who makes a resource of that name finds former grants on it.
  await deps.access.forgetScope(resource.id)
  await deps.store.remove(resource.id)
  const system = resource.identity?.system ?? null
  if (system !== null) await deps.directory.deleteManagedIdentity(system.principalId)
  type?.committed?.(resource, 'deleted')
}

const PAGE = 1000

/** All that is nested below it, innermost first. */
async function childrenOf(deps: EngineDeps, resource: StoredResource): Promise<readonly StoredResource[]> {
  const prefix = `${resource.id.toLowerCase()}/`
  const nested: StoredResource[] = []
  const search = {
    subscriptionId: resource.subscriptionId,
    groupKey: resource.resourceGroup.toLowerCase(),
  }
  let after: string | null = prefix
  while (after !== null) {
    const page: { items: readonly StoredResource[]; next: string | null } = await deps.store.list(search, {
      after,
      limit: PAGE,
    })
    const inside = page.items.filter(({ id }) => id.toLowerCase().startsWith(prefix))
    nested.push(...inside)
    after = inside.length === page.items.length ? page.next : null
  }
  return nested.reverse()
}
