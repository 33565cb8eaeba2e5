import { randomGuid } from '../crypto/random.ts'
import { type Clock, azureTime } from '../kernel/clock.ts'
import { type Endpoints, audienceOf } from '../kernel/endpoints.ts'
import { parseGuid } from '../kernel/guid.ts'
import type { ProviderCall } from '../services/resources/provider.ts'
import { composeResourceId } from '../services/resources/resource-id.ts'
import { STORAGE_ACCOUNT_TYPE } from '../services/storage/storage-account.ts'
import type { OwnerFile } from './bootstrap.ts'
import type { Services } from './services.ts'

/** Name and key that Azurite and every SDK have built in (`UseDevelopmentStorage=true`): public, so good on its own ports only. */
export const AZURITE_ACCOUNT = 'devstoreaccount1'
const AZURITE_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
const GROUP = 'azurite'

/**
 * Makes the account unless it is there: an ordinary one, on which the owner may put a customer's key. Its keys stay those
 * that everybody knows.
 */
export async function makeAzuriteAccount(
  services: Services,
  at: { readonly owner: OwnerFile; readonly endpoints: Endpoints; readonly clock: Clock },
): Promise<void> {
  const { resources, resourceStore, storageAccounts } = services
  if ((await resourceStore.findByGlobalName(STORAGE_ACCOUNT_TYPE, AZURITE_ACCOUNT)) === null) {
    const subscriptionId = parseGuid(at.owner.subscriptionId)
    const group = subscriptionId === null ? null : { subscriptionId, resourceGroup: GROUP }
    const id = group === null ? null : composeResourceId(group, STORAGE_ACCOUNT_TYPE, [AZURITE_ACCOUNT])
    if (group === null || id === null) throw new Error('the owner has no subscription')
    const call = await ownersCall(services, at)
    await resources.putGroup(call, { ...group, body: { location: 'local' } })
    await resources.write(call, { id, body: accountBody, isPatch: false })
  }
  const account = await resourceStore.findByGlobalName(STORAGE_ACCOUNT_TYPE, AZURITE_ACCOUNT)
  const creationTime = azureTime(at.clock.now())
  await resourceStore.amend(account?.id ?? '', ({ properties }) => ({
    ...properties,
    keys: ['key1', 'key2'].map((keyName) => ({ keyName, value: AZURITE_KEY, creationTime })),
  }))
  storageAccounts.forget(AZURITE_ACCOUNT)
}

const accountBody = {
  location: 'local',
  kind: 'StorageV2',
  sku: { name: 'Standard_LRS' },
  properties: { supportsHttpsTrafficOnly: false, allowBlobPublicAccess: true },
}

/** As the owner, with a token of his own: what he may not do is not done for him. */
async function ownersCall(
  { directory }: Pick<Services, 'directory'>,
  { owner, endpoints }: { readonly owner: OwnerFile; readonly endpoints: Endpoints },
): Promise<ProviderCall> {
  const audience = audienceOf(endpoints, 'management')
  const { token } = await directory.clientCredentials({
    tenant: owner.tenantId,
    clientId: owner.clientId,
    secret: owner.clientSecret,
    resource: audience,
  })
  return {
    caller: await directory.authenticate(token, [audience]),
    apiVersion: '2025-06-01',
    correlationId: randomGuid(),
    remoteAddress: '127.0.0.1',
    ifMatch: null,
    signal: new AbortController().signal,
  }
}
