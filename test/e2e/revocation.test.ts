import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentOperations } from '../../src/wire/registry/index.ts'
import type { RegistryContent } from '../../src/services/registry/registry-content.ts'
import { type AzKeys, azKeys } from '../support/az-keys.ts'
import type { Az } from '../support/az.ts'
import { ownerLogin } from '../support/azure-sdk.ts'
import {
  type EncryptedRegistry,
  makeEncryptedRegistry,
  serviceKeyPermissions,
  setPolicy,
} from '../support/cmk.ts'
import { BOUND_MS, timeToRefusal } from '../support/refusal.ts'
import { type RegistryHttp, registryHttp } from '../support/registry-http.ts'
import { GROUP, LOCATION, type Site, openSite } from '../support/site.ts'
import { holdDownload, holdUpload } from '../support/transfers.ts'
import { words } from '../support/words.ts'
import { type BuiltImage, buildOciImage } from '../tools/oci-layout.ts'

const manifest = '/v2/hello/manifests/v1'
const MIB = 1024 * 1024

/** A registry with the image `hello:v1`. */
interface Stocked extends EncryptedRegistry {
  readonly http: RegistryHttp
  readonly image: BuiltImage
}

describe('taking the key away, and giving it back', () => {
  let site: Site
  let az: Az
  let keys: AzKeys
  const measured: string[] = []

  beforeAll(async () => {
    site = await openSite()
    az = await site.az()
    keys = azKeys(az, site.server.port)
  })
  afterAll(async () => {
    console.log(`from the answer of the vault to the first refusal: ${measured.join(', ')}`)
    await site[Symbol.asyncDispose]()
  })

  it('A42 revocation by changing the access policy: push and pull are refused within the bound', async () => {
    const registry = await stocked('policy')
    await refuses(registry, 'policy without unwrapKey', 'permission-missing', () =>
      az(
        ...words`keyvault set-policy -g ${GROUP} -n ${registry.vault}`,
        ...words`--object-id ${registry.identity.principalId} --key-permissions get wrapKey`,
      ),
    )
    await az(
      ...words`keyvault set-policy -g ${GROUP} -n ${registry.vault}`,
      ...words`--object-id ${registry.identity.principalId} --key-permissions get wrapKey unwrapKey`,
    )
    await serves(registry)
  })

  it('A43 revocation by deleting the key: push and pull are refused within the bound', async () => {
    const registry = await stocked('keygone')
    await refuses(registry, 'key deleted', 'key-not-found', () => keys.delete(registry.vault, 'key1'))
  })

  it('A53 a deleted key is no data loss: it cannot be purged, and recovered it opens the same images', async () => {
    const registry = await stocked('keyback')
    await refuses(registry, 'key deleted', 'key-not-found', () => keys.delete(registry.vault, 'key1'))
    expect(await keys.failsToPurge(registry.vault, 'key1')).toMatch(/Forbidden/)
    await keys.recover(registry.vault, 'key1')
    await serves(registry)
  })

  it('A54 a deleted vault is no data loss: it cannot be purged, and recovered it opens the same images', async () => {
    const registry = await stocked('vaultback')
    const name = words`--name ${registry.vault}`
    await refuses(registry, 'vault deleted', 'vault-not-found', () =>
      az('keyvault', 'delete', ...name, '-g', GROUP),
    )
    expect(await az.fails('keyvault', 'purge', ...name, '--location', LOCATION)).toMatch(/purge protection/)
    await az('keyvault', 'recover', ...name, '--location', LOCATION)
    await serves(registry)
  })

  it('A45 the registry picks the key up by itself: policy set, key recovered, key enabled again', async () => {
    const registry = await stocked('byitself')
    const { vault, identity, keyId } = registry
    const before = (await site.sdk.registries.registries.get(GROUP, registry.name)).systemData
    await refuses(registry, 'policy entry emptied', 'permission-missing', () =>
      setPolicy(site, vault, identity.principalId, []),
    )
    await setPolicy(site, vault, identity.principalId, serviceKeyPermissions)
    await serves(registry)

    await refuses(registry, 'key deleted', 'key-not-found', () => keys.delete(vault, 'key1'))
    await keys.recover(vault, 'key1')
    await serves(registry)

    await refuses(registry, 'key disabled', 'key-disabled', () => keys.setEnabled(keyId, false))
    await keys.setEnabled(keyId, true)
    await serves(registry)
    expect((await site.sdk.registries.registries.get(GROUP, registry.name)).systemData).toEqual(before)
  })

  it('A44 all data is blocked: every route and method of the registry is refused', async () => {
    const registry = await stocked('allroutes')
    const { http, image } = registry
    const begun = await http('POST', '/v2/hello/blobs/uploads/')
    const uploadId =
      new URL(begun.headers.get('location') ?? '', 'https://x').pathname.split('/').at(-1) ?? ''
    await setPolicy(site, registry.vault, registry.identity.principalId, [])

    const values: Readonly<Record<string, string>> = {
      'name+': 'hello',
      reference: 'v1',
      tag: 'v1',
      digest: image.manifest.digest,
      uploadId,
    }
    const fill = (path: string) => path.replace(/\{([^}]+)\}/g, (_, name: string) => values[name] ?? name)
    // The table that the server itself is made from: a route cannot be forgotten here.
    const table = contentOperations({} as RegistryContent).filter(({ id }) => id !== 'Base')
    const routes = table.flatMap(({ method, path }) =>
      (method === 'GET' ? ['GET', 'HEAD'] : [method]).map((verb) => ({ method: verb, path })),
    )
    const answers = await Promise.all(
      routes.map(async ({ method, path }) => {
        const type = {
          'content-type': path.startsWith('/acr') ? 'application/json' : image.manifest.mediaType,
        }
        const hasBody = method === 'PUT' || method === 'PATCH'
        const body = path.startsWith('/acr') ? '{}' : image.manifest.bytes
        const query = method === 'PUT' && path.includes('uploads') ? `?digest=${image.manifest.digest}` : ''
        const options = hasBody ? { headers: type, body } : {}
        const response = await http(method, `${fill(path)}${query}`, options)
        return { what: `${method} ${path}`, status: response.status, text: await response.text() }
      }),
    )
    expect(answers.length).toBeGreaterThan(25)
    const served = answers.filter(({ status }) => status !== 403)
    expect(served.map(({ what, status, text }) => `${what}: ${status} ${text}`)).toEqual([])
    for (const { what, text } of answers)
      if (!what.startsWith('HEAD')) expect(text, what).toMatch(/permission-missing/)

    await setPolicy(site, registry.vault, registry.identity.principalId, serviceKeyPermissions)
    await serves(registry)
  })

  it('A44 all data is blocked: transfers under way are cut', async () => {
    const registry = await stocked('transfers')
    const { http, vault, identity } = registry
    const layer = [{ path: 'large', bytes: randomBytes(48 * MIB) }]
    const image = buildOciImage({ layers: [layer] })
    const bytes = randomBytes(8 * MIB)
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    expect(await http.push('large', 'v1', image)).toBe(201)
    const origin = site.server.url(`${registry.name}.azurecr`)
    const login = ownerLogin(site.server)
    const download = await holdDownload(`${origin}/v2/large/blobs/${image.layers[0]!.digest}`, login)
    const begun = await http('POST', '/v2/hello/blobs/uploads/')
    const place = new URL(begun.headers.get('location') ?? '', origin)
    place.searchParams.set('digest', digest)
    const upload = await holdUpload(place.href, login, { bytes, begun: MIB })

    await timeToRefusal(http, manifest, () => setPolicy(site, vault, identity.principalId, []))
    const { received, isWhole } = await download.rest()
    expect(isWhole).toBe(false)
    expect(received).toBeLessThan(download.announced)
    expect([403, null]).toContain(await upload.rest())

    await setPolicy(site, vault, identity.principalId, serviceKeyPermissions)
    await serves(registry)
    expect(await http.status('HEAD', `/v2/hello/blobs/${digest}`)).toBe(404)
  })

  async function stocked(name: string): Promise<Stocked> {
    const registry = await makeEncryptedRegistry(site, name)
    const http = registryHttp(site.server, name)
    const image = buildOciImage({ layers: [[{ path: 'hello', bytes: Buffer.from(name) }]] })
    expect(await http.push('hello', 'v1', image)).toBe(201)
    return { ...registry, http, image }
  }

  /** Pull, by skopeo and by request, and push are refused, with the cause, as soon as the bound allows. */
  async function refuses(
    { name, http, image }: Stocked,
    what: string,
    cause: string,
    change: () => Promise<unknown>,
  ): Promise<void> {
    const elapsed = await timeToRefusal(http, manifest, change)
    measured.push(`${what} ${elapsed.toFixed(0)} ms`)
    expect(elapsed).toBeLessThan(BOUND_MS)
    const pull = await site.skopeo.raw(...copyFrom(name))
    expect(pull.code).not.toBe(0)
    expect(pull.stderr).toMatch(/denied/i)
    expect(pull.stderr).toContain(cause)
    expect(await http.push('hello', 'v2', image)).toBe(403)
    expect(await http.pull('hello', image.manifest.digest)).toBe(403)
  }

  /** The very bytes that were pushed, and a push besides. */
  async function serves({ name, http, image }: Stocked): Promise<void> {
    await site.skopeo(...copyFrom(name))
    expect(await http.pull('hello', 'v1')).toEqual(
      [image.manifest, image.config, ...image.layers].map(({ bytes }) => Buffer.from(bytes)),
    )
    expect(await http.push('hello', 'v2', image)).toBe(201)
  }

  function copyFrom(name: string): readonly string[] {
    const { clientId, secret } = ownerLogin(site.server)
    return [
      ...words`copy --src-creds ${`${clientId}:${secret}`}`,
      ...words`docker://${site.loginServer(name)}/hello:v1 dir:${site.folder}/${name}`,
    ]
  }
})
