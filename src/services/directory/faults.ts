import { Fault } from '../../kernel/fault.ts'
import type { Guid } from '../../kernel/guid.ts'

/** Why a bearer token is refused. Everything but `token-expired` and `principal-gone` means: not one of ours for this. */
export interface DirectoryFaults {
  'token-malformed': Readonly<Record<string, never>>
  /** The signature is wrong or no key of that `kid` is known: not told apart. */
  'token-signature': Readonly<Record<string, never>>
  'token-algorithm': { readonly alg: string }
  'token-expired': { readonly expiredAt: Date }
  'token-not-yet-valid': Readonly<Record<string, never>>
  /** Not the issuer of the tenant that the token names, or a tenant that is none of ours. */
  'token-issuer': { readonly issuer: string }
  'token-audience': { readonly audience: string; readonly accepted: readonly string[] }
  /** The principal was deleted, or another one stands under its names by now. */
  'principal-gone': { readonly principalId: string }
}
export class DirectoryFault<K extends keyof DirectoryFaults = keyof DirectoryFaults> extends Fault<
  DirectoryFaults,
  K
> {
  override readonly name = 'DirectoryFault'
}

/** Why no token is issued. */
export interface SignInFaults {
  'tenant-unknown': { readonly tenant: string }
  'application-unknown': { readonly clientId: string; readonly tenant: string }
  /** The application is there, its service principal is not. */
  'principal-missing': { readonly clientId: string; readonly tenant: string }
  'secret-wrong': { readonly clientId: string }
  'secret-expired': { readonly clientId: string }
  'resource-unknown': { readonly resource: string; readonly tenant: string }
}
export class SignInFault<K extends keyof SignInFaults = keyof SignInFaults> extends Fault<SignInFaults, K> {
  override readonly name = 'SignInFault'
}

/** Why a managed identity's token is not taken in place of an application's secret. */
export interface FederationFaults {
  /** No token at all, or not one that could be. */
  'assertion-malformed': Readonly<Record<string, never>>
  /** No key that is known here signed it. */
  'assertion-signature': Readonly<Record<string, never>>
  /** It has expired, or its time has not come (null). */
  'assertion-time': { readonly now: Date; readonly expiresAt: Date | null }
  /** The application trusts nobody's tokens. */
  'federation-absent': { readonly clientId: string; readonly displayName: string }
  /** The application trusts tokens, but not this one: the first member that fits no credential. */
  'federation-unmatched': { readonly member: 'issuer' | 'subject' | 'audience'; readonly presented: string }
  /** As that, and a credential differs in the letter case only. */
  'federation-case': { readonly presented: string }
  /** An application's own token: only a managed identity's is taken. */
  'federation-by-application': Readonly<Record<string, never>>
}
export class FederationFault<K extends keyof FederationFaults = keyof FederationFaults> extends Fault<
  FederationFaults,
  K
> {
  override readonly name = 'FederationFault'
}

/** Why an application, principal or password is not read or changed. */
export interface DirectoryObjectFaults {
  'not-administrator': Readonly<Record<string, never>>
  'object-not-found': { readonly id: string }
  'application-not-found': { readonly appId: string }
  'password-not-found': { readonly keyId: string }
  'principal-exists': { readonly appId: Guid }
  /** Service principals of it exist in other tenants. */
  'application-in-use': { readonly appId: Guid }
  /** The principal is of another tenant's application, which keeps the passwords. */
  'application-elsewhere': { readonly principalId: Guid }
  /** A managed identity is changed through its resource only. */
  'managed-identity': { readonly principalId: Guid }
  /** Nobody could change the tenant's directory any more. */
  'last-administrator': { readonly principalId: Guid }
  'property-invalid': { readonly property: string; readonly reason: string }
  'credential-invalid': { readonly property: string; readonly value: string; readonly reason: string }
  'credential-exists': { readonly name: string }
  /** Another credential of the application has that issuer and subject. */
  'credential-repeated': { readonly issuer: string; readonly subject: string }
  'credentials-too-many': { readonly max: number }
}
export class DirectoryObjectFault<
  K extends keyof DirectoryObjectFaults = keyof DirectoryObjectFaults,
> extends Fault<DirectoryObjectFaults, K> {
  override readonly name = 'DirectoryObjectFault'
}
