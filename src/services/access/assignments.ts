import { randomGuid } from '../../crypto/random.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Guid } from '../../kernel/guid.ts'
import { inTurn } from '../../kernel/in-turn.ts'
import type { AssignmentRecords } from '../../store/records/access/assignments.ts'
import type { Caller } from '../directory/caller.ts'
import type { Directory } from '../directory/directory.ts'
import type { AccessService, NewAssignment, RoleAssignment } from './access-service.ts'
import type { AssignmentIndex } from './assignment-index.ts'
import { AccessFault } from './faults.ts'
import { covers, scopeKey, tidyScope } from './scopes.ts'

export type AssignmentListener = Parameters<AccessService['watch']>[0]

export interface AssignmentDeps {
  readonly records: AssignmentRecords
  readonly principals: Pick<Directory, 'findPrincipal'>
  readonly clock: Clock
  readonly index: AssignmentIndex
  readonly changed: AssignmentListener
}

const WRITE = 'Microsoft.Authorization/roleAssignments/write'
const DELETE = 'Microsoft.Authorization/roleAssignments/delete'

type Changes = Pick<AccessService, 'createAssignment' | 'grant' | 'deleteAssignment' | 'forgetScope'>

/** Changes come one after the other: each is checked against what the one before has left. */
export function changeAssignments(deps: AssignmentDeps): Changes {
  const { records, index, changed } = deps
  const turn = inTurn()
  return {
    createAssignment: async (caller, request) => await turn(async () => await create(deps, caller, request)),

    grant: async (request) =>
      await turn(async () => {
        const twin = index.findTwin(request)
        return twin ?? (await write(deps, { ...request, name: randomGuid(), description: null }, null))
      }),

    deleteAssignment: async (caller, scope, name) =>
      await turn(async () => {
        const found = index.find(name)
        const isThere = found !== null && scopeKey(found.scope) === scopeKey(scope)
        if (!isThere) {
          // Who may delete nothing here is not told what there is.
          if (index.allows(caller.principalId, DELETE, scopeKey(scope))) return null
          throw new AccessFault('denied', { principalId: caller.principalId, action: DELETE, scope })
        }
        assertMayAssign(deps, caller, { action: DELETE, scope, roleId: found.roleId })
        await records.delete([name])
        index.remove(name)
        changed({ scope: found.scope, principalId: found.principalId })
        return found
      }),

    forgetScope: async (scope) =>
      await turn(async () => {
        const gone = scopeKey(scope)
        const below = index.list().filter((assignment) => covers(gone, scopeKey(assignment.scope)))
        if (below.length === 0) return
        const names = below.map(({ name }) => name)
        await records.delete(names)
        for (const name of names) index.remove(name)
        changed({ scope, principalId: null })
      }),
  }
}

async function create(
  deps: AssignmentDeps,
  caller: Caller,
  request: NewAssignment,
): Promise<{ readonly assignment: RoleAssignment; readonly isNew: boolean }> {
  const { index, principals } = deps
  const { name, roleId, principalId, scope } = request
  assertMayAssign(deps, caller, { action: WRITE, scope, roleId })
  if (index.findRole(roleId) === null) throw new AccessFault('role-unknown', { roleId })
  const principal = await principals.findPrincipal({ principalId })
  if (principal?.tenantId !== caller.tenantId) {
    throw new AccessFault('principal-unknown', { principalId, tenantId: caller.tenantId })
  }
  const named = index.find(name)
  const twin = index.findTwin(request)
  if (named !== null && named === twin) return { assignment: named, isNew: false }
  if (named !== null) throw new AccessFault('assignment-fixed', { name })
  if (twin !== null) throw new AccessFault('assignment-exists', { name: twin.name })
  return { assignment: await write(deps, request, caller.principalId), isNew: true }
}

function assertMayAssign(
  { index }: AssignmentDeps,
  { principalId }: Caller,
  asked: { readonly action: string; readonly scope: string; readonly roleId: Guid },
): void {
  const { action, scope, roleId } = asked
  if (index.mayAssign(principalId, action, scopeKey(scope), roleId)) return
  throw new AccessFault('denied', { principalId, action, scope })
}

async function write(
  { records, index, clock, changed }: AssignmentDeps,
  request: NewAssignment,
  createdBy: Guid | null,
): Promise<RoleAssignment> {
  const { name, roleId, principalId, description } = request
  const createdAt = clock.now()
  const assignment = {
    name,
    scope: tidyScope(request.scope),
    roleId,
    principalId,
    description,
    createdAt,
    createdBy,
  }
  await records.insert({ ...assignment, createdAt: createdAt.toISOString() })
  index.add(assignment)
  changed({ scope: assignment.scope, principalId })
  return assignment
}
