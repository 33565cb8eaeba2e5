import { randomUUID } from 'node:crypto'
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  AnonymousCredential,
  BlobServiceClient,
  ContainerSASPermissions,
  SASProtocol,
  type SASQueryParameters,
  StorageSharedKeyCredential,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
} from '@azure/storage-blob'
import { GROUP, type Site } from './site.ts'
import { accountPath } from './storage-account.ts'

/** One way to be somebody at an account. */
export interface BlobCaller {
  readonly name: string
  /** As far as the credential reaches: a service signature is for one container. */
  readonly service: BlobServiceClient
  readonly mayWrite: boolean
  /** Whether it is for the account as a whole, and not for one container. */
  readonly isWide: boolean
}

/** A refusal is to be seen at once, whatever the client would do about it. */
const options = { retryOptions: { maxTries: 1 } }
const HOUR = 3_600_000

export function blobUrl({ server }: Pick<Site, 'server'>, account: string): string {
  return server.url(`${account}.blob.core`)
}

export async function accountKey({ sdk }: Site, account: string): Promise<StorageSharedKeyCredential> {
  const { keys = [] } = await sdk.storage.storageAccounts.listKeys(GROUP, account)
  return new StorageSharedKeyCredential(account, keys[0]?.value ?? '')
}

export async function keyCaller(site: Site, account: string): Promise<BlobCaller> {
  const service = new BlobServiceClient(blobUrl(site, account), await accountKey(site, account), options)
  return { name: 'account key', service, mayWrite: true, isWide: true }
}

/** The owner is made Storage Blob Data Owner of the account. */
export async function entraCaller(site: Site, account: string): Promise<BlobCaller> {
  const { subscriptionId } = site.server.owner
  await site.sdk.roles.roleAssignments.create(
    `/subscriptions/${subscriptionId}${accountPath(account)}`,
    randomUUID(),
    {
      principalId: site.ownerId,
      principalType: 'ServicePrincipal',
      roleDefinitionId: `/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/b7e6dc6d-f1e8-4753-8033-0f276bb0955b`,
    },
  )
  const service = new BlobServiceClient(blobUrl(site, account), site.sdk.credential, options)
  return { name: 'Entra owner', service, mayWrite: true, isWide: true }
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

function anHour(): { readonly startsOn: Date; readonly expiresOn: Date } {
  return { startsOn: new Date(Date.now() - HOUR), expiresOn: new Date(Date.now() + HOUR) }
}

/** Everybody who may come to `container`, which is to be public: each kind of credential, and none. */
export async function everyCaller(
  site: Site,
  account: string,
  container: string,
): Promise<readonly BlobCaller[]> {
  const url = blobUrl(site, account)
  const key = await accountKey(site, account)
  const ofContainer = {
    containerName: container,
    permissions: ContainerSASPermissions.parse('racwdxltfi'),
    protocol: SASProtocol.Https,
    ...anHour(),
  }
  const entra = await entraCaller(site, account)
  const bySignature = (name: string, signature: SASQueryParameters, isWide: boolean): BlobCaller => ({
    name,
    service: new BlobServiceClient(`${url}?${signature.toString()}`, new AnonymousCredential(), options),
    mayWrite: true,
    isWide,
  })
  return [
    await keyCaller(site, account),
    bySignature('account SAS', accountSas(key), true),
    bySignature('service SAS', generateBlobSASQueryParameters(ofContainer, key), false),
    entra,
    {
      name: 'anonymous',
      service: new BlobServiceClient(url, undefined, options),
      mayWrite: false,
      isWide: false,
    },
  ]
}
