import type { JsonObject } from '../../kernel/json.ts'
import type { Clock } from '../../kernel/clock.ts'
import { randomGuid } from '../../crypto/random.ts'
import { groupId } from '../resources/resource-id.ts'
import { type ResourceGroup, presentGroup } from '../resources/groups.ts'
import type { Subscription } from '../resources/subscriptions.ts'
import { openBudget } from './evaluate.ts'
import { ExpressionProblem } from './expression.ts'
import { type Names, openNames, shownValue } from './parameters.ts'
import { type PlannedResource, planResources } from './plan.ts'
import type { DeploymentRequest } from './request.ts'
import type { Scope } from './scope.ts'
import { type Template, invalidTemplate } from './template.ts'

/** A deployment that may begin: every value but those of `reference()` is known to compute. */
export interface Prepared {
  readonly template: Template
  readonly resources: readonly PlannedResource[]
  /** As shown: without what is secure. */
  readonly parameters: JsonObject
  /** For bodies and outputs; `reference` is still to be given. */
  readonly scope: Scope
}

/** @throws ResourceFault `InvalidTemplate` */
export async function prepare(
  request: DeploymentRequest,
  place: { readonly subscription: Subscription; readonly group: ResourceGroup; readonly name: string },
  clock: Clock,
): Promise<Prepared> {
  const surroundings = {
    budget: openBudget(),
    place: placeObjects(place),
    fresh: { guid: randomGuid, now: clock.now() },
  }
  const names = openNames(request.template, request.parameters, surroundings)
  const scope: Scope = { ...surroundings, ...names, fresh: null, reference: null }
  const parameters = await readAll(request.template, names)
  const { subscriptionId } = place.subscription
  const target = { subscriptionId, resourceGroup: place.group.name }
  const resources = await planResources(request.template, target, scope)
  return { template: request.template, resources, parameters, scope }
}

async function readAll(template: Template, names: Names): Promise<JsonObject> {
  const shown: [string, JsonObject][] = []
  try {
    for (const { name, type } of template.parameters.values()) {
      shown.push([name, shownValue(type, await names.parameter(name))])
    }
    for (const name of template.variables.keys()) await names.variable(name)
  } catch (error) {
    if (error instanceof ExpressionProblem) throw invalidTemplate(error.message)
    throw error
  }
  return Object.fromEntries(shown)
}

function placeObjects({
  subscription,
  group,
  name,
}: {
  readonly subscription: Subscription
  readonly group: ResourceGroup
  readonly name: string
}): Scope['place'] {
  const { subscriptionId, tenantId, displayName } = subscription
  return {
    subscription: { id: `/subscriptions/${subscriptionId}`, subscriptionId, tenantId, displayName },
    resourceGroup: presentGroup(group),
    tenant: { tenantId, displayName: '' },
    deployment: {
      name,
      id: `${groupId(subscriptionId, group.name)}/providers/Microsoft.Resources/deployments/${name}`,
      properties: { mode: 'Incremental', provisioningState: 'Running' },
    },
  }
}
