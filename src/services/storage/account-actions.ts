import { type Clock, azureTime } from '../../kernel/clock.ts'
import { type Json, type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import type { ActionCall, ProviderReply, Resource, ResourceAction } from '../resources/provider.ts'
import type { ResourceStore } from '../resources/store.ts'
import { storedKeys, withNewDelegationEpoch, withNewKey } from './account-keys.ts'
import { invalidValue } from './account-words.ts'
import { listAccountSas, listServiceSas } from './list-sas.ts'
import { STORAGE_ACCOUNT_TYPE, type StorageAccounts } from './storage-account.ts'

export interface AccountActionDeps {
  readonly store: Pick<ResourceStore, 'amend'>
  readonly accounts: Pick<StorageAccounts, 'forget'>
  readonly clock: Clock
}

export function accountActions(deps: AccountActionDeps): Readonly<Record<string, ResourceAction>> {
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
    revokeUserDelegationKeys: {
      method: 'POST',
      needs: `${STORAGE_ACCOUNT_TYPE}/revokeUserDelegationKeys/action`,
      run: (call) => revokeUserDelegationKeys(deps, call),
    },
    listAccountSas: {
      method: 'POST',
      needs: `${STORAGE_ACCOUNT_TYPE}/listAccountSas/action`,
      run: listAccountSas,
    },
    listServiceSas: {
      method: 'POST',
      needs: `${STORAGE_ACCOUNT_TYPE}/listServiceSas/action`,
      run: listServiceSas,
    },
  }
}

function keysReply({ properties }: Resource): ProviderReply {
  const keys = storedKeys(properties).map((key) => ({ ...key, permissions: 'FULL' }))
  return { status: 200, body: { keys } }
}

/** Whoever signs with the former key is refused from the answer on. */
async function regenerateKey(
  { store, accounts, clock }: AccountActionDeps,
  { resource, body }: ActionCall,
): Promise<ProviderReply> {
  const sent: Json | undefined = isJsonObject(body) ? member(body, 'keyName') : undefined
  const name = typeof sent === 'string' ? sent.toLowerCase() : ''
  const now = azureTime(clock.now())
  const updated = await amend({ store, accounts }, resource, (properties) => {
    const changed = withNewKey(properties, name, now)
    if (changed === null) throw invalidValue('keyName', sent, 'key1 or key2')
    return changed
  })
  return keysReply(updated)
}

/** Every user delegation SAS of the account is refused from the answer on. */
async function revokeUserDelegationKeys(
  deps: AccountActionDeps,
  { resource }: ActionCall,
): Promise<ProviderReply> {
  await amend(deps, resource, withNewDelegationEpoch)
  return { status: 200 }
}

async function amend(
  { store, accounts }: Pick<AccountActionDeps, 'store' | 'accounts'>,
  { id, name }: Resource,
  change: (properties: JsonObject) => JsonObject,
): Promise<Resource> {
  const updated = await store.amend(id, ({ properties }) => change(properties))
  accounts.forget(name)
  if (updated === null)
    throw refused(404, 'ResourceNotFound', `The storage account '${name}' was deleted meanwhile.`)
  return updated
}
