import { isJsonObject, type Json, type JsonObject, member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import type { ParsedText, Position } from './template-text.ts'

/** A template's parts, with names found in any letter case. */
export interface Template {
  readonly parameters: ReadonlyMap<string, Definition>
  readonly variables: ReadonlyMap<string, Json>
  readonly resources: readonly TemplateResource[]
  readonly outputs: ReadonlyMap<string, Definition>
}

export interface Definition {
  /** As written in the template. */
  readonly name: string
  readonly type: ValueType
  readonly body: JsonObject
  readonly at: Position
}

const valueTypes = ['String', 'SecureString', 'Int', 'Bool', 'Object', 'SecureObject', 'Array'] as const
export type ValueType = (typeof valueTypes)[number]

export interface TemplateResource {
  readonly type: string
  /** Unevaluated; joined by slashes they are the name. One standing in another begins with the other's. */
  readonly names: readonly string[]
  readonly apiVersion: string
  readonly body: JsonObject
  readonly at: Position
}

const MAX_RESOURCES = 800
const MAX_NAMES = 256

/** @throws ResourceFault `InvalidTemplate` */
export function readTemplate(value: Json | undefined, text: ParsedText): Template {
  if (!isJsonObject(value)) throw invalidTemplate(`The template must be an object.`)
  for (const unsupported of ['functions', 'imports', 'extensions', 'definitions']) {
    const part = member(value, unsupported)
    if (isJsonObject(part) && Object.keys(part).length > 0) throw unsupportedPart(unsupported, value, text)
    if (Array.isArray(part) && part.length > 0) throw unsupportedPart(unsupported, value, text)
  }
  const resources = member(value, 'resources') ?? []
  if (!Array.isArray(resources)) {
    throw invalidTemplate(`'resources' must be an array${spot(text.positionOf(value))}.`)
  }
  const flat = flatten(resources as readonly Json[], null, text)
  if (flat.length > MAX_RESOURCES) {
    throw invalidTemplate(`The template has ${flat.length} resources; the maximum is ${MAX_RESOURCES}.`)
  }
  return {
    parameters: definitions(value, 'parameters', text),
    variables: variables(value, text),
    resources: flat,
    outputs: definitions(value, 'outputs', text),
  }
}

export function invalidTemplate(reason: string) {
  return refused(400, 'InvalidTemplate', `Deployment template validation failed: '${reason}'.`)
}

/** ` at line '3' and column '5'`, as ARM says where. */
export function spot({ line, column }: Position): string {
  return ` at line '${line}' and column '${column}'`
}

function unsupportedPart(name: string, value: Json, text: ParsedText) {
  return invalidTemplate(`The template's '${name}'${spot(text.positionOf(value))} are not supported here.`)
}

function section(template: JsonObject, name: string, text: ParsedText): readonly [string, Json][] {
  const part = member(template, name) ?? {}
  if (!isJsonObject(part)) throw invalidTemplate(`'${name}' must be an object.`)
  const entries = Object.entries(part)
  const names = new Set(entries.map(([entry]) => entry.toLowerCase()))
  if (entries.length > MAX_NAMES || names.size !== entries.length) {
    throw invalidTemplate(
      `'${name}'${spot(text.positionOf(part))} has more than ${MAX_NAMES} names, or one of them twice.`,
    )
  }
  return entries
}

function variables(template: JsonObject, text: ParsedText): ReadonlyMap<string, Json> {
  const entries = section(template, 'variables', text)
  if (entries.some(([name]) => name.toLowerCase() === 'copy')) throw unsupportedPart('copy', template, text)
  return new Map(entries.map(([name, value]) => [name.toLowerCase(), value]))
}

function definitions(
  template: JsonObject,
  part: 'parameters' | 'outputs',
  text: ParsedText,
): ReadonlyMap<string, Definition> {
  return new Map(
    section(template, part, text).map(([name, body]) => {
      if (!isJsonObject(body)) throw invalidTemplate(`The definition of '${name}' must be an object.`)
      const at = text.positionOf(body)
      const written = member(body, 'type')
      const wanted = typeof written === 'string' ? written.toLowerCase() : ''
      const type = valueTypes.find((known) => known.toLowerCase() === wanted)
      if (type === undefined) {
        throw invalidTemplate(`The type of '${name}'${spot(at)} is not one of ${valueTypes.join(', ')}.`)
      }
      if (member(body, 'copy') !== undefined) throw unsupportedPart('copy', body, text)
      return [name.toLowerCase(), { name, type, body, at }]
    }),
  )
}

/** Resources within resources become ones of their own, behind the one they stand in. */
function flatten(
  resources: readonly Json[],
  parent: TemplateResource | null,
  text: ParsedText,
): readonly TemplateResource[] {
  return resources.flatMap((body) => {
    const made = readResource(body, parent, text)
    const nested = member(made.body, 'resources') ?? []
    if (!Array.isArray(nested)) throw invalidTemplate(`'resources'${spot(made.at)} must be an array.`)
    return [made, ...flatten(nested as readonly Json[], made, text)]
  })
}

function readResource(body: Json, parent: TemplateResource | null, text: ParsedText): TemplateResource {
  if (!isJsonObject(body)) throw invalidTemplate('A template resource must be an object.')
  const at = text.positionOf(body)
  for (const unsupported of ['copy', 'scope', 'resourceGroup', 'subscriptionId']) {
    if (member(body, unsupported) !== undefined) throw unsupportedPart(unsupported, body, text)
  }
  const required = (name: string): string => {
    const value = member(body, name)
    if (typeof value === 'string' && value !== '') return value
    throw invalidTemplate(
      `The template resource${spot(at)} is not valid. The ${name} property cannot be null or empty.`,
    )
  }
  const [type, name, apiVersion] = [required('type'), required('name'), required('apiVersion')]
  return {
    type: parent === null ? type : `${parent.type}/${type}`,
    names: [...(parent?.names ?? []), name],
    apiVersion,
    body,
    at,
  }
}
