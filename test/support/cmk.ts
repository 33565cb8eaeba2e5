import type { Registry } from '@azure/arm-containerregistry'
import { GROUP, LOCATION, type Site } from './site.ts'

/** Quick ways, through the SDKs, to what a test needs and does not prove. */

export interface TestIdentity {
  readonly id: string
  readonly principalId: string
  readonly clientId: string
}

export interface EncryptedRegistry {
  readonly name: string
  readonly vault: string
  readonly identity: TestIdentity
  /** With its version. */
  readonly keyId: string
}

export type KeyPermissions = readonly ('get' | 'wrapKey' | 'unwrapKey' | 'all')[]
export const serviceKeyPermissions: KeyPermissions = ['get', 'unwrapKey', 'wrapKey']

export async function makeIdentity({ sdk }: Site, name: string): Promise<TestIdentity> {
  const { id, principalId, clientId } = await sdk.identities.userAssignedIdentities.createOrUpdate(
    GROUP,
    name,
    { location: LOCATION },
  )
  if (id === undefined || principalId === undefined || clientId === undefined)
    throw new Error('an identity without ids')
  return { id, principalId, clientId }
}

/** A vault with access policies and purge protection; its owner may do all. */
export async function makeVault(
  site: Site,
  name: string,
  policies: Readonly<Record<string, KeyPermissions>> = {},
): Promise<void> {
  const { tenantId } = site.server.owner
  const entries = Object.entries<KeyPermissions>({ [site.ownerId]: ['all'], ...policies })
  await site.sdk.vaults.vaults.createOrUpdate(GROUP, name, {
    location: LOCATION,
    properties: {
      tenantId,
      sku: { family: 'A', name: 'standard' },
      enablePurgeProtection: true,
      enableRbacAuthorization: false,
      accessPolicies: entries.map(([objectId, keys]) => ({
        tenantId,
        objectId,
        permissions: { keys: [...keys] },
      })),
    },
  })
}

export async function setPolicy(
  { arm, server }: Site,
  vault: string,
  objectId: string,
  keys: KeyPermissions,
): Promise<void> {
  const { tenantId } = server.owner
  // `replace` in the place of `add`, which merges.
  await arm.ok('PUT', `${vaultPath(vault)}/accessPolicies/replace`, '2023-07-01', {
    properties: { accessPolicies: [{ tenantId, objectId, permissions: { keys } }] },
  })
}

/** A new key, or a new version of it. @returns its id, with the version */
export async function makeKey({ sdk }: Site, vault: string, name: string): Promise<string> {
  const { id } = await sdk.keys(vault).createRsaKey(name)
  if (id === undefined) throw new Error('a key without an id')
  return id
}

export async function importKey({ sdk }: Site, vault: string, name: string, jwk: object): Promise<string> {
  const { kty, ...parts } = jwk as { readonly kty: string } & Readonly<Record<string, string>>
  const numbers = Object.fromEntries(
    Object.entries(parts).map(([part, text]) => [part, Buffer.from(text, 'base64url')]),
  )
  const { id } = await sdk.keys(vault).importKey(name, { kty, ...numbers })
  if (id === undefined) throw new Error('a key without an id')
  return id
}

export function newRegistry(
  identity: Pick<TestIdentity, 'id' | 'clientId'>,
  keyId: string,
  sku = 'Premium',
): Registry {
  return {
    location: LOCATION,
    sku: { name: sku },
    identity: { type: 'UserAssigned', userAssignedIdentities: { [identity.id]: {} } },
    encryption: {
      status: 'enabled',
      keyVaultProperties: { identity: identity.clientId, keyIdentifier: keyId },
    },
  }
}

/** Registry `name` under a key of its own: identity `id-name`, vault `kv-name`, key `key1`. */
export async function makeEncryptedRegistry(site: Site, name: string): Promise<EncryptedRegistry> {
  const identity = await makeIdentity(site, `id-${name}`)
  const vault = `kv-${name}`
  await makeVault(site, vault, { [identity.principalId]: serviceKeyPermissions })
  const keyId = await makeKey(site, vault, 'key1')
  await site.sdk.registries.registries.create(GROUP, name, newRegistry(identity, keyId))
  return { name, vault, identity, keyId }
}

export async function makePlainRegistry({ sdk }: Site, name: string, sku = 'Premium'): Promise<void> {
  await sdk.registries.registries.create(GROUP, name, { location: LOCATION, sku: { name: sku } })
}

/** `properties.encryption` as the registry shows it. */
export async function encryptionOf(
  { sdk }: Site,
  registry: string,
): Promise<NonNullable<Registry['encryption']>> {
  const { encryption } = await sdk.registries.registries.get(GROUP, registry)
  if (encryption === undefined) throw new Error('a registry that says nothing of its encryption')
  return encryption
}

export interface AuditEvent {
  readonly operationName: string
  readonly resultType: string
  readonly resultDescription: string | null
  readonly identity: { readonly claim?: Readonly<Record<string, string>> }
  readonly properties: { readonly id: string | null; readonly httpStatusCode: number }
}

const OBJECT_ID_CLAIM = 'http://schemas.microsoft.com/identity/claims/objectidentifier'

/** Entries of the vault's audit log, in order. */
export async function auditOf({ arm }: Site, vault: string): Promise<readonly AuditEvent[]> {
  const events: AuditEvent[] = []
  const path = `${vaultPath(vault)}/providers/Strongroom.Audit/auditEvents`
  for (let query = ''; ;) {
    const { value, nextLink } = await arm.ok('GET', `${path}${query}`, '2024-01-01')
    events.push(...(value as readonly AuditEvent[]))
    if (typeof nextLink !== 'string') return events
    const { searchParams } = new URL(nextLink)
    searchParams.delete('api-version')
    query = `?${searchParams.toString()}`
  }
}

/** Object id of the one who called, in the words of Azure's logs. */
export function callerOf({ identity }: AuditEvent): string | undefined {
  return identity.claim?.[OBJECT_ID_CLAIM]
}

export function vaultPath(vault: string): string {
  return `/resourceGroups/${GROUP}/providers/Microsoft.KeyVault/vaults/${vault}`
}

export function registryPath(registry: string): string {
  return `/resourceGroups/${GROUP}/providers/Microsoft.ContainerRegistry/registries/${registry}`
}
