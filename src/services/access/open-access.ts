import type { Guid } from '../../kernel/guid.ts'
import { builtInRoles } from './built-in-roles.ts'
import type { Rights } from './access.ts'
import type { AccessService } from './access-service.ts'
import { type AssignmentDeps, type AssignmentListener, changeAssignments } from './assignments.ts'
import { AssignmentIndex } from './assignment-index.ts'
import { AccessFault } from './faults.ts'
import { covers, scopeKey } from './scopes.ts'

export type AccessDeps = Pick<AssignmentDeps, 'records' | 'principals' | 'clock'>

const PAGE_ROWS = 500
const noRights: Rights = { allows: () => false, allowsData: () => false }

/**
 * Opens role-based access. Decisions come from memory, where a change is as soon as it is durable: one process keeps
 * `keys.db`, so nobody else's change is missed.
 */
export async function openAccess(deps: AccessDeps): Promise<AccessService> {
  const index = new AssignmentIndex(builtInRoles)
  for (let after: string | null = null; ;) {
    const page = await deps.records.list(after, PAGE_ROWS)
    for (const row of page.items) index.add({ ...row, createdAt: new Date(row.createdAt) })
    if (page.next === null) break
    after = page.next
  }
  // Assignments outlive their principals, as in Azure; what was begun for one that is gone by now ends with it.
  const isThere = async (principalId: Guid) => (await deps.principals.findPrincipal({ principalId })) !== null
  const listeners = new Set<AssignmentListener>()
  const changed: AssignmentListener = (change) => {
    for (const listener of listeners) listener(change)
  }

  return {
    ...changeAssignments({ ...deps, index, changed }),

    async authorize(caller, action, scope) {
      const { principalId } = caller
      if (index.allows(principalId, action, scopeKey(scope)) && (await isThere(principalId))) return
      throw new AccessFault('denied', { principalId, action, scope })
    },
    allows: async (principalId, action, scope) =>
      index.allows(principalId, action, scopeKey(scope)) && (await isThere(principalId)),
    allowsData: async (principalId, dataAction, scope) =>
      index.allowsData(principalId, dataAction, scopeKey(scope)) && (await isThere(principalId)),
    rightsAt: async (principalId, scope) =>
      (await isThere(principalId)) ? index.rightsAt(principalId, scopeKey(scope)) : noRights,

    findRole: (roleId) => index.findRole(roleId),
    listRoles: (roleName) =>
      roleName === undefined
        ? builtInRoles
        : builtInRoles.filter((role) => role.roleName.toLowerCase() === roleName.toLowerCase()),

    getAssignment(scope, name) {
      const found = index.find(name)
      if (found !== null && scopeKey(found.scope) === scopeKey(scope)) return found
      throw new AccessFault('assignment-not-found', { name, scope })
    },

    listAssignments({ scope, isAtScopeOnly, principalId }) {
      const wanted = scopeKey(scope)
      return index.list().filter((assignment) => {
        if (principalId !== null && assignment.principalId !== principalId) return false
        const held = scopeKey(assignment.scope)
        return covers(held, wanted) || (!isAtScopeOnly && covers(wanted, held))
      })
    },

    watch(listener) {
      // Of its own, so that one function may watch twice.
      const entry: AssignmentListener = (change) => listener(change)
      listeners.add(entry)
      return { [Symbol.dispose]: () => void listeners.delete(entry) }
    },
  }
}
