import type { RequestHead } from '../../http/operation.ts'
import type { IdentityEndpoint } from '../../services/directory/identity-endpoint.ts'
import { ManagedIdentityFault } from './faults.ts'

/**
 * `metadata`: the header `Metadata: true`, which a page in a browser cannot send across origins, and nothing more: any
 * process of this machine may ask, as with Azure's own endpoint. `secret`: what `IDENTITY_HEADER` tells.
 */
export type ManagedIdentityNeed = 'metadata' | 'secret'

/** @throws ManagedIdentityFault */
export function admitLocal(
  endpoint: Pick<IdentityEndpoint, 'isSecret'>,
  head: RequestHead,
  needs: ManagedIdentityNeed | null,
): void {
  assertLocal(head)
  if (needs === 'metadata' && head.headers.get('metadata')?.toLowerCase() !== 'true') {
    throw new ManagedIdentityFault('metadata-header-missing', {})
  }
  if (needs === 'secret') {
    const secret = head.headers.get('x-identity-header') ?? head.headers.get('secret') ?? ''
    if (!endpoint.isSecret(secret)) throw new ManagedIdentityFault('secret-wrong', {})
  }
}

/**
 * A page whose own name was made to resolve to 127.0.0.1 (DNS rebinding) is of the same origin and may send any header:
 * so only names that nobody else can own. Forwarded requests are not the machine's own.
 */
function assertLocal(head: RequestHead): void {
  const host = head.authority.replace(/:\d+$/, '')
  const isLocal = /^(169\.254\.169\.254|127\.0\.0\.1|\[::1\]|([\w-]+\.)*localhost)$/.test(host)
  if (!isLocal || head.headers.has('x-forwarded-for')) throw new ManagedIdentityFault('not-local', {})
}
