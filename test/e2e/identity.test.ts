import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ManagedIdentityCredential } from '@azure/identity'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAz } from '../support/az.ts'
import { azureSdkOf } from '../support/azure-sdk.ts'
import { type TestIdentity, makeIdentity, makeKey, makeVault } from '../support/cmk.ts'
import { freePort } from '../support/free-port.ts'
import { GROUP, LOCATION, type Site, openSite } from '../support/site.ts'
import { startStrongroom } from '../support/strongroom.ts'
import { words } from '../support/words.ts'

interface Account {
  readonly user: {
    readonly name: string
    readonly type: string
    readonly assignedIdentityInfo: string | null
  }
  readonly tenantId: string
}

/** Workloads on the machine that sign in as a managed identity: no secret of theirs anywhere. */
describe('the managed-identity endpoint', () => {
  let site: Site
  let identity: TestIdentity
  let origin: string
  let appService: Readonly<Record<string, string>>
  let folder: AsyncDisposable

  beforeAll(async () => {
    const port = await freePort()
    origin = `http://127.0.0.1:${port}`
    // The identity's id names the subscription, which the first start makes.
    const first = await startStrongroom()
    folder = first
    const { subscriptionId } = first.owner
    await first.stop()
    const group = `/subscriptions/${subscriptionId}/resourceGroups/${GROUP}`
    const id = `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/worker`
    site = await openSite({ dataDir: first.dataDir, args: ['--identity-endpoint', `${port}=${id}`] })
    identity = await makeIdentity(site, 'worker')
    await makeIdentity(site, 'other')
    await makeVault(site, 'kv-worker', { [identity.principalId]: ['get'] })
    await makeKey(site, 'kv-worker', 'key1')
    const { value } = await site.arm.ok(
      'GET',
      "/providers/Microsoft.Authorization/roleDefinitions?$filter=roleName eq 'Reader'",
      '2022-04-01',
    )
    const [reader] = value as readonly { readonly id: string }[]
    await site.sdk.roles.roleAssignments.create(group, crypto.randomUUID(), {
      roleDefinitionId: reader?.id ?? '',
      principalId: identity.principalId,
      principalType: 'ServicePrincipal',
    })
    const file = await readFile(join(first.dataDir, 'secrets/identity.json'), 'utf8')
    appService = JSON.parse(file) as Readonly<Record<string, string>>
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  it.each([
    ['as in App Service: IDENTITY_ENDPOINT and IDENTITY_HEADER', () => appService],
    ['as the instance metadata service elsewhere', () => ({ AZURE_POD_IDENTITY_AUTHORITY_HOST: origin })],
    ['as the instance metadata service, through a proxy', () => ({ http_proxy: origin })],
  ])('az login --identity works %s', async (_, environment) => {
    await using az = await openAz(site.server, { identity: [], environment: environment() })
    const [account] = await az<readonly Account[]>('account', 'list')
    expect(account).toMatchObject({ tenantId: site.server.owner.tenantId })
    expect(account?.user.name).toMatch(/AssignedIdentity$/)
    const vault = await az<{ readonly location: string }>(...words`keyvault show --name kv-worker`)
    expect(vault.location).toBe(LOCATION)
    expect(await az.fails(...words`group create --name rg2 --location ${LOCATION}`)).toMatch(
      /AuthorizationFailed/,
    )
  })

  it.each(['--client-id', '--object-id', '--resource-id'] as const)(
    'az login --identity takes %s',
    async (flag) => {
      const value = {
        '--client-id': identity.clientId,
        '--object-id': identity.principalId,
        '--resource-id': identity.id,
      }[flag]
      await using az = await openAz(site.server, { identity: [flag, value], environment: appService })
      expect(await az(...words`group show --name ${GROUP}`)).toMatchObject({ name: GROUP })
    },
  )

  it('an identity that the operator did not name gets no token', async () => {
    const other = await site.sdk.identities.userAssignedIdentities.get(GROUP, 'other')
    const login = { identity: ['--client-id', other.clientId ?? ''], environment: appService }
    await expect(openAz(site.server, login)).rejects.toThrow(/identity/i)
  })

  it("Microsoft's ManagedIdentityCredential gets to the vault", async () => {
    Object.assign(process.env, appService)
    try {
      const credential = new ManagedIdentityCredential()
      const client = azureSdkOf(site.server, credential).keys('kv-worker')
      expect((await client.getKey('key1')).name).toBe('key1')
      await expect(client.createRsaKey('key2')).rejects.toMatchObject({ statusCode: 403 })
    } finally {
      for (const name of Object.keys(appService)) Reflect.deleteProperty(process.env, name)
    }
  })
})
