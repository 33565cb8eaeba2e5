import { isJsonObject, type Json, type JsonObject, member } from '../../kernel/json.ts'
import { evaluateValue } from './evaluate.ts'
import { ExpressionProblem } from './expression.ts'
import { isEqual } from './functions/function.ts'
import type { Scope } from './scope.ts'
import { type Definition, type Template, type ValueType, invalidTemplate, spot } from './template.ts'

/** Parameters and variables by name; computed once each, when first asked for. */
export interface Names {
  parameter(name: string): Promise<Json>
  variable(name: string): Promise<Json>
}

/** What a template's names stand for. @throws ResourceFault `InvalidTemplate` for values that have no definition */
export function openNames(
  template: Template,
  given: JsonObject,
  surroundings: Omit<Scope, 'parameter' | 'variable' | 'reference'>,
): Names {
  const strangers = Object.keys(given).filter((name) => !template.parameters.has(name.toLowerCase()))
  if (strangers.length > 0) {
    throw invalidTemplate(
      `The following parameters were supplied, but do not correspond to any parameters defined in the template: '${strangers.slice(0, 10).join(', ')}'`,
    )
  }
  const scope = (fresh: Scope['fresh']): Scope => ({ ...surroundings, ...names, fresh, reference: null })
  const parameter = once('parameter', async (name) => {
    const definition = template.parameters.get(name)
    if (definition === undefined) throw new ExpressionProblem(`the template parameter '${name}' is not found`)
    const value = await valueOf(definition, member(given, definition.name), scope(surroundings.fresh))
    checkValue(definition, value)
    return value
  })
  const variable = once('variable', async (name) => {
    const value = template.variables.get(name)
    if (value === undefined) throw new ExpressionProblem(`the template variable '${name}' is not found`)
    return await evaluateValue(value, scope(null))
  })
  const names: Names = { parameter, variable }
  return names
}

/** Asked for again while it is being computed, a name depends on itself. */
function once(kind: string, compute: (name: string) => Promise<Json>): (name: string) => Promise<Json> {
  const done = new Map<string, Json>()
  const underWay = new Set<string>()
  return async (name) => {
    const key = name.toLowerCase()
    const known = done.get(key)
    if (known !== undefined) return known
    if (underWay.has(key)) throw new ExpressionProblem(`the template ${kind} '${name}' depends on itself`)
    underWay.add(key)
    const value = await compute(key)
    done.set(key, value)
    return value
  }
}

async function valueOf(definition: Definition, given: Json | undefined, scope: Scope): Promise<Json> {
  const { name, body, at } = definition
  if (given !== undefined) {
    const value = isJsonObject(given) ? given['value'] : undefined
    if (value !== undefined) return value
    throw invalidTemplate(`The value of the template parameter '${name}' must be given as {"value": …}`)
  }
  const fallback = body['defaultValue']
  if (fallback !== undefined) return await evaluateValue(fallback, scope)
  throw invalidTemplate(
    `The value for the template parameter '${name}'${spot(at)} is not provided. Please see https://aka.ms/arm-create-parameter-file for usage details.`,
  )
}

/** Type and limits. Values are not repeated: some are secret. */
function checkValue({ name, type, body, at }: Definition, value: Json): void {
  const fail = (reason: string) =>
    invalidTemplate(
      `The provided value for the template parameter '${name}'${spot(at)} is not valid: ${reason}`,
    )
  if (!hasType(type, value)) throw fail(`it is not of type '${type}'`)
  const allowed = member(body, 'allowedValues')
  if (Array.isArray(allowed) && !allowed.some((one) => isEqual(one as Json, value))) {
    throw fail(`it is not part of the allowed values`)
  }
  const size = typeof value === 'string' || Array.isArray(value) ? value.length : null
  if (size !== null && !isWithin(body, size, ['minLength', 'maxLength'])) {
    throw fail(`its length is not between 'minLength' and 'maxLength'`)
  }
  if (typeof value === 'number' && !isWithin(body, value, ['minValue', 'maxValue'])) {
    throw fail(`it is not between 'minValue' and 'maxValue'`)
  }
}

function isWithin(body: JsonObject, number: number, [least, most]: readonly [string, string]): boolean {
  const [min, max] = [member(body, least), member(body, most)]
  return !(typeof min === 'number' && number < min) && !(typeof max === 'number' && number > max)
}

export function hasType(type: ValueType, value: Json): boolean {
  switch (type) {
    case 'String':
    case 'SecureString':
      return typeof value === 'string'
    case 'Int':
      return typeof value === 'number' && Number.isSafeInteger(value)
    case 'Bool':
      return typeof value === 'boolean'
    case 'Array':
      return Array.isArray(value)
    case 'Object':
    case 'SecureObject':
      return isJsonObject(value)
  }
}

/** `{"name": {"type", "value"}}` as a deployment shows it: what is secure has no value. */
export function shownValue(type: ValueType, value: Json): JsonObject {
  return type === 'SecureString' || type === 'SecureObject' ? { type } : { type, value }
}
