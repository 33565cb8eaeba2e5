import type { Guid } from '../../kernel/guid.ts'
import type { Caller } from './caller.ts'

export interface Principal {
  readonly tenantId: Guid
  readonly principalId: Guid
  readonly appId: Guid
  readonly kind: 'application' | 'managedIdentity'
  readonly displayName: string
  /** The ARM id of the user-assigned identity, or of the resource that a system-assigned identity lives with. */
  readonly resourceId: string | null
}

/**
 * Tenants, principals and their tokens. The other services know it by this interface;
 * the token endpoints' own needs are in `token-endpoint.ts`.
 */
export interface Directory {
  /**
   * Verifies signature, issuer, audience and times, and that the principal still exists.
   * @param audiences accepted `aud` values; a slash at the end makes no difference
   * @throws DirectoryFault `token-*`, `principal-gone`
   */
  authenticate(token: string, audiences: readonly string[]): Promise<Caller>

  findPrincipal(by: PrincipalKey): Promise<Principal | null>

  /** Idempotent by `resourceId`: a second call gives the principal made first. */
  createManagedIdentity(identity: {
    readonly tenantId: Guid
    readonly resourceId: string
    readonly displayName: string
  }): Promise<Principal>

  /** Its tokens stop being accepted with it. Idempotent. */
  deleteManagedIdentity(principalId: Guid): Promise<void>

  /**
   * A token for the keyring, marked as got for `resourceId`; lives no longer than `lifetimeMs`.
   * @param request `federated`: not the identity's own token, but that of the application, in that tenant, which trusts it
   * @throws DirectoryFault `principal-gone` for the identity; SignInFault and FederationFault for the application
   */
  tokenForResource(request: {
    readonly principalId: Guid
    readonly resourceId: string
    readonly audience: string
    readonly lifetimeMs: number
    readonly federated?: { readonly clientId: Guid; readonly tenantId: Guid }
  }): Promise<string>

  /**
   * Calls back when a principal was deleted, and when others than before may come as it: the federated credentials of its
   * application changed.
   */
  watch(listener: (principalId: Guid) => void): Disposable
}

export type PrincipalKey = { readonly principalId: Guid } | { readonly resourceId: string }
