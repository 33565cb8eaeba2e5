import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { azKeys, type AzKey, type AzKeys } from '../support/az-keys.ts'
import type { Az } from '../support/az.ts'
import { registryHttp } from '../support/registry-http.ts'
import { type Site, openSite } from '../support/site.ts'
import { words } from '../support/words.ts'
import { buildOciImage, writeOciLayout } from '../tools/oci-layout.ts'

interface Identity {
  readonly id: string
  readonly principalId: string
  readonly clientId: string
}

interface Encryption {
  readonly status: string
  readonly keyVaultProperties: {
    readonly identity: string
    readonly keyIdentifier: string
    readonly versionedKeyIdentifier: string
  }
}

const vault = 'mykeyvault'
const registry = 'myregistry'
const keyPermissions = ['get', 'unwrapKey', 'wrapKey']

/**
 * The document's script in its order, each line as it is typed today. Where az has changed a line since, the nearest one
 * stands here and a note in test/promises-list.ts.
 */
describe('the CLI script, from the group to the revocation', () => {
  let site: Site
  let az: Az
  let keys: AzKeys
  /** The commands that ran, without their arguments. */
  const ran: string[] = []
  let identity: Identity
  let key: AzKey
  let keyId: string

  beforeAll(async () => {
    site = await openSite()
    const signedIn = await site.az()
    const run = async (...args: readonly string[]) => {
      const result = await signedIn(...args)
      ran.push(
        args
          .slice(
            0,
            args.findIndex((word) => word.startsWith('-')),
          )
          .join(' '),
      )
      return result
    }
    az = Object.assign(run as Az, signedIn)
    keys = azKeys(az, site.server.port)
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('A12 az group create makes a resource group', async () => {
    await az(...words`group create --name myresourcegroup --location koreacentral`)
    const group = await az(...words`group show --name myresourcegroup`)
    expect(group).toMatchObject({
      name: 'myresourcegroup',
      location: 'koreacentral',
      properties: { provisioningState: 'Succeeded' },
    })
  })

  it('A13 az identity create prints what the document shows', async () => {
    identity = await az<Identity>(
      ...words`identity create --resource-group myresourcegroup --name myidentityname`,
    )
    const guid = expect.stringMatching(/^[0-9a-f-]{36}$/) as string
    expect(identity).toMatchObject({
      clientId: guid,
      principalId: guid,
      tenantId: site.server.owner.tenantId,
      name: 'myidentityname',
      resourceGroup: 'myresourcegroup',
      tags: {},
      type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
    })
    expect(identity.id).toMatch(
      /\/resourcegroups\/myresourcegroup\/providers\/Microsoft.ManagedIdentity\/userAssignedIdentities\/myidentityname$/i,
    )
    // Newer versions of az leave the URL out of what they print; the answer has it.
    const shown = await az<{ readonly properties: Readonly<Record<string, string>> }>(
      ...words`resource show --ids ${identity.id}`,
    )
    const url = new URL(shown.properties['clientSecretUrl'] ?? '')
    expect(url.pathname).toMatch(/\/userAssignedIdentities\/myidentityname\/credentials$/)
    expect(Object.fromEntries(url.searchParams)).toEqual({
      tid: site.server.owner.tenantId,
      oid: identity.principalId,
      aid: identity.clientId,
    })
  })

  it('A15 az identity show gives the two ids for the environment', async () => {
    const show = words`identity show --resource-group myresourcegroup --name myidentityname`
    expect(await az(...show, ...words`--query id --output tsv`)).toBe(identity.id)
    expect(await az(...show, ...words`--query principalId --output tsv`)).toBe(identity.principalId)
  })

  it('A17 az keyvault create with both protections', async () => {
    await az(
      ...words`keyvault create --name ${vault} --resource-group myresourcegroup --enable-purge-protection`,
      ...words`--enable-rbac-authorization false`,
    )
    expect(await az(...words`keyvault show --name ${vault}`)).toMatchObject({
      properties: { enableSoftDelete: true, enablePurgeProtection: true, softDeleteRetentionInDays: 90 },
    })
  })

  it('A18 az keyvault set-policy gives the identity get, unwrapKey and wrapKey', async () => {
    await az(
      ...words`keyvault set-policy --resource-group myresourcegroup --name ${vault}`,
      ...words`--object-id ${identity.principalId} --key-permissions get unwrapKey wrapKey`,
    )
    expect(await policyOf(identity.principalId)).toEqual(keyPermissions)
  })

  it('A19 az keyvault key create makes an RSA key with the six operations', async () => {
    key = await keys.create(vault, 'mykey')
    expect(key.key).toMatchObject({ kty: 'RSA', e: 'AQAB' })
    const operations = ['encrypt', 'decrypt', 'sign', 'verify', 'wrapKey', 'unwrapKey']
    expect(key.key['keyOps'] ?? key.key['key_ops']).toEqual(operations)
    expect(key.key.kid).toMatch(
      new RegExp(`^https://${vault}\\.vault\\.localhost:\\d+/keys/mykey/[0-9a-f]{32}$`),
    )
  })

  it('A20 az keyvault key show gives the key id', async () => {
    keyId =
      az.cli.keyCommands === 'native'
        ? await az<string>(
            ...words`keyvault key show --name mykey --vault-name ${vault} --query key.kid --output tsv`,
          )
        : (await keys.show(vault, 'mykey')).key.kid
    expect(keyId).toBe(key.key.kid)
  })

  it('A21 az acr create makes a registry under the customer-managed key', async () => {
    await az(
      ...words`acr create --resource-group myresourcegroup --name ${registry} --identity ${identity.id}`,
      ...words`--key-encryption-key ${keyId} --sku Premium`,
    )
    const shown = await az<{ readonly identity: object; readonly encryption: object }>(
      ...words`acr show --name ${registry}`,
    )
    expect(shown).toMatchObject({ provisioningState: 'Succeeded', sku: { name: 'Premium' } })
    expect(shown.encryption).toMatchObject({ status: 'enabled' })
  })

  it('A59 the key id is usable as it was printed', async () => {
    expect((await stored()).keyVaultProperties.keyIdentifier).toBe(keyId)
  })

  it('A22 az acr encryption show prints the status and the three properties', async () => {
    expect(await showEncryption()).toMatchObject({
      status: 'enabled',
      keyVaultProperties: {
        identity: identity.clientId,
        keyIdentifier: keyId,
        versionedKeyIdentifier: expect.stringMatching(/\/keys\/mykey\/[0-9a-f]{32}$/) as string,
      },
    })
    // Exactly these, in the version of the document.
    const { id } = await az<{ readonly id: string }>(...words`acr show --name ${registry}`)
    const old = await az<{ readonly properties: { readonly encryption: Encryption } }>(
      ...words`rest --method get --url ${`${id}?api-version=2019-12-01-preview`}`,
    )
    expect(old.properties.encryption).toEqual({
      status: 'enabled',
      keyVaultProperties: {
        identity: identity.clientId,
        keyIdentifier: keyId,
        versionedKeyIdentifier: keyId,
      },
    })
  })

  it('A55 identity, vault and registry take the location of their group', async () => {
    const listed = await az<readonly { readonly location: string; readonly type: string }[]>(
      ...words`resource list --resource-group myresourcegroup`,
    )
    expect(listed.map(({ location }) => location)).toEqual(Array(3).fill('koreacentral'))
  })

  it('A56 az acr encryption show and rotate-key do without the group', async () => {
    const withGroup = await az(
      ...words`acr encryption show --name ${registry} --resource-group myresourcegroup`,
    )
    expect(await showEncryption()).toEqual(withGroup)
    const again = words`acr encryption rotate-key --name ${registry} --key-encryption-key ${keyId}`
    const rotated = await az<{ readonly encryption: object }>(...again, '--identity', identity.clientId)
    expect(rotated.encryption).toMatchObject({ keyVaultProperties: { keyIdentifier: keyId } })
  })

  it('A33 the registry is used as any other: az acr login, push, list', async () => {
    const { accessToken, refreshToken, username } = await az<Readonly<Record<string, string>>>(
      ...words`acr login --name ${registry} --expose-token`,
    )
    const { skopeo } = site
    const user = username ?? '00000000-0000-0000-0000-000000000000'
    await skopeo('login', '-u', user, '-p', refreshToken ?? accessToken ?? '', site.loginServer(registry))
    const { layout } = await writeOciLayout(site.folder, 'v1', {
      layers: [[{ path: 'hello.txt', bytes: Buffer.from('hello') }]],
    })
    await skopeo('copy', layout, `docker://${site.loginServer(registry)}/hello-world:v1`)
    expect(await az(...words`acr repository list --name ${registry}`)).toEqual(['hello-world'])
    expect(await az(...words`acr repository show-tags --name ${registry} --repository hello-world`)).toEqual([
      'v1',
    ])
  })

  it('A39 az keyvault key create on the same name makes a new version', async () => {
    const next = await keys.create(vault, 'mykey')
    expect(next.key.kid).not.toBe(keyId)
    const versions = await keys.listVersions(vault, 'mykey')
    expect([...versions].sort()).toEqual([keyId, next.key.kid].sort())
    expect((await keys.show(vault, 'mykey')).key.kid).toBe(next.key.kid)
    keyId = next.key.kid
  })

  it('A40 az acr encryption rotate-key takes the principal id, as the document has it', async () => {
    for (const given of [identity.principalId, identity.clientId]) {
      await az(
        ...words`acr encryption rotate-key --name ${registry} --key-encryption-key ${keyId}`,
        ...words`--identity ${given}`,
      )
      expect((await stored()).keyVaultProperties).toMatchObject({
        identity: identity.clientId,
        keyIdentifier: keyId,
        versionedKeyIdentifier: keyId,
      })
    }
  })

  it('A35 the same identity serves for a new key', async () => {
    const other = await keys.create(vault, 'mynewkey')
    await az(
      ...words`acr encryption rotate-key --name ${registry} --key-encryption-key ${other.key.kid}`,
      ...words`--identity ${identity.id}`,
    )
    expect((await stored()).keyVaultProperties).toMatchObject({
      identity: identity.clientId,
      keyIdentifier: other.key.kid,
    })
    expect(await status('GET', '/v2/hello-world/manifests/v1')).toBe(200)
  })

  it('A48 encryption is switched to the system-assigned identity', async () => {
    await az(...words`acr identity assign --name ${registry} --identities [system]`)
    const { principalId } = await az<Identity>(...words`acr identity show --name ${registry}`)
    await az(
      ...words`keyvault set-policy --resource-group myresourcegroup --name ${vault}`,
      ...words`--object-id ${principalId} --key-permissions get unwrapKey wrapKey`,
    )
    await az(
      ...words`acr encryption rotate-key --name ${registry} --key-encryption-key ${keyId}`,
      ...words`--identity [system]`,
    )
    expect((await stored()).keyVaultProperties.identity).toBe('system')
    expect(await status('GET', '/v2/hello-world/manifests/v1')).toBe(200)
    await az(
      ...words`acr encryption rotate-key --name ${registry} --key-encryption-key ${keyId}`,
      ...words`--identity ${identity.id}`,
    )
  })

  it('A42 az keyvault delete-policy revokes the key: push and pull are refused', async () => {
    await az(
      ...words`keyvault delete-policy --resource-group myresourcegroup --name ${vault}`,
      ...words`--object-id ${identity.principalId}`,
    )
    expect(await policyOf(identity.principalId)).toBeNull()
    const image = `docker://${site.loginServer(registry)}/hello-world:v1`
    const pull = await site.skopeo.raw('copy', image, `dir:${site.folder}/refused`)
    expect(pull.code).not.toBe(0)
    expect(pull.stderr).toMatch(/denied: The registry's data is blocked.*permission-missing/)
    expect(await push('other')).toBe(403)
  })

  it('A45 az keyvault set-policy gives access back, with nothing done to the registry', async () => {
    await az(
      ...words`keyvault set-policy --resource-group myresourcegroup --name ${vault}`,
      ...words`--object-id ${identity.principalId} --key-permissions get unwrapKey wrapKey`,
    )
    await site.skopeo(
      'copy',
      `docker://${site.loginServer(registry)}/hello-world:v1`,
      `dir:${site.folder}/pulled`,
    )
    expect(await push('other')).toBe(201)
  })

  it('A82 az acr show and az resource show print identity and encryption; az feature answers', async () => {
    const blocks = {
      identity: { userAssignedIdentities: { [identity.id]: { clientId: identity.clientId } } },
    }
    const encryption = { status: 'enabled', keyVaultProperties: { identity: identity.clientId } }
    expect(await az(...words`acr show --name ${registry}`)).toMatchObject({ ...blocks, encryption })
    const resource = words`resource show --resource-group myresourcegroup --name ${registry}`
    const type = words`--resource-type Microsoft.ContainerRegistry/registries`
    expect(await az(...resource, ...type)).toMatchObject({ ...blocks, properties: { encryption } })
    const feature = words`--namespace Microsoft.ContainerRegistry --name PrivatePreview`
    for (const verb of ['register', 'show']) {
      expect(await az('feature', verb, ...feature)).toMatchObject({ properties: { state: 'Registered' } })
    }
  })

  it('A11 the whole script ran with an az of at least 2.2.0', () => {
    const [major = 0, minor = 0] = az.cli.version.split('.').map(Number)
    expect(major * 1000 + minor).toBeGreaterThanOrEqual(2002)
    expect(ran).toEqual(
      expect.arrayContaining([
        'group create',
        'identity create',
        'identity show',
        'keyvault create',
        'keyvault set-policy',
        ...(az.cli.keyCommands === 'native' ? ['keyvault key create', 'keyvault key show'] : []),
        'acr create',
        'acr encryption show',
        'acr encryption rotate-key',
        'keyvault delete-policy',
      ]),
    )
  })

  function showEncryption(): Promise<Encryption> {
    return az<Encryption>(...words`acr encryption show --name ${registry}`)
  }

  /** As `showEncryption`, without a process for it. */
  async function stored(): Promise<Encryption> {
    const { encryption } = await site.sdk.registries.registries.get('myresourcegroup', registry)
    return encryption as Encryption
  }

  async function policyOf(objectId: string): Promise<readonly string[] | null> {
    const { properties } = await az<{ readonly properties: { readonly accessPolicies: readonly Policy[] } }>(
      ...words`keyvault show --name ${vault}`,
    )
    const entry = properties.accessPolicies.find((policy) => policy.objectId === objectId)
    return entry === undefined ? null : [...(entry.permissions.keys ?? [])].sort()
  }

  function status(method: string, path: string): Promise<number> {
    return registryHttp(site.server, registry).status(method, path)
  }

  function push(repository: string): Promise<number> {
    const image = buildOciImage({ layers: [[{ path: 'a', bytes: Buffer.from(repository) }]] })
    return registryHttp(site.server, registry).push(repository, 'v1', image)
  }
})

interface Policy {
  readonly objectId: string
  readonly permissions: { readonly keys: readonly string[] | null }
}
