import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { creation, revocation, rotation, switching } from './attempts.ts'
import { crashEverywhere } from './crash-points.ts'
import { type CrashSite, openCrashSite } from './crash-site.ts'

describe('a server killed while keys change', () => {
  let site: CrashSite
  beforeEach(async () => {
    site = await openCrashSite(['--limits', 'lifted'])
  })
  afterEach(() => site[Symbol.asyncDispose]())

  it('is under the old version or the new one, and opens with that one alone', async () => {
    const state = { holds: site.estate.keyId }
    const killed = await crashEverywhere(site, () => rotation(site, state), { maxPoints: 14 })
    expect(killed).toBeGreaterThan(3)
    await site.close()
  })

  it('is under the service or the customer, wholly', async () => {
    const killed = await crashEverywhere(site, (round) => switching(site, round), { maxPoints: 14 })
    expect(killed).toBeGreaterThan(3)
    await site.close()
  })

  it('keeps a revocation that was acknowledged, loses no key, and comes back with it', async () => {
    const killed = await crashEverywhere(site, () => revocation(site), { maxPoints: 12 })
    expect(killed).toBeGreaterThan(2)
    await site.close()
  })

  it('has a new registry whole or not at all, and takes the request again', async () => {
    const killed = await crashEverywhere(site, (round) => creation(site, round), { maxPoints: 14 })
    expect(killed).toBeGreaterThan(3)
    await site.close()
  })
})
