import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Az } from '../support/az.ts'
import {
  auditOf,
  encryptionOf,
  makeIdentity,
  makeKey,
  makeVault,
  registryPath,
  serviceKeyPermissions,
} from '../support/cmk.ts'
import { registryHttp } from '../support/registry-http.ts'
import { GROUP, type Site, openSite } from '../support/site.ts'
import { words } from '../support/words.ts'
import { buildOciImage } from '../tools/oci-layout.ts'

/** Of the document's CMKtemplate.json, from its first brace to the blank line at its end. */
const SEED_DIGEST = '6d86d62b93dbb0672f9510bf7ccc5957fea822e35ffac34cabd9a4d65979689b'
const source = join(import.meta.dirname, '../../src/services/deployments/cmk-template.json.txt')
const registryType = 'Microsoft.ContainerRegistry/registries'
const identityType = 'Microsoft.ManagedIdentity/userAssignedIdentities'

interface Outcome {
  readonly properties: {
    readonly provisioningState: string
    readonly outputResources: readonly { readonly id: string }[]
  }
}

describe('the template CMKtemplate.json', () => {
  let site: Site
  let az: Az
  let file: string
  let template: object
  let kekId: string
  /** In the vault before the template adds its entry. */
  let earlier: { readonly principalId: string }
  let firstRun: Outcome

  beforeAll(async () => {
    site = await openSite()
    az = await site.az()
    const bytes = Buffer.concat([await readFile(source), Buffer.from('\n')])
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(SEED_DIGEST)
    file = join(site.folder, 'CMKtemplate.json')
    await writeFile(file, bytes)
    template = JSON.parse(bytes.toString()) as object
    earlier = await makeIdentity(site, 'earlier')
    await makeVault(site, 'myvault', { [earlier.principalId]: ['get'] })
    kekId = await makeKey(site, 'myvault', 'mykey')
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('A29 registry, identity and access policy come from one deployment of the unchanged file', async () => {
    firstRun = await az<Outcome>(...words`deployment group create --resource-group ${GROUP}`, ...rest('one'))
    expect(firstRun.properties.provisioningState).toBe('Succeeded')
    expect(await site.sdk.registries.registries.get(GROUP, 'oneregistry')).toMatchObject({
      provisioningState: 'Succeeded',
      sku: { name: 'Premium' },
    })
    const http = registryHttp(site.server, 'oneregistry')
    const image = buildOciImage({ layers: [[{ path: 'hello', bytes: Buffer.from('hello') }]] })
    expect(await http.push('hello', 'v1', image)).toBe(201)
    expect(await http.pull('hello', 'v1')).toHaveLength(3)
  })

  it('A30 both verbs deploy it: az group deployment create, az deployment group create', async () => {
    const old = await az<Outcome>(...words`group deployment create --resource-group ${GROUP}`, ...rest('two'))
    for (const { properties } of [firstRun, old]) expect(properties.provisioningState).toBe('Succeeded')
    // Named after the file where no name is given.
    const shown = await az<Outcome>(...words`deployment group show -g ${GROUP} -n CMKtemplate`)
    expect(shown).toMatchObject({
      name: 'CMKtemplate',
      properties: {
        provisioningState: 'Succeeded',
        parameters: { registry_name: { value: 'tworegistry' }, kek_id: { value: kekId } },
      },
    })
  })

  it('A31 KeyIdentifier, resourceID() and reference() are understood', async () => {
    const { principalId, clientId } = await identityOf('one')
    expect((await encryptionOf(site, 'oneregistry')).keyVaultProperties).toMatchObject({
      keyIdentifier: kekId,
      identity: clientId,
    })
    expect(await policyOf(principalId)).toEqual([...serviceKeyPermissions].sort())
  })

  it('A32 az acr encryption show reports enabled', async () => {
    expect(await az(...words`acr encryption show --name oneregistry`)).toMatchObject({
      status: 'enabled',
      keyVaultProperties: { keyIdentifier: kekId, versionedKeyIdentifier: kekId },
    })
  })

  it('A61 the identity is attached, and the encryption names its client id', async () => {
    const { id, clientId, principalId } = await identityOf('one')
    const { identity, encryption } = await site.sdk.registries.registries.get(GROUP, 'oneregistry')
    expect(identity?.type).toBe('UserAssigned')
    expect(Object.entries(identity?.userAssignedIdentities ?? {})).toEqual([
      [id, expect.objectContaining({ clientId, principalId })],
    ])
    expect(encryption?.keyVaultProperties?.identity).toBe(clientId)
  })

  it('A63 the other properties are stored as the template has them', async () => {
    const { properties } = await site.arm.ok('GET', registryPath('oneregistry'), '2023-07-01')
    expect(properties).toMatchObject({
      adminUserEnabled: false,
      networkRuleSet: { defaultAction: 'Allow', virtualNetworkRules: [], ipRules: [] },
      policies: {
        quarantinePolicy: { status: 'disabled' },
        trustPolicy: { type: 'Notary', status: 'disabled' },
        retentionPolicy: { days: 7, status: 'disabled' },
      },
    })
  })

  it('A64 the access policy is merged into those that are there; without the vault the deployment fails and names it', async () => {
    expect(await policyOf(site.ownerId)).toEqual(['all'])
    expect(await policyOf(earlier.principalId)).toEqual(['get'])
    const { properties } = await site.sdk.vaults.vaults.get(GROUP, 'myvault')
    // Owner, the earlier one, and one for each of the two deployments.
    expect(properties.accessPolicies).toHaveLength(4)
    const error = await az.fails(
      ...words`deployment group create --resource-group ${GROUP} --name lost`,
      ...words`--template-file ${file} --parameters registry_name=lostregistry identity_name=lostidentity`,
      ...words`vault_name=nosuchvault kek_id=${kekId}`,
    )
    expect(error).toMatch(/nosuchvault/)
    const failed = await az<Outcome>(...words`deployment group show -g ${GROUP} -n lost`)
    expect(failed.properties.provisioningState).toBe('Failed')
  })

  it('A65 the same file deployed again succeeds, keeps the identity and wraps nothing anew', async () => {
    expect(firstRun.properties.outputResources.map(({ id }) => id.split('/providers/')[1]).sort()).toEqual([
      `${registryType}/oneregistry`,
      'Microsoft.KeyVault/vaults/myvault/accessPolicies/add',
      `${identityType}/oneidentity`,
    ])
    const wraps = async () =>
      (await auditOf(site, 'myvault')).filter(({ operationName }) => operationName === 'KeyWrap').length
    const before = [await identityOf('one'), await encryptionOf(site, 'oneregistry'), await wraps()]
    const second = await az<Outcome>(
      ...words`deployment group create --resource-group ${GROUP}`,
      ...rest('one'),
    )
    expect(second.properties.provisioningState).toBe('Succeeded')
    expect(second.properties.outputResources).toHaveLength(3)
    const after = [await identityOf('one'), await encryptionOf(site, 'oneregistry'), await wraps()]
    expect(after).toEqual(before)
    expect(await registryHttp(site.server, 'oneregistry').pull('hello', 'v1')).toHaveLength(3)
  })

  it('A62 kek_id has no default, and an empty registry name makes nothing', async () => {
    // az asks for what is missing before it sends anything.
    const without = { registry_name: 'noregistry', identity_name: 'noid', vault_name: 'myvault' }
    const validated = await deploy('POST', 'nokek/validate', without)
    expect(validated).toMatchObject({ status: 400, body: { error: { code: 'InvalidTemplate' } } })
    expect(JSON.stringify(validated.body)).toMatch(/kek_id/)
    // The other three are empty when left out.
    const unnamed = { identity_name: 'noid', vault_name: 'myvault', kek_id: kekId }
    expect(await deploy('PUT', 'unnamed', unnamed)).toMatchObject({ status: 400 })
    const names: (string | undefined)[] = []
    for await (const { name } of site.sdk.resources.resources.listByResourceGroup(GROUP)) names.push(name)
    expect(names).not.toContain('noid')
    expect(names).not.toContain('noregistry')
  })

  function rest(prefix: string): readonly string[] {
    return [
      ...words`--template-file ${file} --parameters registry_name=${`${prefix}registry`}`,
      ...words`identity_name=${`${prefix}identity`} vault_name=myvault kek_id=${kekId}`,
    ]
  }

  function deploy(method: string, path: string, values: Readonly<Record<string, string>>) {
    const parameters = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]))
    const deployments = `/resourcegroups/${GROUP}/providers/Microsoft.Resources/deployments`
    const properties = { mode: 'Incremental', template, parameters }
    return site.arm(method, `${deployments}/${path}`, '2021-04-01', { properties })
  }

  async function identityOf(prefix: string) {
    const found = await site.sdk.identities.userAssignedIdentities.get(GROUP, `${prefix}identity`)
    return { id: found.id ?? '', principalId: found.principalId ?? '', clientId: found.clientId ?? '' }
  }

  async function policyOf(objectId: string): Promise<readonly string[] | null> {
    const { properties } = await site.sdk.vaults.vaults.get(GROUP, 'myvault')
    const entry = properties.accessPolicies?.find((policy) => policy.objectId === objectId)
    return entry === undefined ? null : [...(entry.permissions.keys ?? [])].sort()
  }
})
