import type { RequestHead } from '../../http/operation.ts'

/** Of every answer, errors included, as the real service sends them. */
export function headers({ requestId, headers: sent }: RequestHead): Readonly<Record<string, string>> {
  const client = sent.get('x-ms-client-request-id')
  return {
    'docker-distribution-api-version': 'registry/2.0',
    'x-ms-correlation-request-id': requestId,
    'x-ms-request-id': requestId,
    // Given back only when it can be nothing but an id.
    ...(client !== undefined && /^[\w-]{1,64}$/.test(client) ? { 'x-ms-client-request-id': client } : {}),
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'x-content-type-options': 'nosniff',
    'access-control-expose-headers':
      'Docker-Content-Digest, WWW-Authenticate, Link, X-Ms-Correlation-Request-Id',
  }
}
