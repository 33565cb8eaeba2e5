import type { JsonObject } from '../../kernel/json.ts'
import type { ResourceId } from '../resources/resource-id.ts'
import type { PlannedResource } from './plan.ts'

/** `providers` and `dependencies` as a deployment shows them. */
export function describePlan(planned: readonly PlannedResource[]): {
  readonly providers: readonly JsonObject[]
  readonly dependencies: readonly JsonObject[]
} {
  const ids = new Map(planned.map(({ id }) => [id.key, id]))
  const dependencies = planned
    .filter(({ waitsFor }) => waitsFor.size > 0)
    .map(({ id, waitsFor }) => ({
      dependsOn: [...waitsFor].flatMap((key) => {
        const found = ids.get(key)
        return found === undefined ? [] : [describe(found)]
      }),
      ...describe(id),
    }))
  return { providers: describeProviders(planned), dependencies }
}

function describe({ id, type, name }: ResourceId): JsonObject {
  return { id, resourceType: type, resourceName: name }
}

function describeProviders(planned: readonly PlannedResource[]): readonly JsonObject[] {
  const types = new Map<string, Set<string>>()
  for (const { id } of planned) {
    const slash = id.type.indexOf('/')
    const namespace = id.type.slice(0, slash)
    types.set(namespace, (types.get(namespace) ?? new Set()).add(id.type.slice(slash + 1)))
  }
  return [...types].map(([namespace, names]) => ({
    namespace,
    resourceTypes: [...names].map((resourceType) => ({ resourceType, locations: [null] })),
  }))
}
