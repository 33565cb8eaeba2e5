import type { Permissions } from './access-service.ts'

export interface PermissionCheck {
  allows(action: string): boolean
  allowsData(dataAction: string): boolean
}

/**
 * Deny by default; `notActions` takes away from the same role's `actions` and from nothing else: another role may still
 * give it. https://learn.microsoft.com/azure/role-based-access-control/role-definitions#actions-format
 */
export function compilePermissions({
  actions,
  notActions,
  dataActions,
  notDataActions,
}: Permissions): PermissionCheck {
  const [allowed, excluded] = [matcherOf(actions), matcherOf(notActions)]
  const [allowedData, excludedData] = [matcherOf(dataActions), matcherOf(notDataActions)]
  return {
    allows: (action) => allowed(action) && !excluded(action),
    allowsData: (action) => allowedData(action) && !excludedData(action),
  }
}

/**
 * `*` stands for any run of characters, slashes included; letter case makes no difference. Between slashes it may stand for
 * no segment at all: else the published `userAssignedIdentities/*\/assign/action` of Managed Identity Operator would not give
 * `userAssignedIdentities/assign/action`, which is what Azure asks for.
 */
function matcherOf(patterns: readonly string[]): (action: string) => boolean {
  const expressions = patterns.map((pattern) => {
    const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    const source = escaped.replace(/\/\*(?=\/)|\*/g, (star) => (star === '*' ? '[^]*' : '(?:/[^]*)?'))
    return new RegExp(`^${source}$`, 'i')
  })
  return (action) => expressions.some((expression) => expression.test(action))
}
