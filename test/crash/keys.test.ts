import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Json, JsonObject } from '../../src/kernel/json.ts'
import { encryptionWith, makeRegistry, newKeyVersion, registryBody } from '../support/estate.ts'
import { randomImage } from '../support/random-image.ts'
import { restRegistry } from '../support/rest-registry.ts'
import { type Attempt, crashEverywhere } from './crash-points.ts'
import { type CrashSite, openCrashSite } from './crash-site.ts'

describe('a server killed while keys change', () => {
  let site: CrashSite
  beforeEach(async () => {
    site = await openCrashSite(['--limits', 'lifted'])
  })
  afterEach(() => site[Symbol.asyncDispose]())

  it('is under the old version or the new one, and opens with that one alone', async () => {
    let current = site.estate.keyId
    const killed = await crashEverywhere(
      site,
      async () => {
        // Made undisturbed; what becomes of a half-made version is the vault's own test.
        const next = await newKeyVersion(site.rest, site.estate.vault, site.estate.keyName)
        const from = current
        return rotation(site, from, next, (holds) => (current = holds))
      },
      { maxPoints: 14 },
    )
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

/** Moves the site's registry from one key version to another. */
function rotation(site: CrashSite, from: string, to: string, tell: (holds: string) => void): Attempt {
  const { rest, estate } = site
  let isDone = false
  return {
    async run() {
      await rest.armDone('PATCH', estate.registryPath, {
        properties: encryptionWith({ keyId: to, identity: estate.identity }),
      })
      isDone = true
    },
    async check() {
      const holds = await versionOf(site, estate.registryPath)
      expect(isDone ? [to] : [from, to]).toContain(holds)
      tell(holds!)
      // With every other version taken away for good, it opens; with its own away, it does not.
      await setEnabled(site, holds === from ? to : from, false)
      await site.check()
      await setEnabled(site, holds!, false)
      expect((await site.registry.send('GET', '/v2/anchor/manifests/v1')).status).toBe(403)
      await setEnabled(site, holds!, true)
    },
  }
}

/** Brings a registry of the service's under the customer's key, and back. */
async function switching(site: CrashSite, round: number): Promise<Attempt> {
  const { rest, estate } = site
  const name = `switched${round}`
  const path = await makeRegistry(rest, estate.group, name, null)
  const registry = restRegistry(rest, name)
  const image = randomImage([20])
  await registry.push('kept', 'v1', image)
  const customer = registryBody({ keyId: estate.keyId, identity: estate.identity })
  let last: 'service' | 'customer' | 'unknown' = 'service'
  return {
    async run() {
      last = 'unknown'
      await rest.armDone('PUT', path, customer)
      last = 'customer'
      expect(await registry.pull('kept', 'v1')).toBe(image.manifest.digest)
      last = 'unknown'
      await rest.armDone('PATCH', path, { properties: { encryption: { status: 'disabled' } } })
      last = 'service'
    },
    async check() {
      expect(await registry.pull('kept', 'v1')).toBe(image.manifest.digest)
      const isCustomers = (await versionOf(site, path)) !== null
      if (last !== 'unknown') expect(isCustomers).toBe(last === 'customer')
      await setEnabled(site, estate.keyId, false)
      const { status } = await registry.send('GET', '/v2/kept/manifests/v1')
      expect(status).toBe(isCustomers ? 403 : 200)
      await setEnabled(site, estate.keyId, true)
      // And the way that was broken off can be gone again.
      await rest.armDone('PUT', path, customer)
      expect(await registry.pull('kept', 'v1')).toBe(image.manifest.digest)
    },
  }
}

/** Takes the key away and gives it back, in both ways that an operator has. */
function revocation(site: CrashSite): Attempt {
  const { rest, estate, registry } = site
  const key = `/keys/${estate.keyName}`
  const deleted = `/deletedkeys/${estate.keyName}`
  let isServed: boolean | null = true
  const step = async (makes: boolean, work: () => Promise<unknown>) => {
    const before = isServed
    isServed = before === makes ? makes : null
    await work()
    isServed = makes
    expect(await status()).toBe(makes ? 200 : 403)
  }
  const status = async () => (await registry.send('GET', '/v2/anchor/manifests/v1')).status
  return {
    async run() {
      await step(false, () => setEnabled(site, estate.keyId, false))
      await step(true, () => setEnabled(site, estate.keyId, true))
      await step(false, () => rest.vaultDone(estate.vault, 'DELETE', key))
      await step(true, () => rest.vaultDone(estate.vault, 'POST', `${deleted}/recover`))
    },
    async check() {
      const now = await status()
      expect(isServed === null ? [200, 403] : [isServed ? 200 : 403]).toContain(now)
      // Whatever state it is in, the operator's next step works, and nothing was purged.
      const gone = await rest.vault(estate.vault, 'GET', deleted)
      expect([200, 404]).toContain(gone.status)
      if (gone.status === 200) await rest.vaultDone(estate.vault, 'POST', `${deleted}/recover`)
      await setEnabled(site, estate.keyId, true)
      expect(await status()).toBe(200)
    },
  }
}

/** A new registry under the customer's key. */
function creation(site: CrashSite, round: number): Attempt {
  const { rest, estate } = site
  const name = `created${round}`
  const path = estate.registryPath.replace(/[^/]+$/, name)
  const body = registryBody({ keyId: estate.keyId, identity: estate.identity })
  const registry = restRegistry(rest, name)
  const image = randomImage([20])
  let isMade = false
  return {
    async run() {
      await rest.armDone('PUT', path, body)
      isMade = true
    },
    async check() {
      const { status } = await rest.arm('GET', path)
      expect(isMade ? [200] : [200, 404]).toContain(status)
      if (status === 404) await rest.armDone('PUT', path, body)
      expect(await versionOf(site, path)).toBe(estate.keyId)
      await registry.push('first', 'v1', image)
      expect(await registry.pull('first', 'v1')).toBe(image.manifest.digest)
      await rest.armDone('DELETE', path)
      expect((await rest.arm('GET', path)).status).toBe(404)
    },
  }
}

/** The key version that a registry is under; null when the service keeps its key. */
async function versionOf({ rest }: CrashSite, path: string): Promise<string | null> {
  const properties = member(await rest.armDone('GET', path), 'properties')
  const version = member(
    member(member(properties, 'encryption'), 'keyVaultProperties'),
    'versionedKeyIdentifier',
  )
  return typeof version === 'string' ? version : null
}

function member(value: Json | undefined, name: string): Json | undefined {
  return (value as JsonObject | undefined)?.[name]
}

async function setEnabled({ rest, estate }: CrashSite, keyId: string, enabled: boolean): Promise<void> {
  const version = keyId.split('/').at(-1)!
  await rest.vaultDone(estate.vault, 'PATCH', `/keys/${estate.keyName}/${version}`, {
    attributes: { enabled },
  })
}
