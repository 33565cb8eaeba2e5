import {
  type BlobClient,
  BlobSASPermissions,
  type ContainerClient,
  type StorageSharedKeyCredential,
  generateBlobSASQueryParameters,
} from '@azure/storage-blob'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BlobCaller, accountKey, blobUrl, entraCaller, keyCaller } from '../support/blob-callers.ts'
import { type Site, openSite } from '../support/site.ts'
import { type EncryptedAccount, makeEncryptedAccount, makePlainAccount } from '../support/storage-account.ts'

const polling = { intervalInMs: 20 }
const bytes = randomBytes(300_000)

describe('copies between accounts', () => {
  let site: Site
  let near: BlobCaller
  let far: BlobCaller
  let sealed: EncryptedAccount
  let key: StorageSharedKeyCredential
  let box: ContainerClient
  let target: ContainerClient

  beforeAll(async () => {
    site = await openSite()
    await makePlainAccount(site, 'near', { allowBlobPublicAccess: true })
    await makePlainAccount(site, 'far')
    sealed = await makeEncryptedAccount(site, 'sealed')
    near = await keyCaller(site, 'near')
    far = await keyCaller(site, 'far')
    key = await accountKey(site, 'near')
    box = near.service.getContainerClient('box')
    target = far.service.getContainerClient('target')
    await box.create()
    await target.create()
    const options = { metadata: { from: 'near' }, tags: { kept: 'yes' } }
    await box.getBlockBlobClient('source').upload(bytes, bytes.length, options)
    const open = near.service.getContainerClient('open')
    await open.create({ access: 'blob' })
    await open.getBlockBlobClient('source').upload(bytes, bytes.length)
  })
  afterAll(() => site[Symbol.asyncDispose]())

  const plainUrl = () => box.getBlobClient('source').url
  const signedUrl = (permissions: string) => {
    const expiresOn = new Date(Date.now() + 3_600_000)
    const signed = { containerName: 'box', blobName: 'source', expiresOn }
    const sas = generateBlobSASQueryParameters(
      { ...signed, permissions: BlobSASPermissions.parse(permissions) },
      key,
    )
    return `${plainUrl()}?${sas.toString()}`
  }
  const copied = async (blob: BlobClient, source: string) => {
    const poller = await blob.beginCopyFromURL(source, polling)
    expect((await poller.pollUntilDone()).copyStatus).toBe('success')
    expect((await blob.downloadToBuffer()).equals(bytes)).toBe(true)
  }
  const unverified = (statusCode: number, copySourceErrorCode: string) => ({
    statusCode,
    code: 'CannotVerifyCopySource',
    details: { copySourceStatusCode: statusCode, copySourceErrorCode },
  })

  it("the account's key opens source and destination, for Copy Blob alone", async () => {
    await copied(box.getBlobClient('copy'), plainUrl())
    const blob = box.getBlockBlobClient('copy2')
    const refused = { code: 'CannotVerifyCopySource' }
    await expect(blob.syncUploadFromURL(plainUrl())).rejects.toMatchObject(refused)
    await expect(blob.syncCopyFromURL(plainUrl())).rejects.toMatchObject(refused)
    await expect(blob.stageBlockFromURL('MQ==', plainUrl())).rejects.toMatchObject(refused)
  })

  it('a signature opens a source for another account, and for every way of copying', async () => {
    await copied(target.getBlobClient('copy'), signedUrl('r'))
    const { metadata, copySource, tagCount } = await target.getBlobClient('copy').getProperties()
    expect(metadata).toEqual({ from: 'near' })
    expect(tagCount).toBeUndefined()
    // What opens it is shown to nobody.
    expect(copySource).toBe(plainUrl())
    const blob = target.getBlockBlobClient('copy2')
    await blob.syncCopyFromURL(signedUrl('rt'), { copySourceTags: 'COPY' })
    expect((await blob.getTags()).tags).toEqual({ kept: 'yes' })
    await blob.syncUploadFromURL(signedUrl('r'))
    await blob.stageBlockFromURL('MQ==', signedUrl('r'), 100, 50)
    await blob.commitBlockList(['MQ=='])
    expect((await blob.downloadToBuffer()).equals(bytes.subarray(100, 150))).toBe(true)
  })

  it('a source that is public needs nothing', async () => {
    const url = near.service.getContainerClient('open').getBlobClient('source').url
    await copied(target.getBlobClient('public'), url)
  })

  it('a signature that does not allow it opens nothing', async () => {
    const blob = target.getBlockBlobClient('refused')
    const mismatch = unverified(403, 'AuthorizationPermissionMismatch')
    await expect(blob.beginCopyFromURL(signedUrl('d'), polling)).rejects.toMatchObject(mismatch)
    await expect(blob.syncUploadFromURL(signedUrl('w'))).rejects.toMatchObject(mismatch)
    await expect(blob.syncCopyFromURL(signedUrl('r'), { copySourceTags: 'COPY' })).rejects.toMatchObject(
      mismatch,
    )
    const tampered = signedUrl('r').replace('sp=r', 'sp=rw')
    await expect(blob.syncUploadFromURL(tampered)).rejects.toMatchObject(
      unverified(403, 'AuthenticationFailed'),
    )
    await expect(blob.beginCopyFromURL(plainUrl(), polling)).rejects.toMatchObject({
      code: 'CannotVerifyCopySource',
    })
    expect(await blob.exists()).toBe(false)
  })

  it('a token opens what its owner may read', async () => {
    const entra = await entraCaller(site, 'near')
    const own = entra.service.getContainerClient('box')
    await copied(own.getBlobClient('copy3'), plainUrl())
    const token = (await site.sdk.credential.getToken('https://storage.azure.com/.default'))?.token ?? ''
    const blob = target.getBlockBlobClient('bearer')
    await blob.syncCopyFromURL(plainUrl(), { sourceAuthorization: { scheme: 'Bearer', value: token } })
    expect((await blob.downloadToBuffer()).equals(bytes)).toBe(true)
    const forged = { sourceAuthorization: { scheme: 'Bearer', value: `${token}x` } }
    await expect(blob.syncUploadFromURL(plainUrl(), forged)).rejects.toMatchObject({
      code: 'CannotVerifyCopySource',
    })
  })

  it("a source whose account's key is taken away is no source for anybody", async () => {
    const owner = await keyCaller(site, 'sealed')
    const container = owner.service.getContainerClient('box')
    await container.create()
    await container.getBlockBlobClient('source').upload(bytes, bytes.length)
    const expiresOn = new Date(Date.now() + 3_600_000)
    const sas = generateBlobSASQueryParameters(
      { containerName: 'box', blobName: 'source', expiresOn, permissions: BlobSASPermissions.parse('r') },
      await accountKey(site, 'sealed'),
    )
    const url = `${blobUrl(site, 'sealed')}/box/source?${sas.toString()}`
    await copied(target.getBlobClient('sealed'), url)
    const version = sealed.keyId.split('/').at(-1) ?? ''
    await site.sdk.keys(sealed.vault).updateKeyProperties('key1', version, { enabled: false })
    await expect(target.getBlockBlobClient('x').syncUploadFromURL(url)).rejects.toMatchObject(
      unverified(403, 'KeyVaultEncryptionKeyNotFound'),
    )
    // What was copied is under the key of the account that it was copied to.
    expect((await target.getBlobClient('sealed').downloadToBuffer()).equals(bytes)).toBe(true)
  })

  it.each([
    'https://127.0.0.1:8443/account/box/source',
    'https://169.254.169.254/metadata/identity/oauth2/token',
    'https://localhost/box/source',
    'https://[::1]/box/source',
    'https://10.0.0.1/box/source',
  ])('%s is not asked', async (url) => {
    await expect(target.getBlockBlobClient('x').syncUploadFromURL(url)).rejects.toMatchObject({
      statusCode: 400,
      code: 'CannotVerifyCopySource',
    })
  })
})
