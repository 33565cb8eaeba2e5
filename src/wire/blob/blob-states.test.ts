import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobClientBench, openBlobClient, refused } from '../../../test/support/blob-client.ts'
import { request } from '../../http/testing.ts'
import { MINUTE_MS, SECOND_MS } from '../../kernel/units.ts'

let wire: BlobClientBench
beforeEach(async () => {
  wire = await openBlobClient()
})
afterEach(async () => {
  expect(wire.served.bugs).toEqual([])
  await wire[Symbol.asyncDispose]()
})

const tick = (ms = SECOND_MS) => wire.bench.world.clock.advance(ms)

describe('metadata', () => {
  it('is replaced as a whole, with a new ETag and Last-Modified, and nothing else changes', async () => {
    const blob = wire.container.getBlockBlobClient('b')
    await blob.upload('text', 4, {
      metadata: { One: '1', two: '2' },
      blobHTTPHeaders: { blobContentType: 'text/plain' },
      tags: { tag: 'value' },
    })
    const before = await blob.getProperties()
    tick()
    const set = await blob.setMetadata({ Three: '3' })
    expect(set.etag).not.toBe(before.etag)
    expect(set.lastModified?.getTime()).toBe((before.lastModified?.getTime() ?? 0) + SECOND_MS)
    expect(set.isServerEncrypted).toBe(true)
    const after = await blob.getProperties()
    expect(after.metadata).toEqual({ three: '3' })
    expect(after).toMatchObject({
      etag: set.etag,
      contentType: 'text/plain',
      tagCount: 1,
      createdOn: before.createdOn,
    })
    expect((await blob.downloadToBuffer()).toString()).toBe('text')
  })

  it('is read alone, over GET and HEAD', async () => {
    const blob = await wire.put('b', 'text')
    await blob.setMetadata({ one: '1' })
    for (const method of ['GET', 'HEAD']) {
      const answer = await fetch(`${blob.url}?comp=metadata`, { method })
      expect(answer.headers.get('x-ms-meta-one')).toBe('1')
      expect(answer.headers.get('x-ms-blob-type')).toBeNull()
      expect(await answer.text()).toBe('')
    }
  })
})

describe('HTTP headers', () => {
  it('are all replaced by one, and stay when none is sent', async () => {
    const blob = wire.container.getBlockBlobClient('b')
    await blob.upload('text', 4, {
      blobHTTPHeaders: {
        blobContentType: 'text/plain',
        blobCacheControl: 'no-store',
        blobContentLanguage: 'de',
      },
    })
    const { contentMD5 } = await blob.getProperties()
    expect(contentMD5).toBeDefined()
    await blob.setHTTPHeaders()
    expect(await blob.getProperties()).toMatchObject({
      contentType: 'text/plain',
      cacheControl: 'no-store',
      contentMD5,
    })
    const { etag } = await blob.setHTTPHeaders({ blobContentDisposition: 'attachment' })
    const after = await blob.getProperties()
    expect(after).toMatchObject({
      etag,
      contentDisposition: 'attachment',
      contentType: 'application/octet-stream',
    })
    expect(after.cacheControl).toBeUndefined()
    expect(after.contentMD5).toBeUndefined()
  })
})

describe('tags', () => {
  it('come and go without a new ETag', async () => {
    const blob = wire.container.getBlockBlobClient('b')
    const { etag } = await blob.upload('text', 4, { tags: { a: '1', 'b c': '+-./:=_ 2' } })
    expect((await blob.getTags()).tags).toEqual({ a: '1', 'b c': '+-./:=_ 2' })
    await blob.setTags({ d: '' })
    expect((await blob.getTags()).tags).toEqual({ d: '' })
    expect(await blob.getProperties()).toMatchObject({ etag, tagCount: 1 })
    await blob.setTags({})
    expect((await blob.getTags()).tags).toEqual({})
    expect((await blob.getProperties()).tagCount).toBeUndefined()
  })

  it.each([
    ['too many', Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`k${n}`, 'v']))],
    ['a long name', { ['n'.repeat(129)]: 'v' }],
    ['no name', { '': 'v' }],
    ['a long value', { n: 'v'.repeat(257) }],
    ['a character that may not be', { n: 'ä' }],
    ['another one', { 'n,': 'v' }],
  ])('are refused, and what was there stays: %s', async (_, tags) => {
    const blob = await wire.put('b', 'text')
    await blob.setTags({ a: '1' })
    await expect(blob.setTags(tags)).rejects.toMatchObject(refused(400, 'InvalidTag'))
    await expect(blob.upload('t', 1, { tags })).rejects.toMatchObject(refused(400, 'InvalidTag'))
    expect((await blob.getTags()).tags).toEqual({ a: '1' })
  })

  it('may be ten of the greatest length', async () => {
    const blob = await wire.put('b', 'text')
    const tags = Object.fromEntries(
      Array.from({ length: 10 }, (_, n) => [`${n}`.repeat(128), 'v'.repeat(256)]),
    )
    await blob.setTags(tags)
    expect((await blob.getTags()).tags).toEqual(tags)
  })

  it('that come twice, or in no document, are refused', async () => {
    const blob = await wire.put('b', 'text')
    const send = async (body: string) => {
      const answer = await fetch(`${blob.url}?comp=tags`, { method: 'PUT', body })
      return [answer.status, answer.headers.get('x-ms-error-code')]
    }
    const tag = '<Tag><Key>a</Key><Value>1</Value></Tag>'
    expect(await send(`<Tags><TagSet>${tag}${tag}</TagSet></Tags>`)).toEqual([400, 'InvalidTag'])
    for (const body of ['', '<Tags/>', '<TagSet/>', '<Tags><TagSet><Tag><Key>a</Key></Tag></TagSet></Tags>'])
      expect(await send(body)).toEqual([400, 'InvalidXmlDocument'])
    expect(await send(`<Tags><TagSet>${tag}</TagSet></Tags>`)).toEqual([204, null])
  })

  it('are a condition', async () => {
    const blob = await wire.put('b', 'text')
    await blob.setTags({ state: 'open' })
    const conditions = (tagConditions: string) => ({ conditions: { tagConditions } })
    await blob.setMetadata({}, conditions(`"state" = 'open' AND "none" <> 'x'`))
    await expect(blob.setMetadata({}, conditions(`"state" > 'open'`))).rejects.toMatchObject(
      refused(412, 'ConditionNotMet'),
    )
    await expect(blob.getTags(conditions(`"state" = 'closed' OR "x" = '1'`))).rejects.toMatchObject({
      statusCode: 412,
    })
    await expect(blob.setMetadata({}, conditions('state'))).rejects.toMatchObject(
      refused(400, 'InvalidHeaderValue'),
    )
  })
})

describe('tiers', () => {
  it('are moved at once, without a new ETag', async () => {
    const blob = await wire.put('b', 'text')
    const { etag, accessTier, accessTierInferred } = await blob.getProperties()
    expect({ accessTier, accessTierInferred }).toEqual({ accessTier: 'Hot', accessTierInferred: true })
    for (const tier of ['Cool', 'Cold', 'Archive', 'Archive']) {
      tick()
      expect((await blob.setAccessTier(tier))._response.status).toBe(200)
      const after = await blob.getProperties()
      expect(after).toMatchObject({ etag, accessTier: tier })
      expect(after.accessTierInferred).toBeUndefined()
      expect(after.accessTierChangedOn).toBeDefined()
    }
  })

  it('that were set outlast the bytes, unless what overwrites them has another', async () => {
    const blob = await wire.put('b', 'text')
    const tierAfter = async (write: () => Promise<unknown>) => {
      await write()
      const { accessTier, accessTierInferred = false } = await blob.getProperties()
      return [accessTier, accessTierInferred]
    }
    await blob.setAccessTier('Cool')
    expect(await tierAfter(() => blob.upload('other', 5))).toEqual(['Cool', false])
    expect(await tierAfter(() => blob.commitBlockList([]))).toEqual(['Cool', false])
    expect(await tierAfter(() => blob.upload('other', 5, { tier: 'Cold' }))).toEqual(['Cold', false])
    await blob.setAccessTier('Archive')
    expect(await tierAfter(() => blob.upload('other', 5))).toEqual(['Hot', true])
  })

  it('Archive lets nobody read or write the bytes, until a rehydration has taken its time', async () => {
    const blob = await wire.put('b', 'text')
    await blob.setAccessTier('Archive')
    const archived = refused(409, 'BlobArchived')
    await expect(blob.download()).rejects.toMatchObject(archived)
    await expect(blob.setMetadata({})).rejects.toMatchObject(archived)
    await expect(blob.createSnapshot()).rejects.toMatchObject(archived)
    const copy = wire.container.getBlockBlobClient('copy')
    for (const tier of [undefined, 'Hot']) {
      const copying = copy.syncCopyFromURL(blob.url, tier === undefined ? {} : { tier })
      await expect(copying).rejects.toMatchObject(archived)
    }
    await blob.setTags({ a: '1' })
    expect((await blob.setAccessTier('Cool'))._response.status).toBe(202)
    const pending = {
      accessTier: 'Archive',
      archiveStatus: 'rehydrate-pending-to-cool',
      rehydratePriority: 'Standard',
    }
    expect(await blob.getProperties()).toMatchObject(pending)
    await expect(blob.download()).rejects.toMatchObject(refused(409, 'BlobBeingRehydrated'))
    await expect(blob.setAccessTier('Hot')).rejects.toMatchObject(refused(409, 'BlobBeingRehydrated'))
    expect((await blob.setAccessTier('Cool', { rehydratePriority: 'High' }))._response.status).toBe(202)
    tick(MINUTE_MS)
    const after = await blob.getProperties()
    expect(after.accessTier).toBe('Cool')
    expect(after.archiveStatus).toBeUndefined()
    expect((await blob.downloadToBuffer()).toString()).toBe('text')
  })

  it('are refused where they make no sense', async () => {
    const blob = await wire.put('b', 'text')
    await expect(blob.setAccessTier('Smart')).rejects.toMatchObject(refused(400, 'InvalidHeaderValue'))
    const missing = await fetch(`${blob.url}?comp=tier`, { method: 'PUT' })
    expect(missing.headers.get('x-ms-error-code')).toBe('MissingRequiredHeader')
    const append = wire.container.getAppendBlobClient('append')
    await append.create()
    await expect(append.setAccessTier('Cool')).rejects.toMatchObject(refused(409, 'InvalidBlobType'))
    await wire.bench.addScope('scope1')
    const scoped = wire.container.getBlockBlobClient('scoped')
    await scoped.upload('text', 4, { encryptionScope: 'scope1' })
    await expect(scoped.setAccessTier('Archive')).rejects.toMatchObject(refused(400, 'InvalidBlobTier'))
    await scoped.setAccessTier('Cool')
    const page = wire.container.getPageBlobClient('page')
    await page.create(512)
    for (const blob of [scoped, page])
      await expect(blob.setAccessTier('P10')).rejects.toMatchObject(
        refused(400, 'AccessTierNotSupportedForBlobType'),
      )
  })

  it('of page blobs of a premium account only go up', async () => {
    const { bench, container } = wire
    bench.account = { ...bench.account, sku: 'Premium_LRS' }
    const blob = container.getPageBlobClient('page')
    await blob.create(512)
    expect(await blob.getProperties()).toMatchObject({ accessTier: 'P4', accessTierInferred: true })
    await blob.setAccessTier('P20')
    await blob.setAccessTier('P30')
    await expect(blob.setAccessTier('P20')).rejects.toMatchObject(refused(409, 'CannotChangeToLowerTier'))
    expect((await blob.getProperties()).accessTier).toBe('P30')
  })
})

describe('leases', () => {
  it('keep everybody else from writing, until they are broken', async () => {
    const blob = await wire.put('b', 'text')
    const lease = blob.getBlobLeaseClient()
    const { etag } = await blob.getProperties()
    expect((await lease.acquireLease(15)).etag).toBe(etag)
    expect(await blob.getProperties()).toMatchObject({
      leaseState: 'leased',
      leaseStatus: 'locked',
      leaseDuration: 'fixed',
    })
    const missing = refused(412, 'LeaseIdMissing')
    await expect(blob.setMetadata({})).rejects.toMatchObject(missing)
    await expect(blob.setTags({})).rejects.toMatchObject(missing)
    await expect(blob.setHTTPHeaders({})).rejects.toMatchObject(missing)
    await expect(blob.upload('', 0)).rejects.toMatchObject(missing)
    await expect(blob.delete()).rejects.toMatchObject(missing)
    await blob.setMetadata({}, { conditions: { leaseId: lease.leaseId } })
    expect((await lease.breakLease(5)).leaseTime).toBe(5)
    await expect(blob.delete()).rejects.toMatchObject(missing)
    tick(5 * SECOND_MS)
    expect((await blob.getProperties()).leaseState).toBe('broken')
    await blob.delete()
  })

  it('are of the blob alone, whatever the action', async () => {
    const blob = await wire.put('b', 'text')
    const lease = blob.getBlobLeaseClient()
    await lease.acquireLease(-1)
    const other = '11111111-2222-3333-4444-555555555555'
    await lease.changeLease(other)
    expect((await lease.renewLease()).leaseId).toBe(other)
    await expect(blob.getBlobLeaseClient().acquireLease(15)).rejects.toMatchObject(
      refused(409, 'LeaseAlreadyPresent'),
    )
    await lease.releaseLease()
    expect((await blob.getProperties()).leaseState).toBe('available')
  })
})

describe('what is not there to be done', () => {
  it('is refused by name, and never taken for something else', async () => {
    const blob = await wire.put('b', 'text')
    const codeOf = async (method: string, query: string, headers: Record<string, string> = {}) =>
      (await request(`${wire.served.url}/account1/con/b?${query}`, { method, headers })).headers[
        'x-ms-error-code'
      ]
    expect(await codeOf('PUT', 'comp=expiry')).toBe('FeatureNotEnabled')
    expect(await codeOf('DELETE', 'comp=immutabilitypolicy')).toBe('InvalidQueryParameterValue')
    expect(await codeOf('GET', 'comp=nonsense')).toBe('InvalidQueryParameterValue')
    expect(await codeOf('DELETE', 'deletetype=permanent')).toBe('FeatureNotEnabled')
    expect((await blob.downloadToBuffer()).toString()).toBe('text')
  })
})
