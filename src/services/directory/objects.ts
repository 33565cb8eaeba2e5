import type { Principal } from './directory.ts'
import type { Application, FederatedCredential, Password, ServicePrincipal } from './directory-objects.ts'
import type {
  ApplicationRow,
  FederatedCredentialRow,
  PasswordRow,
  PrincipalRow,
  TenantRow,
} from '../../store/records/directory/directory-objects.ts'
import type { Tenant } from './token-endpoint.ts'

export function toTenant({ tenantId, displayName }: TenantRow): Tenant {
  return { tenantId, displayName }
}

export function toPrincipal(row: PrincipalRow): Principal {
  const { tenantId, principalId, appId, kind, displayName, resourceId } = row
  return { tenantId, principalId, appId, kind, displayName, resourceId }
}

/** @param application what it is the principal of; null for a managed identity */
export function toServicePrincipal(row: PrincipalRow, application: ApplicationRow | null): ServicePrincipal {
  const { isTenantAdministrator, createdAt } = row
  return {
    ...toPrincipal(row),
    isTenantAdministrator,
    createdAt: new Date(createdAt),
    application:
      application === null
        ? null
        : { tenantId: application.tenantId, isMultiTenant: application.isMultiTenant },
  }
}

export function toApplication(row: ApplicationRow): Application {
  const { objectId, appId, tenantId, displayName, createdAt, isMultiTenant } = row
  return {
    objectId,
    appId,
    tenantId,
    displayName,
    createdAt: new Date(createdAt),
    isMultiTenant,
    passwords: row.passwords.map(toPassword),
    federatedCredentials: row.federatedCredentials.map(toFederatedCredential),
  }
}

function toFederatedCredential(row: FederatedCredentialRow): FederatedCredential {
  const { id, name, issuer, subject, audience, description } = row
  return { id, name, issuer, subject, audience, description }
}

/** Without the verifier, which stays inside. */
export function toPassword({ keyId, displayName, hint, startsAt, endsAt }: PasswordRow): Password {
  return { keyId, displayName, hint, startsAt: new Date(startsAt), endsAt: new Date(endsAt) }
}
