import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { creation, revocation } from './attempts.ts'
import { crashEverywhere } from './crash-points.ts'
import { type CrashSite, openCrashSite } from './crash-site.ts'

describe.skipIf(process.platform !== 'linux')(
  'a server killed while access is changed, or a registry is made',
  () => {
    let site: CrashSite
    beforeEach(async () => {
      site = await openCrashSite(['--limits', 'lifted'])
    })
    afterEach(() => site[Symbol.asyncDispose]())

    it('keeps a revocation that was acknowledged, loses no key, and comes back with it', async () => {
      const killed = await crashEverywhere(site, () => revocation(site), { maxPoints: 10 })
      expect(killed).toBeGreaterThan(2)
      await site.close()
    })

    it('has a new registry whole or not at all, and takes the request again', async () => {
      const killed = await crashEverywhere(site, (round) => creation(site, round), { maxPoints: 12 })
      expect(killed).toBeGreaterThan(3)
      await site.close()
    })
  },
)
