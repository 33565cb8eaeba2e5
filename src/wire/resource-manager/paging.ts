import { queryValue, type RequestHead } from '../../http/operation.ts'
import type { JsonObject } from '../../kernel/json.ts'
import { refused } from '../../services/resources/faults.ts'

const MAX_PAGE = 1000

export interface PageRequest {
  readonly after: string | null
  readonly limit: number
}

/** `$top`, which some providers call `$maxpagesize`, and `$skipToken`. @throws ResourceFault `InvalidQueryParameterValue`, `InvalidSkipToken` */
export function readPage(head: RequestHead): PageRequest {
  const top = queryValue(head, '$top') ?? queryValue(head, '$maxpagesize')
  if (top !== undefined && !/^[1-9]\d{0,8}$/.test(top)) {
    throw refused(
      400,
      'InvalidQueryParameterValue',
      `The value '${top}' of '$top' is not a positive integer.`,
    )
  }
  const token = queryValue(head, '$skiptoken')
  return {
    limit: Math.min(top === undefined ? MAX_PAGE : Number(top), MAX_PAGE),
    after: token === undefined ? null : decodeToken(token),
  }
}

function decodeToken(token: string): string {
  if (/^[A-Za-z0-9_-]{1,2000}$/.test(token)) return Buffer.from(token, 'base64url').toString('utf8')
  throw refused(400, 'InvalidSkipToken', 'The skip token is not one of ours.')
}

/** `{"value": […], "nextLink": …}`; the link repeats the request's own query. */
export function pageBody(head: RequestHead, value: readonly JsonObject[], next: string | null): JsonObject {
  if (next === null) return { value }
  const url = new URL(`https://${head.authority}${head.target}`)
  for (const name of [...url.searchParams.keys()]) {
    if (name.toLowerCase() === '$skiptoken') url.searchParams.delete(name)
  }
  url.searchParams.set('$skiptoken', Buffer.from(next, 'utf8').toString('base64url'))
  return { value, nextLink: url.href }
}
