import type { Json } from '../../../kernel/json.ts'
import { ExpressionProblem } from '../expression.ts'
import { type FunctionTable, type Lazy, MANY, between, fixed, intAt, isEqual, lazy } from './function.ts'

export const logic: FunctionTable = {
  if: lazy(3, 3, async ([condition, whenTrue, whenFalse]) => {
    const chosen = (await isTrue(condition)) ? whenTrue : whenFalse
    return (await chosen?.()) ?? null
  }),
  and: lazy(2, MANY, async (args) => {
    for (const arg of args) if (!(await isTrue(arg))) return false
    return true
  }),
  or: lazy(2, MANY, async (args) => {
    for (const arg of args) if (await isTrue(arg)) return true
    return false
  }),
  not: fixed(1, ([value]) => !asBool(value)),
  bool: fixed(1, ([value]) => asBool(value)),
  true: fixed(0, () => true),
  false: fixed(0, () => false),
  null: fixed(0, () => null),
  equals: fixed(2, ([a = null, b = null]) => isEqual(a, b)),
  less: fixed(2, (args) => compare(args) < 0),
  lessorequals: fixed(2, (args) => compare(args) <= 0),
  greater: fixed(2, (args) => compare(args) > 0),
  greaterorequals: fixed(2, (args) => compare(args) >= 0),
  coalesce: between(1, MANY, (args) => args.find((value) => value !== null) ?? null),
}

export const numbers: FunctionTable = {
  int: fixed(1, ([value]) => {
    const number = typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : value
    if (typeof number === 'number' && Number.isFinite(number)) return Math.trunc(number)
    throw new ExpressionProblem('the value is not an integer')
  }),
  add: fixed(2, (args) => intAt(args, 0) + intAt(args, 1)),
  sub: fixed(2, (args) => intAt(args, 0) - intAt(args, 1)),
  mul: fixed(2, (args) => intAt(args, 0) * intAt(args, 1)),
  div: fixed(2, (args) => Math.trunc(intAt(args, 0) / divisor(args))),
  mod: fixed(2, (args) => intAt(args, 0) % divisor(args)),
}

async function isTrue(value: Lazy | undefined): Promise<boolean> {
  return asBool(await value?.())
}

function asBool(value: Json | undefined): boolean {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  const text = typeof value === 'string' ? value.toLowerCase() : ''
  if (text === 'true' || text === '1') return true
  if (text === 'false' || text === '0') return false
  throw new ExpressionProblem('the value is not a boolean')
}

function compare(args: readonly Json[]): number {
  const [a, b] = args
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return a === b ? 0 : a < b ? -1 : 1
  throw new ExpressionProblem('two numbers or two strings are compared, and nothing else')
}

function divisor(args: readonly Json[]): number {
  const value = intAt(args, 1)
  if (value !== 0) return value
  throw new ExpressionProblem('nothing is divided by zero')
}
