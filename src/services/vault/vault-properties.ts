import { type Endpoints } from '../../kernel/endpoints.ts'
import { parseGuid } from '../../kernel/guid.ts'
import { type Json, type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import type { Resource } from '../resources/provider.ts'
import { invalid, readAccessPolicies } from './access-policy-entries.ts'
import { oneOf, openNetwork, readNetworkAcls } from './network-acls.ts'
import { retentionDays } from './vault-settings.ts'
import { vaultUrl } from './vault-key.ts'

const RBAC_BY_DEFAULT_SINCE = '2026-02-01'

/**
 * The stored form of a vault's properties. What the body leaves out keeps its value, for PUT as for PATCH: Azure's own
 * clients send the whole, and a template that names no firewall must not open one.
 *
 * @throws ResourceFault
 */
export function writtenProperties(
  sent: JsonObject,
  {
    existing,
    tenantId,
    apiVersion,
  }: { readonly existing: JsonObject | null; readonly tenantId: string; readonly apiVersion: string },
): JsonObject {
  checkTenant(sent, tenantId, existing !== null)
  const before = existing ?? newVault(apiVersion)
  const take = (name: string, read: (value: Json) => Json): JsonObject => {
    const value = member(sent, name)
    return value === undefined ? {} : { [name]: read(value) }
  }
  const flag = (name: string) => take(name, (value) => boolean(name, value))
  return {
    ...before,
    ...sku(sent, existing),
    ...take('accessPolicies', (value) => readAccessPolicies(value, tenantId)),
    ...flag('enabledForDeployment'),
    ...flag('enabledForDiskEncryption'),
    ...flag('enabledForTemplateDeployment'),
    ...flag('enableRbacAuthorization'),
    ...take('networkAcls', readNetworkAcls),
    ...take('publicNetworkAccess', (value) => oneOf('publicNetworkAccess', value, ['Enabled', 'Disabled'])),
    ...retention(sent, existing),
    ...irreversible(sent),
  }
}

function newVault(apiVersion: string): JsonObject {
  return {
    accessPolicies: [],
    enabledForDeployment: false,
    enabledForDiskEncryption: false,
    enabledForTemplateDeployment: false,
    enableRbacAuthorization: apiVersion.slice(0, RBAC_BY_DEFAULT_SINCE.length) >= RBAC_BY_DEFAULT_SINCE,
    networkAcls: openNetwork,
    publicNetworkAccess: 'Enabled',
    softDeleteRetentionInDays: 90,
  }
}

function checkTenant(sent: JsonObject, tenantId: string, mayBeLeftOut: boolean): void {
  const value = member(sent, 'tenantId')
  if (value === undefined && mayBeLeftOut) return
  if (typeof value !== 'string' || parseGuid(value) === null) throw invalid('tenantId', 'it must be a GUID')
  if (value.toLowerCase() !== tenantId) throw invalid('tenantId', "it must be the subscription's tenant")
}

function sku(sent: JsonObject, existing: JsonObject | null): JsonObject {
  const value = member(sent, 'sku')
  if (value === undefined && existing !== null) return {}
  if (!isJsonObject(value)) throw invalid('sku', 'it must have the family A and the name standard or premium')
  return {
    sku: {
      family: oneOf('sku.family', member(value, 'family') ?? 'A', ['A']),
      name: oneOf('sku.name', member(value, 'name') ?? '', ['standard', 'premium']),
    },
  }
}

function retention(sent: JsonObject, existing: JsonObject | null): JsonObject {
  const name = 'softDeleteRetentionInDays'
  const days = member(sent, name)
  if (days === undefined) return {}
  if (existing !== null) {
    if (days === retentionDays(existing)) return {}
    throw refused(400, 'BadRequest', `The property "${name}" has been set already and it can't be modified.`)
  }
  if (typeof days !== 'number' || !Number.isInteger(days) || days < 7 || days > 90) {
    throw invalid(name, 'it must be a whole number from 7 to 90')
  }
  return { [name]: days }
}

/** Soft delete is always on; purge protection can only be switched on. */
function irreversible(sent: JsonObject): JsonObject {
  const softDelete = member(sent, 'enableSoftDelete')
  if (softDelete !== undefined && !boolean('enableSoftDelete', softDelete)) {
    throw refused(
      400,
      'BadRequest',
      `The property "enableSoftDelete" can be set to false only for creating new vault. Enabling the 'soft delete' functionality is an irreversible action.`,
    )
  }
  const protection = member(sent, 'enablePurgeProtection')
  if (protection === undefined) return {}
  if (!boolean('enablePurgeProtection', protection)) {
    throw refused(
      400,
      'BadRequest',
      `The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault is an irreversible action.`,
    )
  }
  return { enablePurgeProtection: true }
}

function boolean(name: string, value: Json): boolean {
  if (typeof value !== 'boolean') throw invalid(name, 'it must be true or false')
  return value
}

/** https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/get#vaultproperties */
export function presentedProperties(
  endpoints: Endpoints,
  resource: Pick<Resource, 'name' | 'tenantId' | 'properties'>,
): JsonObject {
  return {
    tenantId: resource.tenantId,
    ...resource.properties,
    enableSoftDelete: true,
    vaultUri: `${vaultUrl(endpoints, resource.name)}/`,
    provisioningState: 'Succeeded',
  }
}
