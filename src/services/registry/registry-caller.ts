import type { RegistryRef } from './registry-ref.ts'

/** What may be done to a repository, or (`catalog`) to the registry as a whole. */
export type RegistryAction = 'pull' | 'push' | 'delete' | 'metadata_read' | 'metadata_write' | 'catalog'

/** Whoever sent a request, as admitted: the registry it goes to, and what it may do there. */
export interface RegistryCaller {
  readonly registry: RegistryRef
  /** For logs; null for anonymous. */
  readonly principal: string | null
  /** Whether the token's scopes AND the roles in force now allow it. `repository` is null for `catalog` only. */
  may(action: RegistryAction, repository: string | null): Promise<boolean>
}
