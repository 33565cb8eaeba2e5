import { azureTime } from '../../kernel/clock.ts'
import { type Json, type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import type { ResourceReader, ScopeAction, ScopeCall } from '../resources/provider.ts'
import type { DeletedVault } from './deleted-vaults.ts'
import { checkVaultName, vaultNameTaken } from './vault-name.ts'
import type { VaultService } from './vault-service.ts'
import { VAULT_TYPE } from './vault-settings.ts'

interface ScopeDeps {
  readonly vault: Pick<VaultService, 'deleted' | 'vaultChanged'>
  readonly resources: Pick<ResourceReader, 'findByGlobalName'>
}

/** What is called below a subscription rather than on a vault. https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults */
export function vaultScopeActions(deps: ScopeDeps): readonly ScopeAction[] {
  return [
    {
      method: 'GET',
      path: 'deletedVaults',
      needs: 'Microsoft.KeyVault/deletedVaults/read',
      async run({ subscriptionId }) {
        const vaults = await deps.vault.deleted.list(subscriptionId)
        return { status: 200, body: { value: vaults.map(presented) } }
      },
    },
    {
      method: 'GET',
      path: 'locations/{location}/deletedVaults/{name}',
      needs: 'Microsoft.KeyVault/locations/deletedVaults/read',
      run: async (call) => ({ status: 200, body: presented(await findDeleted(deps, call)) }),
    },
    {
      method: 'POST',
      path: 'locations/{location}/deletedVaults/{name}/purge',
      needs: 'Microsoft.KeyVault/locations/deletedVaults/purge/action',
      async run(call) {
        const found = await findDeleted(deps, call)
        await deps.vault.deleted.purge(found)
        deps.vault.vaultChanged({ uid: found.uid, name: found.resource.name }, 'deleted')
        return { status: 202 }
      },
    },
    {
      method: 'POST',
      path: 'checkNameAvailability',
      needs: 'Microsoft.KeyVault/checkNameAvailability/read',
      run: async ({ body }) => ({ status: 200, body: await availability(deps, body) }),
    },
    {
      method: 'POST',
      path: 'checkMhsmNameAvailability',
      needs: 'Microsoft.KeyVault/checkMhsmNameAvailability/read',
      run: async ({ body }) => ({ status: 200, body: await availability(deps, body) }),
    },
    // az lists vaults and managed HSMs together; there are none of the latter.
    emptyList('managedHSMs', 'Microsoft.KeyVault/managedHSMs/read'),
    emptyList('deletedManagedHSMs', 'Microsoft.KeyVault/deletedManagedHsms/read'),
  ]
}

function emptyList(path: string, needs: string): ScopeAction {
  return { method: 'GET', path, needs, run: () => Promise.resolve({ status: 200, body: { value: [] } }) }
}

async function findDeleted(
  { vault }: ScopeDeps,
  { params, subscriptionId }: ScopeCall,
): Promise<DeletedVault> {
  const { name = '', location = '' } = params
  const found = await vault.deleted.find(name)
  const isThere =
    found?.subscriptionId === subscriptionId &&
    found.resource.location === location.replaceAll(' ', '').toLowerCase()
  if (!isThere) {
    throw refused(404, 'DeletedVaultNotFound', `The specified deleted vault '${name}' does not exist.`)
  }
  return found
}

/** https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/get-deleted#deletedvault */
function presented({
  resource,
  subscriptionId,
  deletedAt,
  purgeAt,
  isPurgeProtected,
}: DeletedVault): JsonObject {
  const { name, location, tags } = resource
  return {
    id: `/subscriptions/${subscriptionId}/providers/Microsoft.KeyVault/locations/${location}/deletedVaults/${name}`,
    type: 'Microsoft.KeyVault/deletedVaults',
    name,
    properties: {
      vaultId: resource.id,
      location,
      tags,
      deletionDate: azureTime(deletedAt),
      scheduledPurgeDate: azureTime(purgeAt),
      ...(isPurgeProtected ? { purgeProtectionEnabled: true } : {}),
    },
  }
}

async function availability({ vault, resources }: ScopeDeps, body: Json | undefined): Promise<JsonObject> {
  const name = isJsonObject(body) ? member(body, 'name') : undefined
  if (typeof name !== 'string') throw refused(400, 'BadRequest', "The body must have a string 'name'.")
  const unfit = checkVaultName(name)
  if (unfit !== null) return { nameAvailable: false, reason: 'AccountNameInvalid', message: unfit.message }
  const isTaken =
    (await resources.findByGlobalName(VAULT_TYPE, name)) !== null || (await vault.deleted.find(name)) !== null
  if (!isTaken) return { nameAvailable: true }
  return { nameAvailable: false, reason: 'AlreadyExists', message: vaultNameTaken(name).message }
}
