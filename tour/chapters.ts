import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MIB } from '../src/kernel/units.ts'
import {
  type Estate,
  encryptionWith,
  makeIdentity,
  makeRegistry,
  makeVault,
  newKeyVersion,
} from '../test/support/estate.ts'
import { type RestRegistry, restRegistry } from '../test/support/rest-registry.ts'
import { type Rest, RestError } from '../test/support/rest.ts'
import { searchDisk } from './disk-search.ts'
import { encryptionOf, keyEvents, lastWrapping, setPolicies, untilStatus } from './journey.ts'
import { type Narrator, expectThat } from './narrator.ts'
import type { TourImage } from './tour-image.ts'

/** What the chapters after the first one work with. */
export interface Stage {
  readonly tell: Narrator
  readonly rest: Rest
  readonly estate: Estate
  readonly registry: RestRegistry
  readonly image: TourImage
  readonly dataDir: string
}

const [group, vault, keyName, registryName] = ['rg-tour', 'kv-tour', 'key1', 'tour1']
const [repository, tag] = ['app', 'v1']

/** Identity, vault, key, and a registry under it. */
export async function settle(tell: Narrator, rest: Rest): Promise<Pick<Stage, 'estate' | 'registry'>> {
  const { identity } = await tell.step('identity', async () => {
    await rest.armDone('PUT', `/resourceGroups/${group}`, { location: 'eastus' })
    const made = await makeIdentity(rest, group, 'tour-reader')
    return { seen: `${made.clientId}: the registry will open its key as this one`, identity: made }
  })
  await tell.step('vault', async () => {
    await makeVault(rest, group, vault, identity.principalId)
    return { seen: `${vault}, with soft delete and purge protection; the identity may get, wrap and unwrap` }
  })
  const { keyId } = await tell.step('key', async () => {
    const made = await newKeyVersion(rest, vault, keyName)
    return { seen: made, keyId: made }
  })
  const { registryPath } = await tell.step('registry', async () => {
    const made = await makeRegistry(rest, group, registryName, { keyId, identity })
    const { status, versionedKeyId } = await encryptionOf(rest, made)
    expectThat(status === 'enabled' && versionedKeyId === keyId, 'the registry is not under the key')
    return { seen: `${registryName}, created under that key: encryption ${status}`, registryPath: made }
  })
  const estate = { group, vault, keyName, keyId, identity, registry: registryName, registryPath }
  return { estate, registry: restRegistry(rest, registryName) }
}

export async function pushAndPull({ tell, registry, image }: Stage): Promise<void> {
  const size = `${(image.bytes / MIB).toFixed(1)} MiB`
  await tell.step('push', async () => {
    await registry.push(repository, tag, image)
    return {
      seen: `${repository}:${tag}, ${image.layers.length} layers, ${size}: ${short(image.manifest.digest)}`,
    }
  })
  await tell.step('pull', async () => {
    await pullsWhole(registry, image)
    return { seen: 'the same digest, every layer checked' }
  })
}

/** A new key version: the wrapping of the root key changes, and not a byte of the image. */
export async function rotate(stage: Stage): Promise<void> {
  const { tell, rest, estate, registry, image, dataDir } = stage
  const before = await tell.step('wrapped', async () => {
    const wrapping = await lastWrapping(rest, estate.registryPath)
    return {
      ...wrapping,
      seen: `root key under version ${short(versionOf(estate.keyId))} has fingerprint ${short(wrapping.fingerprint)}`,
    }
  })
  const files = await extentFiles(dataDir)
  const { keyId } = await tell.step('rotate', async () => {
    const made = await newKeyVersion(rest, vault, keyName)
    const properties = encryptionWith({ keyId: made, identity: estate.identity })
    await rest.armDone('PATCH', estate.registryPath, { properties })
    const { versionedKeyId } = await encryptionOf(rest, estate.registryPath)
    expectThat(versionedKeyId === made && made !== estate.keyId, 'the registry is not under the new version')
    return { seen: made, keyId: made }
  })
  await tell.step('wrapped', async () => {
    const { fingerprint, versionedKeyId } = await lastWrapping(rest, estate.registryPath)
    expectThat(versionedKeyId === keyId, 'the activity log does not show the new version')
    expectThat(fingerprint !== '' && fingerprint !== before.fingerprint, 'the wrapping did not change')
    const now = await extentFiles(dataDir)
    expectThat(now.join() === files.join(), 'the rotation touched files of the image')
    return {
      seen: `root key under version ${short(versionOf(keyId))} has fingerprint ${short(fingerprint)}; 0 of ${files.length} data files touched`,
    }
  })
  await tell.step('retire', async () => {
    const path = `/keys/${keyName}/${versionOf(estate.keyId)}`
    await rest.vaultDone(vault, 'PATCH', path, { attributes: { enabled: false } })
    await pullsWhole(registry, image)
    return { seen: 'the old version is disabled; the pull gives the same digest' }
  })
}

/** The key is taken away and given back; nothing is done to the registry. */
export async function revokeAndRestore({ tell, rest, estate, registry, image }: Stage): Promise<void> {
  const { principalId } = estate.identity
  const at = `${repository}/manifests/${tag}`
  await tell.step('revoke', async () => {
    await setPolicies(rest, estate, (policies) => policies.filter(({ objectId }) => objectId !== principalId))
    const { answer, ms } = await untilStatus(registry, at, 403)
    const { code } = errorOf(answer.json())
    const push = await registry.pushBlob(repository, otherBlob(image)).catch((error: unknown) => {
      if (error instanceof RestError) return error.answer.status
      throw error
    })
    expectThat(push === 403, `a push was answered with ${String(push)}`)
    return {
      seen: `the identity's policy is gone from the vault: 403 ${code} after ${ms.toFixed(0)} ms; a push: ${push}`,
    }
  })
  await tell.step('logged', async () => {
    const refusal = (await keyEvents(rest, estate.registryPath)).find(({ what }) => what === 'refused')
    expectThat(refusal !== undefined, 'the activity log does not show the refusal')
    return { seen: `the activity log has it: encryption/refused, ${refusal.cause}` }
  })
  await tell.step('restore', async () => {
    const permissions = { keys: ['get', 'wrapKey', 'unwrapKey'] }
    const policy = { tenantId: rest.server.owner.tenantId, objectId: principalId, permissions }
    await setPolicies(rest, estate, (policies) => [...policies, policy])
    const { ms } = await untilStatus(registry, at, 200)
    await pullsWhole(registry, image)
    return {
      seen: `the policy is back: 200 after ${ms.toFixed(0)} ms, the same digest ${short(image.manifest.digest)}`,
    }
  })
}

/** Nothing of the image is on the disk in clear; and the search would have found it. */
export async function search({ tell, image, dataDir }: Stage, scratch: string): Promise<void> {
  await tell.step('search', async () => {
    const proof = join(scratch, 'as-pushed')
    const blobs = [image.manifest, image.config, ...image.layers].map(({ bytes }) => bytes)
    // As a client has it: the blobs, and the name of the whole.
    await writeFile(proof, Buffer.concat([...blobs, Buffer.from(image.manifest.digest)]))
    const control = await searchDisk(scratch, image.needles, (path) => path === proof)
    expectThat(control.found.length === image.needles.size, 'the search does not find what is there')
    const { files, bytes, found } = await searchDisk(dataDir, image.needles)
    expectThat(bytes > image.bytes, 'the data folder is smaller than the image')
    expectThat(found.length === 0, `in clear on the disk: ${found.join('; ')}`)
    const looked = `${files} files, all ${(bytes / MIB).toFixed(1)} MiB`
    return {
      seen: `${looked}: ${found.length} of ${image.needles.size} known pieces of the image in clear (as pushed: all)`,
    }
  })
}

async function pullsWhole(registry: RestRegistry, image: TourImage): Promise<void> {
  const digest = await registry.pull(repository, tag)
  expectThat(digest === image.manifest.digest, `the pull gave ${digest}`)
}

/** Name and time of last change. */
async function extentFiles(dataDir: string): Promise<readonly string[]> {
  const root = join(dataDir, 'bytes')
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
  return await Promise.all(paths.sort().map(async (path) => `${path} ${(await stat(path)).ctimeMs}`))
}

function versionOf(keyId: string): string {
  return keyId.split('/').at(-1) ?? ''
}

/** Enough to compare by eye. */
function short(text: string): string {
  const [algorithm, hex] = text.startsWith('sha256:') ? ['sha256:', text.slice('sha256:'.length)] : ['', text]
  return `${algorithm}${hex.slice(0, 16)}…`
}

function errorOf(body: unknown): { readonly code: string } {
  return (body as { readonly errors: readonly { readonly code: string }[] }).errors[0] ?? { code: 'no code' }
}

/** One that the registry has not. */
function otherBlob({ manifest }: TourImage): TourImage['config'] {
  return { ...manifest, digest: `sha256:${'0'.repeat(64)}` }
}
