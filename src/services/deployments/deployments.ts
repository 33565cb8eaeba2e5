import { randomGuid } from '../../crypto/random.ts'
import type { RecordKey } from '../../crypto/record-key.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Guid } from '../../kernel/guid.ts'
import type { JsonObject } from '../../kernel/json.ts'
import type { Page } from '../../kernel/page.ts'
import type { Records } from '../../store/records/records.ts'
import {
  type DeploymentRow,
  type DeploymentRows,
  deploymentRows,
} from '../../store/records/resources/deployment-rows.ts'
import type { ResourcesTables } from '../../store/records/resources/tables.ts'
import type { Access } from '../access/access.ts'
import { refused } from '../resources/faults.ts'
import { type ResourceGroup, groupMissing } from '../resources/groups.ts'
import type { ProviderCall } from '../resources/provider.ts'
import { groupId } from '../resources/resource-id.ts'
import type { Resources } from '../resources/resources.ts'
import type { Subscription } from '../resources/subscriptions.ts'
import { type Tasks, openTasks } from '../resources/tasks.ts'
import { groupDeleting } from '../resources/write-resource.ts'
import { type Prepared, prepare } from './prepare.ts'
import {
  type DeploymentRecord,
  fromDocument,
  presentDeployment,
  presentOperation,
  statusOf,
  toDocument,
} from './record.ts'
import { preflight } from './preflight.ts'
import { describePlan } from './describe.ts'
import { readRequest } from './request.ts'
import { interrupted, runDeployment } from './run.ts'

export interface DeploymentName {
  readonly subscriptionId: Guid
  readonly resourceGroup: string
  readonly name: string
}

/**
 * Template deployments to a resource group, mode Incremental. Resources are put as the caller would put them himself.
 * Bodies come raw: what az sends is not JSON. Every method throws AccessFault `denied` first, then ResourceFault.
 * https://learn.microsoft.com/rest/api/resources/deployments
 */
export interface Deployments extends AsyncDisposable {
  /** Finds whatever can be found without making anything. @throws ResourceFault `InvalidTemplate`, ... */
  validate(call: ProviderCall, name: DeploymentName, body: Uint8Array): Promise<JsonObject>
  /** Checks like `validate`, then begins; resolves once that is durable. @throws ResourceFault `DeploymentActive` too */
  begin(
    call: ProviderCall,
    name: DeploymentName,
    body: Uint8Array,
  ): Promise<{ readonly deployment: JsonObject; readonly operationId: string; readonly created: boolean }>
  /** @throws ResourceFault `DeploymentNotFound` */
  get(
    call: ProviderCall,
    name: DeploymentName,
  ): Promise<{ readonly deployment: JsonObject; readonly isRunning: boolean }>
  list(
    call: ProviderCall,
    group: Omit<DeploymentName, 'name'>,
    page: { readonly after: string | null; readonly limit: number },
  ): Promise<Page<JsonObject>>
  listOperations(call: ProviderCall, name: DeploymentName): Promise<readonly JsonObject[]>
  /** `{"status", "error"?}` of the run that `operationId` names. */
  getStatus(
    call: ProviderCall,
    name: DeploymentName,
    operationId: string,
  ): Promise<{ readonly status: JsonObject; readonly isRunning: boolean }>
  /** Forgets the deployment, not what it made. @returns whether there was one */
  delete(call: ProviderCall, name: DeploymentName): Promise<boolean>
}

export interface DeploymentsDeps {
  readonly records: Pick<Records<ResourcesTables>, 'read' | 'write'>
  readonly recordKey: RecordKey
  readonly resources: Resources
  readonly access: Pick<Access, 'authorize' | 'allows'>
  readonly clock: Clock
  /** What no part foresaw, thrown by work that no request waits for. */
  readonly bug: (error: unknown) => void
}

const DEPLOYMENTS = 'Microsoft.Resources/deployments'

/** Opens them. What ran when the process ended last is told to have failed. */
export async function openDeployments(deps: DeploymentsDeps): Promise<Deployments> {
  const { access, clock } = deps
  const rows = deploymentRows(deps)
  const tasks = openTasks(deps.bug)
  await failInterrupted(rows, clock)

  /** Rights first, then whether the group is there. */
  const enter = async (call: ProviderCall, name: DeploymentName, verb: string): Promise<Entered> => {
    const subscription = await deps.resources.getSubscription(call.caller, name.subscriptionId)
    await access.authorize(call.caller, `${DEPLOYMENTS}/${verb}`, deploymentId(name))
    const group = await deps.resources.findGroup(name)
    if (group === null) throw groupMissing(name.resourceGroup)
    return { subscription, group, id: deploymentId({ ...name, resourceGroup: group.name }) }
  }
  const find = async (call: ProviderCall, name: DeploymentName, verb: string) => {
    const { id } = await enter(call, name, verb)
    const row = await rows.find(id.toLowerCase())
    if (row !== null) return { row, record: fromDocument(row.document) }
    throw refused(404, 'DeploymentNotFound', `Deployment '${name.name}' could not be found.`)
  }
  const check = async (call: ProviderCall, name: DeploymentName, entered: Entered, body: Uint8Array) => {
    checkName(name.name)
    const prepared = await prepare(readRequest(body), { ...entered, name: name.name }, clock)
    await preflight(deps, call, prepared.resources)
    return prepared
  }

  return {
    async validate(call, name, body) {
      const entered = await enter(call, name, 'validate/action')
      const prepared = await check(call, name, entered, body)
      const record = recordOf(call, name, entered, prepared, clock)
      const { properties, ...rest } = presentDeployment({ ...record, state: 'Succeeded' })
      const validatedResources = prepared.resources.map(({ id }) => ({ id: id.id }))
      return { ...rest, properties: { ...(properties as JsonObject), validatedResources } }
    },

    async begin(call, name, body) {
      const entered = await enter(call, name, 'write')
      const prepared = await check(call, name, entered, body)
      const begun = recordOf(call, name, entered, prepared, clock)
      const created = (await rows.find(begun.id.toLowerCase())) === null
      const operationId = await start({ ...deps, rows, tasks }, call, { entered, prepared, begun })
      return { deployment: presentDeployment(begun), operationId, created }
    },

    async get(call, name) {
      const { row, record } = await find(call, name, 'read')
      return { deployment: presentDeployment(record), isRunning: row.state === 'running' }
    },

    async list(call, group, page) {
      const entered = await enter(call, { ...group, name: '' }, 'read')
      const groupKey = entered.group.name.toLowerCase()
      const found = await rows.list({ subscriptionId: group.subscriptionId, groupKey }, page)
      return {
        items: found.items.map(({ document }) => presentDeployment(fromDocument(document))),
        next: found.next,
      }
    },

    async listOperations(call, name) {
      const { record } = await find(call, name, 'operations/read')
      return record.operations.map((operation) => presentOperation(record.id, operation))
    },

    async getStatus(call, name, operationId) {
      const { row, record } = await find(call, name, 'operationStatuses/read')
      if (row.operationId === operationId.toLowerCase()) {
        return { status: statusOf(record), isRunning: row.state === 'running' }
      }
      throw refused(404, 'OperationNotFound', `The operation '${operationId}' could not be found.`)
    },

    async delete(call, name) {
      const { id } = await enter(call, name, 'delete')
      const row = await rows.find(id.toLowerCase())
      if (row?.state === 'running') throw deploymentActive(id)
      return await rows.remove(id.toLowerCase())
    },

    [Symbol.asyncDispose]: () => tasks[Symbol.asyncDispose](),
  }
}

interface Entered {
  readonly subscription: Subscription
  readonly group: ResourceGroup
  readonly id: string
}

/** @returns the id of its operation, once it is written down */
async function start(
  deps: DeploymentsDeps & { readonly rows: DeploymentRows; readonly tasks: Tasks },
  call: ProviderCall,
  {
    entered,
    prepared,
    begun,
  }: { readonly entered: Entered; readonly prepared: Prepared; readonly begun: DeploymentRecord },
): Promise<string> {
  const { rows } = deps
  const row = {
    idKey: begun.id.toLowerCase(),
    subscriptionId: entered.subscription.subscriptionId,
    groupKey: entered.group.name.toLowerCase(),
    operationId: randomGuid() as string,
  }
  if (!(await rows.begin({ ...row, document: toDocument(begun) }))) {
    const isActive = (await rows.find(row.idKey))?.state === 'running'
    throw isActive ? deploymentActive(begun.id) : groupDeleting(entered.group.name)
  }
  deps.tasks.start(async (signal) => {
    const save = (record: DeploymentRecord) =>
      rows.update({ ...row, state: 'running', document: toDocument(record) })
    const ended = await runDeployment(deps, { ...call, signal }, { prepared, begun }, save)
    await rows.update({ ...row, state: 'done', document: toDocument(ended) })
  })
  return row.operationId
}

async function failInterrupted(rows: DeploymentRows, clock: Clock): Promise<void> {
  const endedAt = clock.now().toISOString()
  for (const row of await rows.listRunning()) {
    const record = fromDocument(row.document)
    const operations = record.operations.map((operation) =>
      operation.state === 'Running' ? { ...operation, state: 'Failed' as const, endedAt } : operation,
    )
    const ended: DeploymentRow = {
      ...row,
      state: 'done',
      document: toDocument({ ...record, operations, state: 'Failed', endedAt, error: interrupted }),
    }
    await rows.update(ended)
  }
}

function recordOf(
  call: ProviderCall,
  { name }: DeploymentName,
  { id }: Entered,
  prepared: Prepared,
  clock: Clock,
): DeploymentRecord {
  return {
    id,
    name,
    correlationId: call.correlationId,
    state: 'Running',
    startedAt: clock.now().toISOString(),
    endedAt: null,
    parameters: prepared.parameters,
    ...describePlan(prepared.resources),
    outputs: {},
    error: null,
    operations: [],
  }
}

function deploymentId({ subscriptionId, resourceGroup, name }: DeploymentName): string {
  const base = `${groupId(subscriptionId, resourceGroup)}/providers/${DEPLOYMENTS}`
  return name === '' ? base : `${base}/${name}`
}

/** https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftresources */
function checkName(name: string): void {
  if (/^[-\w.()]{1,64}$/.test(name)) return
  throw refused(
    400,
    'InvalidDeploymentName',
    `The deployment name '${name}' is not valid: 1 to 64 letters, digits, '-', '_', '.', '(' and ')'.`,
  )
}

function deploymentActive(id: string) {
  return refused(
    409,
    'DeploymentActive',
    `The deployment with resource id '${id}' cannot be saved, because this would overwrite an existing deployment which is still active. Please see https://aka.ms/arm-deploy for usage details.`,
  )
}
