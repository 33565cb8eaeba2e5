import { AccessFault } from '../access/faults.ts'
import type { StoredResource } from './document.ts'
import { removeResource } from './delete-resource.ts'
import { type EngineDeps, logged } from './engine.ts'
import { ResourceFault, refusalOf } from './faults.ts'
import { GROUPS, type GroupName, findGroup, groupMissing } from './groups.ts'
import { type OperationStatus, beginOperation, endOperation } from './operations.ts'
import type { ProviderCall } from './provider.ts'
import { groupId } from './resource-id.ts'
import { getSubscription } from './subscriptions.ts'
import type { Tasks } from './tasks.ts'

/**
 * Begins to delete the group with all that is in it. From then on it takes no more resources.
 * @returns the id of the operation that tells of the end
 */
export async function deleteGroup(
  deps: EngineDeps & { readonly tasks: Tasks },
  call: ProviderCall,
  name: GroupName,
): Promise<string> {
  await getSubscription(deps, call.caller, name.subscriptionId)
  const scope = groupId(name.subscriptionId, name.resourceGroup)
  await deps.access.authorize(call.caller, `${GROUPS}/delete`, scope)
  const group = await findGroup(deps, name)
  if (group === null) throw groupMissing(name.resourceGroup)
  const nameKey = group.name.toLowerCase()
  await deps.store.groups.setState(name.subscriptionId, nameKey, 'deleting')
  const operationId = await beginOperation(deps, {
    subscriptionId: name.subscriptionId,
    startedBy: call.caller.principalId,
  })
  deps.tasks.start(async (signal) => {
    const entry = { operation: `${GROUPS}/delete`, resourceId: scope, call }
    try {
      await logged(deps, entry, () => emptyGroup(deps, { ...call, signal }, name))
      await deps.access.forgetScope(scope)
      await deps.store.groups.remove(name.subscriptionId, nameKey)
      await endOperation(deps, operationId, null)
    } catch (error) {
      // The poller hears of it; the group stays, with what is left in it.
      await deps.store.groups.setState(name.subscriptionId, nameKey, 'active')
      await endOperation(deps, operationId, failureOf(error))
      if (!(error instanceof ResourceFault)) throw error
    }
  })
  return operationId
}

/** Goes round as long as something goes: what refuses because of another may go after it. */
async function emptyGroup(deps: EngineDeps, call: ProviderCall, name: GroupName): Promise<void> {
  const search = { subscriptionId: name.subscriptionId, groupKey: name.resourceGroup.toLowerCase() }
  for (;;) {
    const { items } = await deps.store.list(search, { after: null, limit: 1000 })
    if (items.length === 0) return
    let refusal: ResourceFault | null = null
    let removed = 0
    for (const resource of dependentsFirst(items)) {
      call.signal.throwIfAborted()
      try {
        if ((await removeResource(deps, call, resource.id)) !== null) removed += 1
      } catch (error) {
        if (!(error instanceof ResourceFault)) throw error
        refusal = error as ResourceFault
      }
    }
    if (removed === 0 && refusal !== null) throw refusal
  }
}

/** A resource goes before the identities that are attached to it; nested ones go with their parents. */
function dependentsFirst(resources: readonly StoredResource[]): readonly StoredResource[] {
  const attached = new Set(
    resources.flatMap(
      ({ identity }) => identity?.user.map(({ resourceId }) => resourceId.toLowerCase()) ?? [],
    ),
  )
  const rank = (resource: StoredResource) => {
    if (attached.has(resource.id.toLowerCase())) return 2
    return resource.identity === null ? 1 : 0
  }
  return resources.toSorted((a, b) => rank(a) - rank(b))
}

function failureOf(error: unknown): NonNullable<OperationStatus['error']> {
  const refusal = refusalOf(error)
  if (refusal !== null) {
    return { status: refusal.status, code: refusal.code, message: refusal.message }
  }
  if (error instanceof AccessFault) {
    return {
      status: 403,
      code: 'AuthorizationFailed',
      message: 'A resource of the group may not be deleted.',
    }
  }
  return { status: 409, code: 'ResourceGroupDeletionFailed', message: 'Deletion of the group did not end.' }
}
