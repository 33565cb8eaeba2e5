import {
  AnonymousCredential,
  BlobSASPermissions,
  BlobServiceClient,
  ContainerClient,
  generateBlobSASQueryParameters,
} from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Az } from '../support/az.ts'
import { accountKey, accountSas, blobUrl, entraCaller, keyCaller } from '../support/blob-callers.ts'
import { GROUP, type Site, openSite } from '../support/site.ts'
import { makePlainAccount } from '../support/storage-account.ts'
import { words } from '../support/words.ts'

const ACCOUNT = 'services1'
const ORIGIN = 'https://app.example'

/** As a client that is new enough to understand a challenge. */
const status = async (url: string) => (await fetch(url, { headers: { 'x-ms-version': '2021-12-02' } })).status

describe('the blob service of an account', () => {
  let site: Site
  let az: Az
  let by: readonly string[]
  let service: BlobServiceClient

  beforeAll(async () => {
    site = await openSite()
    az = await site.az()
    await makePlainAccount(site, ACCOUNT, { allowBlobPublicAccess: true, sku: { name: 'Standard_RAGRS' } })
    const { keys = [] } = await site.sdk.storage.storageAccounts.listKeys(GROUP, ACCOUNT)
    by = words`--account-name ${ACCOUNT} --account-key ${keys[0]?.value ?? ''}`
    service = (await keyCaller(site, ACCOUNT)).service
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('az storage cors: the rules are the same in the resource manager, and browsers are told', async () => {
    await az(
      ...words`storage cors add --services b --methods GET PUT --origins ${ORIGIN} --max-age 60`,
      ...words`--allowed-headers x-ms-* --exposed-headers x-ms-meta-*`,
      ...by,
    )
    const { cors } = await site.sdk.storage.blobServices.getServiceProperties(GROUP, ACCOUNT)
    const rule = {
      allowedOrigins: [ORIGIN],
      allowedMethods: ['GET', 'PUT'],
      allowedHeaders: ['x-ms-*'],
      exposedHeaders: ['x-ms-meta-*'],
      maxAgeInSeconds: 60,
    }
    expect(cors?.corsRules).toEqual([rule])
    const ask = (method: string) =>
      fetch(`${blobUrl(site, ACCOUNT)}/cont/blob?sv=2021-12-02&sig=wrong`, {
        method: 'OPTIONS',
        headers: {
          origin: ORIGIN,
          'access-control-request-method': method,
          'access-control-request-headers': 'x-ms-version',
        },
      })
    const told = await ask('PUT')
    expect(told.status).toBe(200)
    expect(told.headers.get('access-control-allow-origin')).toBe(ORIGIN)
    expect((await ask('DELETE')).status).toBe(403)
    // Whoever is refused learns so, and may read why.
    const refused = await fetch(`${blobUrl(site, ACCOUNT)}/?comp=list`, {
      headers: { origin: ORIGIN, 'x-ms-version': '2021-12-02' },
    })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('access-control-allow-origin')).toBe(ORIGIN)

    await site.sdk.storage.blobServices.setServiceProperties(GROUP, ACCOUNT, {
      cors: { corsRules: [{ ...rule, allowedMethods: ['DELETE'] }] },
    })
    expect((await ask('PUT')).status).toBe(403)
    expect((await ask('DELETE')).status).toBe(200)
    await az(...words`storage cors clear --services b`, ...by)
    expect((await ask('DELETE')).status).toBe(403)
  })

  it('az storage blob service-properties delete-policy: one setting with the resource manager', async () => {
    const policy = words`storage blob service-properties delete-policy`
    await az(...policy, ...words`update --enable true --days-retained 7`, ...by)
    const days = { enabled: true, days: 7 }
    expect(await site.sdk.storage.blobServices.getServiceProperties(GROUP, ACCOUNT)).toMatchObject({
      deleteRetentionPolicy: days,
    })
    await site.sdk.storage.blobServices.setServiceProperties(GROUP, ACCOUNT, {
      deleteRetentionPolicy: { enabled: false },
    })
    expect(await az(...policy, 'show', ...by)).toMatchObject({ enabled: false })
    await expect(
      site.sdk.storage.blobServices.setServiceProperties(GROUP, ACCOUNT, {
        cors: {
          corsRules: [
            {
              allowedOrigins: [],
              allowedMethods: ['GET'],
              allowedHeaders: [],
              exposedHeaders: [],
              maxAgeInSeconds: 1,
            },
          ],
        },
      }),
    ).rejects.toMatchObject({ statusCode: 400, code: 'InvalidRequestPropertyValue' })
  })

  it('a static website is open to everybody whom the network rules let in', async () => {
    await az(
      ...words`storage blob service-properties update --static-website true`,
      ...words`--index-document index.html --404-document errors/404.html`,
      ...by,
    )
    const web = service.getContainerClient('$web')
    for (const name of ['index.html', 'errors/404.html'])
      await web
        .getBlockBlobClient(name)
        .upload(name, name.length, { blobHTTPHeaders: { blobContentType: 'text/html' } })
    const account = await site.sdk.storage.storageAccounts.getProperties(GROUP, ACCOUNT)
    const url = account.primaryEndpoints?.web ?? ''
    expect(url).toBe(`${site.server.url(`${ACCOUNT}.web.core`)}/`)
    const page = await fetch(url)
    expect([page.status, await page.text(), page.headers.get('content-type')]).toEqual([
      200,
      'index.html',
      'text/html',
    ])
    const missing = await fetch(`${url}nothing`, { headers: { authorization: 'Bearer nonsense' } })
    expect([missing.status, await missing.text()]).toEqual([404, 'errors/404.html'])
    // $web is as private as any other container, but for this door.
    expect(await status(`${blobUrl(site, ACCOUNT)}/$web/index.html`)).toBe(401)
    const wall = (defaultAction: 'Allow' | 'Deny') =>
      site.sdk.storage.storageAccounts.update(GROUP, ACCOUNT, { networkRuleSet: { defaultAction } })
    await wall('Deny')
    try {
      expect((await fetch(url)).status).toBe(403)
    } finally {
      await wall('Allow')
    }
    await az(...words`storage blob service-properties update --static-website false`, ...by)
    expect((await fetch(url)).status).toBe(404)
  })

  it('az storage container: stored policies, leases, and what was deleted comes back', async () => {
    await site.sdk.storage.blobServices.setServiceProperties(GROUP, ACCOUNT, {
      containerDeleteRetentionPolicy: { enabled: true, days: 5 },
    })
    const cont = words`-c held`
    await az(...words`storage container create -n held --metadata a=b`, ...by)
    await az(
      ...words`storage container policy create -n readers --permissions rl --expiry 2099-01-01`,
      ...cont,
      ...by,
    )
    const policies = await az<Record<string, { readonly permission: string; readonly expiry: string }>>(
      ...words`storage container policy list`,
      ...cont,
      ...by,
    )
    expect(policies['readers']).toMatchObject({ permission: 'rl' })
    expect(policies['readers']?.expiry).toMatch(/^2099-01-01T00:00/)
    const lease = await az<string>(
      ...words`storage container lease acquire --lease-duration 60`,
      ...cont,
      ...by,
    )
    expect(await az.fails(...words`storage container delete -n held`, ...by)).toMatch(/LeaseIdMissing/)
    await az(...words`storage container lease break --lease-break-period 0`, ...cont, ...by)
    expect(await az(...words`storage container show -n held`, ...by)).toMatchObject({
      metadata: { a: 'b' },
      properties: { lease: { state: 'broken', status: 'unlocked' } },
    })
    expect(lease).toMatch(/^[0-9a-f-]{36}$/)
    await az(...words`storage container delete -n held`, ...by)
    const deleted = await az<readonly { readonly name: string; readonly version: string | null }[]>(
      ...words`storage container list --include-deleted --prefix held`,
      ...by,
    )
    expect(deleted).toHaveLength(1)
    const version = deleted[0]?.version ?? ''
    await az(...words`storage container restore -n held --deleted-version ${version}`, ...by)
    expect(await az(...words`storage container show -n held`, ...by)).toMatchObject({ metadata: { a: 'b' } })
  })

  it('a signature ends with the stored policy that it names, public access with the container’s', async () => {
    const container = service.getContainerClient('shared')
    await container.create()
    const blob = container.getBlockBlobClient('b')
    await blob.upload('one', 3)
    const key = await accountKey(site, ACCOUNT)
    const expiresOn = new Date(Date.now() + 3_600_000)
    const policy = { permissions: BlobSASPermissions.parse('r').toString(), expiresOn }
    await container.setAccessPolicy(undefined, [{ id: 'readers', accessPolicy: policy }])
    const sas = generateBlobSASQueryParameters({ containerName: 'shared', identifier: 'readers' }, key)
    const signed = `${blob.url}?${sas.toString()}`
    expect(await status(signed)).toBe(200)
    await container.setAccessPolicy('blob', [])
    expect(await status(signed)).toBe(403)
    expect(await status(blob.url)).toBe(200)
    const listing = `${container.url}?restype=container&comp=list`
    expect(await status(listing)).toBe(401)
    await container.setAccessPolicy('container', [])
    expect(await status(listing)).toBe(200)
    await container.setAccessPolicy()
    expect(await status(blob.url)).toBe(401)
    // No signature shows or sets who has access, however much else it allows.
    const { url } = service
    const all = new ContainerClient(`${url}shared?${accountSas(key).toString()}`, new AnonymousCredential())
    await expect(all.getAccessPolicy()).rejects.toMatchObject({ statusCode: 403 })
  })

  it('is read on its secondary endpoint, and tells there how far behind it is', async () => {
    await service.getContainerClient('twice').createIfNotExists()
    const key = await accountKey(site, ACCOUNT)
    const url = site.server.url(`${ACCOUNT}-secondary.blob.core`)
    const secondary = new BlobServiceClient(url, key, { retryOptions: { maxTries: 1 } })
    expect((await secondary.getStatistics()).geoReplication?.status).toBe('live')
    expect(await secondary.getContainerClient('twice').exists()).toBe(true)
    await expect(secondary.createContainer('thrice')).rejects.toMatchObject({
      statusCode: 403,
      code: 'InsufficientAccountPermissions',
    })
  })

  it('tells a principal with a role what the account is, and gives him keys to delegate', async () => {
    const entra = await entraCaller(site, ACCOUNT)
    expect(await entra.service.getAccountInfo()).toMatchObject({
      skuName: 'Standard_RAGRS',
      accountKind: 'StorageV2',
    })
    const [start, end] = [new Date(Date.now() - 60_000), new Date(Date.now() + 60_000)]
    const delegated = await entra.service.getUserDelegationKey(start, end)
    expect(delegated.signedObjectId).toBe(site.ownerId)
    await expect(service.getUserDelegationKey(start, end)).rejects.toMatchObject({
      statusCode: 403,
      code: 'AuthenticationFailed',
    })
    await expect(
      entra.service.getUserDelegationKey(start, new Date(Date.now() + 8 * 86_400_000)),
    ).rejects.toMatchObject({ statusCode: 400 })
  })
})
