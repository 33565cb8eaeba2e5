import { type Json, type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import type { ProviderReply, ResourceReader, ScopeAction, ScopeCall } from '../resources/provider.ts'
import { skuKinds, tierOf } from './account-kinds.ts'
import { accountNameTaken, checkAccountName } from './account-name.ts'
import { STORAGE_ACCOUNT_TYPE } from './storage-account.ts'

export interface ScopeActionDeps {
  readonly resources: Pick<ResourceReader, 'findByGlobalName' | 'listByType'>
}

/** Azure's own limit of a subscription in a region: shown, as `az storage account show-usage` wants one; nothing enforces it. */
const ACCOUNT_LIMIT = 250

export function storageScopeActions(deps: ScopeActionDeps): readonly ScopeAction[] {
  return [
    {
      method: 'POST',
      path: 'checkNameAvailability',
      needs: 'Microsoft.Storage/checkNameAvailability/read',
      run: (call) => checkNameAvailability(deps, call),
    },
    {
      method: 'GET',
      path: 'locations/{location}/usages',
      needs: 'Microsoft.Storage/locations/usages/read',
      run: (call) => usages(deps, call),
    },
    {
      method: 'GET',
      path: 'skus',
      needs: 'Microsoft.Storage/skus/read',
      run: () => Promise.resolve({ status: 200, body: { value: skus() } }),
    },
  ]
}

async function checkNameAvailability(
  { resources }: ScopeActionDeps,
  { body }: ScopeCall,
): Promise<ProviderReply> {
  const name: Json | undefined = isJsonObject(body) ? member(body, 'name') : undefined
  if (typeof name !== 'string') throw refused(400, 'InvalidRequestContent', "The body must have a 'name'.")
  const malformed = checkAccountName(name)
  if (malformed !== null) {
    const { code: reason, message } = malformed
    return { status: 200, body: { nameAvailable: false, reason, message } }
  }
  const isTaken = (await resources.findByGlobalName(STORAGE_ACCOUNT_TYPE, name)) !== null
  const { message } = accountNameTaken(name)
  return {
    status: 200,
    body: isTaken ? { nameAvailable: false, reason: 'AlreadyExists', message } : { nameAvailable: true },
  }
}

async function usages(
  { resources }: ScopeActionDeps,
  { subscriptionId, params }: ScopeCall,
): Promise<ProviderReply> {
  const location = params['location']?.replaceAll(' ', '').toLowerCase()
  const accounts = (await resources.listByType(STORAGE_ACCOUNT_TYPE)).filter(
    (account) => account.subscriptionId === subscriptionId && account.location === location,
  )
  const name = { value: 'StorageAccounts', localizedValue: 'Storage Accounts' }
  const usage = { unit: 'Count', currentValue: accounts.length, limit: ACCOUNT_LIMIT, name }
  return { status: 200, body: { value: [usage] } }
}

function skus(): readonly JsonObject[] {
  return Object.entries(skuKinds).flatMap(([name, kinds]) =>
    kinds.map((kind) => ({
      resourceType: 'storageAccounts',
      name,
      tier: tierOf(name),
      kind,
      locations: [],
      capabilities: [],
      restrictions: [],
    })),
  )
}
