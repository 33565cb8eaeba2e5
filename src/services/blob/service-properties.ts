import { servicesOf } from '../storage/account-kinds.ts'
import type { BlobServiceSettings, StorageAccount, StorageAccounts } from '../storage/storage-account.ts'
import { type ContainerDeps, createContainer } from './containers.ts'
import { BlobFault } from './faults.ts'

/** What is not named stays. Null turns it off. */
export type ServicePropertiesChange = Partial<Omit<BlobServiceSettings, 'isVersioningEnabled'>>

/** Where a static website's pages are. */
export const WEB_CONTAINER = '$web'

/**
 * The one set of settings that the resource manager shows too.
 * https://learn.microsoft.com/rest/api/storageservices/set-blob-service-properties
 *
 * @throws BlobFault `document-node-unsupported`
 */
export async function setServiceProperties(
  deps: ContainerDeps & { readonly accounts: Pick<StorageAccounts, 'changeBlobService'> },
  account: StorageAccount,
  change: ServicePropertiesChange,
): Promise<void> {
  const opensWebsite = change.staticWebsite != null
  if (opensWebsite && !servicesOf(account.kind).includes('web'))
    throw new BlobFault('document-node-unsupported', { name: 'StaticWebsite' })
  await deps.accounts.changeBlobService(account, (before) => ({ ...before, ...change }))
  if (opensWebsite) await makeWebContainer(deps, account)
}

async function makeWebContainer(deps: ContainerDeps, account: StorageAccount): Promise<void> {
  const wanted = {
    metadata: {},
    publicAccess: 'none',
    defaultScope: null,
    deniesScopeOverride: false,
  } as const
  try {
    await createContainer(deps, { account, container: WEB_CONTAINER }, wanted)
  } catch (error) {
    // It is there already, as it should be.
    if (!(error instanceof BlobFault) || error.code !== 'container-already-exists') throw error
  }
}
