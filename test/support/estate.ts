import type { JsonObject } from '../../src/kernel/json.ts'
import { type Rest, text } from './rest.ts'

/** What an operator has before the first push: a group, an identity, a vault with a key, a registry under that key. */
export interface Estate {
  readonly group: string
  readonly vault: string
  readonly keyName: string
  /** With its version. */
  readonly keyId: string
  readonly identity: { readonly id: string; readonly principalId: string; readonly clientId: string }
  readonly registry: string
  /** ARM path of the registry, below the subscription. */
  readonly registryPath: string
}

export interface EstateNames {
  readonly group?: string
  readonly vault?: string
  readonly registry?: string
}

/** All of it, under a new key `key1` of the vault. */
export async function makeEstate(rest: Rest, names: EstateNames = {}): Promise<Estate> {
  const { group = 'rg1', vault = 'kv1', registry = 'registry1' } = names
  await rest.armDone('PUT', `/resourceGroups/${group}`, { location: 'eastus' })
  const identity = await makeIdentity(rest, group, 'id1')
  await makeVault(rest, group, vault, identity.principalId)
  const keyId = await newKeyVersion(rest, vault, 'key1')
  const registryPath = await makeRegistry(rest, group, registry, { keyId, identity })
  return { group, vault, keyName: 'key1', keyId, identity, registry, registryPath }
}

export async function makeIdentity(rest: Rest, group: string, name: string): Promise<Estate['identity']> {
  const path = `/resourceGroups/${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`
  const made = await rest.armDone('PUT', path, { location: 'eastus' })
  const properties = made['properties'] as JsonObject
  return {
    id: text(made['id']),
    principalId: text(properties['principalId']),
    clientId: text(properties['clientId']),
  }
}

/** The owner may do all with its keys; the identity what a registry needs. */
export async function makeVault(rest: Rest, group: string, name: string, principalId: string): Promise<void> {
  const { tenantId } = rest.server.owner
  const policy = (objectId: string, keys: readonly string[]) => ({
    tenantId,
    objectId,
    permissions: { keys: [...keys] },
  })
  await rest.armDone('PUT', `/resourceGroups/${group}/providers/Microsoft.KeyVault/vaults/${name}`, {
    location: 'eastus',
    properties: {
      tenantId,
      sku: { family: 'A', name: 'standard' },
      enableRbacAuthorization: false,
      enablePurgeProtection: true,
      accessPolicies: [
        policy(await objectIdOf(rest), ['all']),
        policy(principalId, ['get', 'wrapKey', 'unwrapKey']),
      ],
    },
  })
}

/** @returns the key id with the new version */
export async function newKeyVersion(rest: Rest, vault: string, name: string): Promise<string> {
  const made = await rest.vaultDone(vault, 'POST', `/keys/${name}/create`, { kty: 'RSA', key_size: 2048 })
  return text((made['key'] as JsonObject)['kid'])
}

/** @returns its ARM path below the subscription */
export async function makeRegistry(
  rest: Rest,
  group: string,
  name: string,
  key: { readonly keyId: string; readonly identity: Estate['identity'] } | null,
): Promise<string> {
  const path = `/resourceGroups/${group}/providers/Microsoft.ContainerRegistry/registries/${name}`
  await rest.armDone('PUT', path, registryBody(key))
  return path
}

export function registryBody(
  key: { readonly keyId: string; readonly identity: Estate['identity'] } | null,
): JsonObject {
  return {
    location: 'eastus',
    sku: { name: 'Premium' },
    ...(key === null
      ? {}
      : {
          identity: { type: 'UserAssigned', userAssignedIdentities: { [key.identity.id]: {} } },
          properties: encryptionWith(key),
        }),
  }
}

/** `properties` of a PATCH or PUT that brings a registry under that key. */
export function encryptionWith(key: {
  readonly keyId: string
  readonly identity: Pick<Estate['identity'], 'clientId'>
}): JsonObject {
  const keyVaultProperties = { keyIdentifier: key.keyId, identity: key.identity.clientId }
  return { encryption: { status: 'enabled', keyVaultProperties } }
}

/** The `oid` of the caller's token. */
async function objectIdOf(rest: Rest): Promise<string> {
  const token = await rest.token(`https://management.localhost:${rest.server.port}`)
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as JsonObject
  return text(claims['oid'])
}
