import { isJsonObject, type Json, type JsonObject } from '../../../kernel/json.ts'
import { ExpressionProblem } from '../expression.ts'
import {
  type FunctionTable,
  MANY,
  arrayAt,
  between,
  fixed,
  intAt,
  isEqual,
  objectAt,
  ownMember,
  textAt,
  textOf,
} from './function.ts'

const MAX_RANGE = 10_000

export const collections: FunctionTable = {
  array: fixed(1, ([value = null]) => (Array.isArray(value) ? (value as readonly Json[]) : [value])),
  createarray: between(0, MANY, (args) => args),
  createobject: between(0, MANY, (args) => createObject(args)),
  concat: between(1, MANY, (args) => concat(args)),
  contains: fixed(2, ([container = null, item = null]) => contains(container, item)),
  empty: fixed(1, ([value = null]) => isEmpty(value)),
  first: fixed(1, (args) => itemOf(args, 0)),
  last: fixed(1, (args) => itemOf(args, -1)),
  length: fixed(1, ([value = null]) => lengthOf(value)),
  join: fixed(2, (args) => arrayAt(args, 0).map(textOf).join(textAt(args, 1))),
  json: fixed(1, (args) => parse(textAt(args, 0))),
  union: between(1, MANY, (args) => union(args)),
  intersection: between(1, MANY, (args) => intersection(args)),
  items: fixed(1, (args) =>
    Object.entries(objectAt(args, 0))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key, value })),
  ),
  min: between(1, MANY, (args) => Math.min(...integers(args))),
  max: between(1, MANY, (args) => Math.max(...integers(args))),
  range: fixed(2, (args) => range(intAt(args, 0), intAt(args, 1))),
  skip: fixed(2, (args) => sliced(args, Math.max(intAt(args, 1), 0), Infinity)),
  take: fixed(2, (args) => sliced(args, 0, Math.max(intAt(args, 1), 0))),
}

function createObject(args: readonly Json[]): JsonObject {
  if (args.length % 2 !== 0) throw new ExpressionProblem('names and values come in pairs')
  const entries: [string, Json][] = []
  for (let index = 0; index < args.length; index += 2) {
    entries.push([textAt(args, index), args[index + 1] ?? null])
  }
  return Object.fromEntries(entries)
}

function concat(args: readonly Json[]): Json {
  if (args.every((value) => Array.isArray(value))) return args.flat() as readonly Json[]
  if (args.some((value) => typeof value === 'object' && value !== null)) {
    throw new ExpressionProblem('either strings or arrays are joined, not both')
  }
  return args.map(textOf).join('')
}

function contains(container: Json, item: Json): boolean {
  if (typeof container === 'string') return container.includes(textOf(item))
  if (Array.isArray(container)) return container.some((held) => isEqual(held as Json, item))
  if (isJsonObject(container)) return ownMember(container, textOf(item)) !== undefined
  throw new ExpressionProblem('argument 1 must be a string, an array or an object')
}

function isEmpty(value: Json): boolean {
  if (value === null || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

function lengthOf(value: Json): number {
  if (typeof value === 'string') return value.length
  if (typeof value === 'object' && value !== null) return Object.keys(value).length
  throw new ExpressionProblem('argument 1 must be a string, an array or an object')
}

function itemOf(args: readonly Json[], index: 0 | -1): Json {
  const value = args[0]
  if (typeof value === 'string') return value.at(index) ?? ''
  return arrayAt(args, 0).at(index) ?? null
}

function sliced(args: readonly Json[], from: number, to: number): Json {
  const value = args[0]
  return typeof value === 'string' ? value.slice(from, to) : arrayAt(args, 0).slice(from, to)
}

function range(start: number, count: number): readonly number[] {
  if (count < 0 || count > MAX_RANGE) throw new ExpressionProblem(`a range has 0 to ${MAX_RANGE} numbers`)
  return Array.from({ length: count }, (_, index) => start + index)
}

function integers(args: readonly Json[]): readonly number[] {
  const values = args.length === 1 && Array.isArray(args[0]) ? (args[0] as readonly Json[]) : args
  if (values.length === 0) throw new ExpressionProblem('there is no number')
  return values.map((_, index) => intAt(values, index))
}

function union(args: readonly Json[]): Json {
  if (args.every(isJsonObject)) return args.reduce((merged, part) => mergeObjects(merged, part))
  const merged: Json[] = []
  for (const item of args.flatMap((_, index) => arrayAt(args, index))) {
    if (!merged.some((held) => isEqual(held, item))) merged.push(item)
  }
  return merged
}

function mergeObjects(a: JsonObject, b: JsonObject): JsonObject {
  const merged = new Map<string, Json>(Object.entries(a))
  for (const [name, value] of Object.entries(b)) {
    const held = merged.get(name)
    merged.set(name, isJsonObject(held) && isJsonObject(value) ? mergeObjects(held, value) : value)
  }
  return Object.fromEntries(merged)
}

function intersection(args: readonly Json[]): Json {
  if (args.every(isJsonObject)) {
    const [first = {}, ...rest] = args
    const common = Object.entries(first).filter(([name, value]) =>
      rest.every((other) => Object.hasOwn(other, name) && isEqual(other[name] ?? null, value)),
    )
    return Object.fromEntries(common)
  }
  const [first = [], ...rest] = args.map((_, index) => arrayAt(args, index))
  return first.filter((item) => rest.every((other) => other.some((held) => isEqual(held, item))))
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    // The parser's message repeats the text, which a secure parameter may have given.
    throw new ExpressionProblem('the text is not valid JSON')
  }
}
