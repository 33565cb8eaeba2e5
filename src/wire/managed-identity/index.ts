import { type Protocol, operation } from '../../http/operation.ts'
import { KIB } from '../../kernel/units.ts'
import type { IdentityEndpoint } from '../../services/directory/identity-endpoint.ts'
import { type ManagedIdentityNeed, admitLocal } from './auth.ts'
import { identityFailure } from './errors.ts'
import { identityToken } from './tokens.ts'

const none = { kind: 'none' } as const

/**
 * Tokens for managed identities, on a plain-HTTP loopback port of its own. Three ways in:
 *
 * - the instance metadata service, at the path that clients have built in:
 *   https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
 * - App Service, `IDENTITY_ENDPOINT=http://127.0.0.1:PORT/msi/token` with its secret:
 *   https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
 * - what came before both, `MSI_ENDPOINT=http://127.0.0.1:PORT/oauth2/token` with a form
 */
export function managedIdentityProtocol({
  endpoint,
}: {
  readonly endpoint: IdentityEndpoint
}): Protocol<null, ManagedIdentityNeed> {
  return {
    name: 'managed-identity',
    operations: [
      operation({
        id: 'InstanceMetadataToken',
        method: 'GET',
        path: '/metadata/identity/oauth2/token',
        needs: 'metadata',
        body: none,
        run: async ({ head }) => await identityToken(endpoint, head.query),
      }),
      operation({
        id: 'AppServiceToken',
        method: 'GET',
        path: '/msi/token',
        needs: 'secret',
        body: none,
        run: async ({ head }) => await identityToken(endpoint, head.query),
      }),
      operation({
        id: 'MsiExtensionToken',
        method: 'POST',
        path: '/oauth2/token',
        needs: 'metadata',
        body: { kind: 'form', maxBytes: 16 * KIB },
        run: async ({ body }) => await identityToken(endpoint, body.form),
      }),
    ],
    ignoreCase: true,
    async admit(head, matched) {
      admitLocal(endpoint, head, matched?.operation.needs ?? null)
      return null
    },
    fail: identityFailure,
    headers: (head) => ({ 'x-ms-request-id': head.requestId, 'cache-control': 'no-store' }),
  }
}
