import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Acknowledged, pushAttempt } from './attempts.ts'
import { crashEverywhere } from './crash-points.ts'
import { type CrashSite, openCrashSite } from './crash-site.ts'

describe.skipIf(process.platform !== 'linux')('a server killed while an image is pushed', () => {
  let site: CrashSite
  beforeAll(async () => {
    site = await openCrashSite()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('keeps what it acknowledged, shows nothing half, and takes the push again', async () => {
    const acknowledged: Acknowledged[] = []
    const killed = await crashEverywhere(site, (round) => pushAttempt(site, round, acknowledged), {
      maxPoints: 24,
    })
    expect(killed).toBeGreaterThan(10)
    for (const [repository, digest] of acknowledged) {
      expect(await site.registry.pull(repository, digest)).toBe(digest)
    }
    await site.close()
  })
})
