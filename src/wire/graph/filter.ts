import { GraphFault } from './faults.ts'

/** What a `$filter` can ask of an object. */
export interface Filterable {
  readonly id: string
  readonly appId: string
  readonly displayName: string
  readonly servicePrincipalNames?: readonly string[]
  readonly identifierUris?: readonly string[]
}

export type Filter = (object: Filterable) => boolean

const MAX_LENGTH = 2_048
/** Single quotes, doubled inside (OData 4.01 URL conventions section 5.1.1.6.1). */
const literal = `'((?:[^']|'')*)'`
const anyOf = (property: string) =>
  String.raw`^${property}/any\(\s*(?<name>\w+)\s*:\s*\k<name> eq ${literal}\s*\)`

/** The value is the last group; it and what it is compared with are in lower case. */
const clauses: readonly (readonly [pattern: string, test: (object: Filterable, value: string) => boolean])[] =
  [
    [anyOf('servicePrincipalNames'), (object, value) => holds(object.servicePrincipalNames, value)],
    [anyOf('identifierUris'), (object, value) => holds(object.identifierUris, value)],
    [`^id eq ${literal}`, ({ id }, value) => id === value],
    [`^appId eq ${literal}`, ({ appId }, value) => appId === value],
    [`^displayName eq ${literal}`, ({ displayName }, value) => displayName.toLowerCase() === value],
    [
      String.raw`^startswith\(\s*displayName\s*,\s*${literal}\s*\)`,
      ({ displayName }, value) => displayName.toLowerCase().startsWith(value),
    ],
  ]
const compiled = clauses.map(([pattern, test]) => ({ expression: new RegExp(pattern, 'i'), test }))

/**
 * The clauses that az sends, joined by `and`: `appId eq '...'`, `displayName eq`, `id eq`, `startswith(displayName,'...')`,
 * `servicePrincipalNames/any(c:c eq '...')`, `identifierUris/any(...)`. Values compare in any letter case, as Graph's do.
 * https://learn.microsoft.com/graph/filter-query-parameter
 *
 * @throws GraphFault `filter-unsupported` for anything else: an ignored clause would list too much
 */
export function parseFilter(text: string | undefined): Filter {
  if (text === undefined) return () => true
  if (text.length > MAX_LENGTH) throw new GraphFault('filter-unsupported', { filter: text.slice(0, 100) })
  const all: Filter[] = []
  let rest = text.trim()
  for (;;) {
    const { clause, length } = firstClause(rest)
    all.push(clause)
    rest = rest.slice(length)
    if (rest === '') return (object) => all.every((each) => each(object))
    const joint = /^\s+and\s+/i.exec(rest)
    if (joint === null) throw new GraphFault('filter-unsupported', { filter: text })
    rest = rest.slice(joint[0].length)
  }
}

function firstClause(text: string): { readonly clause: Filter; readonly length: number } {
  for (const { expression, test } of compiled) {
    const found = expression.exec(text)
    if (found === null) continue
    const value = (found.at(-1) ?? '').replaceAll("''", "'").toLowerCase()
    return { length: found[0].length, clause: (object) => test(object, value) }
  }
  throw new GraphFault('filter-unsupported', { filter: text })
}

function holds(values: readonly string[] | undefined, value: string): boolean {
  return values?.some((each) => each.toLowerCase() === value) === true
}
