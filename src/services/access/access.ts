import type { Guid } from '../../kernel/guid.ts'
import type { Caller } from '../directory/caller.ts'

/**
 * Role-based access: definitions, assignments, decisions. Deny by default; a change holds for the next
 * decision. Scopes are ARM ids, compared in any letter case; an assignment holds for everything below its scope.
 */
export interface Access {
  /** @throws AccessFault `denied` unless a role in force at `scope` or above allows the management action */
  authorize(caller: Caller, action: string, scope: string): Promise<void>

  /** Whether a role in force allows the management action (`Microsoft.ContainerRegistry/registries/pull/read`). */
  allows(principalId: Guid, action: string, scope: string): Promise<boolean>

  /** The same for data actions (`Microsoft.KeyVault/vaults/keys/unwrap/action`). */
  allowsData(principalId: Guid, dataAction: string, scope: string): Promise<boolean>

  /** Drops the assignments at and below a scope that is gone. */
  forgetScope(scope: string): Promise<void>

  /** Calls back after assignments changed. */
  watch(listener: (change: { readonly scope: string; readonly principalId: Guid | null }) => void): Disposable
}
