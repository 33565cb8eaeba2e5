import type { Guid } from '../../kernel/guid.ts'
import type { JsonObject } from '../../kernel/json.ts'
import type { Page } from '../../kernel/page.ts'
import type { GroupRow } from '../../store/records/resources/group-rows.ts'
import { stringMap, text } from './document.ts'
import { type EngineDeps, logged } from './engine.ts'
import { readLocation, readTags } from './envelope.ts'
import { refused } from './faults.ts'
import type { ProviderCall } from './provider.ts'
import { groupId } from './resource-id.ts'
import { getSubscription } from './subscriptions.ts'

export const GROUPS = 'Microsoft.Resources/subscriptions/resourceGroups'

export interface ResourceGroup {
  readonly subscriptionId: Guid
  readonly name: string
  readonly location: string
  readonly tags: Readonly<Record<string, string>>
  readonly isDeleting: boolean
}

export interface GroupName {
  readonly subscriptionId: Guid
  readonly resourceGroup: string
}

/** Creates the group, or replaces its tags. */
export async function putGroup(
  deps: EngineDeps,
  call: ProviderCall,
  request: GroupName & { readonly body: JsonObject },
): Promise<{ readonly group: ResourceGroup; readonly created: boolean }> {
  return await write(deps, call, request, async (existing) => {
    checkName(request.resourceGroup)
    const location = readLocation(request.body, GROUPS) ?? existing?.location ?? null
    if (location === null) {
      throw refused(400, 'LocationRequired', 'The location property is required for this definition.')
    }
    if (existing !== null && existing.location !== location) {
      throw refused(
        409,
        'InvalidResourceGroupLocation',
        `Invalid resource group location '${location}'. The Resource group already exists in location '${existing.location}'.`,
      )
    }
    return {
      subscriptionId: request.subscriptionId,
      name: existing?.name ?? request.resourceGroup,
      location,
      tags: readTags(request.body) ?? {},
      isDeleting: false,
    }
  })
}

/** Changes the tags that the body names as a whole. @throws ResourceFault `ResourceGroupNotFound` */
export async function patchGroup(
  deps: EngineDeps,
  call: ProviderCall,
  request: GroupName & { readonly body: JsonObject },
): Promise<ResourceGroup> {
  const { group } = await write(deps, call, request, async (existing) => {
    if (existing === null) throw groupMissing(request.resourceGroup)
    return { ...existing, tags: readTags(request.body) ?? existing.tags }
  })
  return group
}

async function write(
  deps: EngineDeps,
  call: ProviderCall,
  name: GroupName,
  change: (existing: ResourceGroup | null) => Promise<ResourceGroup>,
): Promise<{ readonly group: ResourceGroup; readonly created: boolean }> {
  const scope = groupId(name.subscriptionId, name.resourceGroup)
  const entry = { operation: `${GROUPS}/write`, resourceId: scope, call }
  return await logged(deps, entry, async () => {
    await getSubscription(deps, call.caller, name.subscriptionId)
    await deps.access.authorize(call.caller, entry.operation, scope)
    return await deps.store.locks.run(scope.toLowerCase(), async () => {
      const existing = await findGroup(deps, name)
      const group = await change(existing)
      const saved = await deps.store.groups.save({
        subscriptionId: group.subscriptionId,
        nameKey: group.name.toLowerCase(),
        document: { name: group.name, location: group.location, tags: group.tags },
      })
      if (!saved) {
        throw refused(
          409,
          'ResourceGroupBeingDeleted',
          `The resource group '${group.name}' is in deprovisioning state and cannot perform this operation.`,
        )
      }
      return { group, created: existing === null }
    })
  })
}

/** @throws ResourceFault `ResourceGroupNotFound` */
export async function getGroup(
  deps: EngineDeps,
  call: ProviderCall,
  name: GroupName,
): Promise<ResourceGroup> {
  await getSubscription(deps, call.caller, name.subscriptionId)
  await deps.access.authorize(call.caller, `${GROUPS}/read`, groupId(name.subscriptionId, name.resourceGroup))
  const found = await findGroup(deps, name)
  if (found === null) throw groupMissing(name.resourceGroup)
  return found
}

/** Those that the caller may read, in the order of their names. */
export async function listGroups(
  deps: EngineDeps,
  call: ProviderCall,
  list: {
    readonly subscriptionId: Guid
    readonly after: string | null
    readonly limit: number
    readonly keeps: (group: ResourceGroup) => boolean
  },
): Promise<Page<ResourceGroup>> {
  await getSubscription(deps, call.caller, list.subscriptionId)
  const page = await deps.store.groups.list(list.subscriptionId, list)
  const items: ResourceGroup[] = []
  for (const group of page.items.map((row) => fromRow(list.subscriptionId, row))) {
    const scope = groupId(list.subscriptionId, group.name)
    const isReadable = await deps.access.allows(call.caller.principalId, `${GROUPS}/read`, scope)
    if (isReadable && list.keeps(group)) items.push(group)
  }
  return { items, next: page.next }
}

export async function findGroup(
  { store }: Pick<EngineDeps, 'store'>,
  { subscriptionId, resourceGroup }: GroupName,
): Promise<ResourceGroup | null> {
  const row = await store.groups.find(subscriptionId, resourceGroup.toLowerCase())
  return row === null ? null : fromRow(subscriptionId, row)
}

export function groupMissing(name: string) {
  return refused(404, 'ResourceGroupNotFound', `Resource group '${name}' could not be found.`)
}

export function presentGroup(group: ResourceGroup): JsonObject {
  return {
    id: groupId(group.subscriptionId, group.name),
    name: group.name,
    type: 'Microsoft.Resources/resourceGroups',
    location: group.location,
    tags: group.tags,
    properties: { provisioningState: group.isDeleting ? 'Deleting' : 'Succeeded' },
  }
}

/** https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftresources */
function checkName(name: string): void {
  if (/^[\p{L}\p{N}\-_.()]{1,90}$/u.test(name) && !name.endsWith('.')) return
  throw refused(
    400,
    'InvalidResourceGroup',
    `The resource group name '${name}' is not valid: 1 to 90 letters, digits, '-', '_', '.', '(' and ')', the last of which is not '.'.`,
  )
}

function fromRow(subscriptionId: Guid, { document, state }: GroupRow): ResourceGroup {
  return {
    subscriptionId,
    name: text(document, 'name'),
    location: text(document, 'location'),
    tags: stringMap(document['tags']),
    isDeleting: state === 'deleting',
  }
}
