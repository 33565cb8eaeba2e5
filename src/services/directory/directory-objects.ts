import type { Guid } from '../../kernel/guid.ts'
import type { Principal } from './directory.ts'
import type { Tenant } from './token-endpoint.ts'

/** A client secret as far as anybody may see it again. */
export interface Password {
  readonly keyId: Guid
  readonly displayName: string | null
  /** The first three characters. */
  readonly hint: string
  readonly startsAt: Date
  readonly endsAt: Date
}

/** Trust in an identity's token in place of a password: https://learn.microsoft.com/graph/api/resources/federatedidentitycredential */
export interface FederatedCredential {
  readonly id: Guid
  readonly name: string
  readonly issuer: string
  readonly subject: string
  readonly audience: string
  readonly description: string | null
}

export type NewFederatedCredential = Omit<FederatedCredential, 'id'>
/** What is left out stays as it is. The name stays for good. */
export type FederatedCredentialChange = {
  readonly [K in Exclude<keyof NewFederatedCredential, 'name'>]?: NewFederatedCredential[K] | undefined
}

export interface Application {
  readonly objectId: Guid
  readonly appId: Guid
  readonly tenantId: Guid
  readonly displayName: string
  readonly createdAt: Date
  /** Whether other tenants may make a service principal of it. */
  readonly isMultiTenant: boolean
  readonly passwords: readonly Password[]
  readonly federatedCredentials: readonly FederatedCredential[]
}

export interface ServicePrincipal extends Principal {
  readonly createdAt: Date
  /** May change the tenant's directory. The owner made by the first `up` is one. */
  readonly isTenantAdministrator: boolean
  /** Of an application, where it is registered and whether for other tenants too; null for a managed identity. */
  readonly application: { readonly tenantId: Guid; readonly isMultiTenant: boolean } | null
}

export interface NewPassword {
  readonly displayName: string | null
  /** Null: now. */
  readonly startsAt: Date | null
  /** Null: two years after the start. */
  readonly endsAt: Date | null
}

/**
 * Tenants, applications, their service principals and passwords: what Microsoft Graph and the first start change.
 * Whether a caller may is asked with `assertAdministrator` first. Every method that changes something resolves when the
 * change is durable and in force. Objects of another tenant are not found.
 */
export interface DirectoryObjects {
  createTenant(tenant: { readonly displayName: string }): Promise<Tenant>
  /** In the order of their making: the first is the installation's own. */
  listTenants(): readonly Tenant[]

  /** @throws DirectoryObjectFault `not-administrator` */
  assertAdministrator(principalId: Guid): void

  /** An application with its service principal, a tenant administrator, and a password, all in one transaction. */
  createAdministrator(request: {
    readonly tenantId: Guid
    readonly displayName: string
    readonly endsAt: Date
  }): Promise<{
    readonly application: Application
    readonly principal: ServicePrincipal
    readonly secret: string
  }>

  /** @throws DirectoryObjectFault `property-invalid` */
  createApplication(request: {
    readonly tenantId: Guid
    readonly displayName: string
    readonly isMultiTenant: boolean
  }): Promise<Application>
  /**
   * What is left out stays as it is. The name is its service principals' too.
   * @throws DirectoryObjectFault `object-not-found`, `property-invalid`; `application-in-use` where another tenant would be
   *   left with a service principal of an application that is not for it
   */
  changeApplication(
    tenantId: Guid,
    objectId: Guid,
    change: { readonly displayName?: string | undefined; readonly isMultiTenant?: boolean | undefined },
  ): Promise<Application>
  /** With its passwords, and its service principals in every tenant. @throws DirectoryObjectFault `object-not-found`, `last-administrator` */
  deleteApplication(tenantId: Guid, objectId: Guid): Promise<void>
  getApplication(tenantId: Guid, objectId: Guid): Application
  findApplication(tenantId: Guid, appId: Guid): Application | null
  /** In the order of their object ids. */
  listApplications(tenantId: Guid): readonly Application[]

  /**
   * @returns the secret, which nobody sees again: only its verifier is kept
   * @throws DirectoryObjectFault `object-not-found`, `property-invalid`
   */
  addPassword(
    tenantId: Guid,
    objectId: Guid,
    password: NewPassword,
  ): Promise<{ readonly password: Password; readonly secret: string }>
  /** @throws DirectoryObjectFault `object-not-found`, `password-not-found` */
  removePassword(tenantId: Guid, objectId: Guid, keyId: Guid): Promise<void>

  /** @throws DirectoryObjectFault `object-not-found`, `credential-invalid`, `credential-exists`, `credential-repeated`, `credentials-too-many` */
  addFederatedCredential(
    tenantId: Guid,
    objectId: Guid,
    credential: NewFederatedCredential,
  ): Promise<FederatedCredential>
  /** @throws DirectoryObjectFault as for `addFederatedCredential` */
  changeFederatedCredential(
    tenantId: Guid,
    objectId: Guid,
    id: Guid,
    change: FederatedCredentialChange,
  ): Promise<void>
  /** @throws DirectoryObjectFault `object-not-found` */
  removeFederatedCredential(tenantId: Guid, objectId: Guid, id: Guid): Promise<void>

  /**
   * Of an application of the tenant's own, or of another tenant's that is for all: that is how an administrator lets it in.
   * @throws DirectoryObjectFault `application-not-found`, `principal-exists`
   */
  createServicePrincipal(request: {
    readonly tenantId: Guid
    readonly appId: Guid
  }): Promise<ServicePrincipal>
  /** Its tokens stop being accepted with it. @throws DirectoryObjectFault `object-not-found`, `managed-identity`, `last-administrator` */
  deleteServicePrincipal(tenantId: Guid, principalId: Guid): Promise<void>
  getServicePrincipal(tenantId: Guid, principalId: Guid): ServicePrincipal
  /** Managed identities included; in the order of their ids. */
  listServicePrincipals(tenantId: Guid): readonly ServicePrincipal[]
}
