import { isJsonObject, type Json } from '../../kernel/json.ts'
import { type Expression, ExpressionProblem, isExpression, parseExpression } from './expression.ts'
import { ownMember } from './functions/function.ts'
import { functions } from './functions/index.ts'
import type { Budget, Scope } from './scope.ts'

const MAX_VALUE = 1_000_000
const MAX_TOTAL = 20_000_000

export function openBudget(): Budget {
  let left = MAX_TOTAL
  return {
    spend(value) {
      const size = sizeOf(value, MAX_VALUE)
      left -= size
      if (size > MAX_VALUE) throw new ExpressionProblem('its value is too large')
      if (left < 0) throw new ExpressionProblem('the template computes more than a deployment may')
    },
  }
}

/** Characters and members, counted no further than just beyond `limit`. */
function sizeOf(value: Json, limit: number): number {
  if (typeof value === 'string') return value.length + 1
  if (typeof value !== 'object' || value === null) return 1
  let size = 1
  for (const [name, part] of Object.entries(value)) {
    if (size > limit) return size
    size += name.length + sizeOf(part, limit - size)
  }
  return size
}

/** A value of the template with every expression in it computed, in names of members too. @throws ExpressionProblem */
export async function evaluateValue(value: Json, scope: Scope): Promise<Json> {
  if (typeof value === 'string') return await evaluateText(value, scope)
  if (Array.isArray(value)) {
    const made: Json[] = []
    for (const part of value as readonly Json[]) made.push(await evaluateValue(part, scope))
    return made
  }
  if (!isJsonObject(value)) return value
  const entries: [string, Json][] = []
  for (const [name, part] of Object.entries(value)) {
    const key = await evaluateText(name, scope)
    if (typeof key !== 'string') throw new ExpressionProblem(`the member name '${name}' is not a string`)
    entries.push([key, await evaluateValue(part, scope)])
  }
  return Object.fromEntries(entries)
}

async function evaluateText(text: string, scope: Scope): Promise<Json> {
  if (!isExpression(text)) return text.startsWith('[[') ? text.slice(1) : text
  try {
    return await evaluate(parseExpression(text), scope)
  } catch (error) {
    if (!(error instanceof ExpressionProblem) || error.cause !== undefined) throw error
    const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text
    throw new ExpressionProblem(
      `Unable to process template language expression '${shown}': ${error.message}`,
      {
        cause: error,
      },
    )
  }
}

/** @throws ExpressionProblem */
export async function evaluate(expression: Expression, scope: Scope): Promise<Json> {
  switch (expression.kind) {
    case 'literal':
      return expression.value
    case 'member':
      return memberOf(await evaluate(expression.target, scope), await evaluate(expression.name, scope))
    case 'call': {
      const value = await call(expression, scope)
      scope.budget.spend(value)
      return value
    }
  }
}

async function call({ name, args, at }: Extract<Expression, { kind: 'call' }>, scope: Scope): Promise<Json> {
  const found = functions.get(name.toLowerCase())
  if (found === undefined) throw new ExpressionProblem(`the template function '${name}' is not known`)
  if (args.length < found.min || args.length > found.max) {
    throw new ExpressionProblem(
      `the template function '${name}' at position ${at} does not take ${args.length} arguments`,
    )
  }
  if (found.lazy !== undefined) return await found.lazy(args.map((arg) => () => evaluate(arg, scope)))
  const values: Json[] = []
  for (const arg of args) values.push(await evaluate(arg, scope))
  return await found.run(values, scope)
}

function memberOf(target: Json, name: Json): Json {
  if (Array.isArray(target)) {
    const items = target as readonly Json[]
    const item = typeof name === 'number' ? items[name] : undefined
    if (item === undefined) throw new ExpressionProblem(`the array has no item ${JSON.stringify(name)}`)
    return item
  }
  if (isJsonObject(target) && typeof name === 'string') {
    const found = ownMember(target, name)
    if (found !== undefined) return found
    const known = Object.keys(target).slice(0, 20).join(', ')
    throw new ExpressionProblem(`the property '${name}' doesn't exist, available properties are '${known}'`)
  }
  throw new ExpressionProblem(`a value has no property ${JSON.stringify(name)}`)
}
