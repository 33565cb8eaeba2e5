import {
  AnonymousCredential,
  BlobBatchClient,
  BlobServiceClient,
  type ContainerClient,
  ContainerSASPermissions,
  type StorageSharedKeyCredential,
  generateBlobSASQueryParameters,
} from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountKey, accountSas, blobUrl, entraCaller, keyCaller } from '../support/blob-callers.ts'
import { GROUP, type Site, openSite } from '../support/site.ts'
import { makeEncryptedAccount } from '../support/storage-account.ts'

const ACCOUNT = 'rights1'
const HOUR = 3_600_000

describe('rights to what is done to many blobs at once, and to versions', () => {
  let site: Site
  let key: StorageSharedKeyCredential
  let byKey: BlobServiceClient
  let byToken: BlobServiceClient
  let container: ContainerClient

  beforeAll(async () => {
    site = await openSite()
    await makeEncryptedAccount(site, ACCOUNT)
    await site.sdk.storage.blobServices.setServiceProperties(GROUP, ACCOUNT, { isVersioningEnabled: true })
    key = await accountKey(site, ACCOUNT)
    byKey = (await keyCaller(site, ACCOUNT)).service
    byToken = (await entraCaller(site, ACCOUNT)).service
    container = byKey.getContainerClient('con')
    await container.create()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  const signed = (permissions: string) => {
    const query = generateBlobSASQueryParameters(
      {
        containerName: 'con',
        permissions: ContainerSASPermissions.parse(permissions),
        expiresOn: new Date(Date.now() + HOUR),
      },
      key,
    )
    return new BlobServiceClient(`${blobUrl(site, ACCOUNT)}?${query.toString()}`, new AnonymousCredential())
  }
  const put = async (name: string, tags: Record<string, string> = {}) => {
    const blob = container.getBlockBlobClient(name)
    await blob.upload(name, Buffer.byteLength(name), { tags })
    return name
  }
  const deleteAs = async (
    service: BlobServiceClient,
    names: readonly string[],
    batch = service.getBlobBatchClient(),
  ) => {
    const blobs = names.map((name) => service.getContainerClient('con').getBlobClient(name))
    const { subResponses } = await batch.deleteBlobs(blobs)
    return subResponses.map(({ status, errorCode }) => [status, errorCode])
  }

  it('a batch is signed as a whole, and each of its requests again', async () => {
    const withSas = new BlobServiceClient(
      `${blobUrl(site, ACCOUNT)}?${accountSas(key).toString()}`,
      new AnonymousCredential(),
    )
    for (const service of [byKey, byToken, withSas]) {
      const names = [await put('a & ö'), await put('b/c')]
      expect(await deleteAs(service, [...names, 'missing'])).toEqual([
        [202, undefined],
        [202, undefined],
        [404, 'BlobNotFound'],
      ])
    }
    const mine = signed('d').getContainerClient('con')
    expect(await deleteAs(signed('d'), [await put('a')], mine.getBlobBatchClient())).toEqual([
      [202, undefined],
    ])
  })

  it('a request of a batch has no more rights than its own credential', async () => {
    const name = await put('a')
    const nobody = new BlobServiceClient(blobUrl(site, ACCOUNT), new AnonymousCredential())
    const refused = [401, 403, 404, 409]
    for (const service of [nobody, signed('r')]) {
      const [[status] = []] = await deleteAs(service, [name], byKey.getBlobBatchClient())
      expect(refused).toContain(status)
    }
    expect(await container.getBlobClient(name).exists()).toBe(true)
    await expect(
      new BlobBatchClient(nobody.url, new AnonymousCredential()).deleteBlobs([container.getBlobClient(name)]),
    ).rejects.toMatchObject({ name: 'RestError' })
    await expect(
      signed('d')
        .getBlobBatchClient()
        .deleteBlobs([signed('d').getContainerClient('con').getBlobClient(name)]),
    ).rejects.toMatchObject({ statusCode: 403 })
    expect(await container.getBlobClient(name).exists()).toBe(true)
  })

  it('versions, tags and searches need letters of their own', async () => {
    await put('v')
    const { versionId = '' } = await container.getBlobClient('v').getProperties()
    await put('v', { project: 'x' })
    const as = (letters: string) => signed(letters).getContainerClient('con')
    const denied = { statusCode: 403, code: 'AuthorizationPermissionMismatch' }
    await expect(as('d').getBlobClient('v').withVersion(versionId).delete()).rejects.toMatchObject(denied)
    await expect(as('x').getBlobClient('v').delete()).rejects.toMatchObject(denied)
    await as('x').getBlobClient('v').withVersion(versionId).delete()
    await expect(as('rw').getBlobClient('v').getTags()).rejects.toMatchObject(denied)
    expect((await as('t').getBlobClient('v').getTags()).tags).toEqual({ project: 'x' })
    const find = async (client: ContainerClient) => {
      const names: string[] = []
      for await (const { name } of client.findBlobsByTags(`project = 'x'`)) names.push(name)
      return names
    }
    await expect(find(as('rlt'))).rejects.toMatchObject(denied)
    expect(await find(as('f'))).toEqual(['v'])
    expect(await find(byToken.getContainerClient('con'))).toEqual(['v'])
    await as('d').getBlobClient('v').delete()
  })
})
