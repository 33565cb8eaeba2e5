import type { Guid } from '../../kernel/guid.ts'
import type { Json } from '../../kernel/json.ts'
import { type EngineDeps, logged } from './engine.ts'
import { refused } from './faults.ts'
import { beginOperation } from './operations.ts'
import type { ProviderCall, ProviderReply, ResourceAction, ScopeAction } from './provider.ts'
import { existingResource } from './read-resource.ts'
import type { ResourceId } from './resource-id.ts'
import { getSubscription } from './subscriptions.ts'

export interface ActionInput {
  readonly query: URLSearchParams
  readonly body: Json | undefined
}

/** An action's answer; `operationId` when the client is to poll for the end. */
export interface ActionReply extends ProviderReply {
  readonly operationId: string | null
}

/** A provider's action on a resource: `…/registries/r1/listCredentials`. */
export async function actOnResource(
  deps: EngineDeps,
  call: ProviderCall,
  request: { readonly id: ResourceId; readonly action: ResourceAction },
  input: ActionInput,
): Promise<ActionReply> {
  const { id, action } = request
  const run = async () => {
    await getSubscription(deps, call.caller, id.subscriptionId)
    await deps.access.authorize(call.caller, action.needs, id.id)
    const resource = await existingResource(deps, id, call.signal)
    return await action.run({ ...call, resource, query: input.query, body: input.body })
  }
  const entry = { operation: action.needs, resourceId: id.id, call }
  const reply = await (action.method === 'GET' ? run() : logged(deps, entry, run))
  return await withOperation(deps, call, id.subscriptionId, reply)
}

/** A provider's call below the subscription: `checkNameAvailability`, `deletedVaults`. */
export async function actOnScope(
  deps: EngineDeps,
  call: ProviderCall,
  request: {
    readonly subscriptionId: Guid
    readonly namespace: string
    readonly path: string
    readonly method: string
  },
  input: ActionInput,
): Promise<ActionReply> {
  const { action, params } = findScopeAction(deps, call, request)
  const scope = `/subscriptions/${request.subscriptionId}`
  const run = async () => {
    const subscription = await getSubscription(deps, call.caller, request.subscriptionId)
    await deps.access.authorize(call.caller, action.needs, scope)
    return await action.run({ ...call, ...subscription, params, query: input.query, body: input.body })
  }
  const entry = { operation: action.needs, resourceId: scope, call }
  const isRead = action.method === 'GET' || action.needs.toLowerCase().endsWith('/read')
  const reply = await (isRead ? run() : logged(deps, entry, run))
  return await withOperation(deps, call, request.subscriptionId, reply)
}

export function hasScopeAction(
  { types }: Pick<EngineDeps, 'types'>,
  request: { readonly namespace: string; readonly path: string; readonly method: string },
): boolean {
  return matching(types.findProvider(request.namespace)?.scopeActions ?? [], request) !== null
}

function findScopeAction(
  { types }: Pick<EngineDeps, 'types'>,
  { apiVersion }: ProviderCall,
  request: { readonly namespace: string; readonly path: string; readonly method: string },
): FoundScopeAction {
  const found = matching(types.getProvider(request.namespace).scopeActions, request)
  if (found !== null) return found
  throw refused(
    404,
    'InvalidResourceType',
    `The resource type '${request.path}' could not be found in the namespace '${request.namespace}' for api version '${apiVersion}'.`,
  )
}

interface FoundScopeAction {
  readonly action: ScopeAction
  readonly params: Readonly<Record<string, string>>
}

function matching(
  actions: readonly ScopeAction[],
  { path, method }: { readonly path: string; readonly method: string },
): FoundScopeAction | null {
  const segments = path.split('/').filter((segment) => segment !== '')
  for (const action of actions) {
    if (action.method !== method) continue
    const params = matchSegments(action.path.split('/'), segments)
    if (params !== null) return { action, params }
  }
  return null
}

function matchSegments(
  pattern: readonly string[],
  segments: readonly string[],
): Readonly<Record<string, string>> | null {
  if (pattern.length !== segments.length) return null
  const params: [string, string][] = []
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? ''
    const placeholder = /^\{(\w+)\}$/.exec(part)
    if (placeholder?.[1] !== undefined) params.push([placeholder[1], segment])
    else if (part.toLowerCase() !== segment.toLowerCase()) return null
  }
  return Object.fromEntries(params)
}

/** A provider that answers 202 has done its part: the poll at `Location` finds the end at once. */
async function withOperation(
  deps: EngineDeps,
  call: ProviderCall,
  subscriptionId: string,
  reply: ProviderReply,
): Promise<ActionReply> {
  if (reply.status !== 202) return { ...reply, operationId: null }
  const start = { subscriptionId, startedBy: call.caller.principalId }
  return { ...reply, operationId: await beginOperation(deps, start, 'Succeeded') }
}
