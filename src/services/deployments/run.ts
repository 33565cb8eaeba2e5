import { randomHex } from '../../crypto/random.ts'
import type { Clock } from '../../kernel/clock.ts'
import { Outage } from '../../kernel/fault.ts'
import { isJsonObject, type Json, type JsonObject, member } from '../../kernel/json.ts'
import { AccessFault } from '../access/faults.ts'
import { refusalOf } from '../resources/faults.ts'
import type { ProviderCall } from '../resources/provider.ts'
import { type ResourceId, parseResourceId } from '../resources/resource-id.ts'
import type { Resources } from '../resources/resources.ts'
import { evaluateValue } from './evaluate.ts'
import { ExpressionProblem } from './expression.ts'
import { hasType, shownValue } from './parameters.ts'
import { type PlannedResource, bodyOf, openFinder } from './plan.ts'
import type { Prepared } from './prepare.ts'
import type { DeploymentRecord, OperationRecord } from './record.ts'
import { type Step, type StepProblem, type StepResult, runSteps } from './schedule.ts'
import type { Scope } from './scope.ts'

export interface RunDeps {
  readonly resources: Pick<Resources, 'write' | 'get' | 'present'>
  readonly clock: Clock
  readonly bug: (error: unknown) => void
}

/**
 * Puts the resources of a template as `call`'s caller would, and computes its outputs.
 * @param save writes down how far it is
 * @returns the record of its end
 */
export async function runDeployment(
  deps: RunDeps,
  call: ProviderCall,
  { prepared, begun }: { readonly prepared: Prepared; readonly begun: DeploymentRecord },
  save: (record: DeploymentRecord) => Promise<void>,
): Promise<DeploymentRecord> {
  const scope: Scope = { ...prepared.scope, reference: referenceFor(deps, call, prepared.resources) }
  const operations = new Map<string, OperationRecord>()
  const note = async (operation: OperationRecord): Promise<void> => {
    operations.set(operation.resourceId.toLowerCase(), operation)
    await save({ ...begun, operations: [...operations.values()] })
  }
  const steps = prepared.resources.map((resource) => ({ ...resource, ...placeInOrder(resource.id) }))
  const problems = await runSteps(
    steps,
    (step) => putOne(deps, call, { step, scope, before: operations.get(step.key) ?? null, note }),
    call.signal,
  )
  const ended = {
    ...begun,
    operations: [...operations.values()],
    endedAt: deps.clock.now().toISOString(),
  }
  if (call.signal.aborted) return { ...ended, state: 'Failed', error: interrupted }
  if (problems.size > 0) return { ...ended, state: 'Failed', error: failureOf(begun.id, problems) }
  try {
    return { ...ended, state: 'Succeeded', outputs: await outputsOf(prepared, scope) }
  } catch (error) {
    const { code, message } = problemOf(deps, error)
    const details = [{ code, message }]
    return {
      ...ended,
      state: 'Failed',
      error: {
        code: 'DeploymentOutputEvaluationFailed',
        message: 'Unable to evaluate template outputs.',
        details,
      },
    }
  }
}

/** What a deployment ends with whose process was stopped. */
export const interrupted: JsonObject = {
  code: 'DeploymentInterrupted',
  message: 'The service was stopped while the deployment ran. Deploy the template again.',
}

/** What is set below a resource, such as a policy or a rule, may be what another resource needs without saying so. */
function placeInOrder({ key, parent }: ResourceId): Pick<Step, 'key' | 'rank'> {
  return { key, rank: parent === null ? 1 : 0 }
}

async function putOne(
  deps: RunDeps,
  call: ProviderCall,
  part: {
    readonly step: PlannedResource
    readonly scope: Scope
    /** Of the attempt before. */
    readonly before: OperationRecord | null
    readonly note: (operation: OperationRecord) => Promise<void>
  },
): Promise<StepResult> {
  const { id, source } = part.step
  const operation: OperationRecord = {
    id: part.before?.id ?? randomHex(8).toUpperCase(),
    resourceId: id.id,
    resourceType: id.type,
    resourceName: id.name,
    state: 'Running',
    startedAt: deps.clock.now().toISOString(),
    endedAt: null,
    problem: null,
  }
  await part.note(operation)
  const end = (state: 'Succeeded' | 'Failed', problem: StepProblem | null) =>
    part.note({ ...operation, state, problem, endedAt: deps.clock.now().toISOString() })
  try {
    const body = await evaluateValue(bodyOf(source), part.scope)
    if (!isJsonObject(body)) throw new ExpressionProblem('the resource is not an object')
    await deps.resources.write({ ...call, apiVersion: source.apiVersion }, { id, body, isPatch: false })
    await end('Succeeded', null)
    return { isDone: true }
  } catch (error) {
    const problem = problemOf(deps, error)
    await end('Failed', problem)
    return { isDone: false, problem }
  }
}

/** `reference()`: of the template's resources by name or id, of others by id and api-version, as far as the caller may read. */
function referenceFor(
  { resources }: RunDeps,
  call: ProviderCall,
  planned: readonly PlannedResource[],
): NonNullable<Scope['reference']> {
  const finder = openFinder(planned.map(({ id }) => id))
  const versions = new Map(planned.map(({ id, source }) => [id.key, source.apiVersion]))
  return async (target, options) => {
    const id = finder.find(target) ?? parseResourceId(target)
    const apiVersion = options.apiVersion ?? (id === null ? undefined : versions.get(id.key)) ?? null
    if (id === null || apiVersion === null) {
      throw new ExpressionProblem(
        `the resource '${target}' is not defined in the template, and no id with an api-version is given`,
      )
    }
    const resource = await resources.get({ ...call, apiVersion }, id)
    const shown = await resources.present(resource, apiVersion)
    return options.isFull ? { ...shown, apiVersion } : (shown['properties'] ?? {})
  }
}

async function outputsOf({ template }: Prepared, scope: Scope): Promise<JsonObject> {
  const outputs: [string, Json][] = []
  for (const { name, type, body } of template.outputs.values()) {
    const condition = await evaluateValue(member(body, 'condition') ?? true, scope)
    if (condition === false) continue
    const value = await evaluateValue(member(body, 'value') ?? null, scope)
    if (!hasType(type, value)) throw new ExpressionProblem(`the output '${name}' is not of type '${type}'`)
    outputs.push([name, shownValue(type, value)])
  }
  return Object.fromEntries(outputs)
}

function failureOf(deploymentId: string, problems: ReadonlyMap<string, StepProblem>): JsonObject {
  return {
    code: 'DeploymentFailed',
    target: deploymentId,
    message:
      'At least one resource deployment operation failed. Please list deployment operations for details. Please see https://aka.ms/arm-deployment-operations for usage details.',
    details: [...problems].map(([target, { code, message }]) => ({ code, target, message })),
  }
}

function problemOf({ bug }: RunDeps, error: unknown): StepProblem {
  const refusal = refusalOf(error)
  if (refusal !== null) {
    const { status, code, message } = refusal
    return { status, code, message }
  }
  if (error instanceof ExpressionProblem) {
    return { status: 400, code: 'InvalidTemplate', message: error.message }
  }
  if (error instanceof AccessFault) {
    return {
      status: 403,
      code: 'AuthorizationFailed',
      message: 'The client does not have authorization to perform this action over this scope.',
    }
  }
  if (error instanceof Outage) {
    return { status: 503, code: 'ServiceUnavailable', message: 'A service that this needs gave no answer.' }
  }
  bug(error)
  return {
    status: 500,
    code: 'InternalServerError',
    message: 'The server encountered an unexpected condition.',
  }
}
