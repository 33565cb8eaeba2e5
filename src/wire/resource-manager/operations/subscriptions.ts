import type { JsonObject } from '../../../kernel/json.ts'
import type { Endpoints } from '../../../kernel/endpoints.ts'
import { locations } from '../../../services/resources/namespaces.ts'
import type { Resources } from '../../../services/resources/resources.ts'
import { presentSubscription } from '../../../services/resources/subscriptions.ts'
import { pollReply } from '../polling.ts'
import { sessionOf, subscriptionOf } from '../session.ts'
import { type ArmOperation, armOperation } from './arm-operation.ts'

/** https://learn.microsoft.com/rest/api/resources/subscriptions */
export function subscriptionOperations({
  resources,
  endpoints,
}: {
  readonly resources: Resources
  readonly endpoints: Endpoints
}): readonly ArmOperation[] {
  return [
    armOperation({
      id: 'ListTenants',
      method: 'GET',
      path: '/tenants',
      run(call) {
        const { tenantId } = sessionOf(call).caller
        const tenant = { id: `/tenants/${tenantId}`, tenantId, tenantCategory: 'Home' }
        return Promise.resolve({ status: 200, body: { value: [tenant] } })
      },
    }),
    armOperation({
      id: 'ListSubscriptions',
      method: 'GET',
      path: '/subscriptions',
      async run(call) {
        const found = await resources.listSubscriptions(sessionOf(call).caller)
        const value = found.map(presentSubscription)
        return { status: 200, body: { value, count: { type: 'Total', value: value.length } } }
      },
    }),
    armOperation({
      id: 'GetSubscription',
      method: 'GET',
      path: '/subscriptions/{subscription}',
      async run(call) {
        const { caller } = sessionOf(call)
        const found = await resources.readSubscription(caller, subscriptionOf(call.params))
        return { status: 200, body: presentSubscription(found) }
      },
    }),
    armOperation({
      id: 'ListLocations',
      method: 'GET',
      path: '/subscriptions/{subscription}/locations',
      async run(call) {
        const { caller } = sessionOf(call)
        const { subscriptionId } = await resources.readSubscription(caller, subscriptionOf(call.params))
        return { status: 200, body: { value: presentLocations(subscriptionId) } }
      },
    }),
    armOperation({
      id: 'GetOperationResult',
      method: 'GET',
      path: '/subscriptions/{subscription}/operationresults/{operation}',
      async run(call) {
        const { caller } = sessionOf(call)
        const subscriptionId = subscriptionOf(call.params)
        const status = await resources.getOperation(caller, { subscriptionId, id: call.params.operation })
        return pollReply(endpoints, subscriptionId, status, sessionOf(call).apiVersion)
      },
    }),
  ]
}

function presentLocations(subscriptionId: string): readonly JsonObject[] {
  return locations.map(({ name, displayName }) => ({
    id: `/subscriptions/${subscriptionId}/locations/${name}`,
    name,
    type: 'Region',
    displayName,
    regionalDisplayName: displayName,
    metadata: { regionType: 'Physical', regionCategory: 'Recommended' },
  }))
}
