import type { RequestHead } from '../../http/operation.ts'
import type { Endpoints } from '../../kernel/endpoints.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { BlobService } from '../../services/blob/blob-service.ts'
import type { DelegationKeys } from '../../services/storage/delegation-keys.ts'

export interface BlobWireDeps {
  readonly blobs: BlobService
  readonly delegationKeys: Pick<DelegationKeys, 'issue'>
  readonly clock: Clock
  readonly endpoints: Endpoints
  /** `https://account1.blob.core.localhost:8443/`: the endpoint that the request came to. */
  readonly endpointOf: (head: RequestHead) => string
}
