import type { ContainerListBlobsOptions } from '@azure/storage-blob'
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobClientBench, listed, openBlobClient, refused } from '../../../test/support/blob-client.ts'
import { request } from '../../http/testing.ts'
import { DAY_MS, HOUR_MS } from '../../kernel/units.ts'
import { LEASE_MS } from '../../services/keyring/testing/installation.ts'

let wire: BlobClientBench
beforeEach(async () => {
  wire = await openBlobClient()
})
afterEach(async () => {
  expect(wire.served.bugs).toEqual([])
  await wire[Symbol.asyncDispose]()
})

async function items(options: ContainerListBlobsOptions = {}) {
  return await listed(wire.container.listBlobsFlat(options))
}
const names = async (options: ContainerListBlobsOptions = {}) =>
  (await items(options)).map(({ name }) => name)
const xml = async (query: string) =>
  await (await fetch(`${wire.container.url}?restype=container&comp=list&${query}`)).text()

describe('names', () => {
  it('come in the order of their bytes, page by page, whatever they are', async () => {
    const all = ['A', 'a', 'a b&<>"\'', 'a/', 'a/b', 'z', 'ä', '\uff5e', '\uffff', '\u{1f600}']
    for (const name of [...all].reverse()) await wire.put(name, 'text')
    for (const maxPageSize of [1, 3, 100]) {
      const pages = await listed(wire.container.listBlobsFlat().byPage({ maxPageSize }))
      expect(pages.flatMap(({ segment }) => segment.blobItems.map(({ name }) => name))).toEqual(all)
      expect(pages.length).toBe(Math.ceil(all.length / maxPageSize))
    }
    for (const name of all)
      expect((await wire.container.getBlobClient(name).downloadToBuffer()).toString()).toBe('text')
    expect(await xml('')).toContain('<Name Encoded="true">%EF%BF%BF</Name>')
  })

  it('fold at a delimiter, which may be long, into prefixes that hold something', async () => {
    for (const name of ['a', 'a--b', 'a--c--d', 'e--f', 'gone--x', 'z']) await wire.put(name, 'text')
    await wire.container.deleteBlob('gone--x')
    const hierarchy = async (prefix: string, maxPageSize: number) => {
      const found: string[] = []
      const pages = wire.container.listBlobsByHierarchy('--', { prefix }).byPage({ maxPageSize })
      for await (const { segment } of pages) {
        const { blobPrefixes = [], blobItems } = segment
        expect(blobPrefixes.length + blobItems.length).toBeLessThanOrEqual(maxPageSize)
        found.push(...blobPrefixes.map(({ name }) => `${name}*`), ...blobItems.map(({ name }) => name))
      }
      return found.sort()
    }
    for (const size of [1, 2, 100]) {
      expect(await hierarchy('', size)).toEqual(['a', 'a--*', 'e--*', 'z'])
      expect(await hierarchy('a--', size)).toEqual(['a--b', 'a--c--*'])
    }
  })

  it('fold where thousands are behind one prefix', async () => {
    const some = Array.from({ length: 1_500 }, (_, n) => `${n % 3}/${n}`)
    for (let at = 0; at < some.length; at += 100)
      await Promise.all(some.slice(at, at + 100).map((name) => wire.put(name, '')))
    const found = await listed(wire.container.listBlobsByHierarchy('/'))
    expect(found.map(({ kind, name }) => [kind, name])).toEqual(
      ['0/', '1/', '2/'].map((name) => ['prefix', name]),
    )
    expect(await names()).toHaveLength(1_500)
    expect(await names({ prefix: '1/1' })).toHaveLength(some.filter((name) => name.startsWith('1/1')).length)
  })

  it('are listed from one to another', async () => {
    for (const name of ['a', 'b', 'b/c', 'd']) await wire.put(name, '')
    expect(await names({ startFrom: 'b' })).toEqual(['b', 'b/c', 'd'])
    expect(await xml('startFrom=b&endBefore=d')).toMatch(/<Name>b<\/Name>.*<Name>b\/c<\/Name>(?!.*<Name>d<)/)
  })

  it.each([
    ['maxresults=0', 'OutOfRangeQueryParameterValue'],
    ['maxresults=-1', 'OutOfRangeQueryParameterValue'],
    ['marker=nonsense', 'InvalidQueryParameterValue'],
    ['include=everything', 'InvalidQueryParameterValue'],
    ['showonly=directories', 'InvalidQueryParameterValue'],
  ])('with %s are refused', async (query, code) => {
    expect(await xml(query)).toContain(`<Code>${code}</Code>`)
  })
})

describe('what is told of a blob', () => {
  it('is what Get Blob Properties tells', async () => {
    await wire.bench.addScope('scope1')
    const blob = wire.container.getBlockBlobClient('b')
    await blob.upload('text', 4, {
      metadata: { Name: '<value> & "more"' },
      encryptionScope: 'scope1',
      blobHTTPHeaders: {
        blobContentType: 'text/plain',
        blobCacheControl: 'no-store',
        blobContentDisposition: 'attachment; filename="a&b"',
        blobContentEncoding: 'identity',
        blobContentLanguage: 'de',
      },
      tags: { t: '1' },
    })
    await blob.setAccessTier('Cool')
    await blob.getBlobLeaseClient().acquireLease(-1)
    const properties = await blob.getProperties()
    const [item] = await items({ includeMetadata: true, includeTags: true })
    expect(item).toMatchObject({
      name: 'b',
      metadata: { Name: '<value> & "more"' },
      tags: { t: '1' },
      properties: {
        createdOn: properties.createdOn,
        lastModified: properties.lastModified,
        etag: properties.etag?.replaceAll('"', ''),
        contentLength: 4,
        contentType: 'text/plain',
        contentEncoding: 'identity',
        contentLanguage: 'de',
        contentDisposition: 'attachment; filename="a&b"',
        cacheControl: 'no-store',
        contentMD5: properties.contentMD5,
        blobType: 'BlockBlob',
        accessTier: 'Cool',
        accessTierChangedOn: properties.accessTierChangedOn,
        leaseStatus: 'locked',
        leaseState: 'leased',
        leaseDuration: 'infinite',
        serverEncrypted: true,
        encryptionScope: 'scope1',
        tagCount: 1,
      },
    })
    expect(item?.snapshot).toBeUndefined()
    expect(item?.deleted).toBeFalsy()
  })

  it('is no more than was asked for', async () => {
    const blob = wire.container.getBlockBlobClient('b')
    await blob.upload('', 0, { metadata: { a: 'b' }, tags: { t: '1' } })
    const [item] = await items()
    expect(item?.metadata).toBeUndefined()
    expect(item?.tags).toBeUndefined()
    expect(item?.properties.tagCount).toBe(1)
  })

  it('of snapshots, versions and deleted ones comes when it was asked for, the oldest first', async () => {
    wire.setSettings({ deleteRetentionDays: 7 })
    const blob = await wire.put('b', 'one')
    const first = (await blob.createSnapshot()).snapshot
    const second = (await blob.createSnapshot()).snapshot
    expect((await items({ includeSnapshots: true })).map(({ snapshot }) => snapshot)).toEqual([
      first,
      second,
      undefined,
    ])
    expect(await names()).toEqual(['b'])
    await blob.delete({ deleteSnapshots: 'include' })
    wire.bench.world.clock.advance(2 * DAY_MS + HOUR_MS)
    expect(await items()).toEqual([])
    expect(await items({ includeSnapshots: true })).toEqual([])
    const [deleted, ...others] = await items({ includeDeleted: true })
    expect(others).toEqual([])
    expect(deleted).toMatchObject({ name: 'b', deleted: true, properties: { remainingRetentionDays: 4 } })
    expect(deleted?.properties.deletedOn).toBeDefined()
    expect(await items({ includeDeleted: true, includeSnapshots: true })).toHaveLength(3)
    await wire.put('live', '')
    expect(await xml('showonly=deleted')).toMatch(/<Name>b<\/Name>(?!.*<Name>live)/)
  })

  it('of a name that has versions alone is one entry', async () => {
    wire.setSettings({ isVersioningEnabled: true })
    for (const name of ['a', 'b', 'c']) {
      await wire.put(name, 'one')
      await wire.put(name, 'two')
    }
    await wire.container.deleteBlob('b')
    expect(await names()).toEqual(['a', 'c'])
    const found = await items({ includeDeletedWithVersions: true })
    expect(found.map(({ name, hasVersionsOnly }) => [name, hasVersionsOnly ?? false])).toEqual([
      ['a', false],
      ['b', true],
      ['c', false],
    ])
    const pages = await listed(
      wire.container
        .listBlobsFlat({ includeDeletedWithVersions: true, includeVersions: true })
        .byPage({ maxPageSize: 1 }),
    )
    expect(pages.flatMap(({ segment }) => segment.blobItems.map(({ name }) => name)).join('')).toBe('aabbbcc')
  })

  it('of uncommitted blocks is a name, among all others', async () => {
    await wire.put('a', '')
    await wire.put('c', '')
    for (const name of ['a', 'b', 'd'])
      await wire.container.getBlockBlobClient(name).stageBlock('AAAA', 'text', 4)
    expect(await names()).toEqual(['a', 'c'])
    expect(await names({ includeUncommitedBlobs: true })).toEqual(['a', 'b', 'c', 'd'])
    const pages = await listed(
      wire.container.listBlobsFlat({ includeUncommitedBlobs: true }).byPage({ maxPageSize: 1 }),
    )
    expect(pages.flatMap(({ segment }) => segment.blobItems.map(({ name }) => name))).toEqual([
      'a',
      'b',
      'c',
      'd',
    ])
    const [b] = await items({ prefix: 'b', includeUncommitedBlobs: true })
    expect(b?.properties).toMatchObject({ contentLength: 0, blobType: 'BlockBlob' })
  })

  it('includes tags for those alone who may read them', async () => {
    await using other = await openBlobClient(({ sas }) => !sas.some((letter) => letter === 't'))
    await expect(listed(other.container.listBlobsFlat({ includeTags: true }))).rejects.toMatchObject({
      statusCode: 403,
    })
    expect(await listed(other.container.listBlobsFlat())).toEqual([])
  })
})

describe('while the key is away', () => {
  it('lists go on, but with metadata, also where there is nothing to list', async () => {
    const { bench } = wire
    const refusal = refused(403, 'KeyVaultEncryptionKeyNotFound')
    bench.setKeyEnabled(false)
    expect(await names()).toEqual([])
    await expect(names({ includeMetadata: true })).rejects.toMatchObject(refusal)
    bench.setKeyEnabled(true)
    bench.world.clock.advance(LEASE_MS)
    const blob = wire.container.getBlockBlobClient('b')
    await blob.upload('text', 4, { metadata: { a: 'b' }, tags: { t: '1' } })
    bench.setKeyEnabled(false)
    const [item] = await items({
      includeTags: true,
      includeSnapshots: true,
      includeVersions: true,
      includeCopy: true,
    })
    expect(item).toMatchObject({ name: 'b', tags: { t: '1' }, properties: { contentLength: 4 } })
    await expect(names({ includeMetadata: true })).rejects.toMatchObject(refusal)
    bench.setKeyEnabled(true)
    bench.world.clock.advance(LEASE_MS)
    expect((await items({ includeMetadata: true }))[0]?.metadata).toEqual({ a: 'b' })
  })

  it('of a blob under a key of the client, metadata is not told at all', async () => {
    const key = Buffer.alloc(32, 1)
    const digest = createHash('sha256').update(key).digest('base64')
    // The SDK keeps such a key to HTTPS.
    const put = await request(`${wire.container.url}/b`, {
      method: 'PUT',
      headers: {
        'x-ms-blob-type': 'BlockBlob',
        'x-ms-meta-a': 'b',
        'x-ms-encryption-key': key.toString('base64'),
        'x-ms-encryption-key-sha256': digest,
        'x-ms-encryption-algorithm': 'AES256',
      },
      body: 'text',
    })
    expect(put.status).toBe(201)
    const [item] = await items({ includeMetadata: true })
    expect(item?.properties.customerProvidedKeySha256).toBe(digest)
    expect(await xml('include=metadata')).toContain('<Metadata Encrypted="true" />')
  })
})
