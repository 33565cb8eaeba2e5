import type { RequestHead } from '../../http/operation.ts'

/** What clients that send no version get: the newest that this service knows the rules of. */
const DEFAULT_VERSION = '2026-10-06'

/** Any well-formed version is taken, also those to come; behaviour depends on thresholds. Echoed in the answer. */
export function versionOf({ headers, query }: RequestHead): string {
  const sent = headers.get('x-ms-version') ?? query.get('sv') ?? ''
  return /^20\d\d-\d\d-\d\d$/.test(sent) ? sent : DEFAULT_VERSION
}

/** The account's default stands in for a version that was not sent. */
export function withDefaultVersion(head: RequestHead, version: string | null): RequestHead {
  if (version === null || head.headers.has('x-ms-version') || head.query.has('sv')) return head
  return { ...head, headers: new Map([...head.headers, ['x-ms-version', version]]) }
}

/** Of every answer, errors included. */
export function blobHeaders(head: RequestHead): Readonly<Record<string, string>> {
  const client = head.headers.get('x-ms-client-request-id')
  return {
    server: 'Windows-Azure-Blob/1.0 Strongroom',
    'x-ms-request-id': head.requestId,
    'x-ms-version': versionOf(head),
    // Given back only when it can be nothing but an id (Azure takes up to 1,024 visible characters).
    ...(client !== undefined && /^[\x21-\x7e]{1,1024}$/.test(client)
      ? { 'x-ms-client-request-id': client }
      : {}),
    'x-content-type-options': 'nosniff',
  }
}

/** RFC 9110 section 5.6.7, whole seconds. @param time milliseconds since 1970 */
export function httpDate(time: number): string {
  return new Date(time).toUTCString()
}

export function quoted(etag: string): string {
  return `"${etag}"`
}
