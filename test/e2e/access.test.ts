import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { azKeys } from '../support/az-keys.ts'
import { type Az, openAz } from '../support/az.ts'
import { type Login, azureSdk } from '../support/azure-sdk.ts'
import {
  makeEncryptedRegistry,
  makeIdentity,
  makePlainRegistry,
  makeVault,
  registryPath,
  serviceKeyPermissions,
  vaultPath,
} from '../support/cmk.ts'
import { type TestPrincipal, makeServicePrincipal } from '../support/principals.ts'
import { BOUND_MS, timeToRefusal } from '../support/refusal.ts'
import { registryHttp } from '../support/registry-http.ts'
import { GROUP, type Site, openSite } from '../support/site.ts'
import { words } from '../support/words.ts'
import { buildOciImage, writeOciLayout } from '../tools/oci-layout.ts'

const image = buildOciImage({ layers: [[{ path: 'hello', bytes: Buffer.from('hello') }]] })
const manifest = '/v2/hello/manifests/v1'

describe('who may do what', () => {
  let site: Site
  let az: Az
  let layout: string

  beforeAll(async () => {
    site = await openSite()
    az = await site.az()
    const written = await writeOciLayout(site.folder, 'v1', {
      layers: [[{ path: 'a', bytes: Buffer.from('a') }]],
    })
    layout = written.layout
    await makePlainRegistry(site, 'rolesacr')
    expect(await registryHttp(site.server, 'rolesacr').push('hello', 'v1', image)).toBe(201)
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('az ad sp create-for-rbac makes a principal that pulls with AcrPull and does not push', async () => {
    const made = await az<Readonly<Record<string, string>>>(
      ...words`ad sp create-for-rbac --name ${'ci puller'} --role AcrPull --scopes ${idOf(registryPath('rolesacr'))}`,
    )
    const login = { clientId: made['appId'] ?? '', secret: made['password'] ?? '' }
    expect(await can(login)).toEqual({ pulls: true, pushes: false, deletes: false })
    // Signing in by az works the same, and shows the registry's content only.
    await using own = await openAz(site.server, login)
    expect(await own(...words`acr repository list --name rolesacr`)).toContain('hello')
    expect(await own.fails(...words`acr update --name rolesacr --admin-enabled true`)).toMatch(
      /AuthorizationFailed|could not be found/,
    )
  })

  it.each([
    ['AcrPush', { pulls: true, pushes: true, deletes: false }],
    ['AcrDelete', { pulls: false, pushes: false, deletes: true }],
    // Its `*/read` takes in `pull/read`, as Azure's table of roles has it.
    ['Reader', { pulls: true, pushes: false, deletes: false }],
    ['Key Vault Contributor', { pulls: false, pushes: false, deletes: false }],
  ])('the role %s allows what Azure says, and no more', async (role, allowed) => {
    const principal = await makeServicePrincipal(site, `with ${role}`)
    await grant(principal.principalId, role, registryPath('rolesacr'))
    expect(await can(principal.login)).toEqual(allowed)
  })

  it('a role that is taken away is refused at once, whatever the token says', async () => {
    const { login, principalId } = await makeServicePrincipal(site, 'for a while')
    const scope = idOf(registryPath('rolesacr'))
    await grant(principalId, 'AcrPull', registryPath('rolesacr'))
    const token = await tokenOf(login, 'repository:hello:pull')
    const http = registryHttp(site.server, 'rolesacr')
    const asBearer = { headers: { authorization: `Bearer ${token}` } }
    expect(await http.status('GET', manifest, asBearer)).toBe(200)
    await az(...words`role assignment delete --assignee ${principalId} --role AcrPull --scope ${scope}`)
    expect(await http.status('GET', manifest, asBearer)).toBe(403)
    expect(await can(login)).toEqual({ pulls: false, pushes: false, deletes: false })
  })

  it('A80 a vault with roles in the place of policies: the whole flow, and revocation by removing the role', async () => {
    await az(...words`keyvault create -g ${GROUP} -n kv-roles --enable-purge-protection`)
    const { properties } = await site.sdk.vaults.vaults.get(GROUP, 'kv-roles')
    expect(properties.enableRbacAuthorization).toBe(true)
    const keys = azKeys(az, site.server.port)
    // The owner of everything still holds no rights on keys.
    await expect(site.sdk.keys('kv-roles').getKey('key1')).rejects.toMatchObject({ statusCode: 403 })
    await grant(site.ownerId, 'Key Vault Crypto Officer', vaultPath('kv-roles'))
    const { key } = await keys.create('kv-roles', 'key1')

    const identity = await makeIdentity(site, 'id-roles')
    const create = words`acr create -g ${GROUP} -n rolevaultacr --sku Premium --identity ${identity.id}`
    expect(await az.fails(...create, '--key-encryption-key', key.kid)).toMatch(/Get, Wrap Key, Unwrap Key/)
    const role = words`--role e147488a-f6f5-4113-8e2d-b22465e65bf6`
    const scope = words`--scope ${idOf(`${vaultPath('kv-roles')}/keys/key1`)}`
    const assignee = words`--assignee-object-id ${identity.principalId} --assignee-principal-type ServicePrincipal`
    await az('role', 'assignment', 'create', ...role, ...scope, ...assignee)
    await az(...create, '--key-encryption-key', key.kid)
    const http = registryHttp(site.server, 'rolevaultacr')
    expect(await http.push('hello', 'v1', image)).toBe(201)

    const next = await keys.create('kv-roles', 'key1')
    await az(...words`acr encryption rotate-key -n rolevaultacr --key-encryption-key ${next.key.kid}`)
    expect(await http.pull('hello', 'v1')).toHaveLength(3)

    const elapsed = await timeToRefusal(http, manifest, () =>
      az('role', 'assignment', 'delete', ...role, ...scope, '--assignee', identity.principalId),
    )
    console.log(`from the answer to az role assignment delete to the first refusal: ${elapsed.toFixed(0)} ms`)
    expect(elapsed).toBeLessThan(BOUND_MS)
    expect(await http.push('hello', 'v2', image)).toBe(403)
    await az('role', 'assignment', 'create', ...role, ...scope, ...assignee)
    expect(await http.pull('hello', 'v1')).toHaveLength(3)
    expect(await http.push('hello', 'v2', image)).toBe(201)
  })

  it('who runs the registry holds no key: the administrator of the vault cuts it off, and it cannot help itself', async () => {
    const { name, vault, identity } = await makeEncryptedRegistry(site, 'dutiesacr')
    const http = registryHttp(site.server, name)
    expect(await http.push('hello', 'v1', image)).toBe(201)
    const registryAdmin = await makeServicePrincipal(site, 'runs the registry')
    await grant(registryAdmin.principalId, 'Contributor', registryPath(name))
    const vaultAdmin = await makeServicePrincipal(site, 'runs the vault')
    await grant(vaultAdmin.principalId, 'Key Vault Contributor', vaultPath(vault))

    const ofVault = azureSdk(site.server, vaultAdmin.login)
    const ofRegistry = azureSdk(site.server, registryAdmin.login)
    const { tenantId } = site.server.owner
    const policy = {
      properties: {
        accessPolicies: [
          { tenantId, objectId: identity.principalId, permissions: { keys: [...serviceKeyPermissions] } },
        ],
      },
    }
    const forbidden = { statusCode: 403 }
    // The one has no rights on the registry.
    await expect(ofVault.registries.registries.get(GROUP, name)).rejects.toMatchObject(forbidden)
    expect((await can(vaultAdmin.login, name)).pulls).toBe(false)
    await ofVault.vaults.vaults.updateAccessPolicy(GROUP, vault, 'remove', policy)
    expect(await http.status('GET', manifest)).toBe(403)

    // The other has none on the vault, and no way around it.
    const change = (encryption: object) =>
      ofRegistry.registries.registries.update(GROUP, name, { encryption })
    expect(await registryHttp(site.server, name, registryAdmin.login).status('GET', manifest)).toBe(403)
    const back = ofRegistry.vaults.vaults.updateAccessPolicy(GROUP, vault, 'add', policy)
    await expect(back).rejects.toMatchObject(forbidden)
    await expect(ofRegistry.keys(vault).getKey('key1')).rejects.toMatchObject(forbidden)
    await expect(change({ status: 'disabled' })).rejects.toMatchObject({ statusCode: 400 })
    await makeVault(site, 'kv-own', { [identity.principalId]: serviceKeyPermissions })
    const { id: ownKey } = await site.sdk.keys('kv-own').createRsaKey('key1')
    const keyVaultProperties = { keyIdentifier: ownKey, identity: identity.clientId }
    await expect(change({ status: 'enabled', keyVaultProperties })).rejects.toMatchObject({
      statusCode: 400,
      message: expect.stringContaining('Get, Wrap Key, Unwrap Key') as string,
    })

    await ofVault.vaults.vaults.updateAccessPolicy(GROUP, vault, 'add', policy)
    expect(await http.pull('hello', 'v1')).toHaveLength(3)
  })

  function idOf(path: string): string {
    return `/subscriptions/${site.server.owner.subscriptionId}${path}`
  }

  async function grant(principalId: TestPrincipal['principalId'], role: string, path: string): Promise<void> {
    await az(
      ...words`role assignment create --assignee-object-id ${principalId} --assignee-principal-type ServicePrincipal`,
      ...words`--role ${role} --scope ${idOf(path)}`,
    )
  }

  /** By skopeo, as its user sees it; the deleted image is pushed again by the owner. */
  async function can(login: Login, registry = 'rolesacr') {
    const creds = words`--creds ${`${login.clientId}:${login.secret}`}`
    const at = `docker://${site.loginServer(registry)}`
    const pulled = await site.skopeo.raw('inspect', ...creds, `${at}/hello:v1`)
    const destination = words`--dest-creds ${`${login.clientId}:${login.secret}`}`
    const pushed = await site.skopeo.raw('copy', ...destination, layout, `${at}/mine:v1`)
    // skopeo looks a tag up before it deletes, which a deleter need not be allowed to: so by its digest.
    const http = registryHttp(site.server, registry, login)
    const target = `/v2/hello/manifests/${image.manifest.digest}`
    const deleted = await http.status('DELETE', target)
    expect([202, 401, 403]).toContain(deleted)
    if (deleted === 202)
      expect(await registryHttp(site.server, registry).push('hello', 'v1', image)).toBe(201)
    for (const { code, stderr } of [pulled, pushed])
      if (code !== 0) expect(stderr).toMatch(/denied|unauthorized/i)
    return { pulls: pulled.code === 0, pushes: pushed.code === 0, deletes: deleted === 202 }
  }

  async function tokenOf({ clientId, secret }: Login, scope: string): Promise<string> {
    const service = site.loginServer('rolesacr')
    const query = new URLSearchParams({ service, scope })
    const response = await registryHttp(site.server, 'rolesacr', { clientId, secret })(
      'GET',
      `/oauth2/token?${query.toString()}`,
    )
    const { access_token: token } = (await response.json()) as { readonly access_token: string }
    return token
  }
})
