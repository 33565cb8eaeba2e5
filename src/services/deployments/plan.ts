import type { Guid } from '../../kernel/guid.ts'
import { type Json, type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { type ResourceId, composeResourceId, parseResourceId } from '../resources/resource-id.ts'
import { evaluate, evaluateValue } from './evaluate.ts'
import { ExpressionProblem, callsOf, isExpression, parseExpression } from './expression.ts'
import type { Scope } from './scope.ts'
import { type Template, type TemplateResource, invalidTemplate, spot } from './template.ts'

/** A resource that will be put, with those of the same template that must be there before. */
export interface PlannedResource {
  readonly id: ResourceId
  readonly source: TemplateResource
  /** `key`s of ids. */
  readonly waitsFor: ReadonlySet<string>
}

/**
 * The graph of a template's resources: `dependsOn`, what `reference()` reads, and parents. Those whose condition is
 * false are left out.
 *
 * @throws ResourceFault `InvalidTemplate`
 */
export async function planResources(
  template: Template,
  place: { readonly subscriptionId: Guid; readonly resourceGroup: string },
  scope: Scope,
): Promise<readonly PlannedResource[]> {
  const named: {
    readonly id: ResourceId
    readonly source: TemplateResource
    readonly isDeployed: boolean
  }[] = []
  for (const source of template.resources) {
    await within(source, async () => {
      const id = await idOf(source, place, scope)
      named.push({ id, source, isDeployed: await conditionOf(source, scope) })
    })
  }
  const finder = openFinder(named.map(({ id }) => id))
  const deployed = named.filter(({ isDeployed }) => isDeployed)
  const keys = new Set(deployed.map(({ id }) => id.key))
  if (keys.size !== deployed.length) throw twice(deployed)
  const planned: PlannedResource[] = []
  for (const { id, source } of deployed) {
    const wanted = await within(source, () => dependenciesOf(id, source, { scope, finder }))
    planned.push({ id, source, waitsFor: new Set([...wanted].filter((key) => keys.has(key))) })
  }
  refuseCircles(planned)
  return planned
}

/** Names the resource in which an expression is wrong. */
async function within<T>(source: TemplateResource, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ExpressionProblem)) throw error
    throw invalidTemplate(
      `The template resource '${source.names.join('/')}'${spot(source.at)} is not valid: ${error.message}`,
    )
  }
}

async function idOf(
  source: TemplateResource,
  place: { readonly subscriptionId: Guid; readonly resourceGroup: string },
  scope: Scope,
): Promise<ResourceId> {
  const parts: string[] = []
  for (const written of source.names) {
    const name = await evaluateValue(written, scope)
    if (typeof name !== 'string') throw new ExpressionProblem('its name is not a string')
    parts.push(name)
  }
  const name = parts.join('/')
  if (name === '') {
    throw invalidTemplate(
      `The template resource ''${spot(source.at)} is not valid. The name property cannot be null or empty. Please see https://aka.ms/arm-syntax-resources for usage details.`,
    )
  }
  const id = composeResourceId(place, source.type, name.split('/'))
  if (id !== null) return id
  throw invalidTemplate(
    `The template resource '${name}' for type '${source.type}'${spot(source.at)} has incorrect segment lengths. A nested resource type must have identical number of segments as its resource name, none of them empty`,
  )
}

async function conditionOf({ body }: TemplateResource, scope: Scope): Promise<boolean> {
  const written = member(body, 'condition')
  if (written === undefined) return true
  const value = await evaluateValue(written, scope)
  if (typeof value === 'boolean') return value
  throw new ExpressionProblem('its condition is not a boolean')
}

/** A template's resource by its id, by its name, or by type and name. */
interface Finder {
  find(text: string): ResourceId | null
}

export function openFinder(ids: readonly ResourceId[]): Finder {
  const known = new Map<string, ResourceId>()
  for (const id of ids) {
    const names: string[] = []
    for (let level: ResourceId | null = id; level !== null; level = level.parent) names.unshift(level.name)
    const name = names.join('/')
    known.set(name.toLowerCase(), id)
    known.set(`${id.type}/${name}`.toLowerCase(), id)
  }
  for (const id of ids) known.set(id.key, id)
  return { find: (text) => known.get((parseResourceId(text)?.key ?? text).toLowerCase()) ?? null }
}

async function dependenciesOf(
  id: ResourceId,
  source: TemplateResource,
  { scope, finder }: { readonly scope: Scope; readonly finder: Finder },
): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (const written of listOf(member(source.body, 'dependsOn'))) {
    const name = await evaluateValue(written, scope)
    const wanted = typeof name === 'string' ? finder.find(name) : null
    if (wanted === null) {
      throw invalidTemplate(
        `The resource '${typeof name === 'string' ? name : ''}' that '${id.type}/${id.name}'${spot(source.at)} depends on is not defined in the template. Please see https://aka.ms/arm-syntax-resources for usage details.`,
      )
    }
    found.add(wanted.key)
  }
  for (const text of stringsOf(source.body)) {
    for (const target of await referencedBy(text, scope)) {
      const wanted = finder.find(target)
      if (wanted !== null && wanted.key !== id.key) found.add(wanted.key)
    }
  }
  for (let parent = id.parent; parent !== null; parent = parent.parent) found.add(parent.key)
  return found
}

function listOf(value: Json | undefined): readonly Json[] {
  if (value === undefined) return []
  if (Array.isArray(value)) return value as readonly Json[]
  throw new ExpressionProblem(`its 'dependsOn' is not an array`)
}

/** What the `reference()` calls of an expression read, as far as that is known before anything is deployed. */
async function referencedBy(text: string, scope: Scope): Promise<readonly string[]> {
  if (!isExpression(text)) return []
  const targets: string[] = []
  for (const call of callsOf(parseExpression(text), 'reference')) {
    const [first] = call.kind === 'call' ? call.args : []
    if (first === undefined) continue
    try {
      const target = await evaluate(first, scope)
      if (typeof target === 'string') targets.push(target)
    } catch (error) {
      // Itself computed from a reference: then that one's resource is waited for, and this one must be named.
      if (!(error instanceof ExpressionProblem)) throw error
    }
  }
  return targets
}

function stringsOf(value: Json): readonly string[] {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap(stringsOf)
  return isJsonObject(value)
    ? Object.entries(value).flatMap(([name, part]) => [name, ...partStrings(name, part)])
    : []
}

/** Resources within are planned by themselves. */
function partStrings(name: string, part: Json): readonly string[] {
  return name.toLowerCase() === 'resources' ? [] : stringsOf(part)
}

function twice(resources: readonly { readonly id: ResourceId; readonly source: TemplateResource }[]) {
  const seen = new Set<string>()
  const again = resources.find(({ id }) => seen.size === seen.add(id.key).size)
  return invalidTemplate(
    `The resource '${again?.id.id ?? ''}'${again === undefined ? '' : spot(again.source.at)} is defined multiple times in a template`,
  )
}

function refuseCircles(planned: readonly PlannedResource[]): void {
  const done = new Set<string>()
  let left = planned
  while (left.length > 0) {
    const ready = left.filter(({ waitsFor }) => [...waitsFor].every((key) => done.has(key)))
    if (ready.length === 0) {
      const names = left.map(({ id }) => `${id.type}/${id.name}`).slice(0, 10)
      throw invalidTemplate(
        `Circular dependency detected on resource: '${left[0]?.id.id ?? ''}'; it is among '${names.join(', ')}'. Please see https://aka.ms/arm-syntax-resources for usage details.`,
      )
    }
    for (const { id } of ready) done.add(id.key)
    left = left.filter(({ id }) => !done.has(id.key))
  }
}

/** What of a template's resource is its body on the wire. */
export function bodyOf({ body }: TemplateResource): JsonObject {
  const own = new Set([
    'type',
    'name',
    'apiversion',
    'dependson',
    'condition',
    'resources',
    'comments',
    'metadata',
  ])
  return Object.fromEntries(Object.entries(body).filter(([name]) => !own.has(name.toLowerCase())))
}
