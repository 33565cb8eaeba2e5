import type { Clock } from '../../kernel/clock.ts'
import type { Endpoints } from '../../kernel/endpoints.ts'
import type { TokenEndpoint } from '../../services/directory/token-endpoint.ts'

export interface EntraDeps {
  readonly directory: Pick<TokenEndpoint, 'findTenant' | 'clientCredentials' | 'publishedKeys'>
  readonly endpoints: Endpoints
  readonly clock: Clock
}
