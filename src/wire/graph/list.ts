import { type Reply, type RequestHead, queryValue } from '../../http/operation.ts'
import { type Endpoints, urlOf } from '../../kernel/endpoints.ts'
import type { JsonObject } from '../../kernel/json.ts'
import { GraphFault } from './faults.ts'
import { contextOf } from './present.ts'

const DEFAULT_ROWS = 100
const MAX_ROWS = 999

/**
 * One page: `$top` rows after the id that `$skiptoken` names, and where the next one begins.
 * @param objects in the order of their ids
 */
export function listReply<T>(
  endpoints: Endpoints,
  head: RequestHead,
  list: {
    readonly set: string
    readonly objects: readonly T[]
    readonly idOf: (object: T) => string
    readonly present: (object: T) => JsonObject
  },
): Reply {
  const { set, objects, idOf, present } = list
  const rows = rowsOf(head)
  const after = queryValue(head, '$skiptoken') ?? ''
  const left = objects.filter((object) => idOf(object) > after)
  const page = left.slice(0, rows)
  const last = page.at(-1)
  const next = last === undefined || left.length <= rows ? {} : nextLink(endpoints, head, idOf(last))
  return { status: 200, body: { ...contextOf(endpoints, set), ...next, value: page.map(present) } }
}

function rowsOf(head: RequestHead): number {
  const text = queryValue(head, '$top')
  if (text === undefined) return DEFAULT_ROWS
  const rows = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (rows < 1 || rows > MAX_ROWS) throw new GraphFault('page-invalid', { option: '$top' })
  return rows
}

function nextLink(endpoints: Endpoints, head: RequestHead, lastId: string): JsonObject {
  const query = new URLSearchParams([...head.query].filter(([name]) => name.toLowerCase() !== '$skiptoken'))
  query.set('$skiptoken', lastId)
  return { '@odata.nextLink': `${urlOf(endpoints, 'graph')}${head.path}?${query.toString()}` }
}
