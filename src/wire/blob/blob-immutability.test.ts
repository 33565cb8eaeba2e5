import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobClientBench, listed, openBlobClient, refused } from '../../../test/support/blob-client.ts'
import { DAY_MS, HOUR_MS } from '../../kernel/units.ts'
import type { ContainerSettings, ImmutabilityPolicy } from '../../services/storage/ports.ts'

let wire: BlobClientBench
beforeEach(async () => {
  wire = await openBlobClient()
})
afterEach(async () => {
  expect(wire.served.bugs).toEqual([])
  await wire[Symbol.asyncDispose]()
})

const byPolicy = refused(409, 'BlobImmutableDueToPolicy')
const byHold = refused(409, 'BlobImmutableDueToLegalHold')
const after = (ms: number) => new Date(wire.bench.world.clock.wall() + ms)
const days = (count: number, isLocked = false): Omit<ImmutabilityPolicy, 'etag'> => ({
  days: count,
  isLocked,
  allowsAppends: false,
})

describe('a version of its own policy', () => {
  const settings: ContainerSettings = {
    publicAccess: 'none',
    metadata: {},
    defaultScope: null,
    deniesScopeOverride: false,
    hasVersionImmutability: true,
  }
  const container = () => wire.service.getContainerClient('worm')
  const put = async (text: string) => {
    const blob = container().getBlockBlobClient('b')
    return { blob, ...(await blob.upload(text, text.length)) }
  }

  beforeEach(async () => {
    wire.setSettings({ isVersioningEnabled: true })
    await wire.bench.blobs.containers.create(wire.bench.account, 'worm', settings)
  })

  it('is neither changed nor deleted until its date, and then only deleted', async () => {
    const { blob, etag } = await put('one')
    const until = after(DAY_MS)
    const set = await blob.setImmutabilityPolicy({ expiriesOn: until, policyMode: 'Unlocked' })
    expect(set.immutabilityPolicyMode).toBe('unlocked')
    expect(await blob.getProperties()).toMatchObject({
      etag,
      immutabilityPolicyMode: 'unlocked',
      immutabilityPolicyExpiresOn: until,
    })
    const [item] = await listed(
      container().listBlobsFlat({ includeImmutabilityPolicy: true, includeLegalHold: true }),
    )
    expect(item?.properties).toMatchObject({
      immutabilityPolicyMode: 'unlocked',
      immutabilityPolicyExpiresOn: until,
      legalHold: false,
    })
    await expect(blob.setMetadata({})).rejects.toMatchObject(byPolicy)
    await expect(blob.delete()).rejects.toMatchObject(byPolicy)
    await blob.setTags({ a: '1' })
    await blob.setHTTPHeaders({})
    await blob.createSnapshot()
    wire.bench.world.clock.advance(DAY_MS)
    await expect(blob.setMetadata({})).rejects.toMatchObject(byPolicy)
    await blob.delete({ deleteSnapshots: 'include' })
  })

  it('may be written over, and stays beneath, protected', async () => {
    const { blob, versionId = '' } = await put('one')
    await blob.setImmutabilityPolicy({ expiriesOn: after(DAY_MS) })
    await put('two')
    expect((await blob.getProperties()).immutabilityPolicyMode).toBeUndefined()
    await expect(blob.withVersion(versionId).delete()).rejects.toMatchObject(byPolicy)
    await blob.withVersion(versionId).deleteImmutabilityPolicy()
    await blob.withVersion(versionId).delete()
  })

  it('is not written over where no version would be kept', async () => {
    const { blob } = await put('one')
    await blob.setLegalHold(true)
    wire.setSettings({ isVersioningEnabled: false })
    // It is a version already, and stays one for this once.
    await put('two')
    await blob.setLegalHold(true)
    await expect(put('three')).rejects.toMatchObject(byHold)
  })

  it('that is locked may only be held for longer', async () => {
    const { blob } = await put('one')
    await blob.setImmutabilityPolicy({ expiriesOn: after(2 * DAY_MS), policyMode: 'Unlocked' })
    await blob.setImmutabilityPolicy({ expiriesOn: after(DAY_MS), policyMode: 'Locked' })
    for (const [ms, policyMode] of [
      [HOUR_MS, 'Locked'],
      [2 * DAY_MS, 'Unlocked'],
    ] as const)
      await expect(blob.setImmutabilityPolicy({ expiriesOn: after(ms), policyMode })).rejects.toMatchObject(
        byPolicy,
      )
    await expect(blob.deleteImmutabilityPolicy()).rejects.toMatchObject(byPolicy)
    await blob.setImmutabilityPolicy({ expiriesOn: after(3 * DAY_MS), policyMode: 'Locked' })
    wire.bench.world.clock.advance(2 * DAY_MS)
    await expect(blob.delete()).rejects.toMatchObject(byPolicy)
  })

  it('that is held is free when the hold is cleared', async () => {
    const { blob } = await put('one')
    expect((await blob.setLegalHold(true)).legalHold).toBe(true)
    expect((await blob.getProperties()).legalHold).toBe(true)
    await expect(blob.delete()).rejects.toMatchObject(byHold)
    await expect(blob.setMetadata({})).rejects.toMatchObject(byHold)
    await blob.setLegalHold(false)
    await blob.delete()
  })

  it('is given by the container by default', async () => {
    await wire.bench.blobs.containers.change(wire.bench.account, 'worm', {
      immutability: () => days(3, true),
    })
    const { blob } = await put('one')
    expect(await blob.getProperties()).toMatchObject({
      immutabilityPolicyMode: 'locked',
      immutabilityPolicyExpiresOn: after(3 * DAY_MS),
    })
    await put('two')
    await expect(blob.delete()).rejects.toMatchObject(byPolicy)
  })

  it.each([
    ['yesterday', -DAY_MS],
    ['in a thousand years', 365_000 * DAY_MS],
  ])('does not end %s', async (_, ms) => {
    const { blob } = await put('one')
    await expect(blob.setImmutabilityPolicy({ expiriesOn: after(ms) })).rejects.toMatchObject(
      refused(400, 'InvalidHeaderValue'),
    )
  })

  it('is not for other containers, nor for those who may not', async () => {
    const blob = await wire.put('b', 'text')
    const disabled = refused(409, 'FeatureNotEnabled')
    await expect(blob.setImmutabilityPolicy({ expiriesOn: after(DAY_MS) })).rejects.toMatchObject(disabled)
    await expect(blob.deleteImmutabilityPolicy()).rejects.toMatchObject(disabled)
    await expect(blob.setLegalHold(true)).rejects.toMatchObject(disabled)
    await using other = await openBlobClient(({ sas }) => !sas.some((letter) => letter === 'i'))
    await expect((await other.put('b', '')).setLegalHold(true)).rejects.toMatchObject({ statusCode: 403 })
  })
})

describe('a container as a whole', () => {
  it('with a policy takes new blobs, and none of them is changed again, or deleted before its time', async () => {
    const { bench } = wire
    await bench.blobs.containers.change(bench.account, 'con', { immutability: () => days(2) })
    const blob = await wire.put('b', 'one')
    const refuse = async () => {
      for (const write of [
        () => blob.upload('', 0),
        () => blob.setMetadata({}),
        () => blob.setHTTPHeaders({}),
        () => blob.createSnapshot(),
        () => blob.commitBlockList([]),
      ])
        await expect(write()).rejects.toMatchObject(byPolicy)
    }
    await refuse()
    await expect(blob.delete()).rejects.toMatchObject(byPolicy)
    await blob.setTags({ a: '1' })
    bench.world.clock.advance(2 * DAY_MS)
    await refuse()
    await blob.delete()
  })

  it('with a legal hold lets nothing be changed or deleted, for as long as it holds', async () => {
    const { bench } = wire
    const blob = await wire.put('b', 'one')
    await bench.blobs.containers.change(bench.account, 'con', { legalHoldTags: () => ['case1'] })
    for (const write of [() => blob.upload('', 0), () => blob.setMetadata({}), () => blob.delete()])
      await expect(write()).rejects.toMatchObject(byHold)
    await bench.blobs.containers.change(bench.account, 'con', { legalHoldTags: () => [] })
    await blob.delete()
  })

  it('may let append blobs grow, which are kept from their last block on', async () => {
    const { bench, container } = wire
    const allowing = { ...days(1), allowsAppends: true }
    await bench.blobs.containers.change(bench.account, 'con', { immutability: () => allowing })
    const blob = container.getAppendBlobClient('log')
    await blob.create()
    bench.world.clock.advance(HOUR_MS)
    await blob.appendBlock('line', 4)
    bench.world.clock.advance(DAY_MS - HOUR_MS)
    await expect(blob.delete()).rejects.toMatchObject(byPolicy)
    bench.world.clock.advance(HOUR_MS)
    await blob.delete()
    await bench.blobs.containers.change(bench.account, 'con', { immutability: () => days(1) })
    await blob.create()
    await expect(blob.appendBlock('line', 4)).rejects.toMatchObject(byPolicy)
  })
})
