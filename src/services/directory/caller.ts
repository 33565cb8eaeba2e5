import type { Guid } from '../../kernel/guid.ts'

/** A principal whose token was verified and who still exists. Made by the directory only. */
export interface Caller {
  readonly tenantId: Guid
  /** Object id of the service principal: what role assignments and access policies name. */
  readonly principalId: Guid
  /** Application (client) id. */
  readonly appId: Guid
  readonly kind: 'application' | 'managedIdentity'
  /** `https://sts.windows.net/<tenant>/` */
  readonly issuer: string
  /** For a managed identity, the resource id it belongs to or is (`xms_mirid`). */
  readonly identityResourceId: string | null
  /**
   * Set only on a token that the keyring got for this resource: admits it through a vault firewall's
   * trusted-services bypass. No token endpoint issues the claim behind it.
   */
  readonly trustedForResource: string | null
  readonly expiresAt: Date
}
