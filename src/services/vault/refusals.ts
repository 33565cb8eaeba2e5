import { Fault, Outage } from '../../kernel/fault.ts'
import { type VaultFault, type VaultFaults, isVaultFault } from './faults.ts'

/** A refusal as Key Vault numbers and names it: in its answers and in its AuditEvent log alike. */
export interface Refusal {
  readonly status: number
  readonly code: string
  /** `innererror.code` */
  readonly inner: string | null
}

const refusal = (status: number, code: string, inner: string | null = null): Refusal => ({
  status,
  code,
  inner,
})

const table: { readonly [K in keyof VaultFaults]: Refusal } = {
  'vault-not-found': refusal(404, 'VaultNotFound'),
  'token-refused': refusal(401, 'Unauthorized'),
  'forbidden-by-firewall': refusal(403, 'Forbidden', 'ForbiddenByFirewall'),
  'forbidden-by-connection': refusal(403, 'Forbidden', 'ForbiddenByConnection'),
  'forbidden-by-policy': refusal(403, 'Forbidden', 'ForbiddenByPolicy'),
  'forbidden-by-rbac': refusal(403, 'Forbidden', 'ForbiddenByRbac'),
  'key-not-found': refusal(404, 'KeyNotFound'),
  'key-to-delete-not-found': refusal(404, 'KeyNotFound'),
  'deleted-key-not-found': refusal(404, 'KeyNotFound'),
  'key-disabled': refusal(403, 'Forbidden', 'KeyDisabled'),
  'key-expired': refusal(403, 'Forbidden', 'KeyExpired'),
  'key-not-yet-valid': refusal(403, 'Forbidden', 'KeyNotYetValid'),
  'key-operation-forbidden': refusal(403, 'Forbidden', 'KeyOperationForbidden'),
  'purge-protected': refusal(403, 'Forbidden'),
  'key-is-deleted': refusal(409, 'Conflict', 'ObjectIsDeletedButRecoverable'),
  'key-type-unsupported': refusal(400, 'BadParameter', 'KeyTypeNotSupported'),
  'parameter-invalid': refusal(400, 'BadParameter'),
  'cipher-text-invalid': refusal(400, 'BadParameter'),
  'operation-unsupported': refusal(400, 'BadParameter', 'OperationNotSupported'),
}

export function refusalOf(fault: VaultFault): Refusal {
  return table[fault.code]
}

/** For the audit: how whatever was thrown will be answered. */
export function outcomeOf(thrown: unknown): Refusal {
  if (isVaultFault(thrown)) return refusalOf(thrown)
  if (thrown instanceof Outage) return refusal(503, 'ServiceUnavailable')
  // What `http` refuses of a body: too large, too slow, not JSON.
  if (thrown instanceof Fault) return refusal(400, 'BadParameter')
  return refusal(500, 'InternalServerError')
}
