import { type Clock, azureTime } from '../../kernel/clock.ts'
import { type Endpoints, urlOf } from '../../kernel/endpoints.ts'
import type { JsonObject } from '../../kernel/json.ts'
import { presentIdentity } from '../resources/present.ts'
import type { Resource, ResourceReader, ResourceType, WriteCall, Written } from '../resources/provider.ts'
import type { ResourceStore } from '../resources/store.ts'
import { accountActions } from './account-actions.ts'
import { type EncryptionDeps, applyEncryption, presentEncryption } from './account-encryption.ts'
import { newAccountKeys, storedKeys } from './account-keys.ts'
import { SECONDARY, checkClass, hasSecondary, isKind, servicesOf, tierOf } from './account-kinds.ts'
import { accountNameTaken, checkAccountName } from './account-name.ts'
import { initialProperties, mergeProperties } from './account-properties.ts'
import { assertSameChoices, encryptionChoices } from './encryption-choices.ts'
import { moveScopes } from './scope-encryption.ts'
import { readSentEncryption } from './sent-encryption.ts'
import { STORAGE_ACCOUNT_TYPE, type StorageAccounts } from './storage-account.ts'
import { skuOf } from './storage-accounts.ts'

export interface AccountTypeDeps extends EncryptionDeps {
  readonly resources: Pick<ResourceReader, 'findByGlobalName' | 'findById' | 'listByType'>
  readonly store: Pick<ResourceStore, 'amend'>
  readonly accounts: StorageAccounts
  /** Takes data and keys of an account away after its resource is gone. Not awaited: the sweeper finishes what a crash leaves. */
  readonly discardAccount: (account: Resource) => void
  readonly endpoints: Endpoints
  readonly clock: Clock
}

/** https://learn.microsoft.com/rest/api/storagerp/storage-accounts */
export function accountType(deps: AccountTypeDeps): Omit<ResourceType, 'apiVersions'> {
  return {
    type: STORAGE_ACCOUNT_TYPE,
    globalName: true,
    createdStatus: 200,
    checkName: checkAccountName,
    nameTaken: accountNameTaken,
    identities: 'system-and-one-user',
    put: (call) => write(deps, call, false),
    patch: (call) => write(deps, call, true),
    committed(resource, change) {
      deps.accounts.forget(resource.name)
      if (change === 'deleted') deps.discardAccount(resource)
    },
    present: (resource) => present(deps, resource),
    actions: accountActions(deps),
  }
}

async function write(deps: AccountTypeDeps, call: WriteCall, isPatch: boolean): Promise<Written> {
  const { resource, existing, properties: sent, signal } = call
  const before = existing === null ? null : classOf(existing)
  const { kind, sku } = checkClass(resource, before)
  const now = azureTime(deps.clock.now())
  if (existing !== null) assertSameChoices(sent, existing.properties)
  const stored =
    existing === null
      ? {
          ...initialProperties,
          creationTime: now,
          keys: newAccountKeys(now),
          encryption: encryptionChoices(sent, kind, now),
        }
      : existing.properties
  const properties = mergeProperties(stored, sent, { kind, sku })
  const protection = await applyEncryption(deps, {
    resource,
    existing,
    isPatch,
    sent: readSentEncryption(sent),
    signal,
  })
  const hasOtherIdentities = existing !== null && existing.identity !== resource.identity
  if (hasOtherIdentities) await moveScopes(deps, { account: resource, protection }, signal)
  return { properties, kind, sku: { name: sku, tier: tierOf(sku) } }
}

function classOf(account: Resource) {
  return { kind: kindOf(account), sku: skuOf(account) }
}

function kindOf({ kind }: Resource) {
  return isKind(kind) ? kind : 'StorageV2'
}

async function present(
  { endpoints, keyring }: AccountTypeDeps,
  resource: Resource,
): Promise<{ readonly properties: JsonObject } & JsonObject> {
  const { keys: _never, delegationEpoch: _neither, blobService: _apart, ...shown } = resource.properties
  const { identity, tenantId } = resource
  const encryption = await presentEncryption(keyring, resource)
  return {
    ...(identity === null ? {} : { identity: presentIdentity(identity, tenantId, ',') }),
    properties: {
      provisioningState: 'Succeeded',
      ...shown,
      encryption,
      keyCreationTime: keyTimes(resource),
      primaryLocation: resource.location,
      statusOfPrimary: encryption['status'] === undefined ? 'available' : 'unavailable',
      primaryEndpoints: endpointsOf(endpoints, resource, ''),
      ...secondary(endpoints, resource),
      privateEndpointConnections: [],
    },
  }
}

function keyTimes({ properties }: Resource): JsonObject {
  return Object.fromEntries(storedKeys(properties).map((key) => [key.keyName, key.creationTime]))
}

/** Of accounts that can be read at a second place: files cannot. */
function secondary(endpoints: Endpoints, account: Resource): JsonObject {
  if (!hasSecondary(skuOf(account))) return {}
  const { file: _none, ...secondaryEndpoints } = endpointsOf(endpoints, account, SECONDARY)
  return { statusOfSecondary: 'available', secondaryEndpoints }
}

/** `https://sa1.blob.core.localhost:8443/`; which ones, by the account's kind. */
function endpointsOf(endpoints: Endpoints, account: Resource, suffix: string): JsonObject {
  const name = `${account.name.toLowerCase()}${suffix}`
  return Object.fromEntries(
    servicesOf(kindOf(account)).map((service) => [
      service,
      `${urlOf(endpoints, `${name}.${service}.core`)}/`,
    ]),
  )
}
