import { HttpFault } from './faults.ts'
import type { AnyOperation, Method, Protocol, RequestHead } from './operation.ts'
import { queryValue } from './operation.ts'
import { type CompiledPath, compilePath } from './path.ts'

export interface Matched<C, N> {
  readonly operation: AnyOperation<C, N>
  readonly params: Readonly<Record<string, string>>
}

export interface Matcher<C, N> {
  /** @returns null when no operation has that path; throws when one has, but not that method */
  match(head: RequestHead): Matched<C, N> | null
}

/** Compiles a protocol's table once. GET operations answer HEAD too, unless the table has a HEAD of its own. */
export function compileOperations<C, N>(protocol: Protocol<C, N>): Matcher<C, N> {
  const routes = protocol.operations
    .map((operation) => ({ operation, path: compilePath(operation.path, protocol.ignoreCase) }))
    .sort((a, b) => conditions(b.operation) - conditions(a.operation))
  const byMethod = new Map<Method, typeof routes>()
  for (const route of routes)
    byMethod.set(route.operation.method, [...(byMethod.get(route.operation.method) ?? []), route])

  return {
    match(head) {
      const found = first(byMethod.get(head.method), head)
      if (found) return found
      if (head.method === 'HEAD') {
        const get = first(byMethod.get('GET'), head)
        if (get) return get
      }
      const allowed = [...byMethod]
        .filter(([, list]) => list.some((route) => fits(route, head)))
        .map(([method]) => method)
      if (allowed.length > 0) throw new HttpFault('method-not-allowed', { allowed })
      return null
    },
  }
}

type Route<C, N> = { readonly operation: AnyOperation<C, N>; readonly path: CompiledPath }

function first<C, N>(routes: readonly Route<C, N>[] | undefined, head: RequestHead): Matched<C, N> | null {
  for (const route of routes ?? []) {
    if (!hasQuery(route.operation, head)) continue
    const params = route.path.match(head.path)
    if (params !== null) return { operation: route.operation, params }
  }
  return null
}

function fits<C, N>(route: Route<C, N>, head: RequestHead): boolean {
  return hasQuery(route.operation, head) && route.path.match(head.path) !== null
}

function hasQuery(
  { query }: { readonly query?: Readonly<Record<string, string | true>> },
  head: RequestHead,
): boolean {
  if (query === undefined) return true
  return Object.entries(query).every(([name, wanted]) => {
    const value = queryValue(head, name)
    return value !== undefined && (wanted === true || value.toLowerCase() === wanted.toLowerCase())
  })
}

function conditions(operation: { readonly query?: object }): number {
  return Object.keys(operation.query ?? {}).length
}
