import type { Guid } from '../../kernel/guid.ts'
import type { Caller } from '../directory/caller.ts'
import type { Access } from './access.ts'

/** https://learn.microsoft.com/azure/role-based-access-control/role-definitions */
export interface Permissions {
  readonly actions: readonly string[]
  readonly notActions: readonly string[]
  readonly dataActions: readonly string[]
  readonly notDataActions: readonly string[]
}

export interface RoleDefinition extends Permissions {
  /** The GUID that stands at the end of a role definition id. */
  readonly roleId: Guid
  readonly roleName: string
  readonly description: string
  /** Assignments of which roles it may write and delete; null for all that its actions allow. */
  readonly assignableRoles: readonly Guid[] | null
}

export interface RoleAssignment {
  /** The last segment of its id. One name is one assignment, whatever the scope. */
  readonly name: Guid
  /** In the letter case of its creation, no slash at the end; `/` for the root. */
  readonly scope: string
  readonly roleId: Guid
  readonly principalId: Guid
  readonly description: string | null
  readonly createdAt: Date
  /** Null for what the first start granted. */
  readonly createdBy: Guid | null
}

export interface NewAssignment {
  readonly name: Guid
  readonly scope: string
  readonly roleId: Guid
  readonly principalId: Guid
  readonly description: string | null
}

/** Role-based access as the resource manager's wire and the composition root need it. */
export interface AccessService extends Access {
  findRole(roleId: Guid): RoleDefinition | null
  /** @param roleName only that one, in any letter case */
  listRoles(roleName?: string): readonly RoleDefinition[]

  /**
   * Checks that `caller` may write assignments of that role there, then writes. Idempotent by name.
   * @throws AccessFault `denied`, `role-unknown`, `principal-unknown`, `assignment-exists`, `assignment-fixed`
   */
  createAssignment(
    caller: Caller,
    assignment: NewAssignment,
  ): Promise<{ readonly assignment: RoleAssignment; readonly isNew: boolean }>

  /** The same without asking anybody: for the first start. Idempotent by principal, role and scope. */
  grant(grant: {
    readonly scope: string
    readonly roleId: Guid
    readonly principalId: Guid
  }): Promise<RoleAssignment>

  /** @returns what was deleted, null when there was nothing. @throws AccessFault `denied` */
  deleteAssignment(caller: Caller, scope: string, name: Guid): Promise<RoleAssignment | null>

  /** @throws AccessFault `assignment-not-found` */
  getAssignment(scope: string, name: Guid): RoleAssignment

  /** In the order of their names. */
  listAssignments(filter: {
    readonly scope: string
    /** ARM's `atScope()`: at the scope and above, not below. */
    readonly isAtScopeOnly: boolean
    readonly principalId: Guid | null
  }): readonly RoleAssignment[]
}
