import { type Clock, azureTime } from '../../kernel/clock.ts'
import { type Endpoints, urlOf } from '../../kernel/endpoints.ts'
import { type Json, type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { type ResourceFault, refused } from '../resources/faults.ts'
import type {
  ActionCall,
  ProviderReply,
  Resource,
  ResourceAction,
  ResourceProvider,
  ResourceReader,
  ResourceType,
  ScopeCall,
  WriteCall,
  Written,
} from '../resources/provider.ts'
import type { ResourceStore } from '../resources/store.ts'
import { newAccountKeys, storedKeys, withNewKey } from './account-keys.ts'
import { checkClass, isKind, servicesOf, tierOf } from './account-kinds.ts'
import { initialProperties, mergeProperties } from './account-properties.ts'
import { STORAGE_ACCOUNT_TYPE, type StorageAccounts, protectedAccount } from './storage-account.ts'
import { skuOf } from './storage-accounts.ts'

export interface StorageProviderDeps {
  readonly resources: Pick<ResourceReader, 'findByGlobalName'>
  readonly store: Pick<ResourceStore, 'amend'>
  readonly accounts: StorageAccounts
  readonly keyring: Keyring
  /** Takes an account's data and keys away after its resource is gone. Not awaited: the sweeper finishes what a crash leaves. */
  readonly discard: (account: Resource) => void
  readonly endpoints: Endpoints
  readonly clock: Clock
}

const apiVersions = [
  '2026-09-01',
  '2025-08-01',
  '2025-06-01',
  '2024-01-01',
  '2023-05-01',
  '2023-01-01',
  '2022-09-01',
  '2022-05-01',
  '2021-09-01',
  '2021-08-01',
  '2021-06-01',
  '2021-02-01',
  '2021-01-01',
  '2019-06-01',
] as const

/** `Microsoft.Storage`. https://learn.microsoft.com/rest/api/storagerp */
export function storageProvider(deps: StorageProviderDeps): ResourceProvider {
  return {
    namespace: 'Microsoft.Storage',
    types: [accountType(deps)],
    scopeActions: [
      {
        method: 'POST',
        path: 'checkNameAvailability',
        needs: 'Microsoft.Storage/checkNameAvailability/read',
        run: (call) => checkNameAvailability(deps, call),
      },
    ],
  }
}

function accountType(deps: StorageProviderDeps): ResourceType {
  return {
    type: STORAGE_ACCOUNT_TYPE,
    apiVersions,
    globalName: true,
    createdStatus: 200,
    checkName: checkAccountName,
    nameTaken: (name) => ({
      code: 'StorageAccountAlreadyTaken',
      message: `The storage account named ${name} is already taken.`,
    }),
    identities: 'system-and-user',
    put: (call) => write(deps, call),
    patch: (call) => write(deps, call),
    committed(resource, change) {
      deps.accounts.forget(resource.name)
      if (change === 'deleted') deps.discard(resource)
    },
    present: (resource) => present(deps, resource),
    actions: accountActions(deps),
  }
}

function checkAccountName(name: string): { readonly code: string; readonly message: string } | null {
  return /^[a-z0-9]{3,24}$/.test(name)
    ? null
    : {
        code: 'AccountNameInvalid',
        message: `${name.slice(0, 64)} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only.`,
      }
}

async function write(deps: StorageProviderDeps, call: WriteCall): Promise<Written> {
  const { resource, existing } = call
  const before =
    existing === null || !isKind(existing.kind) ? null : { kind: existing.kind, sku: skuOf(existing) }
  const { kind, sku } = checkClass(resource, before)
  const now = azureTime(deps.clock.now())
  const stored =
    existing === null
      ? { ...initialProperties, creationTime: now, keys: newAccountKeys(now) }
      : existing.properties
  const properties = mergeProperties(stored, call.properties, { kind, sku })
  if (existing === null) await deps.keyring.create(protectedOf(resource), { source: 'service' }, call.signal)
  return { properties, kind, sku: { name: sku, tier: tierOf(sku) } }
}

function protectedOf({ uid, id }: Resource) {
  return protectedAccount({ uid, resourceId: id })
}

async function present(
  { endpoints }: StorageProviderDeps,
  resource: Resource,
): Promise<{ readonly properties: JsonObject }> {
  const { keys: _never, blobService: _apart, ...shown } = resource.properties
  const name = resource.name.toLowerCase()
  const services = servicesOf(isKind(resource.kind) ? resource.kind : 'StorageV2')
  const times = storedKeys(resource.properties).map(({ keyName, creationTime }) => [keyName, creationTime])
  return {
    properties: {
      provisioningState: 'Succeeded',
      ...shown,
      keyCreationTime: Object.fromEntries(times) as JsonObject,
      primaryLocation: resource.location,
      statusOfPrimary: 'available',
      primaryEndpoints: Object.fromEntries(
        services.map((service) => [service, `${urlOf(endpoints, `${name}.${service}.core`)}/`]),
      ),
      privateEndpointConnections: [],
    },
  }
}

function accountActions(deps: StorageProviderDeps): Readonly<Record<string, ResourceAction>> {
  return {
    listKeys: {
      method: 'POST',
      needs: `${STORAGE_ACCOUNT_TYPE}/listKeys/action`,
      run: ({ resource }) => Promise.resolve(keysReply(resource)),
    },
    regenerateKey: {
      method: 'POST',
      needs: `${STORAGE_ACCOUNT_TYPE}/regenerateKey/action`,
      run: (call) => regenerateKey(deps, call),
    },
  }
}

function keysReply({ properties }: Resource): ProviderReply {
  const keys = storedKeys(properties).map((key) => ({ ...key, permissions: 'FULL' }))
  return { status: 200, body: { keys } }
}

async function regenerateKey(
  { store, accounts, clock }: StorageProviderDeps,
  { resource, body }: ActionCall,
): Promise<ProviderReply> {
  const sent = isJsonObject(body) ? member(body, 'keyName') : undefined
  const name = typeof sent === 'string' ? sent.toLowerCase() : ''
  const now = azureTime(clock.now())
  const updated = await store.amend(resource.id, ({ properties }) => {
    const changed = withNewKey(properties, name, now)
    if (changed === null) throw noSuchKey(sent)
    return changed
  })
  accounts.forget(resource.name)
  if (updated === null)
    throw refused(404, 'ResourceNotFound', `The storage account '${resource.name}' was deleted meanwhile.`)
  return keysReply(updated)
}

function noSuchKey(sent: Json | undefined): ResourceFault {
  const name = typeof sent === 'string' ? sent.slice(0, 64) : ''
  return refused(
    400,
    'InvalidRequestPropertyValue',
    `The value '${name}' is not allowed for property keyName: key1 or key2.`,
    {
      target: 'keyName',
    },
  )
}

async function checkNameAvailability(deps: StorageProviderDeps, { body }: ScopeCall): Promise<ProviderReply> {
  const name: Json | undefined = isJsonObject(body) ? member(body, 'name') : undefined
  if (typeof name !== 'string') throw refused(400, 'InvalidRequestContent', "The body must have a 'name'.")
  const malformed = checkAccountName(name)
  if (malformed !== null) {
    const { code: reason, message } = malformed
    return { status: 200, body: { nameAvailable: false, reason, message } }
  }
  const isTaken = (await deps.resources.findByGlobalName(STORAGE_ACCOUNT_TYPE, name)) !== null
  const message = `The storage account named ${name} is already taken.`
  return {
    status: 200,
    body: isTaken ? { nameAvailable: false, reason: 'AlreadyExists', message } : { nameAvailable: true },
  }
}
