import { randomUUID } from 'node:crypto'
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  AnonymousCredential,
  BlobClient,
  BlobServiceClient,
  ContainerSASPermissions,
  type Pipeline,
  SASProtocol,
  type SASQueryParameters,
  StorageSharedKeyCredential,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
  newPipeline,
} from '@azure/storage-blob'
import { GROUP, type Site } from './site.ts'
import { accountPath } from './storage-account.ts'

/** Who may do an operation at all, with the customer's key there. */
export type Circle =
  'anybody' | 'with write access' | 'of the account' | 'with the account key' | 'with a token'

/** One way to be somebody at an account. */
export interface BlobCaller {
  readonly name: string
  readonly service: BlobServiceClient
  readonly circles: readonly Circle[]
  /** A blob whose URL has more in its query: for operations that the SDK has no method for. */
  blob(container: string, name: string, query: string): BlobClient
}

const HOUR = 3_600_000
const BLOB_DATA_OWNER = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'

export function blobUrl({ server }: Pick<Site, 'server'>, account: string): string {
  return server.url(`${account}.blob.core`)
}

export async function accountKey({ sdk }: Site, account: string): Promise<StorageSharedKeyCredential> {
  const { keys = [] } = await sdk.storage.storageAccounts.listKeys(GROUP, account)
  return new StorageSharedKeyCredential(account, keys[0]?.value ?? '')
}

export async function keyCaller(site: Site, account: string): Promise<BlobCaller> {
  const pipeline = pipelineOf(await accountKey(site, account))
  return callerOf('account key', ['of the account', 'with the account key'], {
    url: blobUrl(site, account),
    pipeline,
  })
}

/** The owner is made Storage Blob Data Owner of the account. */
export async function entraCaller(site: Site, account: string): Promise<BlobCaller> {
  const subscription = `/subscriptions/${site.server.owner.subscriptionId}`
  await site.sdk.roles.roleAssignments.create(`${subscription}${accountPath(account)}`, randomUUID(), {
    principalId: site.ownerId,
    principalType: 'ServicePrincipal',
    roleDefinitionId: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${BLOB_DATA_OWNER}`,
  })
  return callerOf('Entra owner', ['of the account', 'with a token'], {
    url: blobUrl(site, account),
    pipeline: pipelineOf(site.sdk.credential),
  })
}

/** All that a signature for an account may allow, on blobs, for an hour. */
export function accountSas(key: StorageSharedKeyCredential): SASQueryParameters {
  return generateAccountSASQueryParameters(
    {
      ...anHour(),
      permissions: AccountSASPermissions.parse('rwdxylacutfi'),
      resourceTypes: AccountSASResourceTypes.parse('sco').toString(),
      services: AccountSASServices.parse('b').toString(),
      protocol: SASProtocol.Https,
    },
    key,
  )
}

/** Everybody who may come to `container`, which is to be public: each kind of credential, and none. */
export async function everyCaller(
  site: Site,
  account: string,
  container: string,
): Promise<readonly BlobCaller[]> {
  const url = blobUrl(site, account)
  const key = await accountKey(site, account)
  const entra = await entraCaller(site, account)
  const time = anHour()
  const ofContainer = {
    ...time,
    containerName: container,
    permissions: ContainerSASPermissions.parse('racwdxltfi'),
    protocol: SASProtocol.Https,
  }
  const delegated = await entra.service.getUserDelegationKey(time.startsOn, time.expiresOn)
  const signed = (signature: SASQueryParameters) => ({
    url: `${url}?${signature.toString()}`,
    pipeline: pipelineOf(new AnonymousCredential()),
  })
  const [byKey, byDelegation] = [
    generateBlobSASQueryParameters(ofContainer, key),
    generateBlobSASQueryParameters(ofContainer, delegated, account),
  ]
  return [
    await keyCaller(site, account),
    callerOf('account SAS', ['of the account'], signed(accountSas(key))),
    callerOf('service SAS', [], signed(byKey)),
    callerOf('user-delegation SAS', [], signed(byDelegation)),
    entra,
    {
      ...callerOf('anonymous', [], { url, pipeline: pipelineOf(new AnonymousCredential()) }),
      circles: ['anybody'],
    },
  ]
}

function callerOf(
  name: string,
  circles: readonly Circle[],
  { url, pipeline }: { readonly url: string; readonly pipeline: Pipeline },
): BlobCaller {
  const service = new BlobServiceClient(url, pipeline)
  return {
    name,
    service,
    circles: ['anybody', 'with write access', ...circles],
    blob(container, blobName, query) {
      const at = new URL(service.getContainerClient(container).getBlobClient(blobName).url)
      for (const [parameter, value] of new URLSearchParams(query)) at.searchParams.append(parameter, value)
      return new BlobClient(at.href, pipeline)
    },
  }
}

/** A refusal is to be seen at once, whatever the client would do about it. */
function pipelineOf(credential: Parameters<typeof newPipeline>[0]): Pipeline {
  return newPipeline(credential, { retryOptions: { maxTries: 1 } })
}

function anHour(): { readonly startsOn: Date; readonly expiresOn: Date } {
  return { startsOn: new Date(Date.now() - HOUR), expiresOn: new Date(Date.now() + HOUR) }
}
