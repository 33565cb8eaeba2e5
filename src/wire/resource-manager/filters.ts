import { refused } from '../../services/resources/faults.ts'

/** One comparison of a `$filter`: `resourceType eq 'x'`, `eventTimestamp ge '…'`, `atScope()`. */
export interface Condition {
  /** In lower case. */
  readonly name: string
  readonly operator: 'eq' | 'ge' | 'le' | 'call'
  /** Of a call: its argument, empty for none. */
  readonly value: string
}

const MAX_FILTER = 4000
// A value is quoted, or a bare word such as a time: az's activity log sends its times without quotes.
const comparison = /^\s*([\w/.]+)\s+(eq|ge|le)\s+(?:'((?:[^']|'')*)'|([^\s'()]+))\s*/i
const call = /^\s*(\w+)\(\s*(?:'((?:[^']|'')*)')?\s*\)\s*/

/**
 * What `and` joins in a `$filter`. ARM knows more (`or`, `substringof`); az and the SDKs send these.
 * @throws ResourceFault `InvalidFilterInQueryString` for anything else, or for a name that is not in `known`
 */
export function parseFilter(text: string | undefined, known: readonly string[]): readonly Condition[] {
  if (text === undefined || text.trim() === '') return []
  if (text.length > MAX_FILTER) throw invalid(text)
  const conditions: Condition[] = []
  for (let rest = text; ;) {
    const found = readCondition(rest)
    if (found === null || !known.includes(found.condition.name)) throw invalid(text)
    conditions.push(found.condition)
    rest = rest.slice(found.length)
    if (rest === '') return conditions
    const joined = /^and\s+/i.exec(rest)
    if (joined === null) throw invalid(text)
    rest = rest.slice(joined[0].length)
  }
}

export function valueOf(
  conditions: readonly Condition[],
  name: string,
  operator: Condition['operator'] = 'eq',
): string | undefined {
  return conditions.find((condition) => condition.name === name && condition.operator === operator)?.value
}

function readCondition(text: string): { readonly condition: Condition; readonly length: number } | null {
  const compared = comparison.exec(text)
  if (compared !== null) {
    const [whole, name = '', operator = '', quoted, bare = ''] = compared
    const value = quoted === undefined ? bare : quoted.replaceAll("''", "'")
    const kind = operator.toLowerCase() as 'eq' | 'ge' | 'le'
    return { condition: { name: name.toLowerCase(), operator: kind, value }, length: whole.length }
  }
  const called = call.exec(text)
  if (called === null) return null
  const [whole, name = '', argument = ''] = called
  const value = argument.replaceAll("''", "'")
  return { condition: { name: name.toLowerCase(), operator: 'call', value }, length: whole.length }
}

function invalid(text: string) {
  return refused(
    400,
    'InvalidFilterInQueryString',
    `The filter '${text.slice(0, 200)}' is not one that this request takes.`,
  )
}
