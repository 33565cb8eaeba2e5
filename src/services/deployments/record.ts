import { azureTime } from '../../kernel/clock.ts'
import { type Json, type JsonObject, isJsonObject } from '../../kernel/json.ts'
import { text } from '../resources/document.ts'
import type { StepProblem } from './schedule.ts'

/** A deployment as it is kept. Plain JSON throughout; times are ISO 8601. */
export interface DeploymentRecord {
  readonly id: string
  readonly name: string
  readonly correlationId: string
  readonly state: 'Running' | 'Succeeded' | 'Failed'
  readonly startedAt: string
  readonly endedAt: string | null
  readonly parameters: JsonObject
  readonly providers: readonly JsonObject[]
  readonly dependencies: readonly JsonObject[]
  readonly outputs: JsonObject
  readonly error: JsonObject | null
  readonly operations: readonly OperationRecord[]
}

/** One resource's part in it. */
export interface OperationRecord {
  readonly id: string
  readonly resourceId: string
  readonly resourceType: string
  readonly resourceName: string
  readonly state: 'Running' | 'Succeeded' | 'Failed'
  readonly startedAt: string
  readonly endedAt: string | null
  readonly problem: StepProblem | null
}

export function toDocument(record: DeploymentRecord): JsonObject {
  return {
    ...record,
    operations: record.operations.map((one) => ({ ...one, problem: problemJson(one.problem) })),
  }
}

/** Documents are ours and sealed: they read as they were written. */
export function fromDocument(document: JsonObject): DeploymentRecord {
  text(document, 'id')
  return document as unknown as DeploymentRecord
}

/** https://learn.microsoft.com/rest/api/resources/deployments/get */
export function presentDeployment(record: DeploymentRecord): JsonObject {
  return {
    id: record.id,
    name: record.name,
    type: 'Microsoft.Resources/deployments',
    properties: {
      mode: 'Incremental',
      provisioningState: record.state,
      parameters: record.parameters,
      timestamp: azureTime(new Date(record.endedAt ?? record.startedAt)),
      duration: duration(record),
      correlationId: record.correlationId,
      providers: record.providers,
      dependencies: record.dependencies,
      ...(record.state === 'Succeeded'
        ? { outputs: record.outputs, outputResources: outputResources(record) }
        : {}),
      ...(record.error === null ? {} : { error: record.error }),
    },
  }
}

function outputResources({ operations }: DeploymentRecord): readonly JsonObject[] {
  return operations.filter(({ state }) => state === 'Succeeded').map(({ resourceId }) => ({ id: resourceId }))
}

/** https://learn.microsoft.com/rest/api/resources/deployment-operations/list */
export function presentOperation(deploymentId: string, operation: OperationRecord): JsonObject {
  const { problem } = operation
  return {
    id: `${deploymentId}/operations/${operation.id}`,
    operationId: operation.id,
    properties: {
      provisioningOperation: 'Create',
      provisioningState: operation.state,
      timestamp: azureTime(new Date(operation.endedAt ?? operation.startedAt)),
      duration: duration(operation),
      trackingId: operation.id,
      statusCode: problem === null ? 'OK' : statusWord(problem.status),
      ...(problem === null
        ? {}
        : { statusMessage: { error: { code: problem.code, message: problem.message } } }),
      targetResource: {
        id: operation.resourceId,
        resourceType: operation.resourceType,
        resourceName: operation.resourceName,
      },
    },
  }
}

export function statusOf({ state, error }: DeploymentRecord): JsonObject {
  return { status: state, ...(isJsonObject(error) ? { error } : {}) }
}

/** ISO 8601: `PT1.5S`. */
function duration({ startedAt, endedAt }: Pick<DeploymentRecord, 'startedAt' | 'endedAt'>): string {
  const ms = endedAt === null ? 0 : new Date(endedAt).getTime() - new Date(startedAt).getTime()
  return `PT${Math.max(ms, 0) / 1000}S`
}

function statusWord(status: number): string {
  const words: Readonly<Record<number, string>> = {
    400: 'BadRequest',
    403: 'Forbidden',
    404: 'NotFound',
    409: 'Conflict',
    503: 'ServiceUnavailable',
  }
  return words[status] ?? 'InternalServerError'
}

function problemJson(problem: StepProblem | null): Json {
  return problem === null ? null : { ...problem }
}
