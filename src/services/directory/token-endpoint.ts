import type { Guid } from '../../kernel/guid.ts'
import type { Principal } from './directory.ts'

export interface Tenant {
  readonly tenantId: Guid
  readonly displayName: string
}

export interface IssuedToken {
  readonly token: string
  /** The `aud` claim: the resource as it was asked for. */
  readonly audience: string
  readonly notBefore: Date
  readonly expiresAt: Date
  readonly lifetimeSeconds: number
}

/** Who signed in with a client secret, and with which one. */
export interface SecretSignIn {
  readonly principal: Principal
  /** For who issues tokens of his own on the strength of it: they die with the password (`isPasswordInForce`). */
  readonly passwordId: Guid
}

/** One key of the set under which tokens verify (RFC 7517), as Entra ID publishes them. */
export interface PublishedKey {
  readonly kty: 'RSA'
  readonly use: 'sig'
  readonly kid: string
  readonly x5t: string
  readonly n: string
  readonly e: string
  readonly x5c: readonly string[]
}

/** How a client proves who it is: RFC 6749 section 2.3.1; RFC 7523 section 2.2, with a managed identity's token. */
export type ClientCredential = { readonly secret: string } | { readonly assertion: string }

/** What the token endpoints need of the directory. */
export interface TokenEndpoint {
  /** @param tenant the id as a path names it, in any letter case; null for anything else */
  findTenant(tenant: string): Tenant | null

  /**
   * The client credentials grant (RFC 6749 section 4.4).
   * @param request `tenant` null: the application's own, for `/adfs` whose paths name none;
   *   `resource` one of the configured audiences, with or without a slash at the end
   * @throws SignInFault, FederationFault
   */
  clientCredentials(
    request: {
      readonly tenant: string | null
      readonly clientId: string
      readonly resource: string
    } & ClientCredential,
  ): Promise<IssuedToken>

  /** Checks a client secret without issuing anything. @throws SignInFault */
  signIn(request: {
    readonly tenant: string | null
    readonly clientId: string
    readonly secret: string
  }): SecretSignIn

  /** Whether that password is still there and not past its end. */
  isPasswordInForce(passwordId: Guid): boolean

  /**
   * A managed identity's token, for the endpoint that hands them out: who may ask is that endpoint's to decide.
   * @throws DirectoryFault `principal-gone`; SignInFault `resource-unknown`
   */
  identityToken(request: { readonly principalId: Guid; readonly resource: string }): Promise<IssuedToken>

  /** Newest first: the key that signs, then those whose tokens may still be about. */
  publishedKeys(): readonly PublishedKey[]

  /** Signs with a new key from now on; tokens under the old one stay good until they expire. */
  rotateSigningKey(): Promise<void>
}
