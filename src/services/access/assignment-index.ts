import type { Guid } from '../../kernel/guid.ts'
import type { Rights } from './access.ts'
import type { RoleAssignment, RoleDefinition } from './access-service.ts'
import { type PermissionCheck, compilePermissions } from './permissions.ts'
import { type ScopeKey, covers, scopeKey } from './scopes.ts'

interface Role {
  readonly definition: RoleDefinition
  readonly check: PermissionCheck
}

interface Held {
  readonly assignment: RoleAssignment
  readonly scope: ScopeKey
  readonly role: Role
}

/** All assignments in memory, by name and by principal: a decision looks at the principal's own and at nothing else. */
export class AssignmentIndex {
  readonly #roles: ReadonlyMap<string, Role>
  readonly #byName = new Map<string, Held>()
  readonly #byPrincipal = new Map<string, Map<string, Held>>()

  constructor(definitions: readonly RoleDefinition[]) {
    this.#roles = new Map(
      definitions.map((definition) => [
        definition.roleId,
        { definition, check: compilePermissions(definition) },
      ]),
    )
  }

  /** @throws Error for a role that is not defined: the caller has checked, or a newer binary wrote it */
  add(assignment: RoleAssignment): void {
    const role = this.#roles.get(assignment.roleId)
    if (role === undefined) throw new Error(`assignment ${assignment.name} names an unknown role`)
    const held = { assignment, scope: scopeKey(assignment.scope), role }
    this.#byName.set(assignment.name, held)
    const own = this.#byPrincipal.get(assignment.principalId) ?? new Map<string, Held>()
    own.set(assignment.name, held)
    this.#byPrincipal.set(assignment.principalId, own)
  }

  remove(name: Guid): void {
    const held = this.#byName.get(name)
    if (held === undefined) return
    this.#byName.delete(name)
    const own = this.#byPrincipal.get(held.assignment.principalId)
    own?.delete(name)
    if (own?.size === 0) this.#byPrincipal.delete(held.assignment.principalId)
  }

  find(name: Guid): RoleAssignment | null {
    return this.#byName.get(name)?.assignment ?? null
  }

  /** The assignment of the same principal, role and scope. */
  findTwin(of: {
    readonly principalId: Guid
    readonly roleId: Guid
    readonly scope: string
  }): RoleAssignment | null {
    const scope = scopeKey(of.scope)
    const twin = this.#own(of.principalId).find(
      (held) => held.scope === scope && held.assignment.roleId === of.roleId,
    )
    return twin?.assignment ?? null
  }

  list(): readonly RoleAssignment[] {
    const all = [...this.#byName.values()].map(({ assignment }) => assignment)
    return all.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  findRole(roleId: Guid): RoleDefinition | null {
    return this.#roles.get(roleId)?.definition ?? null
  }

  allows(principalId: Guid, action: string, scope: ScopeKey): boolean {
    return this.#inForce(principalId, scope).some(({ check }) => check.allows(action))
  }

  allowsData(principalId: Guid, dataAction: string, scope: ScopeKey): boolean {
    return this.#inForce(principalId, scope).some(({ check }) => check.allowsData(dataAction))
  }

  /** As they are now: later changes do not show in what was returned. */
  rightsAt(principalId: Guid, scope: ScopeKey): Rights {
    const roles = this.#inForce(principalId, scope)
    return {
      allows: (action) => roles.some(({ check }) => check.allows(action)),
      allowsData: (dataAction) => roles.some(({ check }) => check.allowsData(dataAction)),
    }
  }

  /** Whether a role in force allows `action`, and does so for assignments of `roleId`. */
  mayAssign(principalId: Guid, action: string, scope: ScopeKey, roleId: Guid): boolean {
    return this.#inForce(principalId, scope).some(
      ({ check, definition: { assignableRoles } }) =>
        check.allows(action) && (assignableRoles === null || assignableRoles.includes(roleId)),
    )
  }

  #inForce(principalId: Guid, scope: ScopeKey): readonly Role[] {
    return this.#own(principalId)
      .filter((held) => covers(held.scope, scope))
      .map(({ role }) => role)
  }

  #own(principalId: Guid): readonly Held[] {
    return [...(this.#byPrincipal.get(principalId)?.values() ?? [])]
  }
}
