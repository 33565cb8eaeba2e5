import type { Reply, RequestHead } from '../../http/operation.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import { type CorsRule, allowsAnyOrigin, findCorsRule, matchesHeader } from '../../services/storage/cors.ts'
import { present } from './present.ts'

type Headers = Readonly<Record<string, string>>

/**
 * What a browser's question is answered with.
 * https://learn.microsoft.com/rest/api/storageservices/preflight-blob-request
 *
 * @throws BlobFault `header-missing`, `preflight-refused`
 */
export function preflightHeaders(rules: readonly CorsRule[], { headers }: RequestHead): Headers {
  const origin = needed(headers, 'origin')
  const method = needed(headers, 'access-control-request-method')
  const asked = headers.get('access-control-request-headers')
  const names = (asked ?? '').split(',').map((name) => name.trim())
  const rule = findCorsRule(rules, { origin, method, headers: names.filter((name) => name !== '') })
  if (rule === null) throw new BlobFault('preflight-refused', {})
  return present({
    'access-control-allow-origin': origin,
    'access-control-allow-methods': method,
    'access-control-allow-headers': asked,
    'access-control-max-age': rule.maxAgeSeconds,
    'access-control-allow-credentials': true,
    vary: 'Origin',
  })
}

function needed(headers: RequestHead['headers'], name: string): string {
  const value = headers.get(name)
  if (value === undefined || value === '') throw new BlobFault('header-missing', { name })
  return value
}

/**
 * An answer, refusals too, as a browser must have it to show it to a page of another origin. Caches learn of it even where
 * the request has no origin.
 *
 * @param always headers that every answer has
 */
export function withCors(
  rules: readonly CorsRule[],
  head: RequestHead,
  { reply, always }: { readonly reply: Reply; readonly always: Headers },
): Reply {
  if (rules.length === 0 || head.method === 'OPTIONS') return reply
  const origin = head.headers.get('origin') ?? ''
  const rule = findCorsRule(rules, { origin, method: head.method, headers: [] })
  if (rule === null) return { ...reply, headers: { ...reply.headers, vary: 'Origin' } }
  const names = [...Object.keys(always), ...Object.keys(reply.headers ?? {}), 'content-length', 'date']
  const exposed = [...new Set(names)].filter((name) => matchesHeader(rule.exposedHeaders, name))
  const shown = present({ 'access-control-expose-headers': exposed.length === 0 ? null : exposed.join(',') })
  const allowed: Headers = allowsAnyOrigin(rule)
    ? { 'access-control-allow-origin': '*' }
    : {
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
        vary: 'Origin',
      }
  return { ...reply, headers: { ...reply.headers, ...allowed, ...shown } }
}
