import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobBench, get, makeContainer, openBlobBench, put } from '../../../test/support/blob-bench.ts'
import { DAY_MS, HOUR_MS } from '../../kernel/units.ts'
import { doomContainer } from '../../store/records/blob/garbage.ts'
import { standardBlobService } from '../storage/blob-service-settings.ts'
import type { ContainerOptions } from './change-container.ts'
import { noConditions } from './conditions.ts'
import type { LeaseCommand } from './change-lease.ts'

let bench: BlobBench
beforeEach(async () => {
  bench = await openBlobBench()
})
afterEach(async () => {
  await bench[Symbol.asyncDispose]()
})

const free: ContainerOptions = { conditions: noConditions, leaseId: null }
const at = (container = 'c1') => ({ account: bench.account, container })
const keepDeleted = (containerDeleteRetentionDays: number | null) => {
  bench.account = {
    ...bench.account,
    blobService: { ...standardBlobService, containerDeleteRetentionDays },
  }
}
const infinite: LeaseCommand = { action: 'acquire', proposedId: null, durationSeconds: null }

async function list(change: { prefix?: string; limit?: number; withDeleted?: boolean } = {}) {
  const found: string[] = []
  for (let from: string | null = ''; from !== null && found.length < 100;) {
    const query = { prefix: '', limit: 2, withDeleted: true, from, ...change }
    const page = await bench.blobs.listContainers(bench.account, query)
    for (const { name, deletedAt } of page.items) found.push(deletedAt === null ? name : `${name}*`)
    from = page.next
  }
  return found
}

describe('a change of a container', () => {
  it('of metadata or access makes another ETag, a lease does not', async () => {
    await makeContainer(bench)
    const { doc: made } = await bench.blobs.getContainerProperties(at(), null)
    bench.world.clock.advance(5000)
    const leased = await bench.blobs.leaseContainer(at(), { command: infinite, conditions: noConditions })
    expect(leased.doc).toMatchObject({ etag: made.etag, modifiedAt: made.modifiedAt })
    const { doc } = await bench.blobs.setContainerMetadata(at(), { ...free, metadata: { a: 'b' } })
    expect(doc.etag).not.toBe(made.etag)
    expect(doc.modifiedAt).toBe(made.modifiedAt + 5000)
    const policies = [{ id: 'p', start: null, expiry: null, permission: 'r' }]
    const acl = await bench.blobs.setContainerAcl(at(), { ...free, publicAccess: 'blob', policies })
    expect(acl.doc.etag).not.toBe(doc.etag)
    await bench.restart()
    expect((await bench.blobs.getContainerProperties(at(), null)).doc).toMatchObject({
      metadata: { a: 'b' },
      publicAccess: 'blob',
      policies,
    })
  })

  it('needs no lease id, but one that is given must hold', async () => {
    await makeContainer(bench)
    const { doc } = await bench.blobs.leaseContainer(at(), { command: infinite, conditions: noConditions })
    const other = { ...free, leaseId: '00000000-0000-4000-8000-000000000000' }
    const set = (options: ContainerOptions) =>
      bench.blobs.setContainerMetadata(at(), { ...options, metadata: {} })
    await expect(set(other)).rejects.toMatchObject({ code: 'lease-id-mismatch' })
    await set({ ...free, leaseId: doc.lease!.id })
    await set(free)
  })

  it('is refused against a condition', async () => {
    await makeContainer(bench)
    const conditions = { ...noConditions, ifUnmodifiedSince: bench.world.clock.wall() - DAY_MS }
    const change = { ...free, conditions, metadata: { a: 'b' } }
    await expect(bench.blobs.setContainerMetadata(at(), change)).rejects.toMatchObject({
      code: 'condition-not-met',
    })
    expect((await bench.blobs.getContainerProperties(at(), null)).doc.metadata).toEqual({})
  })

  it('cannot make public what the account keeps private', async () => {
    await makeContainer(bench)
    bench.account = { ...bench.account, allowsBlobPublicAccess: false }
    const acl = { ...free, publicAccess: 'blob' as const, policies: [] }
    const refusal = { code: 'public-access-not-permitted' }
    await expect(bench.blobs.setContainerAcl(at(), acl)).rejects.toMatchObject(refusal)
    await expect(
      bench.blobs.createContainer(at('c2'), {
        metadata: {},
        publicAccess: 'container',
        defaultScope: null,
        deniesScopeOverride: false,
      }),
    ).rejects.toMatchObject(refusal)
  })
})

describe('a container', () => {
  it('that is leased is deleted with its lease alone', async () => {
    await makeContainer(bench)
    const { doc } = await bench.blobs.leaseContainer(at(), { command: infinite, conditions: noConditions })
    await expect(bench.blobs.deleteContainer(at(), free)).rejects.toMatchObject({ code: 'lease-id-missing' })
    await bench.blobs.deleteContainer(at(), { ...free, leaseId: doc.lease!.id })
    await expect(bench.blobs.getContainerProperties(at(), null)).rejects.toMatchObject({
      code: 'container-not-found',
    })
  })

  it('shows its scope by name', async () => {
    await bench.addScope('scope1')
    const wanted = { metadata: {}, publicAccess: 'none' as const, deniesScopeOverride: true }
    await bench.blobs.createContainer(at(), { ...wanted, defaultScope: 'scope1' })
    expect((await bench.blobs.getContainerProperties(at(), null)).scopeName).toBe('scope1')
  })
})

describe('a deleted container', () => {
  it('comes back with its blobs, while it is kept', async () => {
    keepDeleted(7)
    await makeContainer(bench)
    await put(bench, 'b', Buffer.from('one'))
    await bench.blobs.deleteContainer(at(), free)
    const { items } = await bench.blobs.listContainers(bench.account, {
      prefix: '',
      from: '',
      limit: 10,
      withDeleted: true,
    })
    const version = items[0]?.doc.deletedVersion ?? ''
    await expect(bench.blobs.restoreContainer(at(), 'another')).rejects.toMatchObject({
      code: 'container-not-found',
    })
    await makeContainer(bench)
    await expect(bench.blobs.restoreContainer(at(), version)).rejects.toMatchObject({
      code: 'container-already-exists',
    })
    await bench.blobs.deleteContainer(at(), free)
    await bench.blobs.restoreContainer(at(), version)
    expect((await get(bench, 'b')).toString()).toBe('one')
    expect(await list()).toEqual(['c1*', 'c1'])
  })

  it('is neither shown nor restored when its time is over, or when nothing is kept', async () => {
    keepDeleted(7)
    await makeContainer(bench)
    await bench.blobs.deleteContainer(at(), free)
    expect(await list()).toEqual(['c1*'])
    const { items } = await bench.blobs.listContainers(bench.account, {
      prefix: '',
      from: '',
      limit: 10,
      withDeleted: true,
    })
    const version = items[0]?.doc.deletedVersion ?? ''
    const gone = { code: 'container-not-found' }
    keepDeleted(null)
    expect(await list()).toEqual([])
    await expect(bench.blobs.restoreContainer(at(), version)).rejects.toMatchObject(gone)
    keepDeleted(7)
    bench.world.clock.advance(7 * DAY_MS)
    expect(await list()).toEqual([])
    await expect(bench.blobs.restoreContainer(at(), version)).rejects.toMatchObject(gone)
  })

  it('whose blobs have begun to go does not come back under a longer retention', async () => {
    keepDeleted(1)
    await makeContainer(bench)
    await put(bench, 'b', Buffer.from('one'))
    await bench.blobs.deleteContainer(at(), free)
    const listed = await bench.blobs.listContainers(bench.account, {
      prefix: '',
      from: '',
      limit: 10,
      withDeleted: true,
    })
    bench.world.clock.advance(DAY_MS + HOUR_MS)
    await bench.process.data.write((db) => doomContainer(db, listed.items[0]!.id, bench.world.clock.wall()))
    keepDeleted(365)
    await expect(
      bench.blobs.restoreContainer(at(), listed.items[0]!.doc.deletedVersion ?? ''),
    ).rejects.toMatchObject({ code: 'container-not-found' })
    expect(await list()).toEqual([])
  })
})

describe('listContainers()', () => {
  it('goes through all of an account, deleted ones of a name first, however small the pages', async () => {
    keepDeleted(7)
    for (const name of ['b', 'a', 'c-1', 'c-2', '$root']) {
      await makeContainer(bench, name)
      // Of one name several, at the same moment too.
      for (let times = 0; times < (name === 'b' ? 3 : 0); times++) {
        await bench.blobs.deleteContainer(at(name), free)
        await makeContainer(bench, name)
      }
    }
    for (const limit of [1, 2, 3, 100])
      expect(await list({ limit })).toEqual(['$root', 'a', 'b*', 'b*', 'b*', 'b', 'c-1', 'c-2'])
    expect(await list({ withDeleted: false })).toEqual(['$root', 'a', 'b', 'c-1', 'c-2'])
    expect(await list({ prefix: 'c-' })).toEqual(['c-1', 'c-2'])
    expect(await list({ prefix: 'b', limit: 1 })).toEqual(['b*', 'b*', 'b*', 'b'])
  })

  it('shows nothing of another account', async () => {
    await makeContainer(bench)
    bench.account = await bench.addAccount('account2')
    expect(await list()).toEqual([])
  })
})

describe('the sweeper', () => {
  it('takes nothing of a container that is there, or deleted too lately', async () => {
    keepDeleted(7)
    await makeContainer(bench)
    const { id } = await bench.blobs.getContainerProperties(at(), null)
    const doom = (before: number) => bench.process.data.write((db) => doomContainer(db, id, before))
    expect(await doom(bench.world.clock.wall() + DAY_MS)).toBe(false)
    await bench.blobs.deleteContainer(at(), free)
    expect(await doom(bench.world.clock.wall())).toBe(false)
    expect(await list()).toEqual(['c1*'])
  })
})
