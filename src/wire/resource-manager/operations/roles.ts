import { queryValue } from '../../../http/operation.ts'
import { azureTime } from '../../../kernel/clock.ts'
import { type Guid, parseGuid } from '../../../kernel/guid.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import type { RoleAssignment, RoleDefinition } from '../../../services/access/access-service.ts'
import { invalidContent, readBody, readObject, readString } from '../../../services/resources/envelope.ts'
import { refused } from '../../../services/resources/faults.ts'
import type { RoleAssignments } from '../../../services/resources/role-assignments.ts'
import { type Condition, parseFilter, valueOf } from '../filters.ts'
import { providerCall } from '../session.ts'
import { type ArmOperation, armOperation } from './arm-operation.ts'

const ASSIGNMENTS = 'providers/Microsoft.Authorization/roleAssignments'
const DEFINITIONS = 'providers/Microsoft.Authorization/roleDefinitions'

/** Both at the root and below any scope. https://learn.microsoft.com/rest/api/authorization */
export function roleOperations({ roles }: { readonly roles: RoleAssignments }): readonly ArmOperation[] {
  return [
    ...definitionOperations(roles, `/${DEFINITIONS}`),
    ...definitionOperations(roles, `/{scope+}/${DEFINITIONS}`),
    ...assignmentOperations(roles, `/${ASSIGNMENTS}`),
    ...assignmentOperations(roles, `/{scope+}/${ASSIGNMENTS}`),
  ]
}

interface Scoped {
  readonly scope?: string
  readonly name: string
}

function scopeOf({ scope }: Partial<Scoped>): string {
  return `/${scope ?? ''}`
}

function definitionOperations(roles: RoleAssignments, path: string): readonly ArmOperation[] {
  return [
    armOperation({
      id: 'ListRoleDefinitions',
      method: 'GET',
      path,
      run({ head, params }) {
        const known = ['rolename', 'type', 'atscopeandbelow', 'atscope']
        const conditions = parseFilter(queryValue(head, '$filter'), known)
        const found = roles.listRoles(valueOf(conditions, 'rolename') ?? null)
        const isCustom = valueOf(conditions, 'type')?.toLowerCase() === 'customrole'
        const value = isCustom ? [] : found.map((role) => presentDefinition(scopeOf(params), role))
        return Promise.resolve({ status: 200, body: { value } })
      },
    }),
    armOperation({
      id: 'GetRoleDefinition',
      method: 'GET',
      path: `${path}/{name}`,
      run({ params }) {
        const role = roles.getRole(params.name)
        return Promise.resolve({ status: 200, body: presentDefinition(scopeOf(params), role) })
      },
    }),
  ]
}

function assignmentOperations(roles: RoleAssignments, path: string): readonly ArmOperation[] {
  const one = `${path}/{name}`
  return [
    armOperation({
      id: 'ListRoleAssignments',
      method: 'GET',
      path,
      async run(call) {
        const known = ['principalid', 'atscope', 'assignedto']
        const conditions = parseFilter(queryValue(call.head, '$filter'), known)
        const found = await roles.list(providerCall(call), {
          scope: scopeOf(call.params),
          isAtScopeOnly: valueOf(conditions, 'atscope', 'call') !== undefined,
          principalId: principalOf(conditions),
        })
        return { status: 200, body: { value: found.map(presentAssignment) } }
      },
    }),
    armOperation({
      id: 'PutRoleAssignment',
      method: 'PUT',
      path: one,
      async run(call) {
        const properties = readObject(readBody(call.body.json), 'properties') ?? {}
        const { assignment, isNew } = await roles.put(providerCall(call), {
          name: nameOf(call.params),
          scope: scopeOf(call.params),
          roleId: roleIdOf(readString(properties, 'roleDefinitionId')),
          principalId: guidOf(readString(properties, 'principalId'), 'principalId'),
          description: readString(properties, 'description'),
        })
        return { status: isNew ? 201 : 200, body: presentAssignment(assignment) }
      },
    }),
    armOperation({
      id: 'GetRoleAssignment',
      method: 'GET',
      path: one,
      async run(call) {
        const found = await roles.get(providerCall(call), scopeOf(call.params), nameOf(call.params))
        return { status: 200, body: presentAssignment(found) }
      },
    }),
    armOperation({
      id: 'DeleteRoleAssignment',
      method: 'DELETE',
      path: one,
      async run(call) {
        const gone = await roles.delete(providerCall(call), scopeOf(call.params), nameOf(call.params))
        return gone === null ? { status: 204 } : { status: 200, body: presentAssignment(gone) }
      },
    }),
  ]
}

function nameOf(params: Readonly<Record<string, string>>): Guid {
  const name = parseGuid(params['name'] ?? '')
  if (name !== null) return name
  throw refused(
    400,
    'InvalidRoleAssignmentId',
    `The role assignment ID '${params['name'] ?? ''}' is not valid. The role assignment ID must be a GUID.`,
  )
}

/** `assignedTo('…')` also means by way of groups, of which there are none. */
function principalOf(conditions: readonly Condition[]): Guid | null {
  const text = valueOf(conditions, 'principalid') ?? valueOf(conditions, 'assignedto', 'call')
  return text === undefined ? null : guidOf(text, 'principalId')
}

function roleIdOf(id: string | null): Guid {
  return guidOf(id === null ? null : (id.split('/').at(-1) ?? ''), 'roleDefinitionId')
}

function guidOf(text: string | null, name: string): Guid {
  const guid = parseGuid(text ?? '')
  if (guid !== null) return guid
  throw invalidContent(`'${name}' must be given and be a GUID`)
}

function presentAssignment(assignment: RoleAssignment): JsonObject {
  const { name, scope, createdAt, createdBy } = assignment
  const base = scope === '/' ? '' : scope
  const subscription = /^\/subscriptions\/[^/]+/i.exec(scope)?.[0] ?? ''
  return {
    id: `${base}/${ASSIGNMENTS}/${name}`,
    type: 'Microsoft.Authorization/roleAssignments',
    name,
    properties: {
      roleDefinitionId: `${subscription}/${DEFINITIONS}/${assignment.roleId}`,
      principalId: assignment.principalId,
      principalType: 'ServicePrincipal',
      scope,
      condition: null,
      conditionVersion: null,
      createdOn: azureTime(createdAt),
      updatedOn: azureTime(createdAt),
      createdBy: createdBy ?? '',
      updatedBy: createdBy ?? '',
      delegatedManagedIdentityResourceId: null,
      description: assignment.description,
    },
  }
}

function presentDefinition(scope: string, role: RoleDefinition): JsonObject {
  const subscription = /^\/subscriptions\/[^/]+/i.exec(scope)?.[0] ?? ''
  return {
    id: `${subscription}/${DEFINITIONS}/${role.roleId}`,
    type: 'Microsoft.Authorization/roleDefinitions',
    name: role.roleId,
    properties: {
      roleName: role.roleName,
      type: 'BuiltInRole',
      description: role.description,
      assignableScopes: ['/'],
      permissions: [
        {
          actions: role.actions,
          notActions: role.notActions,
          dataActions: role.dataActions,
          notDataActions: role.notDataActions,
        },
      ],
    },
  }
}
