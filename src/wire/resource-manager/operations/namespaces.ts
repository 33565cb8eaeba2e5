import type { Reply } from '../../../http/operation.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import { refused } from '../../../services/resources/faults.ts'
import { pageBody, readPage } from '../paging.ts'
import { type ArmCall, providerCall, sessionOf, subscriptionOf } from '../session.ts'
import { type ArmOperation, armOperation } from './arm-operation.ts'
import { type ResourceOperationDeps, actionReply } from './resources.ts'

/** Providers and their registration. https://learn.microsoft.com/rest/api/resources/providers */
export function namespaceOperations({ resources }: ResourceOperationDeps): readonly ArmOperation[] {
  const show = async (
    call: ArmCall<{ readonly subscription: string; readonly namespace: string }>,
  ): Promise<Reply> => {
    const { subscriptionId } = await resources.readSubscription(
      sessionOf(call).caller,
      subscriptionOf(call.params),
    )
    return { status: 200, body: find(resources.presentNamespaces(subscriptionId), call.params.namespace) }
  }
  const path = '/subscriptions/{subscription}/providers/{namespace}'
  return [
    armOperation({
      id: 'ListProviders',
      method: 'GET',
      path: '/subscriptions/{subscription}/providers',
      async run(call) {
        const { caller } = sessionOf(call)
        const { subscriptionId } = await resources.readSubscription(caller, subscriptionOf(call.params))
        return { status: 200, body: { value: resources.presentNamespaces(subscriptionId) } }
      },
    }),
    armOperation({ id: 'GetProvider', method: 'GET', path, run: show }),
    armOperation({ id: 'RegisterProvider', method: 'POST', path: `${path}/register`, run: show }),
    armOperation({
      id: 'ListTenantProviders',
      method: 'GET',
      path: '/providers',
      run: () => Promise.resolve({ status: 200, body: { value: resources.presentNamespaces(null) } }),
    }),
    armOperation({
      id: 'GetTenantProvider',
      method: 'GET',
      path: '/providers/{namespace}',
      run: ({ params }) =>
        Promise.resolve({ status: 200, body: find(resources.presentNamespaces(null), params.namespace) }),
    }),
  ]
}

function find(namespaces: readonly JsonObject[], wanted: string): JsonObject {
  const found = namespaces.find(
    ({ namespace }) => typeof namespace === 'string' && namespace.toLowerCase() === wanted.toLowerCase(),
  )
  if (found !== undefined) return found
  throw refused(404, 'InvalidResourceNamespace', `The resource namespace '${wanted}' is invalid.`)
}

/** Preview features: all that is here is on. https://learn.microsoft.com/rest/api/resources/features */
export function featureOperations({ resources }: ResourceOperationDeps): readonly ArmOperation[] {
  const show = async (
    call: ArmCall<{
      readonly subscription: string
      readonly namespace: string
      readonly feature: string
    }>,
  ): Promise<Reply> => {
    const { namespace, feature } = call.params
    const { subscriptionId } = await resources.readSubscription(
      sessionOf(call).caller,
      subscriptionOf(call.params),
    )
    return {
      status: 200,
      body: {
        id: `/subscriptions/${subscriptionId}/providers/Microsoft.Features/providers/${namespace}/features/${feature}`,
        name: `${namespace}/${feature}`,
        type: 'Microsoft.Features/providers/features',
        properties: { state: 'Registered' },
      },
    }
  }
  const path =
    '/subscriptions/{subscription}/providers/Microsoft.Features/providers/{namespace}/features/{feature}'
  return [
    armOperation({ id: 'GetFeature', method: 'GET', path, run: show }),
    armOperation({ id: 'RegisterFeature', method: 'POST', path: `${path}/register`, run: show }),
  ]
}

/** What providers offer below the subscription, and lists of one type over all its groups. */
export function scopeOperations({ resources, endpoints }: ResourceOperationDeps): readonly ArmOperation[] {
  const path = '/subscriptions/{subscription}/providers/{namespace}/{rest+}'
  type ScopeCall = ArmCall<{
    readonly subscription: string
    readonly namespace: string
    readonly rest: string
  }>
  const act = async (call: ScopeCall): Promise<Reply> => {
    const subscriptionId = subscriptionOf(call.params)
    const { namespace, rest } = call.params
    const request = { subscriptionId, namespace, path: rest, method: call.head.method }
    const input = { query: call.head.query, body: call.body.json }
    const reply = await resources.actOnScope(providerCall(call), request, input)
    return actionReply(endpoints, call, subscriptionId, reply)
  }
  const list = async (call: ScopeCall): Promise<Reply> => {
    const { apiVersion } = sessionOf(call)
    const type = `${call.params.namespace}/${call.params.rest.replace(/\/$/, '')}`
    resources.types.getType(type, apiVersion)
    const found = await resources.list(providerCall(call), {
      subscriptionId: subscriptionOf(call.params),
      resourceGroup: null,
      type,
      ...readPage(call.head),
    })
    const value = await Promise.all(found.items.map((one) => resources.present(one, apiVersion)))
    return { status: 200, body: pageBody(call.head, value, found.next) }
  }
  return [
    armOperation({
      id: 'GetOnScope',
      method: 'GET',
      path,
      async run(call) {
        const { namespace, rest } = call.params
        const isAction = resources.hasScopeAction({ namespace, path: rest, method: 'GET' })
        return await (isAction ? act(call) : list(call))
      },
    }),
    armOperation({ id: 'ActOnScope', method: 'POST', path, run: act }),
    armOperation({ id: 'DeleteOnScope', method: 'DELETE', path, run: act }),
  ]
}
