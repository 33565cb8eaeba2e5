import { type Guid, parseGuid } from '../../kernel/guid.ts'
import type { Permissions, RoleDefinition } from './access-service.ts'

/** Permissions that are left out are none. */
export function role(
  roleId: string,
  roleName: string,
  fields: Partial<Permissions> & {
    readonly description: string
    readonly assignableRoles?: readonly string[]
  },
): RoleDefinition {
  const { description, actions = [], notActions = [], dataActions = [], notDataActions = [] } = fields
  const assignableRoles = fields.assignableRoles?.map(guid) ?? null
  return {
    roleId: guid(roleId),
    roleName,
    description,
    actions,
    notActions,
    dataActions,
    notDataActions,
    assignableRoles,
  }
}

export function guid(text: string): Guid {
  const parsed = parseGuid(text)
  if (parsed === null) throw new Error(`${text} is no GUID`)
  return parsed
}

/** What Azure gives everyone who runs resources of a kind. */
export function operatorActions(): readonly string[] {
  return [
    'Microsoft.Authorization/*/read',
    'Microsoft.Insights/alertRules/*',
    'Microsoft.Resources/subscriptions/resourceGroups/read',
    'Microsoft.Resources/deployments/*',
    'Microsoft.Support/*',
  ]
}
