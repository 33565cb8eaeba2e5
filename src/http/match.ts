import { HttpFault } from './faults.ts'
import type { AnyOperation, Method, Protocol, RequestHead } from './operation.ts'
import { type CompiledPath, compilePath } from './path.ts'

export interface Matched<C, N> {
  readonly operation: AnyOperation<C, N>
  readonly params: Readonly<Record<string, string>>
}

export interface Matcher<C, N> {
  /** @returns null when no operation has that path; throws when one has, but not that method */
  match(head: RequestHead): Matched<C, N> | null
}

interface Route<C, N> {
  readonly operation: AnyOperation<C, N>
  readonly path: CompiledPath
  readonly query: Conditions
  readonly headers: Conditions
}

/** Lower-case names and values; `true` for any value. */
type Conditions = readonly (readonly [name: string, value: string | true])[]

/**
 * Compiles a protocol's table once. GET operations answer HEAD too. Of several that fit, the one with the most conditions on
 * query and headers is taken; among equals a HEAD of its own before a GET, then the first of the table.
 */
export function compileOperations<C, N>(
  protocol: Pick<Protocol<C, N>, 'operations' | 'ignoreCase' | 'keepsPaths'>,
): Matcher<C, N> {
  const routes = protocol.operations
    .map((operation): Route<C, N> => {
      return {
        operation,
        path: compilePath(operation.path, {
          ignoreCase: protocol.ignoreCase,
          keepsSlash: protocol.keepsPaths ?? false,
        }),
        query: conditionsOf(operation.query),
        headers: conditionsOf(operation.headers),
      }
    })
    .sort((a, b) => conditionCount(b) - conditionCount(a))
  const byMethod = Map.groupBy(routes, ({ operation }) => operation.method)
  const heads = [...(byMethod.get('HEAD') ?? []), ...(byMethod.get('GET') ?? [])]
  byMethod.set(
    'HEAD',
    heads.sort((a, b) => conditionCount(b) - conditionCount(a)),
  )

  return {
    match(head) {
      const query = firstValues(head.query)
      const find = (method: Method) => firstFit(byMethod.get(method) ?? [], head, query)
      const found = find(head.method)
      if (found !== null) return found
      const allowed = new Set([...byMethod.keys()].filter((method) => find(method) !== null))
      if (allowed.size === 0) return null
      throw new HttpFault('method-not-allowed', { allowed: [...allowed] })
    },
  }
}

function conditionCount<C, N>({ query, headers }: Route<C, N>): number {
  return query.length + headers.length
}

function conditionsOf(given: Readonly<Record<string, string | true>> | undefined): Conditions {
  return Object.entries(given ?? {}).map(([name, value]) => [
    name.toLowerCase(),
    value === true ? true : value.toLowerCase(),
  ])
}

/** Read once a request: a look-up for each route through thousands of names would be work that a client can make us do. */
function firstValues(query: URLSearchParams): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of query) {
    const lower = name.toLowerCase()
    if (!values.has(lower)) values.set(lower, value.toLowerCase())
  }
  return values
}

function firstFit<C, N>(
  routes: readonly Route<C, N>[],
  { path, headers }: RequestHead,
  query: ReadonlyMap<string, string>,
): Matched<C, N> | null {
  for (const route of routes) {
    if (!route.query.every(([name, wanted]) => isMet(query.get(name), wanted))) continue
    if (!route.headers.every(([name, wanted]) => isMet(headers.get(name)?.toLowerCase(), wanted))) continue
    const params = route.path.match(path)
    if (params !== null) return { operation: route.operation, params }
  }
  return null
}

function isMet(value: string | undefined, wanted: string | true): boolean {
  return value !== undefined && (wanted === true || value === wanted)
}
