import type { Guid } from '../../kernel/guid.ts'
import { type JsonObject, isJsonObject } from '../../kernel/json.ts'
import type { Resource, ResourceReader } from '../resources/provider.ts'
import { type NetworkRules, readNetworkRules } from './network-rules.ts'

export const REGISTRY_TYPE = 'Microsoft.ContainerRegistry/registries'

/** A registry as its data plane needs it: read from the resource, kept until the resource changes. */
export interface RegistrySettings {
  readonly uid: string
  readonly resourceId: string
  readonly tenantId: Guid
  /** Lower case, as in the host name. */
  readonly name: string
  /** Host and port: `myacr1.azurecr.localhost:8443`. */
  readonly loginServer: string
  readonly admin: AdminCredentials | null
  readonly isAnonymousPullEnabled: boolean
  /** Whether a token for the resource manager may be exchanged (`azureADAuthenticationAsArmPolicy`). */
  readonly takesManagementTokens: boolean
  readonly networkRules: NetworkRules
}

/** The two passwords of the admin user, whose name is the registry's. */
export interface AdminCredentials {
  readonly password: string
  readonly password2: string
}

export interface Registries {
  /** @returns null when no registry has that name (in any letter case) */
  find(name: string): Promise<RegistrySettings | null>
  /** To be called after the resource has changed. */
  forget(name: string): void
}

export function openRegistries(
  resources: Pick<ResourceReader, 'findByGlobalName'>,
  loginServerOf: (name: string) => string,
): Registries {
  const known = new Map<string, RegistrySettings>()
  // A read that began before a change must not bring the old settings back after it.
  let changes = 0
  return {
    async find(name) {
      const key = name.toLowerCase()
      const kept = known.get(key)
      if (kept !== undefined) return kept
      const before = changes
      const resource = await resources.findByGlobalName(REGISTRY_TYPE, key)
      if (resource === null) return null
      const settings = readSettings(resource, loginServerOf(key))
      if (before === changes) known.set(key, settings)
      return settings
    },
    forget(name) {
      changes++
      known.delete(name.toLowerCase())
    },
  }
}

/** From the provider's stored form. */
function readSettings(resource: Resource, loginServer: string): RegistrySettings {
  const { properties } = resource
  return {
    uid: resource.uid,
    resourceId: resource.id,
    tenantId: resource.tenantId,
    name: resource.name.toLowerCase(),
    loginServer,
    admin: properties['adminUserEnabled'] === true ? readCredentials(properties) : null,
    isAnonymousPullEnabled: properties['anonymousPullEnabled'] === true,
    takesManagementTokens: policyStatus(properties, 'azureADAuthenticationAsArmPolicy') !== 'disabled',
    networkRules: readNetworkRules(properties),
  }
}

export function readCredentials(properties: JsonObject): AdminCredentials | null {
  const stored = properties['credentials']
  if (!isJsonObject(stored)) return null
  const { password, password2 } = stored
  return typeof password === 'string' && typeof password2 === 'string' ? { password, password2 } : null
}

function policyStatus(properties: JsonObject, name: string): string | undefined {
  const policies = properties['policies']
  const policy = isJsonObject(policies) ? policies[name] : undefined
  const status = isJsonObject(policy) ? policy['status'] : undefined
  return typeof status === 'string' ? status.toLowerCase() : undefined
}
