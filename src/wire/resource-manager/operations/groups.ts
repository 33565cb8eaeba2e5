import { queryValue } from '../../../http/operation.ts'
import type { Endpoints } from '../../../kernel/endpoints.ts'
import { readBody } from '../../../services/resources/envelope.ts'
import { presentGroup, type ResourceGroup } from '../../../services/resources/groups.ts'
import type { Resources } from '../../../services/resources/resources.ts'
import { type Condition, parseFilter, valueOf } from '../filters.ts'
import { pageBody, readPage } from '../paging.ts'
import { acceptedReply } from '../polling.ts'
import { providerCall, sessionOf, subscriptionOf } from '../session.ts'
import { type ArmOperation, armOperation } from './arm-operation.ts'

/** https://learn.microsoft.com/rest/api/resources/resource-groups */
export function groupOperations({
  resources,
  endpoints,
}: {
  readonly resources: Resources
  readonly endpoints: Endpoints
}): readonly ArmOperation[] {
  const path = '/subscriptions/{subscription}/resourcegroups/{group}'
  const nameOf = (params: { readonly subscription: string; readonly group: string }) => ({
    subscriptionId: subscriptionOf(params),
    resourceGroup: params.group,
  })
  return [
    armOperation({
      id: 'ListResourceGroups',
      method: 'GET',
      path: '/subscriptions/{subscription}/resourcegroups',
      async run(call) {
        const conditions = parseFilter(queryValue(call.head, '$filter'), ['tagname', 'tagvalue'])
        const found = await resources.listGroups(providerCall(call), {
          subscriptionId: subscriptionOf(call.params),
          ...readPage(call.head),
          keeps: (group) => hasTag(group, conditions),
        })
        return { status: 200, body: pageBody(call.head, found.items.map(presentGroup), found.next) }
      },
    }),
    armOperation({
      id: 'PutResourceGroup',
      method: 'PUT',
      path,
      async run(call) {
        const body = readBody(call.body.json)
        const { group, created } = await resources.putGroup(providerCall(call), {
          ...nameOf(call.params),
          body,
        })
        return { status: created ? 201 : 200, body: presentGroup(group) }
      },
    }),
    armOperation({
      id: 'PatchResourceGroup',
      method: 'PATCH',
      path,
      async run(call) {
        const body = readBody(call.body.json)
        const group = await resources.patchGroup(providerCall(call), { ...nameOf(call.params), body })
        return { status: 200, body: presentGroup(group) }
      },
    }),
    armOperation({
      id: 'GetResourceGroup',
      method: 'GET',
      path,
      async run(call) {
        const group = await resources.getGroup(providerCall(call), nameOf(call.params))
        return { status: 200, body: presentGroup(group) }
      },
    }),
    armOperation({
      id: 'HeadResourceGroup',
      method: 'HEAD',
      path,
      async run(call) {
        await resources.getGroup(providerCall(call), nameOf(call.params))
        return { status: 204 }
      },
    }),
    armOperation({
      id: 'DeleteResourceGroup',
      method: 'DELETE',
      path,
      async run(call) {
        const name = nameOf(call.params)
        const operationId = await resources.deleteGroup(providerCall(call), name)
        return acceptedReply(endpoints, name.subscriptionId, operationId, sessionOf(call).apiVersion)
      },
    }),
  ]
}

/** `tagName eq 'a' and tagValue eq 'b'`, for groups and for resources. */
export function hasTag({ tags }: Pick<ResourceGroup, 'tags'>, conditions: readonly Condition[]): boolean {
  const name = valueOf(conditions, 'tagname')?.toLowerCase()
  const value = valueOf(conditions, 'tagvalue')
  if (name === undefined && value === undefined) return true
  return Object.entries(tags).some(
    ([tag, held]) =>
      (name === undefined || tag.toLowerCase() === name) && (value === undefined || held === value),
  )
}
