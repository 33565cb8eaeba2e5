import { queryValue, type Reply } from '../../../http/operation.ts'
import type { Endpoints } from '../../../kernel/endpoints.ts'
import { HttpFault } from '../../../http/faults.ts'
import type { ActionReply } from '../../../services/resources/actions.ts'
import { readBody } from '../../../services/resources/envelope.ts'
import { type ResourceId, parseResourceId } from '../../../services/resources/resource-id.ts'
import type { Resources } from '../../../services/resources/resources.ts'
import type { Target } from '../../../services/resources/type-table.ts'
import { parseFilter, valueOf } from '../filters.ts'
import { pageBody, readPage } from '../paging.ts'
import { acceptedReply } from '../polling.ts'
import { type ArmCall, providerCall, sessionOf, subscriptionOf } from '../session.ts'
import { type ArmOperation, armOperation } from './arm-operation.ts'
import { hasTag } from './groups.ts'

export interface ResourceOperationDeps {
  readonly resources: Resources
  readonly endpoints: Endpoints
}

const path = '/subscriptions/{subscription}/resourceGroups/{group}/providers/{rest+}'

/** Resources of any provider in a group. https://learn.microsoft.com/rest/api/resources/resources */
export function resourceOperations(deps: ResourceOperationDeps): readonly ArmOperation[] {
  const { resources } = deps
  return [
    armOperation({
      id: 'PutResource',
      method: 'PUT',
      path,
      async run(call) {
        const target = targetOf(resources, call)
        if (target.kind === 'action') return await act(deps, call, target)
        const id = resourceOf(target)
        return await write(deps, call, id, false)
      },
    }),
    armOperation({
      id: 'PatchResource',
      method: 'PATCH',
      path,
      run: (call) => write(deps, call, resourceOf(targetOf(resources, call)), true),
    }),
    armOperation({
      id: 'GetResource',
      method: 'GET',
      path,
      async run(call) {
        const target = targetOf(resources, call)
        if (target.kind === 'action') return await act(deps, call, target)
        if (target.kind === 'collection') return await listCollection(deps, call, target)
        return { status: 200, body: await shown(deps, call, target.id) }
      },
    }),
    armOperation({
      id: 'HeadResource',
      method: 'HEAD',
      path,
      async run(call) {
        await resources.get(providerCall(call), resourceOf(targetOf(resources, call)))
        return { status: 204 }
      },
    }),
    armOperation({
      id: 'DeleteResource',
      method: 'DELETE',
      path,
      async run(call) {
        const id = resourceOf(targetOf(resources, call))
        const gone = await resources.delete(providerCall(call), id)
        if (gone === null) return { status: 204 }
        const { apiVersion } = sessionOf(call)
        return resources.types.getType(id.type, apiVersion).showsDeleted === true
          ? { status: 200, body: await resources.present(gone, apiVersion) }
          : { status: 200 }
      },
    }),
    armOperation({
      id: 'ActOnResource',
      method: 'POST',
      path,
      async run(call) {
        const target = targetOf(resources, call)
        if (target.kind !== 'action') throw new HttpFault('operation-unknown', {})
        return await act(deps, call, target)
      },
    }),
  ]
}

/** `GET …/resources`, of a group and of a subscription, with the filters that az looks names up by. */
export function listOperations({ resources }: ResourceOperationDeps): readonly ArmOperation[] {
  const run = async (
    call: ArmCall<{ readonly subscription: string; readonly group?: string }>,
  ): Promise<Reply> => {
    const conditions = parseFilter(queryValue(call.head, '$filter'), [
      'resourcetype',
      'name',
      'resourcegroup',
      'location',
      'tagname',
      'tagvalue',
    ])
    const filter = {
      type: valueOf(conditions, 'resourcetype'),
      name: valueOf(conditions, 'name'),
      location: valueOf(conditions, 'location')?.replaceAll(' ', '').toLowerCase(),
    }
    const found = await resources.list(providerCall(call), {
      subscriptionId: subscriptionOf(call.params),
      resourceGroup: call.params.group ?? valueOf(conditions, 'resourcegroup') ?? null,
      ...(filter.type === undefined ? {} : { type: filter.type }),
      ...(filter.name === undefined ? {} : { name: filter.name }),
      ...readPage(call.head),
      keeps: (resource) =>
        (filter.location === undefined || resource.location === filter.location) &&
        hasTag(resource, conditions),
    })
    const expand = new Set((queryValue(call.head, '$expand') ?? '').toLowerCase().split(','))
    const request = { apiVersion: sessionOf(call).apiVersion, expand }
    const value = await Promise.all(found.items.map((one) => resources.presentListed(one, request)))
    return { status: 200, body: pageBody(call.head, value, found.next) }
  }
  return [
    armOperation({
      id: 'ListResources',
      method: 'GET',
      path: '/subscriptions/{subscription}/resources',
      run,
    }),
    armOperation({
      id: 'ListResourcesOfGroup',
      method: 'GET',
      path: '/subscriptions/{subscription}/resourceGroups/{group}/resources',
      run,
    }),
  ]
}

/** @throws ResourceFault `InvalidResourceNamespace`, `InvalidResourceType` */
function targetOf(resources: Resources, call: ArmCall<{ readonly subscription: string }>): Target {
  subscriptionOf(call.params)
  const { path, method } = call.head
  const target = resources.findTarget(path, method)
  if (target !== null) return target
  const id = parseResourceId(path)
  if (id !== null) resources.types.getType(id.type, sessionOf(call).apiVersion)
  throw new HttpFault('operation-unknown', {})
}

function resourceOf(target: Target): ResourceId {
  if (target.kind === 'resource') return target.id
  throw new HttpFault('operation-unknown', {})
}

async function write(
  { resources }: ResourceOperationDeps,
  call: ArmCall<unknown>,
  id: ResourceId,
  isPatch: boolean,
): Promise<Reply> {
  const body = readBody(call.body.json)
  const { resource, created } = await resources.write(providerCall(call), { id, body, isPatch })
  const { apiVersion } = sessionOf(call)
  const { createdStatus = 201 } = resources.types.getType(id.type, apiVersion)
  return { status: created ? createdStatus : 200, body: await resources.present(resource, apiVersion) }
}

async function shown({ resources }: ResourceOperationDeps, call: ArmCall<unknown>, id: ResourceId) {
  const resource = await resources.get(providerCall(call), id)
  return await resources.present(resource, sessionOf(call).apiVersion)
}

async function listCollection(
  { resources }: ResourceOperationDeps,
  call: ArmCall<{ readonly subscription: string; readonly group: string }>,
  { type, parent }: Extract<Target, { kind: 'collection' }>,
): Promise<Reply> {
  const { apiVersion } = sessionOf(call)
  const { elsewhere } = resources.types.getType(type, apiVersion)
  if (parent !== null && elsewhere === undefined) await resources.get(providerCall(call), parent)
  const found = await resources.list(providerCall(call), {
    subscriptionId: subscriptionOf(call.params),
    resourceGroup: call.params.group,
    type,
    parent,
    query: call.head.query,
    ...readPage(call.head),
  })
  const value = await Promise.all(found.items.map((one) => resources.present(one, apiVersion)))
  return { status: 200, body: pageBody(call.head, value, found.next) }
}

async function act(
  { resources, endpoints }: ResourceOperationDeps,
  call: ArmCall<unknown>,
  target: Extract<Target, { kind: 'action' }>,
): Promise<Reply> {
  const input = { query: call.head.query, body: call.body.json }
  const reply = await resources.act(providerCall(call), target, input)
  return actionReply(endpoints, call, target.id.subscriptionId, reply)
}

export function actionReply(
  endpoints: Endpoints,
  call: ArmCall<unknown>,
  subscriptionId: string,
  { status, body, headers, operationId }: ActionReply,
): Reply {
  const accepted =
    operationId === null
      ? null
      : acceptedReply(endpoints, subscriptionId, operationId, sessionOf(call).apiVersion)
  return {
    status,
    headers: { ...accepted?.headers, ...headers },
    ...(body === undefined ? {} : { body }),
  }
}
