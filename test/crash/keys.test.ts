import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rotation, switching } from './attempts.ts'
import { crashEverywhere } from './crash-points.ts'
import { type CrashSite, openCrashSite } from './crash-site.ts'

describe.skipIf(process.platform !== 'linux')('a server killed while keys change', () => {
  let site: CrashSite
  beforeEach(async () => {
    site = await openCrashSite(['--limits', 'lifted'])
  })
  afterEach(() => site[Symbol.asyncDispose]())

  it('is under the old version or the new one, and opens with that one alone', async () => {
    const state = { holds: site.estate.keyId }
    const killed = await crashEverywhere(site, () => rotation(site, state), { maxPoints: 12 })
    expect(killed).toBeGreaterThan(3)
    await site.close()
  })

  it('is under the service or the customer, wholly', async () => {
    const killed = await crashEverywhere(site, (round) => switching(site, round), { maxPoints: 12 })
    expect(killed).toBeGreaterThan(3)
    await site.close()
  })
})
