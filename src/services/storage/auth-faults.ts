import { Fault } from '../../kernel/fault.ts'
import type { Guid } from '../../kernel/guid.ts'

/**
 * Why the data plane lets somebody not in, or not so far. Facts are what Azure tells the client too.
 * https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
 */
export interface StorageAuthFaults {
  /** Signature, date or fields of a key's credential do not hold. `detail` is Azure's `AuthenticationErrorDetail`. */
  'authentication-failed': { readonly detail: string }
  /** The Authorization header has no form that is known. */
  'authorization-malformed': None
  /** A bearer token is refused: the client is told where tokens for this account are given. */
  'token-refused': { readonly tenantId: Guid; readonly detail: string }
  /** No credential, and it takes one. */
  'credential-missing': { readonly tenantId: Guid }
  /** The same to clients of before 2019-12-12, who know no challenge: nothing is there. */
  'not-public': None
  /** The account allows no anonymous access, whatever its containers say. */
  'public-access-not-permitted': None
  /** Nobody with such a credential may, or the network rules keep the address out. */
  forbidden: None
  'permission-mismatch': None
  'protocol-mismatch': None
  'source-ip-mismatch': { readonly address: string }
  'service-mismatch': None
  'resource-type-mismatch': None
  'key-authentication-not-permitted': None
  'https-required': None
  'tls-version-not-permitted': None
  /** Of a user delegation key that was asked for. */
  'delegation-times-invalid': { readonly reason: string }
}

type None = Readonly<Record<string, never>>

export class StorageAuthFault<K extends keyof StorageAuthFaults = keyof StorageAuthFaults> extends Fault<
  StorageAuthFaults,
  K
> {
  override readonly name = 'StorageAuthFault'
}

export function authenticationFailed(detail: string): StorageAuthFault<'authentication-failed'> {
  return new StorageAuthFault('authentication-failed', { detail })
}
