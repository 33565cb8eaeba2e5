import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Az, openAz } from '../support/az.ts'
import { type Skopeo, openSkopeo } from '../support/skopeo.ts'
import { type TestServer, startStrongroom } from '../support/strongroom.ts'
import { writeOciLayout } from '../tools/oci-layout.ts'

/** The main job in one test: key, registry, push, revoke, restore, rotate. */
describe('a registry under a customer key', () => {
  let server: TestServer
  let az: Az
  let skopeo: Skopeo
  let folder: string

  beforeAll(async () => {
    server = await startStrongroom()
    az = await openAz(server)
    skopeo = await openSkopeo(server.caFile)
    folder = await mkdtemp(join(tmpdir(), 'strongroom-image-'))
  })
  afterAll(async () => {
    await skopeo[Symbol.asyncDispose]()
    await az[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  it('serves, stops with the key, comes back with it, and rotates without touching an image', async () => {
    await az('group', 'create', '-n', 'rg1', '-l', 'eastus')
    const identity = await az<{ id: string; principalId: string; clientId: string }>(
      'identity',
      'create',
      '-g',
      'rg1',
      '-n',
      'id1',
    )
    await az(
      ...'keyvault create -g rg1 -n kv1 --enable-purge-protection true --enable-rbac-authorization false'.split(
        ' ',
      ),
    )
    await az(
      'keyvault',
      'set-policy',
      '-g',
      'rg1',
      '-n',
      'kv1',
      '--object-id',
      identity.principalId,
      '--key-permissions',
      'get',
      'unwrapKey',
      'wrapKey',
    )
    const key = await az<{ key: { kid: string } }>(
      'keyvault',
      'key',
      'create',
      '--vault-name',
      'kv1',
      '-n',
      'key1',
    )
    await az(
      'acr',
      'create',
      '-g',
      'rg1',
      '-n',
      'myacr1',
      '--sku',
      'Premium',
      '--identity',
      identity.id,
      '--key-encryption-key',
      key.key.kid,
    )
    const shown = await az<{ status: string }>('acr', 'encryption', 'show', '-n', 'myacr1')
    expect(shown).toMatchObject({
      status: 'enabled',
      keyVaultProperties: { identity: identity.clientId, keyIdentifier: key.key.kid },
    })

    const loginServer = `myacr1.azurecr.localhost:${server.port}`
    const { refreshToken } = await az<{ refreshToken: string }>(
      'acr',
      'login',
      '-n',
      'myacr1',
      '--expose-token',
    )
    await skopeo('login', '-u', '00000000-0000-0000-0000-000000000000', '-p', refreshToken, loginServer)
    const { layout } = await writeOciLayout(folder, 'v1', {
      layers: [[{ path: 'hello.txt', bytes: Buffer.from('hello') }]],
    })
    const image = `docker://${loginServer}/hello:v1`
    await skopeo('copy', layout, image)
    const digest = await digestOf(image)

    await az('keyvault', 'delete-policy', '-g', 'rg1', '-n', 'kv1', '--object-id', identity.principalId)
    const refused = await skopeo.raw('inspect', image)
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toMatch(/denied|403/i)

    await az(
      'keyvault',
      'set-policy',
      '-g',
      'rg1',
      '-n',
      'kv1',
      '--object-id',
      identity.principalId,
      '--key-permissions',
      'get',
      'unwrapKey',
      'wrapKey',
    )
    expect(await digestOf(image)).toBe(digest)

    const next = await az<{ key: { kid: string } }>(
      'keyvault',
      'key',
      'create',
      '--vault-name',
      'kv1',
      '-n',
      'key1',
    )
    expect(next.key.kid).not.toBe(key.key.kid)
    await az(
      'acr',
      'encryption',
      'rotate-key',
      '-n',
      'myacr1',
      '--key-encryption-key',
      next.key.kid,
      '--identity',
      identity.id,
    )
    await az('keyvault', 'key', 'set-attributes', '--id', key.key.kid, '--enabled', 'false')
    expect(await digestOf(image)).toBe(digest)
    await skopeo('copy', image, `dir:${join(folder, 'pulled')}`)
  })

  async function digestOf(image: string): Promise<string> {
    return (JSON.parse(await skopeo('inspect', image)) as { Digest: string }).Digest
  }
})
