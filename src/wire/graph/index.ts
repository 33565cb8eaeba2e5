import type { Protocol } from '../../http/operation.ts'
import { admitToGraph } from './auth.ts'
import type { Caller } from '../../services/directory/caller.ts'
import type { GraphDeps, GraphNeed } from './deps.ts'
import { clientRequestId, graphFailure } from './errors.ts'
import { applicationOperations } from './operations/applications.ts'
import { lookUpOperations } from './operations/look-ups.ts'
import { servicePrincipalOperations } from './operations/service-principals.ts'

/** The part of Microsoft Graph that az uses, on `graph.<domain>`: a caller sees and changes his own tenant only. */
export function graphProtocol(deps: GraphDeps): Protocol<Caller, GraphNeed> {
  return {
    name: 'graph',
    operations: [
      ...lookUpOperations(deps),
      ...applicationOperations(deps),
      ...servicePrincipalOperations(deps),
    ],
    ignoreCase: true,
    admit: async (head, matched) => await admitToGraph(deps, head, matched?.operation.needs ?? null),
    fail: (thrown, head) => graphFailure(deps.endpoints, thrown, head),
    headers: (head) => ({
      'request-id': head.requestId,
      'client-request-id': clientRequestId(head),
      'cache-control': 'no-cache',
      'strict-transport-security': 'max-age=31536000',
      'x-content-type-options': 'nosniff',
    }),
  }
}
