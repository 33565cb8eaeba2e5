import { AnonymousCredential, BlobServiceClient, type BlobServiceProperties } from '@azure/storage-blob'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type BlobBench,
  makeContainer,
  openBlobBench,
  put,
  serveBlobs,
} from '../../../test/support/blob-bench.ts'
import { type ServedProtocol, type TestRequest, request } from '../../http/testing.ts'
import type { CorsRule } from '../../services/storage/cors.ts'

let bench: BlobBench
let served: ServedProtocol
let service: BlobServiceClient
let isPermitted = true
beforeEach(async () => {
  bench = await openBlobBench()
  isPermitted = true
  served = await serveBlobs(bench, () => isPermitted)
  service = new BlobServiceClient(`${served.url}/account1`, new AnonymousCredential(), {
    retryOptions: { maxTries: 1 },
  })
})
afterEach(async () => {
  expect(served.bugs).toEqual([])
  await served[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

const send = (path: string, options: TestRequest = {}) => request(`${served.url}/account1${path}`, options)
const setProperties = (inner: string) =>
  send('/?restype=service&comp=properties', {
    method: 'PUT',
    body: `<?xml version="1.0"?><StorageServiceProperties>${inner}</StorageServiceProperties>`,
  })

const retention = { enabled: true, days: 7 }
const all = {
  blobAnalyticsLogging: {
    version: '1.0',
    read: true,
    write: false,
    deleteProperty: true,
    retentionPolicy: retention,
  },
  hourMetrics: { version: '1.0', enabled: true, includeAPIs: true, retentionPolicy: retention },
  minuteMetrics: { version: '1.0', enabled: false, retentionPolicy: { enabled: false } },
  cors: [
    {
      allowedOrigins: 'https://a.example,https://b.example',
      allowedMethods: 'GET,PUT',
      allowedHeaders: 'x-ms-*,content-type',
      exposedHeaders: '*',
      maxAgeInSeconds: 60,
    },
  ],
  defaultServiceVersion: '2021-12-02',
  deleteRetentionPolicy: { enabled: true, days: 5 },
  staticWebsite: { enabled: true, indexDocument: 'index.html', errorDocument404Path: 'errors/404.html' },
} satisfies BlobServiceProperties

describe('properties of the service, through the SDK', () => {
  it('come back as they were set', async () => {
    const before = await service.getProperties()
    expect(before).toMatchObject({
      cors: [],
      hourMetrics: { enabled: false },
      deleteRetentionPolicy: { enabled: false },
      staticWebsite: { enabled: false },
    })
    await service.setProperties(all)
    expect(await service.getProperties()).toMatchObject(all)
    // Whatever is not named stays.
    await service.setProperties({ cors: [] })
    expect(await service.getProperties()).toMatchObject({ ...all, cors: [] })
    await service.setProperties({
      deleteRetentionPolicy: { enabled: false },
      staticWebsite: { enabled: false },
    })
    const after = await service.getProperties()
    expect(after).toMatchObject({
      hourMetrics: all.hourMetrics,
      deleteRetentionPolicy: { enabled: false },
      staticWebsite: { enabled: false },
    })
  })

  it('keep what is deleted from then on, with the one setting that the resource manager has', async () => {
    await makeContainer(bench)
    await put(bench, 'b', Buffer.from('one'))
    await service.setProperties({ deleteRetentionPolicy: { enabled: true, days: 5 } })
    expect(bench.account.blobService.deleteRetentionDays).toBe(5)
    expect(bench.account.blobService.isVersioningEnabled).toBe(false)
  })

  it('say which version a request has that names none', async () => {
    await service.setProperties({ defaultServiceVersion: '2015-02-21' })
    expect((await send('/?comp=list')).headers['x-ms-version']).toBe('2015-02-21')
    expect((await send('/?comp=list&maxresults=x')).headers['x-ms-version']).toBe('2015-02-21')
    const headers = { 'x-ms-version': '2020-10-02' }
    expect((await send('/?comp=list', { headers })).headers['x-ms-version']).toBe('2020-10-02')
  })

  it('make the container of the website, once', async () => {
    const staticWebsite = { enabled: true, indexDocument: 'index.html' }
    await service.setProperties({ staticWebsite })
    await service.setProperties({ staticWebsite })
    expect(await service.getContainerClient('$web').exists()).toBe(true)
  })

  it('are worked with while the customer has revoked', async () => {
    bench.setKeyEnabled(false)
    await service.setProperties(all)
    expect(await service.getProperties()).toMatchObject(all)
    expect((await send('/?comp=list')).status).toBe(200)
  })

  const rule = (change: string) => {
    const parts = new Map([
      ['AllowedOrigins', '*'],
      ['AllowedMethods', 'GET'],
      ['AllowedHeaders', ''],
      ['ExposedHeaders', ''],
      ['MaxAgeInSeconds', '5'],
    ])
    const [name = '', value = ''] = change.split('=')
    if (name !== '') parts.set(name, value)
    const written = [...parts]
      .filter(([, text]) => text !== '-')
      .map(([tag, text]) => `<${tag}>${text}</${tag}>`)
    return `<CorsRule>${written.join('')}</CorsRule>`
  }
  const cors = (...changes: string[]) => `<Cors>${changes.map(rule).join('')}</Cors>`
  it.each([
    ['<Cors/>', 202, undefined],
    [cors('', '', '', '', ''), 202, undefined],
    [cors('', '', '', '', '', ''), 400, 'InvalidXmlNodeValue'],
    [cors('AllowedOrigins='), 400, 'InvalidXmlNodeValue'],
    [cors('AllowedOrigins=a b'), 400, 'InvalidXmlNodeValue'],
    [cors('AllowedMethods=GET,FETCH'), 400, 'InvalidXmlNodeValue'],
    [cors('AllowedHeaders=a*,b*,c*'), 400, 'InvalidXmlNodeValue'],
    [cors(`AllowedHeaders=${'a'.repeat(257)}`), 400, 'InvalidXmlNodeValue'],
    [cors('MaxAgeInSeconds=-1'), 400, 'InvalidXmlNodeValue'],
    [cors('MaxAgeInSeconds=-'), 400, 'MissingRequiredXmlNode'],
    ['<Cors><Rule/></Cors>', 400, 'UnsupportedXmlNode'],
    ['<Unheard/>', 400, 'UnsupportedXmlNode'],
    ['<DefaultServiceVersion>tomorrow</DefaultServiceVersion>', 400, 'InvalidXmlNodeValue'],
    ['<DeleteRetentionPolicy><Enabled>true</Enabled></DeleteRetentionPolicy>', 400, 'MissingRequiredXmlNode'],
    ['<DeleteRetentionPolicy><Enabled>yes</Enabled></DeleteRetentionPolicy>', 400, 'InvalidXmlNodeValue'],
    [
      '<DeleteRetentionPolicy><Enabled>true</Enabled><Days>366</Days></DeleteRetentionPolicy>',
      400,
      'InvalidXmlNodeValue',
    ],
    [
      '<DeleteRetentionPolicy><Enabled>true</Enabled><Days>7</Days><AllowPermanentDelete>true</AllowPermanentDelete></DeleteRetentionPolicy>',
      400,
      'UnsupportedXmlNode',
    ],
    ['<Logging><Version>1.0</Version></Logging>', 400, 'MissingRequiredXmlNode'],
    [
      '<StaticWebsite><Enabled>true</Enabled><IndexDocument>a/b.html</IndexDocument></StaticWebsite>',
      400,
      'InvalidXmlNodeValue',
    ],
    [
      '<StaticWebsite><Enabled>true</Enabled><IndexDocument>a.html</IndexDocument><DefaultIndexDocumentPath>a.html</DefaultIndexDocumentPath></StaticWebsite>',
      400,
      'InvalidXmlNodeValue',
    ],
    ['</StorageServiceProperties>', 400, 'InvalidXmlDocument'],
  ])('set to %s: %i', async (inner, status, code) => {
    const answer = await setProperties(inner)
    expect(answer.status).toBe(status)
    expect(answer.headers['x-ms-error-code']).toBe(code)
  })

  it('are refused where the account has no website', async () => {
    bench.account = { ...bench.account, kind: 'Storage' }
    const answer = await setProperties('<StaticWebsite><Enabled>true</Enabled></StaticWebsite>')
    expect(answer.headers['x-ms-error-code']).toBe('UnsupportedXmlNode')
    expect(bench.account.blobService.staticWebsite).toBeNull()
  })
})

describe('the account, through the SDK', () => {
  it('tells its kind and SKU, at every level', async () => {
    const info = { skuName: 'Standard_LRS', accountKind: 'StorageV2', isHierarchicalNamespaceEnabled: false }
    const container = service.getContainerClient('nowhere')
    expect(await service.getAccountInfo()).toMatchObject(info)
    expect(await container.getAccountInfo()).toMatchObject(info)
    expect(await container.getBlobClient('nothing').getAccountInfo()).toMatchObject(info)
    const head = await send('/?restype=account&comp=properties', { method: 'HEAD' })
    expect(head.headers).toMatchObject({ 'x-ms-sku-name': 'Standard_LRS', 'content-length': '0' })
  })

  it('tells of its replication on the secondary endpoint alone, where it has one', async () => {
    await expect(service.getStatistics()).rejects.toMatchObject({ code: 'InvalidQueryParameterValue' })
    const secondary = new BlobServiceClient(`${served.url}/account1-secondary`, new AnonymousCredential(), {
      retryOptions: { maxTries: 1 },
    })
    await expect(secondary.getStatistics()).rejects.toMatchObject({
      statusCode: 403,
      code: 'InsufficientAccountPermissions',
    })
    bench.account = { ...bench.account, sku: 'Standard_RAGRS' }
    const { geoReplication } = await secondary.getStatistics()
    expect(geoReplication?.status).toBe('live')
    expect(geoReplication?.lastSyncOn).toBeInstanceOf(Date)
    await makeContainer(bench)
    expect((await secondary.listContainers().next()).value).toMatchObject({ name: 'c1' })
    await expect(secondary.createContainer('other')).rejects.toMatchObject({
      statusCode: 403,
      code: 'InsufficientAccountPermissions',
    })
  })
})

describe('a page of another origin', () => {
  const origin = 'https://a.example'
  const rule: CorsRule = {
    allowedOrigins: [origin, 'https://*.c.example'],
    allowedMethods: ['GET', 'PUT'],
    allowedHeaders: ['x-ms-*', 'Content-Type'],
    exposedHeaders: ['x-ms-meta-*', 'ETag', 'Content-Length'],
    maxAgeSeconds: 60,
  }
  const setRules = (...corsRules: CorsRule[]) => {
    bench.account = { ...bench.account, blobService: { ...bench.account.blobService, corsRules } }
  }
  const ask = (method: string, headers: Record<string, string> = {}, path = '/cont/b?comp=list') =>
    send(path, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': method, ...headers },
    })

  it('is told what it may send', async () => {
    setRules(rule)
    const names = 'x-ms-version,content-type'
    for (const path of ['/cont/b', '/cont?restype=container', '/', '']) {
      const answer = await ask('PUT', { 'access-control-request-headers': names }, path)
      expect(answer.status).toBe(200)
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-methods': 'PUT',
        'access-control-allow-headers': names,
        'access-control-max-age': '60',
        'access-control-allow-credentials': 'true',
        vary: 'Origin',
      })
    }
  })

  it.each([
    ['without rules', [], 'GET', {}],
    ['with another method', [rule], 'DELETE', {}],
    ['with another origin', [rule], 'GET', { origin: 'https://b.example' }],
    ['with an origin in other letters', [rule], 'GET', { origin: 'https://A.example' }],
    ['with the bare domain of a wildcard', [rule], 'GET', { origin: 'https://c.example' }],
    ['with another scheme', [rule], 'GET', { origin: 'http://x.c.example' }],
    ['with another header', [rule], 'GET', { 'access-control-request-headers': 'x-ms-a, authorization' }],
  ])('is refused %s', async (_, rules, method, headers) => {
    setRules(...rules)
    const answer = await ask(method, headers)
    expect(answer.status).toBe(403)
    expect(answer.headers['x-ms-error-code']).toBe('CorsPreflightFailure')
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
  })

  it('must say where it is from, and what it wants', async () => {
    setRules(rule)
    const answer = await send('/cont/b', { method: 'OPTIONS', headers: { origin } })
    expect(answer.headers['x-ms-error-code']).toBe('MissingRequiredHeader')
    const other = await send('/cont/b', {
      method: 'OPTIONS',
      headers: { 'access-control-request-method': 'GET' },
    })
    expect(other.headers['x-ms-error-code']).toBe('MissingRequiredHeader')
  })

  it('sees answers, and refusals, with the headers that the rule exposes', async () => {
    setRules(rule)
    await makeContainer(bench, 'cont')
    const put = await send('/cont/b', {
      method: 'PUT',
      headers: { origin: 'https://x.c.example', 'x-ms-blob-type': 'BlockBlob', 'x-ms-meta-a': 'b' },
      body: 'one',
    })
    expect(put.headers).toMatchObject({
      'access-control-allow-origin': 'https://x.c.example',
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    })
    const got = await send('/cont/b', { headers: { origin } })
    expect(got.headers['access-control-allow-origin']).toBe(origin)
    expect(got.headers['access-control-expose-headers']?.split(',').sort()).toEqual([
      'content-length',
      'etag',
      'x-ms-meta-a',
    ])
    const missing = await send('/cont/other', { headers: { origin } })
    expect(missing.status).toBe(404)
    expect(missing.headers['access-control-allow-origin']).toBe(origin)
    isPermitted = false
    const denied = await send('/cont/b', { headers: { origin } })
    expect(denied.status).toBe(403)
    expect(denied.headers['access-control-allow-origin']).toBe(origin)
  })

  it('is kept apart by caches, unless all are alike', async () => {
    await makeContainer(bench, 'cont')
    const get = async (headers: Record<string, string>) =>
      (await send('/cont?restype=container', { headers })).headers
    expect((await get({ origin })).vary).toBeUndefined()
    setRules(rule)
    expect(await get({})).toMatchObject({ vary: 'Origin' })
    const foreign = await get({ origin: 'https://b.example' })
    expect(foreign.vary).toBe('Origin')
    expect(foreign['access-control-allow-origin']).toBeUndefined()
    setRules({ ...rule, allowedOrigins: ['*'], exposedHeaders: ['*'] })
    for (const headers of [{}, { origin }]) {
      const answer = await get(headers)
      expect(answer.vary).toBeUndefined()
      expect(answer['access-control-allow-origin']).toBe('*')
      expect(answer['access-control-allow-credentials']).toBeUndefined()
      expect(answer['access-control-expose-headers']?.split(',')).toEqual(
        expect.arrayContaining(['x-ms-request-id', 'x-ms-lease-state', 'etag', 'content-length', 'date']),
      )
    }
  })
})
