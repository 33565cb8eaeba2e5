import { expect } from 'vitest'
import type { Json, JsonObject } from '../../src/kernel/json.ts'
import { encryptionWith, makeRegistry, newKeyVersion, registryBody } from '../support/estate.ts'
import { randomImage } from '../support/random-image.ts'
import { restRegistry } from '../support/rest-registry.ts'
import type { ImagePart } from '../tools/oci-layout.ts'
import type { Attempt } from './crash-points.ts'
import type { CrashSite } from './crash-site.ts'

/** A manifest that was acknowledged. */
export type Acknowledged = readonly [repository: string, digest: string]

/** Pushes an image to a repository of its own. */
export function pushAttempt({ registry }: CrashSite, round: number, acknowledged: Acknowledged[]): Attempt {
  const repository = `pushed/${round}`
  const image = randomImage([700_000])
  const { manifest } = image
  const blobs = [...image.layers, image.config]
  const known: ImagePart[] = []
  let isTagged = false
  return {
    async run() {
      for (const blob of blobs) {
        await registry.pushBlob(repository, blob)
        known.push(blob)
      }
      await registry.putManifest(repository, 'v1', manifest)
      isTagged = true
      acknowledged.push([repository, manifest.digest])
    },
    async check() {
      for (const blob of blobs) {
        const { status } = await registry.send('HEAD', `/v2/${repository}/blobs/${blob.digest}`)
        expect(status === 200 || (status === 404 && !known.includes(blob)), `${status}`).toBe(true)
        if (status === 200) await registry.pullBlob(repository, blob.digest)
      }
      const path = `/v2/${repository}/manifests/v1`
      const { status } = await registry.send('GET', path)
      expect(status === 200 || (status === 404 && !isTagged), `${status}`).toBe(true)
      if (status === 200) expect(await registry.pull(repository, 'v1')).toBe(manifest.digest)
      const tags = await registry.send('GET', `/v2/${repository}/tags/list`)
      if (tags.status === 200) expect(tags.json()['tags']).toEqual(status === 200 ? ['v1'] : [])
      else expect(status).toBe(404)

      await registry.push(repository, 'v1', image)
      expect(await registry.pull(repository, 'v1')).toBe(manifest.digest)
      acknowledged.push([repository, manifest.digest])
    },
  }
}

/**
 * Moves the site's registry to a new key version, made beforehand.
 *
 * @param state which version holds; brought up to date by the check
 */
export async function rotation(site: CrashSite, state: { holds: string }): Promise<Attempt> {
  const { rest, estate } = site
  const from = state.holds
  const to = await newKeyVersion(rest, estate.vault, estate.keyName)
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
      state.holds = holds!
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
export async function switching(site: CrashSite, round: number): Promise<Attempt> {
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
export function revocation(site: CrashSite): Attempt {
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
export function creation(site: CrashSite, round: number): Attempt {
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

/** A version of a key of the vault's: taken away, or given back. */
export async function setEnabled(
  { rest, estate }: CrashSite,
  keyId: string,
  enabled: boolean,
): Promise<void> {
  await rest.vaultDone(estate.vault, 'PATCH', new URL(keyId).pathname, { attributes: { enabled } })
}
