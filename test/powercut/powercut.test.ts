import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Acknowledged,
  creation,
  pushAttempt,
  revocation,
  rotation,
  switching,
} from '../crash/attempts.ts'
import { type Attempt, crashEverywhere } from '../crash/crash-points.ts'
import { type CrashSite, openCrashSite } from '../crash/crash-site.ts'
import { randomImage } from '../support/random-image.ts'
import { RestError } from '../support/rest.ts'
import { openLoopDisk } from './loop-disk.ts'

/**
 * As test/crash, but the machine goes down with the server: on an ext4 of its own, whatever was not synced is lost.
 */
describe.skipIf(process.getuid?.() !== 0)('a power cut after any durable step', () => {
  let disk: Awaited<ReturnType<typeof openLoopDisk>>
  let site: CrashSite

  const open = async (...args: readonly string[]) => {
    site = await openCrashSite(['--limits', 'lifted', ...args], disk)
  }
  beforeEach(async () => {
    disk = await openLoopDisk()
  })
  afterEach(async () => {
    await site[Symbol.asyncDispose]()
    await disk[Symbol.asyncDispose]()
  })

  it('of a push loses nothing that was acknowledged, and shows nothing half', async () => {
    await open()
    const acknowledged: Acknowledged[] = []
    await everywhere((round) => pushAttempt(site, round, acknowledged), 40)
    await site.server.start()
    for (const [repository, digest] of acknowledged) {
      expect(await site.registry.pull(repository, digest)).toBe(digest)
    }
  })

  it('of a rotation leaves the old version or the new one, which opens alone', async () => {
    await open()
    const state = { holds: site.estate.keyId }
    await everywhere(() => rotation(site, state), 24)
  })

  it('of a change between service and customer leaves one of them, wholly', async () => {
    await open()
    await everywhere((round) => switching(site, round), 30)
  })

  it('of a revocation or a restoration keeps what was acknowledged, and loses no key', async () => {
    await open()
    await everywhere(() => revocation(site), 24)
  })

  it('of the making of a registry leaves it whole or not at all', async () => {
    await open()
    await everywhere((round) => creation(site, round), 24)
  })

  it('under many pushes at once loses nothing that was acknowledged', async () => {
    await open()
    const acknowledged: Acknowledged[] = []
    for (let round = 0; round < 10; round++) {
      const pushing = Promise.all(
        Array.from({ length: 6 }, (_, at) => pushUntilCut(`busy/${round}-${at}`, acknowledged)),
      )
      // Awaited below; until then a failure of one must not count as unhandled.
      pushing.catch(() => undefined)
      await setTimeout(400 + Math.random() * 600)
      await site.restart()
      await pushing
      await site.check()
      for (const [repository, digest] of acknowledged) {
        expect(await site.registry.pull(repository, digest)).toBe(digest)
      }
    }
    expect(acknowledged.length).toBeGreaterThan(30)
    await site.close()
  })

  it('is one: with --durability relaxed the last moments are lost, and all else is whole', async () => {
    await open('--durability', 'relaxed')
    const acknowledged: Acknowledged[] = []
    let lost = 0
    for (let round = 0; round < 3; round++) {
      // A clean end makes durable what there was before.
      expect(await site.server.stop()).toBe(0)
      await site.server.start()
      site.rest.reset()
      const attempt = pushAttempt(site, round, acknowledged)
      await attempt.run()
      await site.restart()
      const [repository, digest] = acknowledged.at(-1)!
      const { status } = await site.registry.send('GET', `/v2/${repository}/manifests/${digest}`)
      if (status === 404) lost++
      else expect(await site.registry.pull(repository, digest)).toBe(digest)
    }
    expect(lost).toBeGreaterThan(0)
    await site.close()
  })

  async function everywhere(
    begin: (round: number) => Attempt | Promise<Attempt>,
    maxPoints: number,
  ): Promise<void> {
    const cut = await crashEverywhere(site, begin, { maxPoints })
    expect(cut).toBeGreaterThan(maxPoints / 4)
    await site.close()
  }

  async function pushUntilCut(repository: string, acknowledged: Acknowledged[]): Promise<void> {
    for (let turn = 0; ; turn++) {
      const image = randomImage([30_000])
      try {
        await site.registry.push(repository, `t${turn}`, image)
      } catch (error) {
        // Whoever asks between the cut and the end hears that the disk is gone, and no yes.
        const isRefused = error instanceof RestError && error.answer.status === 503
        if (isRefused || (error instanceof Error && 'code' in error)) return
        throw error
      }
      acknowledged.push([repository, image.manifest.digest])
    }
  }
})
