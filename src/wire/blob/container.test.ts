import {
  AnonymousCredential,
  BlobServiceClient,
  type ContainerClient,
  type ContainerItem,
  type ServiceListContainersOptions,
} from '@azure/storage-blob'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobBench, makeContainer, openBlobBench, serveBlobs } from '../../../test/support/blob-bench.ts'
import { type ServedProtocol, type TestRequest, request } from '../../http/testing.ts'
import { DAY_MS, MINUTE_MS } from '../../kernel/units.ts'
import { standardBlobService } from '../../services/storage/blob-service-settings.ts'

let bench: BlobBench
let served: ServedProtocol
let service: BlobServiceClient
let container: ContainerClient
beforeEach(async () => {
  bench = await openBlobBench()
  served = await serveBlobs(bench)
  service = new BlobServiceClient(`${served.url}/account1`, new AnonymousCredential(), {
    retryOptions: { maxTries: 1 },
  })
  container = service.getContainerClient('cont')
})
afterEach(async () => {
  expect(served.bugs).toEqual([])
  await served[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

const refused = (statusCode: number, code: string) => ({ name: 'RestError', statusCode, code })
async function firstPage(options: ServiceListContainersOptions = {}): Promise<readonly ContainerItem[]> {
  for await (const { containerItems } of service.listContainers(options).byPage()) return containerItems
  return []
}
const send = (path: string, options: TestRequest = {}) => request(`${served.url}/account1${path}`, options)

describe('a container, through the SDK', () => {
  it('is made, shown, changed and deleted', async () => {
    const made = await container.create({ metadata: { a: 'b' }, access: 'blob' })
    await expect(container.create()).rejects.toMatchObject(refused(409, 'ContainerAlreadyExists'))
    const shown = await container.getProperties()
    expect(shown).toMatchObject({
      etag: made.etag,
      metadata: { a: 'b' },
      blobPublicAccess: 'blob',
      leaseState: 'available',
      leaseStatus: 'unlocked',
      hasImmutabilityPolicy: false,
      hasLegalHold: false,
      isImmutableStorageWithVersioningEnabled: false,
      defaultEncryptionScope: '$account-encryption-key',
      denyEncryptionScopeOverride: false,
    })
    const changed = await container.setMetadata({ c: 'd' })
    expect(changed.etag).not.toBe(made.etag)
    expect((await container.getProperties()).metadata).toEqual({ c: 'd' })
    expect((await send('/cont?restype=container&comp=metadata')).headers).toMatchObject({
      'x-ms-meta-c': 'd',
    })
    await container.delete()
    await expect(container.getProperties()).rejects.toMatchObject(refused(404, 'ContainerNotFound'))
    expect(await container.exists()).toBe(false)
  })

  it('is not taken for a blob of the root container when it is asked for by HEAD', async () => {
    const { etag = '' } = await container.create({ metadata: { a: 'b' } })
    await service.createContainer('$root')
    await service.getContainerClient('$root').getBlockBlobClient('cont').upload('a blob', 6)
    for (const comp of ['', '&comp=metadata', '&comp=acl']) {
      const { status, headers } = await send(`/cont?restype=container${comp}`, { method: 'HEAD' })
      expect([comp, status, headers.etag]).toEqual([comp, 200, etag])
      expect(headers['x-ms-blob-type']).toBeUndefined()
    }
    const { headers } = await send('/cont', { method: 'HEAD' })
    expect(headers['x-ms-blob-type']).toBe('BlockBlob')
  })

  it('shows its encryption scope by name', async () => {
    await bench.addScope('scope1')
    await container.create({
      containerEncryptionScope: { defaultEncryptionScope: 'scope1', preventEncryptionScopeOverride: true },
    })
    expect(await container.getProperties()).toMatchObject({
      defaultEncryptionScope: 'scope1',
      denyEncryptionScopeOverride: true,
    })
    const [listed] = await firstPage()
    expect(listed?.properties).toMatchObject({
      defaultEncryptionScope: 'scope1',
      preventEncryptionScopeOverride: true,
    })
  })

  it('heeds conditions on its time, and refuses those on its ETag', async () => {
    const { lastModified } = await container.create()
    const before = new Date(lastModified!.getTime() - MINUTE_MS)
    await expect(
      container.setMetadata({ a: 'b' }, { conditions: { ifModifiedSince: new Date(Date.now() + DAY_MS) } }),
    ).rejects.toMatchObject(refused(412, 'ConditionNotMet'))
    await expect(container.delete({ conditions: { ifUnmodifiedSince: before } })).rejects.toMatchObject(
      refused(412, 'ConditionNotMet'),
    )
    await container.setMetadata({ a: 'b' }, { conditions: { ifModifiedSince: before } })
    const headers = { 'if-match': '*' }
    const answer = await send('/cont?restype=container', { method: 'DELETE', headers })
    expect(answer.status).toBe(400)
    expect(answer.headers['x-ms-error-code']).toBe('ConditionHeadersNotSupported')
  })

  it.each([
    ['ab', 'OutOfRangeInput'],
    ['a'.repeat(64), 'OutOfRangeInput'],
    ['Upper', 'InvalidResourceName'],
    ['a--b', 'InvalidResourceName'],
    ['-ab', 'InvalidResourceName'],
    ['$other', 'InvalidResourceName'],
    ['$logs', 'InvalidResourceName'],
  ])('is not called %s: %s', async (name, code) => {
    await expect(service.createContainer(name)).rejects.toMatchObject(refused(400, code))
  })

  it.each(['$root', '$web', 'abc', '0-1-2'])('may be called %s', async (name) => {
    await service.createContainer(name)
  })

  it('is made by Create Container alone, with words that it knows', async () => {
    const answer = await send('/cont?restype=container&comp=other', { method: 'PUT' })
    expect(answer.status).toBe(400)
    expect(answer.headers['x-ms-error-code']).toBe('InvalidQueryParameterValue')
    expect(await container.exists()).toBe(false)
  })
})

describe('access to a container, through the SDK', () => {
  it('is set with stored policies, and given back', async () => {
    await container.create()
    const startsOn = new Date('2026-01-02T03:04:05.678Z')
    await container.setAccessPolicy('container', [
      {
        id: 'a b&c',
        accessPolicy: { startsOn, expiresOn: new Date('2027-01-01T00:00:00Z'), permissions: 'rwdl' },
      },
      { id: 'empty', accessPolicy: {} },
    ])
    const { blobPublicAccess, signedIdentifiers } = await container.getAccessPolicy()
    expect(blobPublicAccess).toBe('container')
    expect(signedIdentifiers[0]).toMatchObject({
      id: 'a b&c',
      accessPolicy: { startsOn, expiresOn: new Date('2027-01-01T00:00:00Z'), permissions: 'rwdl' },
    })
    expect(signedIdentifiers.map(({ id }) => id)).toEqual(['a b&c', 'empty'])
    await container.setAccessPolicy()
    expect(await container.getAccessPolicy()).toMatchObject({ signedIdentifiers: [] })
    expect((await container.getProperties()).blobPublicAccess).toBeUndefined()
  })

  const policy = (inner: string) => `<SignedIdentifier>${inner}</SignedIdentifier>`
  const times = (name: string, text: string) =>
    policy(`<Id>a</Id><AccessPolicy><${name}>${text}</${name}></AccessPolicy>`)
  it.each([
    [
      'six policies',
      Array.from({ length: 6 }, (_, id) => policy(`<Id>${id}</Id>`)).join(''),
      'InvalidXmlDocument',
    ],
    ['an id twice', policy('<Id>a</Id>').repeat(2), 'InvalidXmlDocument'],
    ['no id', policy('<AccessPolicy/>'), 'InvalidXmlDocument'],
    ['an id of 65 characters', policy(`<Id>${'a'.repeat(65)}</Id>`), 'InvalidXmlNodeValue'],
    ['no time', times('Start', 'tomorrow'), 'InvalidXmlNodeValue'],
    ['30 February', times('Expiry', '2026-02-30'), 'InvalidXmlNodeValue'],
    ['an unknown letter', times('Permission', 'rz'), 'InvalidXmlNodeValue'],
    ['a letter twice', times('Permission', 'rr'), 'InvalidXmlNodeValue'],
    ['no XML', '<', 'InvalidXmlDocument'],
  ])('with %s is refused', async (_, inner, code) => {
    await container.create()
    const body = Buffer.from(`<SignedIdentifiers>${inner}</SignedIdentifiers>`)
    const answer = await send('/cont?restype=container&comp=acl', { method: 'PUT', body })
    expect(answer.status).toBe(400)
    expect(answer.headers['x-ms-error-code']).toBe(code)
  })

  it('stays private where the account says so', async () => {
    await container.create()
    bench.account = { ...bench.account, allowsBlobPublicAccess: false }
    await expect(container.setAccessPolicy('blob')).rejects.toMatchObject(
      refused(409, 'PublicAccessNotPermitted'),
    )
    await container.setAccessPolicy()
  })
})

describe('a lease on a container, through the SDK', () => {
  it('is acquired, renewed, changed and released', async () => {
    await container.create()
    const lease = container.getBlobLeaseClient()
    const { etag, leaseId } = await lease.acquireLease(15)
    expect(leaseId).toBe(lease.leaseId)
    const shown = await container.getProperties()
    expect(shown).toMatchObject({ etag, leaseState: 'leased', leaseStatus: 'locked', leaseDuration: 'fixed' })
    await lease.renewLease()
    const other = '11111111-2222-4333-8444-555555555555'
    expect((await lease.changeLease(other)).leaseId).toBe(other)
    await expect(container.delete()).rejects.toMatchObject(refused(412, 'LeaseIdMissing'))
    await expect(
      container.delete({ conditions: { leaseId: '99999999-2222-4333-8444-555555555555' } }),
    ).rejects.toMatchObject(refused(412, 'LeaseIdMismatchWithContainerOperation'))
    await lease.releaseLease()
    expect(await container.getProperties()).toMatchObject({
      leaseState: 'available',
      leaseStatus: 'unlocked',
    })
  })

  it('is broken by whoever wants, after its time', async () => {
    await container.create()
    await container.getBlobLeaseClient().acquireLease(-1)
    const { leaseTime } = await container.getBlobLeaseClient().breakLease(10)
    expect(leaseTime).toBe(10)
    expect(await container.getProperties()).toMatchObject({ leaseState: 'breaking', leaseStatus: 'locked' })
    bench.world.clock.advance(10_000)
    expect(await container.getProperties()).toMatchObject({ leaseState: 'broken', leaseStatus: 'unlocked' })
    await container.delete()
  })

  it.each([
    [{}, 'MissingRequiredHeader'],
    [{ 'x-ms-lease-action': 'take' }, 'InvalidHeaderValue'],
    [{ 'x-ms-lease-action': 'acquire' }, 'MissingRequiredHeader'],
    [{ 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '14' }, 'InvalidHeaderValue'],
    [{ 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '61' }, 'InvalidHeaderValue'],
    [
      { 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '15', 'x-ms-proposed-lease-id': 'x' },
      'InvalidHeaderValue',
    ],
    [{ 'x-ms-lease-action': 'renew' }, 'MissingRequiredHeader'],
    [
      { 'x-ms-lease-action': 'change', 'x-ms-lease-id': '11111111-2222-4333-8444-555555555555' },
      'MissingRequiredHeader',
    ],
    [{ 'x-ms-lease-action': 'break', 'x-ms-lease-break-period': '61' }, 'InvalidHeaderValue'],
  ])('asked for with %j is refused: %s', async (headers, code) => {
    await container.create()
    const answer = await send('/cont?restype=container&comp=lease', { method: 'PUT', headers })
    expect(answer.status).toBe(400)
    expect(answer.headers['x-ms-error-code']).toBe(code)
  })
})

describe('containers of an account, through the SDK', () => {
  const names = async (options: Parameters<BlobServiceClient['listContainers']>[0], maxPageSize = 2) => {
    const found: string[] = []
    for await (const page of service.listContainers(options).byPage({ maxPageSize })) {
      expect(page.containerItems.length).toBeLessThanOrEqual(maxPageSize)
      found.push(...page.containerItems.map(({ name, deleted }) => (deleted === true ? `${name}*` : name)))
    }
    return found
  }

  it('are listed page by page, by prefix, with metadata where it is asked for', async () => {
    for (const name of ['b', 'a-1', 'a-2', 'a-3', '$root']) {
      await service.createContainer(name === 'b' ? 'bbb' : name, { metadata: { of: name } })
    }
    expect(await names({})).toEqual(['$root', 'a-1', 'a-2', 'a-3', 'bbb'])
    expect(await names({ prefix: 'a-' })).toEqual(['a-1', 'a-2', 'a-3'])
    const [plain] = await firstPage()
    expect(plain?.metadata).toBeUndefined()
    const [first] = await firstPage({ includeMetadata: true })
    expect(first).toMatchObject({
      name: '$root',
      metadata: { of: '$root' },
      properties: { leaseState: 'available', hasLegalHold: false },
    })
  })

  it('that were deleted are listed for a time, and restored', async () => {
    const kept = { ...standardBlobService, containerDeleteRetentionDays: 3 }
    bench.account = { ...bench.account, blobService: kept }
    await container.create()
    await container.getBlockBlobClient('b').upload('one', 3)
    await container.delete()
    expect(await names({})).toEqual([])
    bench.world.clock.advance(DAY_MS)
    expect(await names({ includeDeleted: true })).toEqual(['cont*'])
    const [item] = await firstPage({ includeDeleted: true })
    expect(item?.properties).toMatchObject({ remainingRetentionDays: 2 })
    const version = item?.version ?? ''
    await service.undeleteContainer('cont', version)
    expect(await names({ includeDeleted: true })).toEqual(['cont'])
    expect((await container.getBlobClient('b').downloadToBuffer()).toString()).toBe('one')
    await expect(service.undeleteContainer('cont', version)).rejects.toMatchObject(
      refused(409, 'ContainerAlreadyExists'),
    )
  })

  it.each([
    ['maxresults=0', 'OutOfRangeQueryParameterValue'],
    ['maxresults=x', 'OutOfRangeQueryParameterValue'],
    ['include=snapshots', 'InvalidQueryParameterValue'],
  ])('are not listed with %s', async (query, code) => {
    const answer = await send(`/?comp=list&${query}`)
    expect(answer.status).toBe(400)
    expect(answer.headers['x-ms-error-code']).toBe(code)
  })

  it('are listed whatever marker comes', async () => {
    await container.create()
    for (const marker of [
      '/account1/',
      '/account1/cont/x/y/z',
      '%00',
      '%F0%9F%98%80',
      'cont/-1/',
      'cont/1e999',
    ])
      expect((await send(`/?comp=list&include=deleted&marker=${marker}`)).status).toBe(200)
  })
})

describe('a blob without a container in its path', () => {
  it('is in $root', async () => {
    const put = { method: 'PUT', headers: { 'x-ms-blob-type': 'BlockBlob' }, body: 'one' }
    const missing = await send('/page.html', put)
    expect(missing.headers['x-ms-error-code']).toBe('ContainerNotFound')
    await makeContainer(bench, '$root')
    expect((await send('/page.html', put)).status).toBe(201)
    expect((await send('/page.html')).text).toBe('one')
    expect((await send('/%24root/page.html')).text).toBe('one')
    const listed = await send('/page.html?comp=metadata')
    expect(listed.status).toBe(200)
    expect((await send('/page.html', { method: 'DELETE' })).status).toBe(202)
    expect((await send('/page.html')).headers['x-ms-error-code']).toBe('BlobNotFound')
  })

  it('is not deleted by what its operation does not know', async () => {
    await makeContainer(bench, '$root')
    const put = { method: 'PUT', headers: { 'x-ms-blob-type': 'BlockBlob' }, body: 'one' }
    await send('/b', put)
    const answer = await send('/b?comp=unheard-of', { method: 'DELETE' })
    expect(answer.headers['x-ms-error-code']).toBe('InvalidQueryParameterValue')
    expect((await send('/b')).text).toBe('one')
  })
})
