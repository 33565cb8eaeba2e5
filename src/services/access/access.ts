import type { Guid } from '../../kernel/guid.ts'
import type { Caller } from '../directory/caller.ts'

/** What a principal may do at one scope, as of one moment. */
export interface Rights {
  allows(action: string): boolean
  allowsData(dataAction: string): boolean
}

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

  /**
   * All that the roles in force at a scope allow a principal now, nothing when he is gone: for decisions that must be made
   * at once, within a transaction.
   */
  rightsAt(principalId: Guid, scope: string): Promise<Rights>

  /** Drops the assignments at and below a scope that is gone. */
  forgetScope(scope: string): Promise<void>

  /** Calls back after assignments changed. */
  watch(listener: (change: { readonly scope: string; readonly principalId: Guid | null }) => void): Disposable
}
