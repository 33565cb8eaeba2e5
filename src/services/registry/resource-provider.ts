import { generateAdminPassword } from '../../crypto/password.ts'
import { type Clock, azureTime } from '../../kernel/clock.ts'
import { type Json, type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import type {
  ActionCall,
  ProviderReply,
  Resource,
  ResourceAction,
  ResourceProvider,
  ResourceReader,
  ScopeCall,
  WriteCall,
  Written,
} from '../resources/provider.ts'
import type { ResourceStore } from '../resources/store.ts'
import { KeyringFault } from '../keyring/keyring.ts'
import { REGISTRY_TYPE, type Registries, readCredentials } from './registries.ts'
import {
  type EncryptionDeps,
  applyEncryption,
  presentEncryption,
  protectedRegistry,
  readSentEncryption,
} from './registry-encryption.ts'
import {
  checkRegistryName,
  checkSku,
  includedBytes,
  initialProperties,
  mergeProperties,
} from './registry-properties.ts'

export interface RegistryProviderDeps extends EncryptionDeps {
  readonly resources: Pick<ResourceReader, 'findByGlobalName'>
  readonly registries: Registries
  /** Bytes stored in a registry; answers while its key is revoked. */
  readonly usedBytes: (uid: string) => Promise<number>
  /** Takes a registry's data and keys away after its resource is gone. Not awaited: the sweeper finishes what a crash leaves. */
  readonly discard: (resource: Resource) => void
  readonly loginServerOf: (name: string) => string
  readonly store: Pick<ResourceStore, 'amend'>
  readonly clock: Clock
}

const apiVersions = [
  '2025-11-01',
  '2025-04-01',
  '2023-07-01',
  '2022-12-01',
  '2021-09-01',
  '2019-12-01-preview',
  '2019-05-01',
  '2017-10-01',
] as const

/** `Microsoft.ContainerRegistry`. https://learn.microsoft.com/rest/api/containerregistry */
export function containerRegistryProvider(deps: RegistryProviderDeps): ResourceProvider {
  return {
    namespace: 'Microsoft.ContainerRegistry',
    types: [
      {
        type: REGISTRY_TYPE,
        apiVersions,
        globalName: true,
        checkName: checkRegistryName,
        identities: 'system-and-user',
        put: (call) => write(deps, call),
        patch: (call) => write(deps, call),
        committed(resource, change) {
          deps.registries.forget(resource.name)
          if (change === 'deleted') deps.discard(resource)
        },
        present: (resource, apiVersion) => present(deps, resource, apiVersion),
        actions: registryActions(deps),
      },
    ],
    scopeActions: [
      {
        method: 'POST',
        path: 'checkNameAvailability',
        needs: 'Microsoft.ContainerRegistry/checkNameAvailability/read',
        run: (call) => checkNameAvailability(deps, call),
      },
    ],
  }
}

async function write(deps: RegistryProviderDeps, call: WriteCall): Promise<Written> {
  const { resource, existing } = call
  const sku = checkSku(resource.sku)
  const sent = readSentEncryption(call.properties)
  const isEncrypted =
    existing === null
      ? sent.status === 'enabled'
      : (await deps.keyring.state(protectedRegistry(existing))).protection.source === 'customer'
  const now = azureTime(deps.clock.now())
  const stored =
    existing === null
      ? { ...initialProperties, creationDate: now, credentials: newCredentials() }
      : existing.properties
  const properties = mergeProperties(stored, call.properties, { name: resource.name, isEncrypted, now })
  await applyEncryption(deps, { resource, isNew: existing === null, sent, sku, signal: call.signal })
  return { properties, sku: { name: sku, tier: sku } }
}

function newCredentials(): JsonObject {
  return { password: generateAdminPassword(), password2: generateAdminPassword() }
}

async function present(
  deps: RegistryProviderDeps,
  resource: Resource,
  apiVersion: string,
): Promise<{ readonly properties: JsonObject }> {
  const { credentials: _never, ...shown } = resource.properties
  return {
    properties: {
      loginServer: deps.loginServerOf(resource.name.toLowerCase()),
      provisioningState: 'Succeeded',
      ...shown,
      dataEndpointEnabled: false,
      dataEndpointHostNames: [],
      privateEndpointConnections: [],
      zoneRedundancy: 'Disabled',
      ...(await keyMembers(deps, resource, apiVersion)),
    },
  }
}

/** The encryption block; with a refusal its cause in `status`, ACR's own member for what is wrong with a registry. */
async function keyMembers(
  deps: RegistryProviderDeps,
  resource: Resource,
  apiVersion: string,
): Promise<JsonObject> {
  try {
    const state = await deps.keyring.state(protectedRegistry(resource))
    const encryption = presentEncryption(state, apiVersion)
    if (state.refusal === null) return { encryption }
    const { cause, message, at } = state.refusal
    return {
      encryption,
      status: { displayStatus: 'KeyRefused', message: `${cause}: ${message}`, timestamp: azureTime(at) },
    }
  } catch (error) {
    if (!(error instanceof KeyringFault) || error.code !== 'wrapping-refused') throw error
    // The resource is still shown, so that it can be looked at and deleted.
    const message = 'The stored key of the registry was refused. Restore data and keys of the same time.'
    return { encryption: { status: 'enabled' }, status: { displayStatus: 'KeyDamaged', message } }
  }
}

function registryActions(deps: RegistryProviderDeps): Readonly<Record<string, ResourceAction>> {
  return {
    listCredentials: {
      method: 'POST',
      needs: `${REGISTRY_TYPE}/listCredentials/action`,
      run: async ({ resource }) => credentialsReply(resource),
    },
    regenerateCredential: {
      method: 'POST',
      needs: `${REGISTRY_TYPE}/regenerateCredential/action`,
      run: (call) => regenerateCredential(deps, call),
    },
    listUsages: {
      method: 'GET',
      needs: `${REGISTRY_TYPE}/listUsages/read`,
      run: async ({ resource }) => {
        const limit = includedBytes[checkSku(resource.sku)]
        const currentValue = await deps.usedBytes(resource.uid)
        return { status: 200, body: { value: [{ name: 'Size', limit, currentValue, unit: 'Bytes' }] } }
      },
    },
  }
}

function credentialsReply(resource: Resource): ProviderReply {
  const credentials = readCredentials(resource.properties)
  if (resource.properties['adminUserEnabled'] !== true || credentials === null) {
    throw refused(
      400,
      'UnAuthorizedForCredentialOperations',
      `The admin user of the registry '${resource.name}' is disabled. Enable it first: az acr update --admin-enabled true.`,
    )
  }
  return {
    status: 200,
    body: {
      username: resource.name,
      passwords: [
        { name: 'password', value: credentials.password },
        { name: 'password2', value: credentials.password2 },
      ],
    },
  }
}

async function regenerateCredential(
  deps: RegistryProviderDeps,
  { resource, body }: ActionCall,
): Promise<ProviderReply> {
  const name = isJsonObject(body) ? member(body, 'name') : undefined
  if (name !== 'password' && name !== 'password2') {
    throw refused(
      400,
      'InvalidRequestContent',
      "The body must name the credential: 'password' or 'password2'.",
    )
  }
  credentialsReply(resource)
  const updated = await deps.store.amend(resource.id, ({ properties }) => ({
    ...properties,
    credentials: { ...readCredentials(properties), [name]: generateAdminPassword() },
  }))
  deps.registries.forget(resource.name)
  if (updated === null)
    throw refused(404, 'ResourceNotFound', `The registry '${resource.name}' was deleted meanwhile.`)
  return credentialsReply(updated)
}

async function checkNameAvailability(
  deps: RegistryProviderDeps,
  { body }: ScopeCall,
): Promise<ProviderReply> {
  const name: Json | undefined = isJsonObject(body) ? member(body, 'name') : undefined
  if (typeof name !== 'string') throw refused(400, 'InvalidRequestContent', "The body must have a 'name'.")
  const malformed = checkRegistryName(name)
  if (malformed !== null) {
    return { status: 200, body: { nameAvailable: false, reason: 'Invalid', message: malformed.message } }
  }
  const isTaken = (await deps.resources.findByGlobalName(REGISTRY_TYPE, name)) !== null
  const message = `The registry ${deps.loginServerOf(name.toLowerCase())} is already in use.`
  return {
    status: 200,
    body: isTaken ? { nameAvailable: false, reason: 'AlreadyExists', message } : { nameAvailable: true },
  }
}
