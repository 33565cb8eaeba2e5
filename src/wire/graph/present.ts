import { type Endpoints, urlOf } from '../../kernel/endpoints.ts'
import type { JsonObject } from '../../kernel/json.ts'
import type {
  Application,
  FederatedCredential,
  Password,
  ServicePrincipal,
} from '../../services/directory/directory-objects.ts'

/** https://learn.microsoft.com/graph/api/resources/application */
export function presentApplication(application: Application): JsonObject {
  const { objectId, appId, displayName, createdAt, passwords, isMultiTenant } = application
  return {
    id: objectId,
    deletedDateTime: null,
    appId,
    displayName,
    createdDateTime: graphTime(createdAt),
    signInAudience: signInAudienceOf(isMultiTenant),
    identifierUris: [],
    passwordCredentials: passwords.map(presentPassword),
    keyCredentials: [],
    requiredResourceAccess: [],
    appRoles: [],
    tags: [],
  }
}

/**
 * https://learn.microsoft.com/graph/api/resources/serviceprincipal
 * @param passwords those of its application: the two share one list in its tenant
 */
export function presentServicePrincipal(
  principal: ServicePrincipal,
  passwords: readonly Password[],
): JsonObject {
  const { principalId, appId, displayName, application, kind, resourceId, createdAt } = principal
  const isManagedIdentity = kind === 'managedIdentity'
  return {
    id: principalId,
    deletedDateTime: null,
    accountEnabled: true,
    alternativeNames: isManagedIdentity && resourceId !== null ? [isExplicit(resourceId), resourceId] : [],
    appDisplayName: isManagedIdentity ? null : displayName,
    appId,
    appOwnerOrganizationId: application?.tenantId ?? null,
    createdDateTime: graphTime(createdAt),
    displayName,
    servicePrincipalNames: [appId],
    servicePrincipalType: isManagedIdentity ? 'ManagedIdentity' : 'Application',
    signInAudience: application === null ? null : signInAudienceOf(application.isMultiTenant),
    passwordCredentials: passwords.map(presentPassword),
    keyCredentials: [],
    appRoles: [],
    tags: [],
  }
}

/** https://learn.microsoft.com/graph/api/resources/passwordcredential */
export function presentPassword({ keyId, displayName, hint, startsAt, endsAt }: Password): JsonObject {
  return {
    customKeyIdentifier: null,
    displayName,
    endDateTime: graphTime(endsAt),
    hint,
    keyId,
    secretText: null,
    startDateTime: graphTime(startsAt),
  }
}

/** https://learn.microsoft.com/graph/api/resources/federatedidentitycredential */
export function presentFederatedCredential(credential: FederatedCredential): JsonObject {
  const { id, name, issuer, subject, audience, description } = credential
  return { id, name, issuer, subject, description, audiences: [audience] }
}

/** @param set `applications`, `servicePrincipals/$entity`, ... */
export function contextOf(endpoints: Endpoints, set: string): JsonObject {
  return { '@odata.context': `${urlOf(endpoints, 'graph')}/v1.0/$metadata#${set}` }
}

function signInAudienceOf(isMultiTenant: boolean): string {
  return isMultiTenant ? 'AzureADMultipleOrgs' : 'AzureADMyOrg'
}

/** Explicit is what Entra ID calls a user-assigned identity. */
function isExplicit(resourceId: string): string {
  return /\/userAssignedIdentities\/[^/]+$/i.test(resourceId) ? 'isExplicit=True' : 'isExplicit=False'
}

/** Whole seconds. */
function graphTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`
}
