import { type Guid, parseGuid } from '../../kernel/guid.ts'
import type {
  AccessService,
  NewAssignment,
  RoleAssignment,
  RoleDefinition,
} from '../access/access-service.ts'
import { type EngineDeps, logged } from './engine.ts'
import { findGroup, groupMissing } from './groups.ts'
import { refused } from './faults.ts'
import type { ProviderCall } from './provider.ts'
import { getSubscription } from './subscriptions.ts'

/** Roles and their assignments as the resource manager serves them: at scopes that exist, with traces. */
export interface RoleAssignments {
  /** @throws AccessFault as `AccessService.createAssignment` */
  put(
    call: ProviderCall,
    assignment: NewAssignment,
  ): Promise<{ readonly assignment: RoleAssignment; readonly isNew: boolean }>
  /** @returns null when there was nothing */
  delete(call: ProviderCall, scope: string, name: Guid): Promise<RoleAssignment | null>
  get(call: ProviderCall, scope: string, name: Guid): Promise<RoleAssignment>
  list(
    call: ProviderCall,
    filter: Parameters<AccessService['listAssignments']>[0],
  ): Promise<readonly RoleAssignment[]>
  /** The definitions are Azure's published ones and no secret: any signed-in caller reads them. */
  listRoles(roleName: string | null): readonly RoleDefinition[]
  /** @throws ResourceFault `RoleDefinitionDoesNotExist` */
  getRole(roleId: string): RoleDefinition
}

export type RoleAssignmentDeps = Pick<EngineDeps, 'store' | 'activity'> & {
  readonly access: Pick<
    AccessService,
    | 'authorize'
    | 'createAssignment'
    | 'deleteAssignment'
    | 'getAssignment'
    | 'listAssignments'
    | 'listRoles'
    | 'findRole'
  >
}

const ASSIGNMENTS = 'Microsoft.Authorization/roleAssignments'

export function roleAssignments(deps: RoleAssignmentDeps): RoleAssignments {
  const { access } = deps
  const traced = async <T>(
    call: ProviderCall,
    entry: { readonly verb: string; readonly scope: string; readonly name: Guid },
    work: () => Promise<T>,
  ): Promise<T> => {
    const resourceId = `${entry.scope === '/' ? '' : entry.scope}/providers/${ASSIGNMENTS}/${entry.name}`
    return await logged(deps, { operation: `${ASSIGNMENTS}/${entry.verb}`, resourceId, call }, async () => {
      await assertScopeOwner(deps, call, entry.scope)
      return await work()
    })
  }
  return {
    put: (call, assignment) =>
      traced(call, { ...assignment, verb: 'write' }, async () => {
        await access.authorize(call.caller, `${ASSIGNMENTS}/write`, assignment.scope)
        await assertScopeExists(deps, assignment.scope)
        return await access.createAssignment(call.caller, assignment)
      }),
    delete: (call, scope, name) =>
      traced(call, { verb: 'delete', scope, name }, () => access.deleteAssignment(call.caller, scope, name)),
    async get(call, scope, name) {
      await assertScopeOwner(deps, call, scope)
      await access.authorize(call.caller, `${ASSIGNMENTS}/read`, scope)
      return access.getAssignment(scope, name)
    },
    async list(call, filter) {
      await assertScopeOwner(deps, call, filter.scope)
      await access.authorize(call.caller, `${ASSIGNMENTS}/read`, filter.scope)
      return access.listAssignments(filter)
    },
    listRoles: (roleName) => (roleName === null ? access.listRoles() : access.listRoles(roleName)),
    getRole(roleId) {
      const id = parseGuid(roleId)
      const found = id === null ? null : access.findRole(id)
      if (found !== null) return found
      throw refused(
        404,
        'RoleDefinitionDoesNotExist',
        `The specified role definition with ID '${roleId}' does not exist.`,
      )
    },
  }
}

/** A subscription of another tenant is not found; what lies at the root is every tenant's, and its roles decide. */
async function assertScopeOwner(deps: RoleAssignmentDeps, call: ProviderCall, scope: string): Promise<void> {
  if (scope === '/') return
  await getSubscription(deps, call.caller, placeOf(scope).subscriptionId)
}

/** A group must be there: else its next owner would find grants that he did not make. */
async function assertScopeExists(deps: RoleAssignmentDeps, scope: string): Promise<void> {
  if (scope === '/') return
  const { subscriptionId, resourceGroup } = placeOf(scope)
  if (resourceGroup === null) return
  if ((await findGroup(deps, { subscriptionId, resourceGroup })) === null) throw groupMissing(resourceGroup)
}

function placeOf(scope: string): { readonly subscriptionId: Guid; readonly resourceGroup: string | null } {
  const found = /^\/subscriptions\/([^/]+)(?:\/resourceGroups\/([^/]+)(?:\/|$)|$)/i.exec(scope)
  const subscriptionId = parseGuid(found?.[1] ?? '')
  if (subscriptionId === null) {
    throw refused(400, 'InvalidScope', `The scope '${scope}' is no subscription, resource group or resource.`)
  }
  return { subscriptionId, resourceGroup: found?.[2] ?? null }
}
