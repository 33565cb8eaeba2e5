import { BlobFault } from './faults.ts'

export interface TagTerm {
  /** `@container` for the container's name. */
  readonly key: string
  readonly operator: '=' | '<>' | '>' | '>=' | '<' | '<='
  readonly value: string
}

/** Any of the lists holds, and of it every term. */
export type TagExpression = readonly (readonly TagTerm[])[]

const term = /^\s*(?:"([^"]*)"|(@?[A-Za-z_][A-Za-z0-9_]*))\s*(<>|>=|<=|=|>|<)\s*'((?:[^']|'')*)'\s*/
const joiner = /^(AND|OR)\b/i

/**
 * `"a" = 'x' AND b >= '1' OR "c" <> 'z'`; AND binds tighter.
 * https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations#tags-conditional-operations
 *
 * @returns null for what is no expression
 */
export function parseTagExpression(text: string): TagExpression | null {
  const any: TagTerm[][] = [[]]
  let rest = text
  for (;;) {
    const found = term.exec(rest)
    if (found === null) return null
    const [whole, quoted, bare, operator, value = ''] = found
    const key = quoted ?? bare ?? ''
    any.at(-1)?.push({ key, operator: operator as TagTerm['operator'], value: value.replaceAll("''", "'") })
    rest = rest.slice(whole.length)
    if (rest === '') return any
    const joined = joiner.exec(rest)
    if (joined?.[1] === undefined) return null
    if (joined[1].toUpperCase() === 'OR') any.push([])
    rest = rest.slice(joined[0].length)
  }
}

/** Whether an `x-ms-if-tags` expression holds. @throws BlobFault `header-invalid` */
export function matchesTags(text: string, tags: Readonly<Record<string, string>>): boolean {
  const any = parseTagExpression(text)
  if (any === null) throw new BlobFault('header-invalid', { name: 'x-ms-if-tags', value: text.slice(0, 200) })
  return any.some((every) => every.every((one) => holds(one, tags)))
}

/** Values are compared as texts; a tag that is not there equals none, and differs from all. */
export function holds({ key, operator, value }: TagTerm, tags: Readonly<Record<string, string>>): boolean {
  const actual = Object.hasOwn(tags, key) ? tags[key] : undefined
  if (actual === undefined) return operator === '<>'
  switch (operator) {
    case '=':
      return actual === value
    case '<>':
      return actual !== value
    case '>':
      return actual > value
    case '>=':
      return actual >= value
    case '<':
      return actual < value
    case '<=':
      return actual <= value
  }
}
