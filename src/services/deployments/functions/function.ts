import { isJsonObject, type Json, type JsonObject } from '../../../kernel/json.ts'
import { ExpressionProblem } from '../expression.ts'
import type { Scope } from '../scope.ts'

/**
 * A function of the template language. `lazy` ones compute their arguments only when they need them.
 * https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions
 */
export interface TemplateFunction {
  readonly min: number
  readonly max: number
  run(args: readonly Json[], scope: Scope): Json | Promise<Json>
  readonly lazy?: (args: readonly Lazy[]) => Promise<Json>
}

export type Lazy = () => Promise<Json>
/** By name in lower case. */
export type FunctionTable = Readonly<Record<string, TemplateFunction>>

export const MANY = 1000

export function fixed(count: number, run: TemplateFunction['run']): TemplateFunction {
  return { min: count, max: count, run }
}

export function between(min: number, max: number, run: TemplateFunction['run']): TemplateFunction {
  return { min, max, run }
}

export function lazy(min: number, max: number, run: NonNullable<TemplateFunction['lazy']>): TemplateFunction {
  return { min, max, run: () => null, lazy: run }
}

export function textAt(args: readonly Json[], index: number): string {
  const value = args[index]
  if (typeof value === 'string') return value
  throw new ExpressionProblem(`argument ${index + 1} must be a string`)
}

export function optionalText(args: readonly Json[], index: number): string | null {
  return args[index] === undefined || args[index] === null ? null : textAt(args, index)
}

export function intAt(args: readonly Json[], index: number): number {
  const value = args[index]
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw new ExpressionProblem(`argument ${index + 1} must be an integer`)
}

export function arrayAt(args: readonly Json[], index: number): readonly Json[] {
  const value = args[index]
  if (Array.isArray(value)) return value as readonly Json[]
  throw new ExpressionProblem(`argument ${index + 1} must be an array`)
}

export function objectAt(args: readonly Json[], index: number): JsonObject {
  const value = args[index]
  if (isJsonObject(value)) return value
  throw new ExpressionProblem(`argument ${index + 1} must be an object`)
}

/** The object's own member of that name, in any letter case; undefined when there is none. */
export function ownMember(object: JsonObject, name: string): Json | undefined {
  if (Object.hasOwn(object, name)) return object[name]
  const wanted = name.toLowerCase()
  return Object.entries(object).find(([key]) => key.toLowerCase() === wanted)?.[1]
}

/** As `string()` writes a value. */
export function textOf(value: Json): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return value === null ? '' : JSON.stringify(value)
}

/** Strings by letter case, objects whatever the order of their members. */
export function isEqual(a: Json, b: Json): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    const [left, right] = [a as readonly Json[], b as readonly Json[]]
    return left.length === right.length && left.every((item, index) => isEqual(item, right[index] ?? null))
  }
  if (isJsonObject(a) && isJsonObject(b)) {
    const names = Object.keys(a)
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && isEqual(a[name] ?? null, b[name] ?? null))
    )
  }
  return a === b
}
