import type { BodyRule, Reply } from '../../../http/operation.ts'
import { queryValue } from '../../../http/operation.ts'
import { type Endpoints, urlOf } from '../../../kernel/endpoints.ts'
import { MIB } from '../../../kernel/units.ts'
import type { DeploymentName, Deployments } from '../../../services/deployments/deployments.ts'
import { parseFilter, valueOf } from '../filters.ts'
import { pageBody, readPage } from '../paging.ts'
import { RETRY_AFTER } from '../polling.ts'
import { type ArmCall, providerCall, sessionOf, subscriptionOf } from '../session.ts'
import { type ArmOperation, armOperation } from './arm-operation.ts'

/** Raw: what az sends is not JSON. The limit is Azure's for a template. */
const TEMPLATE_BODY: BodyRule = { kind: 'raw', maxBytes: 4 * MIB }

type One = ArmCall<{ readonly subscription: string; readonly group: string; readonly name: string }>

export interface DeploymentOperationDeps {
  readonly deployments: Deployments
  readonly endpoints: Endpoints
}

/** https://learn.microsoft.com/rest/api/resources/deployments */
export function deploymentOperations(deps: DeploymentOperationDeps): readonly ArmOperation[] {
  return [...writeOperations(deps), ...readOperations(deps)]
}

const all = '/subscriptions/{subscription}/resourcegroups/{group}/providers/Microsoft.Resources/deployments'
const one =
  '/subscriptions/{subscription}/resourcegroups/{group}/providers/Microsoft.Resources/deployments/{name}'

function writeOperations({ deployments, endpoints }: DeploymentOperationDeps): readonly ArmOperation[] {
  return [
    armOperation({
      id: 'ValidateDeployment',
      method: 'POST',
      path: `${one}/validate`,
      body: TEMPLATE_BODY,
      run: async (call: One) => ({
        status: 200,
        body: await deployments.validate(providerCall(call), nameOf(call), call.body.raw),
      }),
    }),
    armOperation({
      id: 'PutDeployment',
      method: 'PUT',
      path: one,
      body: TEMPLATE_BODY,
      async run(call): Promise<Reply> {
        const name = nameOf(call)
        const begun = await deployments.begin(providerCall(call), name, call.body.raw)
        const { apiVersion } = sessionOf(call)
        const id = `/subscriptions/${name.subscriptionId}/resourceGroups/${name.resourceGroup}/providers/Microsoft.Resources/deployments/${name.name}`
        const poll = `${urlOf(endpoints, 'management')}${encodeURI(id)}/operationStatuses/${begun.operationId}?api-version=${apiVersion}`
        return {
          status: begun.created ? 201 : 200,
          headers: { 'azure-asyncoperation': poll, ...RETRY_AFTER },
          body: begun.deployment,
        }
      },
    }),
    armOperation({
      id: 'DeleteDeployment',
      method: 'DELETE',
      path: one,
      async run(call) {
        await deployments.delete(providerCall(call), nameOf(call))
        return { status: 204 }
      },
    }),
  ]
}

function readOperations({ deployments }: DeploymentOperationDeps): readonly ArmOperation[] {
  return [
    armOperation({
      id: 'ListDeployments',
      method: 'GET',
      path: all,
      async run(call) {
        const conditions = parseFilter(queryValue(call.head, '$filter'), ['provisioningstate'])
        const state = valueOf(conditions, 'provisioningstate')?.toLowerCase()
        const group = { subscriptionId: subscriptionOf(call.params), resourceGroup: call.params.group }
        const found = await deployments.list(providerCall(call), group, readPage(call.head))
        const kept = found.items.filter(
          (item) => state === undefined || stateOf(item)?.toLowerCase() === state,
        )
        return { status: 200, body: pageBody(call.head, kept, found.next) }
      },
    }),
    armOperation({
      id: 'GetDeployment',
      method: 'GET',
      path: one,
      async run(call) {
        const { deployment, isRunning } = await deployments.get(providerCall(call), nameOf(call))
        return { status: 200, headers: isRunning ? RETRY_AFTER : {}, body: deployment }
      },
    }),
    armOperation({
      id: 'HeadDeployment',
      method: 'HEAD',
      path: one,
      async run(call) {
        await deployments.get(providerCall(call), nameOf(call))
        return { status: 204 }
      },
    }),
    ...[
      // The REST reference's path, and the one that az asks.
      '/subscriptions/{subscription}/resourcegroups/{group}/providers/Microsoft.Resources/deployments/{name}/operations' as const,
      '/subscriptions/{subscription}/resourcegroups/{group}/deployments/{name}/operations' as const,
    ].map((path) =>
      armOperation({
        id: 'ListDeploymentOperations',
        method: 'GET',
        path,
        async run(call) {
          const value = await deployments.listOperations(providerCall(call), nameOf(call))
          return { status: 200, body: { value } }
        },
      }),
    ),
    armOperation({
      id: 'GetDeploymentStatus',
      method: 'GET',
      path: '/subscriptions/{subscription}/resourcegroups/{group}/providers/Microsoft.Resources/deployments/{name}/operationStatuses/{operation}',
      async run(call) {
        const operationId = call.params.operation
        const { status, isRunning } = await deployments.getStatus(
          providerCall(call),
          nameOf(call),
          operationId,
        )
        return { status: 200, headers: isRunning ? RETRY_AFTER : {}, body: status }
      },
    }),
  ]
}

function nameOf({ params }: One): DeploymentName {
  return { subscriptionId: subscriptionOf(params), resourceGroup: params.group, name: params.name }
}

function stateOf(deployment: { readonly properties?: unknown }): string | undefined {
  const { properties } = deployment
  if (typeof properties !== 'object' || properties === null || !('provisioningState' in properties)) {
    return undefined
  }
  return typeof properties.provisioningState === 'string' ? properties.provisioningState : undefined
}
