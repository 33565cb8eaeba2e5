import type { Principal } from './directory.ts'
import type { Application, Password, ServicePrincipal } from './directory-objects.ts'
import type {
  ApplicationRow,
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

export function toServicePrincipal(row: PrincipalRow): ServicePrincipal {
  const { isTenantAdministrator, createdAt } = row
  return { ...toPrincipal(row), isTenantAdministrator, createdAt: new Date(createdAt) }
}

export function toApplication(row: ApplicationRow): Application {
  const { objectId, appId, tenantId, displayName, createdAt, passwords } = row
  return {
    objectId,
    appId,
    tenantId,
    displayName,
    createdAt: new Date(createdAt),
    passwords: passwords.map(toPassword),
  }
}

/** Without the verifier, which stays inside. */
export function toPassword({ keyId, displayName, hint, startsAt, endsAt }: PasswordRow): Password {
  return { keyId, displayName, hint, startsAt: new Date(startsAt), endsAt: new Date(endsAt) }
}
