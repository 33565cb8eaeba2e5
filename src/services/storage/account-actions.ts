import { type Clock, azureTime } from '../../kernel/clock.ts'
import { type Json, isJsonObject, member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import type { ActionCall, ProviderReply, Resource, ResourceAction } from '../resources/provider.ts'
import type { ResourceStore } from '../resources/store.ts'
import { storedKeys, withNewKey } from './account-keys.ts'
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
  const updated = await store.amend(resource.id, ({ properties }) => {
    const changed = withNewKey(properties, name, now)
    if (changed === null) throw invalidValue('keyName', sent, 'key1 or key2')
    return changed
  })
  accounts.forget(resource.name)
  if (updated === null)
    throw refused(404, 'ResourceNotFound', `The storage account '${resource.name}' was deleted meanwhile.`)
  return keysReply(updated)
}
