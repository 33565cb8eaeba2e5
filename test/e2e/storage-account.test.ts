import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BlobServiceClient } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Az } from '../support/az.ts'
import { azureSdk } from '../support/azure-sdk.ts'
import { accountKey } from '../support/blob-callers.ts'
import { makeServicePrincipal } from '../support/principals.ts'
import { GROUP, LOCATION, type Site, openSite } from '../support/site.ts'
import {
  accountPath,
  getAccount,
  makeEncryptedAccount,
  makePlainAccount,
  plainAccount,
} from '../support/storage-account.ts'
import { words } from '../support/words.ts'

interface AzAccount {
  readonly name: string
  readonly kind: string
  readonly sku: { readonly name: string; readonly tier: string }
  readonly provisioningState: string
  readonly primaryEndpoints: Readonly<Record<string, string | null>>
  readonly tags: Readonly<Record<string, string>>
  readonly encryption: { readonly keySource: string }
}
interface AzKey {
  readonly keyName: string
  readonly value: string
  readonly permissions: string
}

describe('storage accounts', () => {
  let site: Site
  let az: Az

  beforeAll(async () => {
    site = await openSite()
    az = await site.az()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('az storage account create, show, list, update and delete', async () => {
    const made = await az<AzAccount>(
      ...words`storage account create -g ${GROUP} -n azmade -l ${LOCATION} --sku Standard_LRS --kind StorageV2`,
    )
    expect(made).toMatchObject({
      name: 'azmade',
      kind: 'StorageV2',
      sku: { name: 'Standard_LRS', tier: 'Standard' },
      provisioningState: 'Succeeded',
      accessTier: 'Hot',
      statusOfPrimary: 'available',
      encryption: {
        keySource: 'Microsoft.Storage',
        services: { blob: { enabled: true, keyType: 'Account' } },
      },
    })
    const { port } = site.server
    for (const service of ['blob', 'queue', 'table', 'file', 'dfs', 'web'])
      expect(made.primaryEndpoints[service]).toBe(`https://azmade.${service}.core.localhost:${port}/`)
    expect(await az(...words`storage account show -n azmade`)).toMatchObject({ name: 'azmade' })
    const listed = await az<readonly AzAccount[]>(...words`storage account list -g ${GROUP}`)
    expect(listed.map(({ name }) => name)).toContain('azmade')
    const updated = await az<AzAccount>(
      ...words`storage account update -n azmade --tags a=b --access-tier Cool --min-tls-version TLS1_2`,
      ...words`--public-network-access Disabled --allow-shared-key-access false --sku Standard_GRS --yes`,
    )
    expect(updated).toMatchObject({
      tags: { a: 'b' },
      accessTier: 'Cool',
      minimumTlsVersion: 'TLS1_2',
      publicNetworkAccess: 'Disabled',
      allowSharedKeyAccess: false,
      sku: { name: 'Standard_GRS' },
    })
    await az(...words`storage account delete -n azmade -g ${GROUP} -y`)
    expect(await az.fails(...words`storage account show -n azmade -g ${GROUP}`)).toMatch(/ResourceNotFound/)
    await az(...words`storage account create -g ${GROUP} -n azmade`)
  })

  it('az storage account keys list and renew; the connection string has the endpoints with their port', async () => {
    await makePlainAccount(site, 'withkeys')
    const list = () => az<readonly AzKey[]>(...words`storage account keys list -n withkeys`)
    const before = await list()
    expect(before.map(({ keyName, permissions }) => [keyName, permissions])).toEqual([
      ['key1', 'FULL'],
      ['key2', 'FULL'],
    ])
    for (const { value } of before) expect(Buffer.from(value, 'base64')).toHaveLength(64)
    const renewed = await az<readonly AzKey[]>(
      ...words`storage account keys renew -g ${GROUP} -n withkeys --key primary`,
    )
    expect(renewed[0]?.value).not.toBe(before[0]?.value)
    expect(renewed[1]?.value).toBe(before[1]?.value)
    expect(await list()).toEqual(renewed)
    const { connectionString } = await az<{ readonly connectionString: string }>(
      ...words`storage account show-connection-string -n withkeys`,
    )
    const { port } = site.server
    expect(connectionString).toContain(`EndpointSuffix=core.localhost:${port};`)
    expect(connectionString).toContain(`AccountKey=${renewed[0]?.value}`)
    expect(connectionString).toContain(`BlobEndpoint=https://withkeys.blob.core.localhost:${port}/`)
  })

  it('keys are in no other answer and in no file', async () => {
    await makePlainAccount(site, 'quietkeys')
    const { keys = [] } = await site.sdk.storage.storageAccounts.listKeys(GROUP, 'quietkeys')
    const shown = JSON.stringify([
      await site.arm.ok('GET', accountPath('quietkeys'), '2025-08-01'),
      await site.arm.ok('GET', '/resources', '2021-04-01'),
    ])
    for (const { value = '' } of keys) expect(shown).not.toContain(value)
  })

  it('a regenerated key opens nothing from then on, and signatures listed with it neither', async () => {
    await makePlainAccount(site, 'signed1')
    const { storageAccounts } = site.sdk.storage
    const hour = 3_600_000
    const url = site.server.url('signed1.blob.core')
    const { accountSasToken = '' } = await storageAccounts.listAccountSAS(GROUP, 'signed1', {
      services: 'b',
      resourceTypes: 'sco',
      permissions: 'rwlc',
      protocols: 'https',
      sharedAccessExpiryTime: new Date(Date.now() + hour),
      keyToSign: 'key2',
    })
    const whole = new BlobServiceClient(`${url}?${accountSasToken}`).getContainerClient('box')
    await whole.create()
    await whole.getBlockBlobClient('hello').upload('hello', 5)
    const { serviceSasToken = '' } = await storageAccounts.listServiceSAS(GROUP, 'signed1', {
      canonicalizedResource: '/blob/signed1/box',
      resource: 'c',
      permissions: 'r',
      sharedAccessExpiryTime: new Date(Date.now() + hour),
      keyToSign: 'key1',
    })
    const one = new BlobServiceClient(`${url}?${serviceSasToken}`).getContainerClient('box')
    expect((await one.getBlobClient('hello').downloadToBuffer()).toString()).toBe('hello')
    await expect(one.getBlockBlobClient('other').upload('x', 1)).rejects.toMatchObject({ statusCode: 403 })

    await storageAccounts.regenerateKey(GROUP, 'signed1', { keyName: 'key1' })
    await expect(one.getBlobClient('hello').getProperties()).rejects.toMatchObject({ statusCode: 403 })
    await whole.getBlobClient('hello').getProperties()
    await storageAccounts.regenerateKey(GROUP, 'signed1', { keyName: 'key2' })
    await expect(whole.getBlobClient('hello').getProperties()).rejects.toMatchObject({ statusCode: 403 })
  })

  it.each([
    ['listAccountSas', { signedServices: 'b', signedResourceTypes: 's', signedPermission: 'r' }],
    ['listAccountSas', { signedExpiry: '2031-01-01T00:00:00Z' }],
    ['listAccountSas', 7],
    [
      'listServiceSas',
      {
        signedResource: 'c',
        signedPermission: 'r',
        signedExpiry: '2031-01-01',
        canonicalizedResource: '/blob/another/box',
      },
    ],
    [
      'listServiceSas',
      {
        signedResource: 'c',
        signedPermission: 'r',
        signedExpiry: 'soon',
        canonicalizedResource: '/blob/signed2/box',
      },
    ],
    [
      'listServiceSas',
      {
        signedResource: 'c',
        signedPermission: 'r\n',
        signedExpiry: '2031-01-01',
        canonicalizedResource: '/blob/signed2/box',
      },
    ],
    [
      'listServiceSas',
      {
        signedResource: 'c',
        signedIdentifier: 'a',
        canonicalizedResource: '/blob/signed2/box',
        keyToSign: 'key3',
      },
    ],
    ['regenerateKey', { keyName: 'kerb1' }],
    ['regenerateKey', undefined],
  ])('%s with %j is refused', async (action, body) => {
    await makePlainAccount(site, 'signed2')
    const reply = await site.arm('POST', `${accountPath('signed2')}/${action}`, '2025-08-01', body)
    expect(reply.status).toBe(400)
  })

  it('az storage account check-name, and names that are none or in use', async () => {
    await makePlainAccount(site, 'takenname')
    const check = (name: string) => az(...words`storage account check-name -n ${name}`)
    expect(await check('freename')).toMatchObject({ nameAvailable: true })
    expect(await check('takenname')).toMatchObject({ nameAvailable: false, reason: 'AlreadyExists' })
    expect(await check('No-Name')).toMatchObject({ nameAvailable: false, reason: 'AccountNameInvalid' })
    await site.arm.ok('PUT', '/resourcegroups/rg2', '2021-04-01', { location: LOCATION })
    const create = (name: string) =>
      site.arm(
        'PUT',
        `/resourceGroups/rg2/providers/Microsoft.Storage/storageAccounts/${name}`,
        '2025-08-01',
        {
          ...plainAccount,
          properties: {},
        },
      )
    expect(await create('takenname')).toMatchObject({
      status: 409,
      body: { error: { code: 'StorageAccountAlreadyTaken' } },
    })
    for (const name of ['ab', 'UPPER', 'with-dash', 'a'.repeat(25), 'ümlaut'])
      expect(await create(encodeURIComponent(name))).toMatchObject({
        status: 400,
        body: { error: { code: 'AccountNameInvalid' } },
      })
  })

  it.each([
    ['StorageV2', 'Standard_ZRS', ['blob', 'dfs', 'file', 'queue', 'table', 'web'], 'Hot'],
    ['Storage', 'Standard_LRS', ['blob', 'file', 'queue', 'table'], undefined],
    ['BlockBlobStorage', 'Premium_LRS', ['blob', 'dfs', 'web'], 'Premium'],
    ['FileStorage', 'Premium_ZRS', ['file'], undefined],
  ] as const)('the kind %s goes with %s', async (kind, name, services, tier) => {
    const account = await makePlainAccount(site, `kind${kind.toLowerCase()}`, { kind, sku: { name } })
    expect(account.accessTier).toBe(tier)
    const endpoints = Object.entries(account.primaryEndpoints ?? {}).filter(([, url]) => url !== undefined)
    expect(endpoints.map(([service]) => service).sort()).toEqual(services)
    expect(account.secondaryEndpoints).toBeUndefined()
  })

  it('an account that is read at a second place says where, and is read there', async () => {
    const { secondaryEndpoints } = await makePlainAccount(site, 'twoplaces', {
      sku: { name: 'Standard_RAGRS' },
    })
    const { blob = '', file } = secondaryEndpoints ?? {}
    expect([blob, file]).toEqual([`${site.server.url('twoplaces-secondary.blob.core')}/`, undefined])
    const second = new BlobServiceClient(blob, await accountKey(site, 'twoplaces'))
    expect((await second.getStatistics()).geoReplication?.status).toBe('live')
    await expect(second.createContainer('box')).rejects.toMatchObject({ statusCode: 403 })
  })

  it.each([
    ['BlockBlobStorage', 'Standard_LRS', {}, 'InvalidAccountType'],
    ['Storage', 'Standard_ZRS', {}, 'InvalidAccountType'],
    ['StorageV2', 'Standard_XRS', {}, 'InvalidAccountType'],
    ['BlobStorage', 'Standard_LRS', {}, 'InvalidAccessTier'],
    ['Storage', 'Standard_LRS', { accessTier: 'Hot' }, 'InvalidAccessTier'],
    ['StorageV2', 'Standard_LRS', { accessTier: 'Warm' }, 'InvalidAccessTier'],
    ['Files', 'Standard_LRS', {}, 'InvalidRequestPropertyValue'],
    ['StorageV2', 'Standard_LRS', { minimumTlsVersion: 'TLS1_9' }, 'InvalidRequestPropertyValue'],
    ['StorageV2', 'Standard_LRS', { allowSharedKeyAccess: 'no' }, 'InvalidRequestPropertyValue'],
    ['StorageV2', 'Standard_LRS', { networkAcls: 'shut' }, 'InvalidRequestPropertyValue'],
    ['StorageV2', 'Standard_LRS', { isHnsEnabled: true }, 'FeatureNotSupported'],
    ['StorageV2', 'Standard_LRS', { isSftpEnabled: true }, 'FeatureNotSupported'],
    ['StorageV2', 'Standard_LRS', { customDomain: { name: 'a.example' } }, 'FeatureNotSupported'],
    [
      'StorageV2',
      'Standard_LRS',
      { networkAcls: { ipRules: [{ value: '10.0.0.0/99' }] } },
      'InvalidValuesForRequestParameters',
    ],
  ])('%s with %s and %j is refused with %s, and nothing is made', async (kind, sku, properties, code) => {
    const body = { location: LOCATION, kind, sku: { name: sku }, properties }
    expect(await site.arm('PUT', accountPath('notmade'), '2025-08-01', body)).toMatchObject({
      status: 400,
      body: { error: { code } },
    })
    expect((await site.arm('GET', accountPath('notmade'), '2025-08-01')).status).toBe(404)
  })

  it('a general-purpose v1 account is upgraded, and becomes no other kind', async () => {
    await makePlainAccount(site, 'upgraded', { kind: 'Storage' })
    const patch = (body: object) => site.arm('PATCH', accountPath('upgraded'), '2025-08-01', body)
    expect(await patch({ kind: 'BlockBlobStorage', sku: { name: 'Premium_LRS' } })).toMatchObject({
      status: 400,
      body: { error: { code: 'AccountPropertyCannotBeUpdated' } },
    })
    expect(await patch({ kind: 'StorageV2', properties: { accessTier: 'Cool' } })).toMatchObject({
      status: 200,
      body: { kind: 'StorageV2', properties: { accessTier: 'Cool' } },
    })
    expect(await patch({ sku: { name: 'Premium_LRS' } })).toMatchObject({
      status: 400,
      body: { error: { code: 'StorageAccountTypeConversionNotAllowed' } },
    })
  })

  it('az storage account network-rule adds, lists and removes; silence keeps the rules', async () => {
    await makePlainAccount(site, 'fenced')
    await az(...words`storage account update -n fenced --default-action Deny --bypass Logging Metrics`)
    await az(...words`storage account network-rule add -n fenced -g ${GROUP} --ip-address 10.1.2.0/24`)
    await az(...words`storage account network-rule add -n fenced -g ${GROUP} --ip-address 10.9.9.9`)
    await az(...words`storage account network-rule remove -n fenced -g ${GROUP} --ip-address 10.9.9.9`)
    await az(...words`storage account update -n fenced --tags a=b`)
    const { networkRuleSet } = await getAccount(site, 'fenced')
    expect(networkRuleSet).toMatchObject({
      defaultAction: 'Deny',
      bypass: 'Logging, Metrics',
      ipRules: [{ iPAddressOrRange: '10.1.2.0/24', action: 'Allow' }],
    })
  })

  it('az storage account blob-service-properties update and show', async () => {
    await makePlainAccount(site, 'withblobs')
    const at = words`-n withblobs -g ${GROUP}`
    const update = words`storage account blob-service-properties update`
    await az(
      ...update,
      ...at,
      ...words`--enable-versioning true --enable-delete-retention true --delete-retention-days 7`,
    )
    await az(
      ...update,
      ...at,
      ...words`--enable-container-delete-retention true --container-delete-retention-days 9`,
    )
    expect(await az(...words`storage account blob-service-properties show`, ...at)).toMatchObject({
      isVersioningEnabled: true,
      deleteRetentionPolicy: { enabled: true, days: 7 },
      containerDeleteRetentionPolicy: { enabled: true, days: 9 },
    })
    await az(...update, ...at, ...words`--enable-delete-retention false`)
    expect(await az(...words`storage account blob-service-properties show`, ...at)).toMatchObject({
      isVersioningEnabled: true,
      deleteRetentionPolicy: { enabled: false, days: null },
    })
    expect(await az.fails(...update, ...at, ...words`--enable-change-feed true`)).toMatch(
      /FeatureNotSupported/,
    )
  })

  it('az storage account show-usage counts the accounts of a region', async () => {
    await makePlainAccount(site, 'counted', { location: 'westeurope' })
    expect(await az(...words`storage account show-usage -l westeurope`)).toMatchObject({
      currentValue: 1,
      name: { value: 'StorageAccounts' },
    })
    const names: string[] = []
    for await (const { name } of site.sdk.storage.skus.list()) names.push(name)
    expect(names).toContain('Standard_LRS')
  })

  it('keys and accounts are for those whose role says so', async () => {
    await makeEncryptedAccount(site, 'guarded')
    const { id = '' } = await getAccount(site, 'guarded')
    const may = async (role: string) => {
      const { login, principalId } = await makeServicePrincipal(site, `storage ${role}`)
      await az(
        ...words`role assignment create --assignee-object-id ${principalId} --role ${role} --scope ${id}`,
        ...words`--assignee-principal-type ServicePrincipal`,
      )
      const { storageAccounts } = azureSdk(site.server, login).storage
      const can = (work: Promise<unknown>) =>
        work.then(
          () => true,
          () => false,
        )
      return {
        reads: await can(storageAccounts.getProperties(GROUP, 'guarded')),
        lists: await can(storageAccounts.listKeys(GROUP, 'guarded')),
        renews: await can(storageAccounts.regenerateKey(GROUP, 'guarded', { keyName: 'key2' })),
        updates: await can(storageAccounts.update(GROUP, 'guarded', { tags: {} })),
      }
    }
    const none = { reads: false, lists: false, renews: false, updates: false }
    expect(await may('Reader')).toEqual({ ...none, reads: true })
    expect(await may('Reader and Data Access')).toEqual({ ...none, reads: true, lists: true })
    expect(await may('Storage Account Key Operator Service Role')).toEqual({
      ...none,
      lists: true,
      renews: true,
    })
    expect(await may('Storage Account Contributor')).toEqual({
      reads: true,
      lists: true,
      renews: true,
      updates: true,
    })
    expect(await may('Storage Blob Data Owner')).toEqual(none)
    expect(await may('Key Vault Contributor')).toEqual(none)
  })

  it('a deployment makes an account with a scope and its blob settings', async () => {
    const name = 'deployed'
    const template = {
      $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
      contentVersion: '1.0.0.0',
      resources: [
        {
          type: 'Microsoft.Storage/storageAccounts',
          apiVersion: '2023-05-01',
          name,
          location: LOCATION,
          kind: 'StorageV2',
          sku: { name: 'Standard_LRS' },
          properties: {},
        },
        {
          type: 'Microsoft.Storage/storageAccounts/blobServices',
          apiVersion: '2023-05-01',
          name: `${name}/default`,
          dependsOn: [`[resourceId('Microsoft.Storage/storageAccounts', '${name}')]`],
          properties: { isVersioningEnabled: true },
        },
        {
          type: 'Microsoft.Storage/storageAccounts/encryptionScopes',
          apiVersion: '2023-05-01',
          name: `${name}/scope1`,
          dependsOn: [`[resourceId('Microsoft.Storage/storageAccounts', '${name}')]`],
          properties: { source: 'Microsoft.Storage' },
        },
      ],
    }
    const file = join(site.folder, 'storage.json')
    await writeFile(file, JSON.stringify(template))
    await az(...words`deployment group create -g ${GROUP} --template-file ${file}`)
    const settings = await site.sdk.storage.blobServices.getServiceProperties(GROUP, name)
    expect(settings.isVersioningEnabled).toBe(true)
    expect(await site.sdk.storage.encryptionScopes.get(GROUP, name, 'scope1')).toMatchObject({
      state: 'Enabled',
    })
  })
})
