import type { BlobClient } from '@azure/storage-blob'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobClientBench, openBlobClient, refused } from '../../../test/support/blob-client.ts'
import { DAY_MS, HOUR_MS } from '../../kernel/units.ts'

let wire: BlobClientBench
beforeEach(async () => {
  wire = await openBlobClient()
})
afterEach(async () => {
  expect(wire.served.bugs).toEqual([])
  await wire[Symbol.asyncDispose]()
})

const text = async (blob: Pick<BlobClient, 'downloadToBuffer'>) => (await blob.downloadToBuffer()).toString()
/** Everything of the container, deleted or not: `name`, then what it is. */
async function all(): Promise<string[]> {
  const found: string[] = []
  const options = { includeSnapshots: true, includeVersions: true, includeDeleted: true }
  for await (const item of wire.container.listBlobsFlat(options)) {
    const version = item.isCurrentVersion ? 'current' : 'version'
    const kind = item.snapshot ? 'snapshot' : item.versionId ? version : 'base'
    found.push(`${item.name} ${kind}${item.deleted ? ' deleted' : ''}`)
  }
  return found
}
const extents = async () =>
  Number(
    (
      await wire.bench.process.data.read
        .selectFrom('blob_extents')
        .select(({ fn }) => fn.countAll().as('n'))
        .executeTakeFirstOrThrow()
    ).n,
  )
const sweep = async (afterMs: number) => {
  wire.bench.world.clock.advance(afterMs)
  await wire.bench.blobs.sweep()
  wire.bench.world.clock.advance(2 * HOUR_MS)
  await wire.bench.blobs.sweep()
}

describe('snapshots', () => {
  it('keep what was there, down to the ETag, and share its bytes', async () => {
    const blob = wire.container.getBlockBlobClient('b')
    const { etag } = await blob.upload('one', 3, { metadata: { a: '1' }, tags: { t: '1' } })
    const taken = await blob.createSnapshot()
    expect(taken.etag).toBe(etag)
    expect(await extents()).toBe(1)
    await blob.upload('two', 3)
    const snapshot = blob.withSnapshot(taken.snapshot ?? '')
    expect(await text(snapshot)).toBe('one')
    const properties = await snapshot.getProperties()
    expect(properties).toMatchObject({ etag, metadata: { a: '1' }, tagCount: 1 })
    expect(properties.leaseState).toBeUndefined()
    await sweep(0)
    expect(await text(snapshot)).toBe('one')
    expect(await text(blob)).toBe('two')
  })

  it('with metadata of their own have an ETag of their own', async () => {
    const blob = wire.container.getBlockBlobClient('b')
    const { etag } = await blob.upload('one', 3, { metadata: { a: '1' } })
    const taken = await blob.createSnapshot({ metadata: { b: '2' } })
    expect(taken.etag).not.toBe(etag)
    expect((await blob.withSnapshot(taken.snapshot ?? '').getProperties()).metadata).toEqual({ b: '2' })
    expect(await blob.getProperties()).toMatchObject({ etag, metadata: { a: '1' } })
  })

  it('go with the blob, or alone, or one by one; never unasked', async () => {
    const blob = await wire.put('b', 'one')
    const first = (await blob.createSnapshot()).snapshot ?? ''
    await blob.createSnapshot()
    await expect(blob.delete()).rejects.toMatchObject(refused(409, 'SnapshotsPresent'))
    const one = blob.withSnapshot(first)
    await expect(one.delete({ deleteSnapshots: 'include' })).rejects.toMatchObject(
      refused(400, 'InvalidQueryParameterValue'),
    )
    await one.delete()
    await expect(one.getProperties()).rejects.toMatchObject({ statusCode: 404 })
    expect(await all()).toEqual(['b snapshot', 'b base'])
    await blob.delete({ deleteSnapshots: 'only' })
    expect(await all()).toEqual(['b base'])
    await blob.createSnapshot()
    await blob.delete({ deleteSnapshots: 'include' })
    expect(await all()).toEqual([])
    await sweep(0)
    expect(await extents()).toBe(0)
  })

  it('are named by their moment, and by no other query', async () => {
    const blob = await wire.put('b', 'one')
    const { snapshot = '' } = await blob.createSnapshot()
    await expect(blob.withVersion(snapshot).getProperties()).rejects.toMatchObject({ statusCode: 404 })
    await expect(blob.withVersion(snapshot).delete()).rejects.toMatchObject({ statusCode: 404 })
    await expect(blob.withSnapshot('yesterday').getProperties()).rejects.toMatchObject({ statusCode: 400 })
  })
})

describe('versions', () => {
  beforeEach(() => wire.setSettings({ isVersioningEnabled: true }))

  it('keep what every write replaces', async () => {
    const blob = wire.container.getBlockBlobClient('b')
    const one = await blob.upload('one', 3, { tags: { t: '1' } })
    const two = await blob.upload('two', 3)
    const three = await blob.setMetadata({ a: '1' })
    expect(new Set([one.versionId, two.versionId, three.versionId]).size).toBe(3)
    expect(await all()).toEqual(['b version', 'b version', 'b current'])
    expect(await text(blob.withVersion(one.versionId ?? ''))).toBe('one')
    expect((await blob.withVersion(one.versionId ?? '').getTags()).tags).toEqual({ t: '1' })
    expect((await blob.withVersion(two.versionId ?? '').getProperties()).metadata).toEqual({})
    const current = await blob.withVersion(three.versionId ?? '').getProperties()
    expect(current).toMatchObject({
      metadata: { a: '1' },
      versionId: three.versionId,
      isCurrentVersion: true,
    })
    expect((await blob.getProperties()).versionId).toBe(three.versionId)
  })

  it('are not made by changes that are no writes', async () => {
    const blob = wire.container.getBlockBlobClient('b')
    const { versionId } = await blob.upload('one', 3)
    await blob.setHTTPHeaders({ blobContentType: 'text/plain' })
    await blob.setTags({ a: '1' })
    await blob.setAccessTier('Cool')
    await blob.getBlobLeaseClient().acquireLease(15)
    expect(await all()).toEqual(['b current'])
    expect((await blob.getProperties()).versionId).toBe(versionId)
  })

  it('are left when the blob is deleted, and go one by one, never the current one', async () => {
    const blob = wire.container.getBlockBlobClient('b')
    const one = await blob.upload('one', 3)
    const two = await blob.upload('two', 3)
    await expect(blob.withVersion(two.versionId ?? '').delete()).rejects.toMatchObject(
      refused(403, 'OperationNotAllowedOnRootBlob'),
    )
    await blob.delete()
    await expect(blob.getProperties()).rejects.toMatchObject({ statusCode: 404 })
    expect(await all()).toEqual(['b version', 'b version'])
    expect(await text(blob.withVersion(two.versionId ?? ''))).toBe('two')
    for (const { versionId = '' } of [one, two]) await blob.withVersion(versionId).delete()
    expect(await all()).toEqual([])
    await sweep(0)
    expect(await extents()).toBe(0)
  })

  it('of a blob from before versioning are there from its next write on', async () => {
    wire.setSettings({ isVersioningEnabled: false })
    const blob = wire.container.getBlockBlobClient('b')
    expect((await blob.upload('one', 3)).versionId).toBeUndefined()
    wire.setSettings({ isVersioningEnabled: true })
    await blob.upload('two', 3)
    expect(await all()).toEqual(['b version', 'b current'])
    wire.setSettings({ isVersioningEnabled: false })
    expect((await blob.upload('three', 5)).versionId).toBeUndefined()
    await blob.upload('four', 4)
    expect(await all()).toEqual(['b version', 'b version', 'b base'])
  })

  it('and snapshots of one moment do not meet', async () => {
    const blob = wire.container.getBlockBlobClient('b')
    const one = await blob.upload('one', 3)
    const taken = await blob.createSnapshot()
    expect(taken.versionId).not.toBe(one.versionId)
    expect(taken.versionId).not.toBe(taken.snapshot)
    await blob.upload('two', 3)
    expect(await all()).toEqual(['b version', 'b snapshot', 'b version', 'b current'])
    await blob.delete({ deleteSnapshots: 'include' })
    expect(await all()).toEqual(['b version', 'b version', 'b version'])
  })

  it('are of one type', async () => {
    const blob = await wire.put('b', 'one')
    const append = wire.container.getAppendBlobClient('b')
    await expect(append.create()).rejects.toMatchObject(refused(409, 'InvalidBlobType'))
    await blob.delete()
    await expect(append.create()).rejects.toMatchObject(refused(409, 'InvalidBlobType'))
    for await (const { versionId = '' } of wire.container.listBlobsFlat({ includeVersions: true }))
      await blob.withVersion(versionId).delete()
    await append.create()
  })

  it('are deleted by whoever may delete versions', async () => {
    await using other = await openBlobClient(({ sas }) => !sas.some((letter) => letter === 'x'))
    other.setSettings({ isVersioningEnabled: true })
    const blob = await other.put('b', 'one')
    const { versionId = '' } = await blob.upload('two', 3)
    await blob.upload('three', 5)
    await expect(blob.withVersion(versionId).delete()).rejects.toMatchObject({ statusCode: 403 })
    await blob.delete()
  })
})

describe('soft delete', () => {
  beforeEach(() => wire.setSettings({ deleteRetentionDays: 7 }))

  it('keeps a deleted blob with its snapshots, and gives all of it back', async () => {
    const blob = wire.container.getBlockBlobClient('b')
    await blob.upload('one', 3, { metadata: { a: '1' }, tags: { t: '1' } })
    await blob.createSnapshot()
    const answer = await blob.delete({ deleteSnapshots: 'include' })
    expect(answer._response.headers.get('x-ms-delete-type-permanent')).toBe('false')
    await expect(blob.download()).rejects.toMatchObject({ statusCode: 404 })
    await expect(blob.setTags({})).rejects.toMatchObject({ statusCode: 404 })
    expect(await all()).toEqual(['b snapshot deleted', 'b base deleted'])
    await blob.undelete()
    expect(await all()).toEqual(['b snapshot', 'b base'])
    expect(await blob.getProperties()).toMatchObject({ metadata: { a: '1' }, tagCount: 1 })
    expect(await text(blob)).toBe('one')
    await blob.undelete()
  })

  it('keeps what is written over as a deleted snapshot, for as long as was said', async () => {
    const blob = await wire.put('b', 'one')
    await blob.upload('two', 3)
    expect(await all()).toEqual(['b snapshot deleted', 'b base'])
    await blob.delete()
    await blob.upload('three', 5)
    expect(await all()).toEqual(['b snapshot deleted', 'b snapshot deleted', 'b base'])
    await sweep(8 * DAY_MS)
    expect(await all()).toEqual(['b base'])
    expect(await extents()).toBe(1)
  })

  it('keeps a deleted blob beneath the first version that takes its place', async () => {
    const blob = await wire.put('b', 'one')
    await blob.delete()
    wire.setSettings({ isVersioningEnabled: true })
    await blob.upload('two', 3)
    await blob.upload('three', 5)
    expect(await all()).toEqual(['b snapshot deleted', 'b version', 'b current'])
  })

  it('keeps nothing of an archived blob that is written over, nor beneath one of another type', async () => {
    const blob = await wire.put('b', 'one')
    await blob.setAccessTier('Archive')
    await blob.upload('two', 3)
    expect(await all()).toEqual(['b base'])
    await blob.createSnapshot()
    await blob.delete({ deleteSnapshots: 'include' })
    await wire.container.getAppendBlobClient('b').create()
    expect(await all()).toEqual(['b base'])
  })

  it('of versions: a deleted version comes back, the current one is left as a version', async () => {
    wire.setSettings({ isVersioningEnabled: true, deleteRetentionDays: 7 })
    const blob = wire.container.getBlockBlobClient('b')
    const one = await blob.upload('one', 3)
    await blob.upload('two', 3)
    await blob.withVersion(one.versionId ?? '').delete()
    await blob.delete()
    expect(await all()).toEqual(['b version deleted', 'b version'])
    await blob.undelete()
    expect(await all()).toEqual(['b version', 'b version'])
    await expect(blob.getProperties()).rejects.toMatchObject({ statusCode: 404 })
  })

  it('without it, deleting is for good', async () => {
    wire.setSettings({ deleteRetentionDays: null })
    const blob = await wire.put('b', 'one')
    const answer = await blob.delete()
    expect(answer._response.headers.get('x-ms-delete-type-permanent')).toBe('true')
    await expect(blob.undelete()).rejects.toMatchObject(refused(404, 'BlobNotFound'))
  })
})
