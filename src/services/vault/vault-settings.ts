import type { Guid } from '../../kernel/guid.ts'
import { type Json, type JsonObject, isJsonObject } from '../../kernel/json.ts'
import type { Resource } from '../resources/provider.ts'

export const VAULT_TYPE = 'Microsoft.KeyVault/vaults'

/** A vault as its data plane sees it: read from the stored resource at every call, so a change holds for the next. */
export interface VaultSettings {
  /** ARM id. */
  readonly id: string
  readonly uid: string
  readonly name: string
  readonly location: string
  readonly tenantId: Guid
  readonly usesRbac: boolean
  readonly policies: readonly AccessPolicy[]
  readonly retentionDays: number
  readonly isPurgeProtected: boolean
  readonly network: NetworkSettings
}

export interface AccessPolicy {
  /** Lower case. */
  readonly objectId: string
  /** Lower case; null for any application. */
  readonly applicationId: string | null
  /** Lower case. */
  readonly keyPermissions: ReadonlySet<string>
}

export interface NetworkSettings {
  readonly isPublic: boolean
  readonly admitsTrustedServices: boolean
  readonly isAllowedByDefault: boolean
  /** IPv4 addresses and CIDR ranges. */
  readonly ranges: readonly string[]
}

/** From what `resource-provider.ts` has stored. Anything unreadable counts as refusing. */
export function vaultSettings(resource: Resource): VaultSettings {
  const { properties } = resource
  return {
    id: resource.id,
    uid: resource.uid,
    name: resource.name.toLowerCase(),
    location: resource.location,
    tenantId: resource.tenantId,
    usesRbac: properties['enableRbacAuthorization'] === true,
    policies: objects(properties['accessPolicies']).map(policyOf),
    retentionDays: retentionDays(properties),
    isPurgeProtected: properties['enablePurgeProtection'] === true,
    network: networkOf(properties),
  }
}

export function retentionDays(properties: JsonObject): number {
  const days = properties['softDeleteRetentionInDays']
  return typeof days === 'number' ? days : 90
}

function policyOf(entry: JsonObject): AccessPolicy {
  const permissions = isJsonObject(entry['permissions']) ? entry['permissions']['keys'] : undefined
  return {
    objectId: lower(entry['objectId']) ?? '',
    applicationId: lower(entry['applicationId']),
    keyPermissions: new Set(texts(permissions).map((permission) => permission.toLowerCase())),
  }
}

function networkOf(properties: JsonObject): NetworkSettings {
  const acls = isJsonObject(properties['networkAcls']) ? properties['networkAcls'] : {}
  const ranges = objects(acls['ipRules']).map((rule) => rule['value'])
  return {
    isPublic: properties['publicNetworkAccess'] !== 'Disabled',
    admitsTrustedServices: acls['bypass'] !== 'None',
    isAllowedByDefault: acls['defaultAction'] !== 'Deny',
    ranges: ranges.filter((value) => typeof value === 'string'),
  }
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isJsonObject) : []
}

function texts(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter((item) => typeof item === 'string') : []
}

function lower(value: Json | undefined): string | null {
  return typeof value === 'string' ? value.toLowerCase() : null
}
