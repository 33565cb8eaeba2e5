import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountUnder, makeBlobs } from '../support/rest-blobs.ts'
import { storedFiles } from '../support/stored-files.ts'
import { blobWriting } from './blob-attempts.ts'
import { copyAttempt, makeCopiedSource } from './blob-copies.ts'
import { keyChanges, makeKeyedBlobs } from './blob-keys.ts'
import { crashEverywhere } from './crash-points.ts'
import { makeBusyBlobs } from './busy-blobs.ts'
import { type CrashSite, openCrashSite } from './crash-site.ts'
import { sweptFiles } from './swept-files.ts'

describe.skipIf(process.platform !== 'linux')('a server killed while blobs are written', () => {
  let site: CrashSite
  let before: readonly string[]
  beforeAll(async () => {
    site = await openCrashSite()
    before = await storedFiles(site.server.dataDir)
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('keeps each write that it acknowledged, shows nothing half, and takes the rest again', async () => {
    const { rest, estate } = site
    const blobs = await makeBlobs(rest, estate, 'written')
    await rest.armDone('PATCH', blobs.path, { properties: accountUnder(estate, estate.keyId) })
    const writing = blobWriting(blobs)
    const killed = await crashEverywhere(site, (round) => writing.begin(round), { maxPoints: 4 })
    expect(killed).toBeGreaterThan(2)
    await writing.end()
  })

  it('ends a copy that was under way', async () => {
    const blobs = await makeBlobs(site.rest, site.estate, 'copied')
    const source = await makeCopiedSource(site, blobs)
    const attempt = (round: number) => copyAttempt(blobs, source, round)
    // All of its durable steps: before one of them, what is left is a file that nothing names.
    expect(await crashEverywhere(site, attempt, { maxPoints: 5 })).toBeGreaterThan(2)
    await blobs.done('DELETE', '/copies?restype=container')
  })

  it('is under the old key or the new one, and opens with that one alone', async () => {
    const keyed = await makeKeyedBlobs(site, await makeBlobs(site.rest, site.estate, 'keyed'))
    const killed = await crashEverywhere(site, () => keyChanges(site, keyed), { maxPoints: 3 })
    expect(killed).toBeGreaterThan(1)
    await keyed.blobs.done('DELETE', '/keyed?restype=container')
  })

  it('busy with all of it at once, has lost nothing that it acknowledged', async () => {
    const busy = await makeBusyBlobs(site)
    for (let round = 0; round < 2; round++) await busy.round()
    await busy.end()
  })

  it('has left all whole, and nothing that the sweepers do not take', async () => {
    await site.close()
    expect(await sweptFiles(site.server.dataDir)).toEqual(before)
  })
})
