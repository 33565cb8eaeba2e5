import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { blobWriting } from '../crash/blob-attempts.ts'
import { copyAttempt, makeCopiedSource } from '../crash/blob-copies.ts'
import { keyChanges, makeKeyedBlobs } from '../crash/blob-keys.ts'
import { makeBusyBlobs } from '../crash/busy-blobs.ts'
import { type Attempt, crashEverywhere } from '../crash/crash-points.ts'
import { type CrashSite, openCrashSite } from '../crash/crash-site.ts'
import { sweptFiles } from '../crash/swept-files.ts'
import { type RestBlobs, accountUnder, makeBlobs } from '../support/rest-blobs.ts'
import { storedFiles } from '../support/stored-files.ts'
import { openLoopDisk } from './loop-disk.ts'

/** As test/crash/blob.test.ts, but the machine goes down with the server: whatever was not synced is lost. */
describe.skipIf(process.getuid?.() !== 0)('a power cut after any durable step', () => {
  let disk: Awaited<ReturnType<typeof openLoopDisk>>
  let site: CrashSite
  let blobs: RestBlobs
  let before: readonly string[]
  beforeEach(async () => {
    disk = await openLoopDisk()
    site = await openCrashSite([], disk)
    before = await storedFiles(site.server.dataDir)
    blobs = await makeBlobs(site.rest, site.estate, 'account1')
  })
  afterEach(async () => {
    await site[Symbol.asyncDispose]()
    await disk[Symbol.asyncDispose]()
  })

  it('of a write of blocks, appended blocks, pages, copies or snapshots loses nothing that was acknowledged', async () => {
    const { rest, estate } = site
    await rest.armDone('PATCH', blobs.path, { properties: accountUnder(estate, estate.keyId) })
    const writing = blobWriting(blobs)
    await everywhere((round) => writing.begin(round), 40)
    await writing.end()
    await leavesNothing()
  })

  it('of a copy in the background lets it end', async () => {
    const source = await makeCopiedSource(site, blobs)
    // What a cut leaves behind stays for a day, and the disk is small.
    await everywhere((round) => copyAttempt(blobs, source, round), 6)
    await blobs.done('DELETE', '/copies?restype=container')
    await leavesNothing()
  })

  it('of a change of key leaves an account and its scope under the old one or the new one', async () => {
    const keyed = await makeKeyedBlobs(site, blobs)
    await everywhere(() => keyChanges(site, keyed), 40)
    await blobs.done('DELETE', '/keyed?restype=container')
    await leavesNothing()
  })

  it('under writes of every kind at once and changes of key loses nothing that was acknowledged', async () => {
    const busy = await makeBusyBlobs(site)
    for (let round = 0; round < 8; round++) await busy.round()
    await busy.end()
    await leavesNothing()
  })

  async function everywhere(
    begin: (round: number) => Attempt | Promise<Attempt>,
    maxPoints: number,
  ): Promise<void> {
    expect(await crashEverywhere(site, begin, { maxPoints })).toBeGreaterThan(maxPoints / 4)
  }

  async function leavesNothing(): Promise<void> {
    await site.close()
    expect(await sweptFiles(site.server.dataDir)).toEqual(before)
  }
})
