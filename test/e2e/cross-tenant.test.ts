import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OwnerFile } from '../../src/server/bootstrap.ts'
import { type AzKeys, azKeys } from '../support/az-keys.ts'
import { type Az, openAz } from '../support/az.ts'
import { freePort } from '../support/free-port.ts'
import { GROUP, LOCATION, type Site, openSite } from '../support/site.ts'
import { type TestServer, startStrongroom } from '../support/strongroom.ts'
import { addTenant } from '../support/second-tenant.ts'
import { words } from '../support/words.ts'

const EXCHANGE = 'api://AzureADTokenExchange'
const JWT = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const CRYPTO_USER = 'Key Vault Crypto Service Encryption User'
const VAULT = 'kv-customer'

type Ids = Readonly<Record<'id' | 'appId' | 'principalId', string>>

/** Storage and identity are the provider's; vault and key are his customer's, in a tenant of its own. */
describe('a storage account under a key in another tenant', () => {
  let first: TestServer
  let site: Site
  let customer: OwnerFile
  let provider: Az
  let theirs: Az
  let theirKeys: AzKeys
  let application: Ids
  let identity: Ids
  /** Of the application, in the customer's tenant. */
  let principalId: string
  let vaultId: string

  beforeAll(async () => {
    const port = await freePort()
    // The identity's id names the subscription, which the first start makes.
    first = await startStrongroom()
    const { subscriptionId } = first.owner
    await first.stop()
    const id = `/subscriptions/${subscriptionId}/resourceGroups/${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-xt`
    site = await openSite({ dataDir: first.dataDir, args: ['--identity-endpoint', `${port}=${id}`] })
    customer = await addTenant(site.server, 'Customer')
    provider = await site.az()
    theirs = await openAz({ ...site.server, owner: customer })
    theirKeys = azKeys(theirs, site.server.port)
  })
  afterAll(async () => {
    await theirs[Symbol.asyncDispose]()
    await site[Symbol.asyncDispose]()
    await first[Symbol.asyncDispose]()
  })

  const allow = (principal: string, role: string) =>
    theirs(
      ...words`role assignment create --role ${role} --scope ${vaultId} --assignee-object-id ${principal}`,
      ...words`--assignee-principal-type ServicePrincipal`,
    )
  const disallow = (principal: string) =>
    theirs(...words`role assignment delete --assignee ${principal} --role ${CRYPTO_USER} --scope ${vaultId}`)
  /** `az ad sp create`: how the customer's administrator lets the application in. */
  const letIn = async () => {
    const made = await theirs<Ids>(...words`ad sp create --id ${application.appId}`)
    principalId = made.id
    await allow(principalId, CRYPTO_USER)
  }
  const trust = async () => {
    const credential = {
      name: 'id-xt',
      issuer: `${site.server.url('login')}/${site.server.owner.tenantId}/v2.0`,
      subject: identity.principalId,
      audiences: [EXCHANGE],
    }
    await provider(
      ...words`ad app federated-credential create --id ${application.id}`,
      ...words`--parameters ${JSON.stringify(credential)}`,
    )
  }
  const create = (name: string) =>
    provider(
      ...words`storage account create -g ${GROUP} -n ${name} --sku Standard_LRS --kind StorageV2`,
      ...words`--identity-type UserAssigned --user-identity-id ${identity.id}`,
      ...words`--encryption-key-source Microsoft.Keyvault`,
      ...words`--encryption-key-vault ${site.server.url(`${VAULT}.vault`)} --encryption-key-name key1`,
      ...words`--key-vault-user-identity-id ${identity.id}`,
      ...words`--key-vault-federated-client-id ${application.appId}`,
    )
  async function blob(account: string) {
    const { keys = [] } = await site.sdk.storage.storageAccounts.listKeys(GROUP, account)
    const credential = new StorageSharedKeyCredential(account, keys[0]?.value ?? '')
    const service = new BlobServiceClient(site.server.url(`${account}.blob.core`), credential, {
      retryOptions: { maxTries: 1 },
    })
    const container = service.getContainerClient('box')
    await container.createIfNotExists()
    return container.getBlockBlobClient('hello')
  }
  /** Status and code; the push comes within milliseconds, but not before the answer to az. */
  const refusal = async (read: () => Promise<unknown>) => {
    for (;;) {
      const thrown = await read().then(
        () => null,
        (error: unknown) => error as { readonly statusCode: number; readonly details: { errorCode: string } },
      )
      if (thrown !== null) return [thrown.statusCode, thrown.details.errorCode]
    }
  }

  it('is prepared with the six steps of the documentation, each by az of its own tenant', async () => {
    application = await provider<Ids>(
      ...words`ad app create --display-name storage-cmk --sign-in-audience AzureADMultipleOrgs`,
    )
    identity = await provider<Ids>(...words`identity create -g ${GROUP} -n id-xt -l ${LOCATION}`)
    await trust()
    expect(
      await provider(...words`ad app federated-credential list --id ${application.appId} --query [].subject`),
    ).toEqual([identity.principalId])

    await theirs(...words`group create -n ${GROUP} -l ${LOCATION}`)
    const vault = await theirs<Ids>(
      ...words`keyvault create -g ${GROUP} -n ${VAULT} -l ${LOCATION}`,
      ...words`--enable-purge-protection true --enable-rbac-authorization true`,
    )
    vaultId = vault.id
    const me = await theirs<Ids>(...words`ad sp show --id ${customer.clientId}`)
    await allow(me.id, 'Key Vault Crypto Officer')
    await theirKeys.create(VAULT, 'key1')
    await letIn()
  })

  it("the identity's token is exchanged at the customer's token endpoint, and the vault takes what comes of it", async () => {
    const token = await exchanged(customer.tenantId)
    const read = await atVault(token)
    expect(read.status).toBe(200)
    // Elsewhere, or with a token for another audience, it is worth nothing.
    await expect(exchanged(site.server.owner.tenantId)).rejects.toThrow(/AADSTS7000229/)
    await expect(exchanged(customer.tenantId, site.server.url('vault'))).rejects.toThrow(/AADSTS700211/)
  })

  it('B05, B23, B27 is created so, and an existing one is switched to it; both serve', async () => {
    await create('xtnew')
    const shown = await provider(...words`storage account show -n xtnew --query encryption`)
    expect(shown).toMatchObject({
      keySource: 'Microsoft.Keyvault',
      encryptionIdentity: {
        encryptionUserAssignedIdentity: identity.id,
        encryptionFederatedIdentityClientId: application.appId,
      },
    })
    await provider(
      ...words`storage account create -g ${GROUP} -n xtold --sku Standard_LRS --kind StorageV2`,
      ...words`--identity-type UserAssigned --user-identity-id ${identity.id}`,
    )
    await (await blob('xtold')).upload('from before', 11)
    await provider(
      ...words`storage account update -g ${GROUP} -n xtold --encryption-key-source Microsoft.Keyvault`,
      ...words`--encryption-key-vault ${site.server.url(`${VAULT}.vault`)} --encryption-key-name key1`,
      ...words`--key-vault-user-identity-id ${identity.id}`,
      ...words`--key-vault-federated-client-id ${application.appId}`,
    )
    expect((await (await blob('xtold')).downloadToBuffer()).toString()).toBe('from before')
    const made = await blob('xtnew')
    await made.upload('hello', 5)
    expect((await made.downloadToBuffer()).toString()).toBe('hello')
  })

  it("the customer's firewall lets the provider's storage through, and nobody who exchanges a token himself", async () => {
    const token = await exchanged(customer.tenantId)
    await theirs(
      ...words`keyvault update -g ${GROUP} -n ${VAULT} --default-action Deny --bypass AzureServices`,
    )
    const outside = await atVault(token)
    expect([outside.status, await outside.text()]).toEqual([
      403,
      expect.stringContaining('ForbiddenByFirewall'),
    ])
    expect((await (await blob('xtnew')).downloadToBuffer()).toString()).toBe('hello')
    await theirs(...words`keyvault update -g ${GROUP} -n ${VAULT} --default-action Allow`)
  })

  it.each<[string, string, () => Promise<unknown>, () => Promise<unknown>]>([
    [
      'the role is taken away',
      'KeyVaultEncryptionKeyNotFound',
      () => disallow(principalId),
      () => allow(principalId, CRYPTO_USER),
    ],
    [
      "the customer's service principal is deleted",
      'KeyVaultAccessTokenCannotBeAcquired',
      () => theirs(...words`ad sp delete --id ${principalId}`),
      letIn,
    ],
    [
      'the federated credential is deleted',
      'KeyVaultAccessTokenCannotBeAcquired',
      () =>
        provider(
          ...words`ad app federated-credential delete --id ${application.id} --federated-credential-id id-xt`,
        ),
      trust,
    ],
  ])(
    'B27 is refused when %s, with %s, and serves again when it is back',
    async (_, code, revoke, restore) => {
      const read = await blob('xtnew')
      await read.getProperties()
      await revoke()
      expect(await refusal(() => read.downloadToBuffer())).toEqual([403, code])
      await restore()
      expect((await read.downloadToBuffer()).toString()).toBe('hello')
    },
  )

  it('is not configured for an application that the customer did not let in', async () => {
    const other = await provider<Ids>(
      ...words`ad app create --display-name other --sign-in-audience AzureADMultipleOrgs`,
    )
    const said = await provider.fails(
      ...words`storage account update -g ${GROUP} -n xtnew --encryption-key-source Microsoft.Keyvault`,
      ...words`--encryption-key-vault ${site.server.url(`${VAULT}.vault`)} --encryption-key-name key1`,
      ...words`--key-vault-user-identity-id ${identity.id} --key-vault-federated-client-id ${other.appId}`,
    )
    expect(said).toContain(other.appId)
    expect((await (await blob('xtnew')).downloadToBuffer()).toString()).toBe('hello')
  })

  /** As a workload of the provider's does it, without any help of ours. @throws Error with Entra ID's words */
  async function exchanged(tenantId: string, audience = EXCHANGE): Promise<string> {
    const endpoint = JSON.parse(
      await readFile(join(site.server.dataDir, 'secrets/identity.json'), 'utf8'),
    ) as Readonly<Record<'IDENTITY_ENDPOINT' | 'IDENTITY_HEADER', string>>
    const query = `api-version=2019-08-01&resource=${encodeURIComponent(audience)}`
    const got = await fetch(`${endpoint.IDENTITY_ENDPOINT}?${query}`, {
      headers: { 'x-identity-header': endpoint.IDENTITY_HEADER },
    })
    const { access_token: assertion = '' } = (await got.json()) as { readonly access_token?: string }
    const answer = await fetch(`${site.server.url('login')}/${tenantId}/oauth2/v2.0/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: application.appId,
        client_assertion_type: JWT,
        client_assertion: assertion,
        scope: `${site.server.url('vault')}/.default`,
      }),
    })
    const body = (await answer.json()) as Readonly<Record<'access_token' | 'error_description', string>>
    if (!answer.ok) throw new Error(body.error_description)
    return body.access_token
  }
  const atVault = (token: string) =>
    fetch(`${site.server.url(`${VAULT}.vault`)}/keys/key1?api-version=7.4`, {
      headers: { authorization: `Bearer ${token}` },
    })
})
