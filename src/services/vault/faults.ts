import { Fault } from '../../kernel/fault.ts'
import type { Caller } from '../directory/caller.ts'

/** Of the vault that refuses, what its messages name. */
export interface VaultPlace {
  readonly vault: string
  readonly location: string
}

/** Why a bearer token was not taken. */
export type TokenRefusal =
  | { readonly kind: 'missing' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'signature' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'not-yet-valid' }
  | { readonly kind: 'issuer'; readonly expected: string; readonly found: string }
  | { readonly kind: 'audience'; readonly expected: string; readonly found: string }
  | { readonly kind: 'principal-gone' }

/** What a vault's data plane refuses, in the order in which it looks. */
export interface VaultFaults {
  'vault-not-found': { readonly vault: string }
  /** `tenantId` is the vault's: the challenge names it. */
  'token-refused': { readonly tenantId: string; readonly why: TokenRefusal }
  'forbidden-by-firewall': VaultPlace & { readonly caller: Caller; readonly address: string | null }
  'forbidden-by-connection': VaultPlace
  'forbidden-by-policy': VaultPlace & { readonly caller: Caller; readonly permission: string }
  'forbidden-by-rbac': VaultPlace & {
    readonly caller: Caller
    readonly dataAction: string
    readonly resource: string
  }
  /** `version` as asked for; null for the newest. */
  'key-not-found': { readonly name: string; readonly version: string | null }
  'key-to-delete-not-found': { readonly name: string }
  'deleted-key-not-found': { readonly name: string }
  'key-disabled': { readonly operation: string }
  'key-expired': { readonly operation: string }
  'key-not-yet-valid': { readonly operation: string }
  'key-operation-forbidden': { readonly operation: string }
  'purge-protected': object
  'key-is-deleted': { readonly name: string }
  'key-type-unsupported': { readonly message: string }
  'parameter-invalid': { readonly message: string }
  /** One fault for whatever is wrong with a cipher text. */
  'cipher-text-invalid': object
  'operation-unsupported': { readonly operation: string }
}
export class VaultFault<K extends keyof VaultFaults = keyof VaultFaults> extends Fault<VaultFaults, K> {
  override readonly name = 'VaultFault'
}

/** `instanceof` alone forgets which faults there are. */
export function isVaultFault(thrown: unknown): thrown is VaultFault {
  return thrown instanceof VaultFault
}

export function parameterInvalid(message: string): VaultFault<'parameter-invalid'> {
  return new VaultFault('parameter-invalid', { message })
}
