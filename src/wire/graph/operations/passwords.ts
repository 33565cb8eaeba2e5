import { type AnyOperation, operation } from '../../../http/operation.ts'
import type { Guid } from '../../../kernel/guid.ts'
import { KIB } from '../../../kernel/units.ts'
import { addPasswordBody, parseBody, parseId, removePasswordBody } from '../bodies.ts'
import type { Caller } from '../../../services/directory/caller.ts'
import type { GraphDeps, GraphNeed } from '../deps.ts'
import { contextOf, presentPassword } from '../present.ts'

const json = { kind: 'json', maxBytes: 64 * KIB } as const

/**
 * https://learn.microsoft.com/graph/api/application-addpassword, and the same on service principals.
 * @param on whose passwords, and which application keeps them
 */
export function passwordOperations(
  { directory, endpoints }: GraphDeps,
  on: {
    readonly kind: 'Application' | 'ServicePrincipal'
    readonly set: 'applications' | 'servicePrincipals'
    readonly objectIdOf: (tenantId: Guid, id: Guid) => Guid
  },
): readonly AnyOperation<Caller, GraphNeed>[] {
  return [
    operation({
      id: `Add${on.kind}Password`,
      method: 'POST',
      path: `/v1.0/${on.set}/{id}/addPassword`,
      needs: 'write',
      body: json,
      async run({ params, caller, body }) {
        const asked = parseBody(addPasswordBody, body.json)?.passwordCredential
        const objectId = on.objectIdOf(caller.tenantId, parseId(params.id))
        const { password, secret } = await directory.addPassword(caller.tenantId, objectId, {
          displayName: asked?.displayName ?? null,
          startsAt: asked?.startDateTime ?? null,
          endsAt: asked?.endDateTime ?? null,
        })
        return {
          status: 200,
          headers: { 'cache-control': 'no-store' },
          body: {
            ...contextOf(endpoints, 'microsoft.graph.passwordCredential'),
            ...presentPassword(password),
            // The one answer that bears it.
            secretText: secret,
          },
        }
      },
    }),
    operation({
      id: `Remove${on.kind}Password`,
      method: 'POST',
      path: `/v1.0/${on.set}/{id}/removePassword`,
      needs: 'write',
      body: json,
      async run({ params, caller, body }) {
        const { keyId } = parseBody(removePasswordBody, body.json)
        const objectId = on.objectIdOf(caller.tenantId, parseId(params.id))
        await directory.removePassword(caller.tenantId, objectId, keyId)
        return { status: 204 }
      },
    }),
  ]
}
