import type { Guid } from '../../kernel/guid.ts'
import type { JsonObject } from '../../kernel/json.ts'
import type { Page } from '../../kernel/page.ts'
import type { Caller } from '../directory/caller.ts'
import { type ActionInput, type ActionReply, actOnResource, actOnScope, hasScopeAction } from './actions.ts'
import { deleteGroup } from './delete-group.ts'
import { deleteResource } from './delete-resource.ts'
import type { StoredResource } from './document.ts'
import type { EngineDeps } from './engine.ts'
import {
  type GroupName,
  type ResourceGroup,
  findGroup,
  getGroup,
  listGroups,
  patchGroup,
  putGroup,
} from './groups.ts'
import { presentNamespaces } from './namespaces.ts'
import { type OperationStatus, failInterrupted, getOperation } from './operations.ts'
import { presentListed, presentResource } from './present.ts'
import type { ProviderCall, ResourceAction, ResourceProvider } from './provider.ts'
import { type ResourceList, getResource, listResources } from './read-resource.ts'
import type { ResourceId } from './resource-id.ts'
import {
  type Subscription,
  createSubscription,
  getSubscription,
  listSubscriptions,
  readSubscription,
} from './subscriptions.ts'
import { openTasks } from './tasks.ts'
import { type Target, type TypeTable, findTarget, typeTable } from './type-table.ts'
import { type WriteResult, writeResource } from './write-resource.ts'

/**
 * The resource manager. Every method but `createSubscription` asks what the caller may do before it tells or changes
 * anything: AccessFault `denied` comes before any "not found". What else is refused is a ResourceFault in ARM's words.
 */
export interface Resources extends AsyncDisposable {
  readonly types: TypeTable

  createSubscription(subscription: Subscription): Promise<void>
  listSubscriptions(caller: Caller): Promise<readonly Subscription[]>
  readSubscription(caller: Caller, subscriptionId: string): Promise<Subscription>
  /** Without asking for a right: whose tenant it is. */
  getSubscription(caller: Caller, subscriptionId: string): Promise<Subscription>

  putGroup(
    call: ProviderCall,
    request: GroupName & { readonly body: JsonObject },
  ): Promise<{ readonly group: ResourceGroup; readonly created: boolean }>
  patchGroup(call: ProviderCall, request: GroupName & { readonly body: JsonObject }): Promise<ResourceGroup>
  getGroup(call: ProviderCall, name: GroupName): Promise<ResourceGroup>
  /** Without asking for a right: for a deployment, whose own right was looked at. */
  findGroup(name: GroupName): Promise<ResourceGroup | null>
  listGroups(
    call: ProviderCall,
    list: {
      readonly subscriptionId: Guid
      readonly after: string | null
      readonly limit: number
      readonly keeps: (group: ResourceGroup) => boolean
    },
  ): Promise<Page<ResourceGroup>>
  /** @returns the operation to poll */
  deleteGroup(call: ProviderCall, name: GroupName): Promise<string>

  /** PUT, or PATCH. */
  write(
    call: ProviderCall,
    request: { readonly id: ResourceId; readonly body: JsonObject; readonly isPatch: boolean },
  ): Promise<WriteResult>
  get(call: ProviderCall, id: ResourceId): Promise<StoredResource>
  list(call: ProviderCall, list: ResourceList): Promise<Page<StoredResource>>
  /** @returns what was there, or null */
  delete(call: ProviderCall, id: ResourceId): Promise<StoredResource | null>
  /** In the wire form of that api-version. */
  present(resource: StoredResource, apiVersion: string): Promise<JsonObject>
  /** As a list over all types shows it. */
  presentListed(
    resource: StoredResource,
    request: { readonly apiVersion: string; readonly expand: ReadonlySet<string> },
  ): Promise<JsonObject>

  /** What a path below a group's `providers` names; null for nothing of a provider's. */
  findTarget(path: string, method: string): Target | null
  act(
    call: ProviderCall,
    request: { readonly id: ResourceId; readonly action: ResourceAction },
    input: ActionInput,
  ): Promise<ActionReply>
  hasScopeAction(request: {
    readonly namespace: string
    readonly path: string
    readonly method: string
  }): boolean
  actOnScope(
    call: ProviderCall,
    request: {
      readonly subscriptionId: Guid
      readonly namespace: string
      readonly path: string
      readonly method: string
    },
    input: ActionInput,
  ): Promise<ActionReply>

  getOperation(
    caller: Caller,
    request: { readonly subscriptionId: string; readonly id: string },
  ): Promise<OperationStatus>
  /** As `az provider list` shows them. */
  presentNamespaces(subscriptionId: string | null): readonly JsonObject[]
}

export interface ResourcesDeps extends Omit<EngineDeps, 'types'> {
  readonly providers: readonly ResourceProvider[]
  /** What no part foresaw, thrown by work that no request waits for. */
  readonly bug: (error: unknown) => void
}

/** Joins the store with the providers. What ran when the process ended last is told to have failed. */
export async function openResources({ providers, bug, ...rest }: ResourcesDeps): Promise<Resources> {
  const deps: EngineDeps = { ...rest, types: typeTable(providers) }
  const tasks = openTasks(bug)
  await deps.store.groups.reactivateAll()
  await failInterrupted(deps)
  return {
    types: deps.types,
    createSubscription: (subscription) => createSubscription(deps, subscription),
    listSubscriptions: (caller) => listSubscriptions(deps, caller),
    readSubscription: (caller, id) => readSubscription(deps, caller, id),
    getSubscription: (caller, id) => getSubscription(deps, caller, id),
    putGroup: (call, request) => putGroup(deps, call, request),
    patchGroup: (call, request) => patchGroup(deps, call, request),
    getGroup: (call, name) => getGroup(deps, call, name),
    findGroup: (name) => findGroup(deps, name),
    listGroups: (call, list) => listGroups(deps, call, list),
    deleteGroup: (call, name) => deleteGroup({ ...deps, tasks }, call, name),
    write: (call, request) => writeResource(deps, call, request),
    get: (call, id) => getResource(deps, call, id),
    list: (call, list) => listResources(deps, call, list),
    delete: (call, id) => deleteResource(deps, call, id),
    present: (resource, apiVersion) => presentResource(deps.types, resource, apiVersion),
    presentListed: (resource, request) => presentListed(deps.types, resource, request),
    findTarget: (path, method) => findTarget(deps.types, path, method),
    act: (call, request, input) => actOnResource(deps, call, request, input),
    hasScopeAction: (request) => hasScopeAction(deps, request),
    actOnScope: (call, request, input) => actOnScope(deps, call, request, input),
    getOperation: (caller, request) => getOperation(deps, caller, request),
    presentNamespaces: (subscriptionId) => presentNamespaces(deps.types, subscriptionId),
    [Symbol.asyncDispose]: () => tasks[Symbol.asyncDispose](),
  }
}
