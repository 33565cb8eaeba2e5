import { Fault } from '../../kernel/fault.ts'
import type { Guid } from '../../kernel/guid.ts'

export interface AccessFaults {
  denied: { readonly principalId: Guid; readonly action: string; readonly scope: string }
  'role-unknown': { readonly roleId: string }
  /** Nobody of that id in the caller's tenant. */
  'principal-unknown': { readonly principalId: Guid; readonly tenantId: Guid }
  /** The same principal, role and scope stand under another name. */
  'assignment-exists': { readonly name: Guid }
  /** The name is taken by an assignment of another principal, role or scope. */
  'assignment-fixed': { readonly name: Guid }
  'assignment-not-found': { readonly name: Guid; readonly scope: string }
}
export class AccessFault<K extends keyof AccessFaults = keyof AccessFaults> extends Fault<AccessFaults, K> {
  override readonly name = 'AccessFault'
}
