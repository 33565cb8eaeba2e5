import type { Protocol } from '../../http/operation.ts'
import { correlationIdOf } from './correlation.ts'
import type { EntraDeps } from './deps.ts'
import { entraFailure } from './errors.ts'
import { discoveryOperations } from './operations/discovery.ts'
import { tokenOperations } from './operations/token.ts'

/** Entra ID's token and discovery endpoints on `login.<domain>`. All of it is public: the credential is in the request. */
export function entraProtocol(deps: EntraDeps): Protocol<null> {
  return {
    name: 'entra',
    operations: [...discoveryOperations(deps), ...tokenOperations(deps)],
    ignoreCase: false,
    admit: async () => null,
    fail: (thrown, head) => entraFailure(deps, thrown, head),
    headers: (head) => ({
      'x-ms-request-id': head.requestId,
      'client-request-id': correlationIdOf(head),
      'cache-control': 'no-store, no-cache',
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
      'x-content-type-options': 'nosniff',
    }),
  }
}
