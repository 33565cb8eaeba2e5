import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  auditOf,
  callerOf,
  encryptionOf,
  makeIdentity,
  makeKey,
  makeVault,
  newRegistry,
  registryPath,
  serviceKeyPermissions,
  setPolicy,
  type TestIdentity,
} from '../support/cmk.ts'
import { makeServicePrincipal, type TestPrincipal } from '../support/principals.ts'
import { BOUND_MS, timeToRefusal } from '../support/refusal.ts'
import { type RegistryHttp, registryHttp } from '../support/registry-http.ts'
import { GROUP, type Site, openSite } from '../support/site.ts'
import { type BuiltImage, buildOciImage } from '../tools/oci-layout.ts'

const REGISTRY = 'remote'
const VAULT = 'kv-remote'
const manifest = '/v2/hello/manifests/v1'

describe("a registry under a key in another server's vault", () => {
  let folder: string
  /** Holds the vault. */
  let keys: Site
  /** Holds the registry. */
  let data: Site
  let client: TestPrincipal
  let identity: TestIdentity
  let http: RegistryHttp
  let image: BuiltImage
  let keyId: string

  const configFile = () => join(folder, 'remote-vaults.json')
  /** What the operator of the registry's server writes; `caFile` is what he was given by the vault's. */
  const configure = async (caFile: string) => {
    const { server } = keys
    const entry = {
      url: server.url('vault'),
      loginUrl: server.url('login'),
      tenantId: server.owner.tenantId,
      caFile,
      identities: [{ identity: identity.id, credentialFile: 'client.json' }],
    }
    await writeFile(configFile(), JSON.stringify([entry]))
    await data.server.stop()
    await data.server.start()
  }
  const create = (name: string, opener: TestIdentity, key: string) =>
    data.arm('PUT', registryPath(name), '2023-07-01', {
      ...{ location: 'eastus', sku: { name: 'Premium' } },
      identity: { type: 'UserAssigned', userAssignedIdentities: { [opener.id]: {} } },
      properties: {
        encryption: {
          status: 'enabled',
          keyVaultProperties: { identity: opener.clientId, keyIdentifier: key },
        },
      },
    })
  const serves = async () => {
    const [bytes] = (await http.pull('hello', 'v1')) as readonly Buffer[]
    expect(bytes?.equals(image.manifest.bytes)).toBe(true)
  }
  /** Asks until it answers so, and gives every status on the way. */
  const statusesUntil = async (wanted: number): Promise<ReadonlySet<number>> => {
    const seen = new Set<number>()
    const deadline = performance.now() + 6 * BOUND_MS
    while (!seen.has(wanted)) {
      if (performance.now() > deadline) throw new Error(`never ${wanted}, but ${[...seen].join(', ')}`)
      seen.add(await http.status('GET', manifest))
      await sleep(20)
    }
    return seen
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strongroom-remote-'))
    await writeFile(configFile(), '[]')
    keys = await openSite()
    data = await openSite({ args: ['--remote-vaults', configFile()] })
    client = await makeServicePrincipal(keys, 'registries-elsewhere')
    const { clientId, secret } = client.login
    const credential = JSON.stringify({ clientId, clientSecret: secret })
    await writeFile(join(folder, 'client.json'), credential, { mode: 0o600 })
    await makeVault(keys, VAULT, { [client.principalId]: serviceKeyPermissions })
    keyId = await makeKey(keys, VAULT, 'key1')
    identity = await makeIdentity(data, 'id-remote')
    http = registryHttp(data.server, REGISTRY)
    image = buildOciImage({ layers: [[{ path: 'hello', bytes: Buffer.from('from elsewhere') }]] })
    await configure(keys.server.caFile)
  })
  afterAll(async () => {
    await data[Symbol.asyncDispose]()
    await keys[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  it('is created, pushed to and pulled from; the vault saw the client that the operator named', async () => {
    const versionless = `${keys.server.url(`${VAULT}.vault`)}/keys/key1`
    await data.sdk.registries.registries.create(GROUP, REGISTRY, newRegistry(identity, versionless))
    expect((await encryptionOf(data, REGISTRY)).keyVaultProperties).toMatchObject({
      keyIdentifier: versionless,
      versionedKeyIdentifier: keyId,
    })
    expect(await http.push('hello', 'v1', image)).toBe(201)
    await serves()
    const asked = (await auditOf(keys, VAULT)).filter((event) => callerOf(event) === client.principalId)
    expect(new Set(asked.map(({ operationName }) => operationName))).toEqual(
      new Set(['KeyGet', 'KeyWrap', 'KeyUnwrap']),
    )
  })

  it('follows the newest version while it is in use, and needs the old one no more', async () => {
    const newest = await makeKey(keys, VAULT, 'key1')
    const isFollowed = async () =>
      (await encryptionOf(data, REGISTRY)).keyVaultProperties?.versionedKeyIdentifier === newest
    while (!(await isFollowed())) {
      await serves()
      await sleep(100)
    }
    await keys.sdk.keys(VAULT).updateKeyProperties('key1', keyId.split('/').at(-1) ?? '', { enabled: false })
    const disabledAt = (await auditOf(keys, VAULT)).length
    const isOpenedByNewest = async () =>
      (await auditOf(keys, VAULT))
        .slice(disabledAt)
        .some(
          ({ operationName, properties: { id } }) =>
            operationName === 'KeyUnwrap' && newest.endsWith(`/${id}`),
        )
    while (!(await isOpenedByNewest())) {
      await serves()
      await sleep(100)
    }
  })

  it.each([
    [
      'the policy is emptied',
      () => setPolicy(keys, VAULT, client.principalId, []),
      () => setPolicy(keys, VAULT, client.principalId, serviceKeyPermissions),
      'permission-missing',
    ],
    ['the key is disabled', () => setEnabled(false), () => setEnabled(true), 'key-disabled'],
    [
      'the vault is deleted',
      () => keys.sdk.vaults.vaults.delete(GROUP, VAULT),
      () =>
        keys.arm.ok(
          'PUT',
          `/resourceGroups/${GROUP}/providers/Microsoft.KeyVault/vaults/${VAULT}`,
          '2023-07-01',
          {
            location: 'eastus',
            properties: {
              tenantId: keys.server.owner.tenantId,
              sku: { family: 'A', name: 'standard' },
              createMode: 'recover',
            },
          },
        ),
      'vault-not-found',
    ],
  ] as const)(
    'is refused within the lease when %s, and opens again by itself',
    async (_, revoke, restore, cause) => {
      await serves()
      const elapsed = await timeToRefusal(http, manifest, revoke)
      console.log(`another server's vault, ${cause}: refused after ${Math.round(elapsed)} ms`)
      const refused = await http('GET', manifest)
      expect(await refused.text()).toContain(cause)
      await restore()
      await statusesUntil(200)
      await serves()
    },
  )
  const setEnabled = async (enabled: boolean) => {
    const newest = await keys.sdk.keys(VAULT).getKey('key1')
    await keys.sdk.keys(VAULT).updateKeyProperties('key1', newest.properties.version ?? '', { enabled })
  }

  it.each<[string, NodeJS.Signals, () => Promise<unknown>]>([
    ['is gone', 'SIGKILL', () => keys.server.start()],
    ['hangs', 'SIGSTOP', async () => process.kill(keys.server.pid(), 'SIGCONT')],
  ])(
    'is served to the end of the lease when the other server %s, then 503 and never 403',
    async (_, signal, revive) => {
      await serves()
      if (signal === 'SIGKILL') await keys.server.stop(signal)
      else process.kill(keys.server.pid(), signal)
      expect(await statusesUntil(503)).toEqual(new Set([200, 503]))
      const unavailable = await http('GET', manifest)
      expect([unavailable.status, unavailable.headers.get('retry-after')]).toEqual([
        503,
        expect.stringMatching(/^\d+$/),
      ])
      await unavailable.arrayBuffer()
      await revive()
      expect(await statusesUntil(200)).not.toContain(403)
      await serves()
    },
  )

  it('is not created with an identity for which the operator named no client', async () => {
    const stranger = await makeIdentity(data, 'id-stranger')
    const { status, body } = await create('stranger', stranger, keyId)
    expect(status).toBe(400)
    expect(JSON.stringify(body)).toMatch(/token-refused.*--remote-vaults/)
  })

  it('is not created where the certificate is not trusted: the answer and the log say so, and nothing is refused', async () => {
    await configure(data.server.caFile)
    const distrust = `The certificate of ${keys.server.url('login')} is not trusted`
    const { status, body } = await create('untrusted', identity, keyId)
    expect([status, JSON.stringify(body)]).toEqual([503, expect.stringContaining(distrust)])
    expect(data.server.output()).toContain(distrust)
    expect(await http.status('GET', manifest)).toBe(503)
    await configure(keys.server.caFile)
    await serves()
  })
})
