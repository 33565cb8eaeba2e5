import type { Endpoints } from '../../kernel/endpoints.ts'
import type { DirectoryService } from '../../services/directory/directory-service.ts'

export interface GraphDeps {
  readonly directory: DirectoryService
  readonly endpoints: Endpoints
}

/** Reading is for every principal of the tenant, writing for its administrators. */
export type GraphNeed = 'read' | 'write'
