import type { RegistryUpdateParameters } from '@azure/arm-containerregistry'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Az } from '../support/az.ts'
import {
  auditOf,
  callerOf,
  encryptionOf,
  makeEncryptedRegistry,
  makeIdentity,
  makeKey,
  makePlainRegistry,
  makeVault,
  newRegistry,
  registryPath,
  serviceKeyPermissions,
  vaultPath,
} from '../support/cmk.ts'
import { registryHttp } from '../support/registry-http.ts'
import { GROUP, LOCATION, type Site, openSite } from '../support/site.ts'
import { words } from '../support/words.ts'
import { buildOciImage } from '../tools/oci-layout.ts'

const image = buildOciImage({ layers: [[{ path: 'hello', bytes: Buffer.from('hello') }]] })

describe('what a customer-managed key takes, and what it rules out', () => {
  let site: Site
  let az: Az

  beforeAll(async () => {
    site = await openSite()
    az = await site.az()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('A05 the Premium tier alone takes a customer-managed key', async () => {
    const identity = await makeIdentity(site, 'id-tier')
    await makeVault(site, 'kv-tier', { [identity.principalId]: serviceKeyPermissions })
    const keyId = await makeKey(site, 'kv-tier', 'key1')
    const { registries } = site.sdk.registries
    for (const sku of ['Basic', 'Standard']) {
      const created = registries.create(GROUP, `tier${sku.toLowerCase()}`, newRegistry(identity, keyId, sku))
      await expect(created).rejects.toMatchObject({
        statusCode: 400,
        code: 'EncryptionNotSupportedForSku',
      })
      await expect(registries.get(GROUP, `tier${sku.toLowerCase()}`)).rejects.toMatchObject({
        statusCode: 404,
      })
      const line = words`acr create -g ${GROUP} -n ${`tier${sku.toLowerCase()}`} --sku ${sku} --identity ${identity.id}`
      expect(await az.fails(...line, '--key-encryption-key', keyId)).toMatch(/Premium/)
    }
    await registries.create(GROUP, 'tierpremium', newRegistry(identity, keyId))
    expect(await encryptionOf(site, 'tierpremium')).toMatchObject({ status: 'enabled' })
  })

  it('A06 a key is enabled at creation or never', async () => {
    await makePlainRegistry(site, 'plainacr')
    const identity = await makeIdentity(site, 'id-late')
    await makeVault(site, 'kv-late', { [identity.principalId]: serviceKeyPermissions })
    const late = newRegistry(identity, await makeKey(site, 'kv-late', 'key1'))
    const refused = { statusCode: 400, code: 'EncryptionOnlyAtCreation' }
    await expect(update('plainacr', late)).rejects.toMatchObject(refused)
    await expect(site.sdk.registries.registries.create(GROUP, 'plainacr', late)).rejects.toMatchObject(
      refused,
    )
    expect(await encryptionOf(site, 'plainacr')).toEqual({ status: 'disabled' })
    expect(
      await az.fails(
        ...words`acr encryption rotate-key -n plainacr --identity ${identity.id}`,
        ...words`--key-encryption-key ${late.encryption?.keyVaultProperties?.keyIdentifier ?? ''}`,
      ),
    ).toMatch(/only applicable to registries with CMK enabled/)
  })

  it('A07 encryption is not disabled again', async () => {
    await makeEncryptedRegistry(site, 'forever')
    const before = await encryptionOf(site, 'forever')
    await expect(update('forever', { encryption: { status: 'disabled' } })).rejects.toMatchObject({
      statusCode: 400,
      code: 'EncryptionCannotBeDisabled',
    })
    // As Azure's clients send a whole registry without the block: it stays.
    await site.arm.ok('PUT', registryPath('forever'), '2023-07-01', {
      location: LOCATION,
      sku: { name: 'Premium' },
      tags: { changed: 'yes' },
    })
    expect(await encryptionOf(site, 'forever')).toEqual(before)
  })

  it('A08 content trust is not supported on an encrypted registry', async () => {
    await makeEncryptedRegistry(site, 'trusting')
    const { id = '' } = await site.sdk.registries.registries.get(GROUP, 'trusting')
    const body = { properties: { policies: { trustPolicy: { type: 'Notary', status: 'enabled' } } } }
    const line = words`rest --method patch --url ${`${id}?api-version=2023-07-01`} --body ${JSON.stringify(body)}`
    expect(await az.fails(...line)).toMatch(
      /BlockedForEncryptionEnabledRegistry.*this feature 'ContenTrust' is currently not supported when encryption is enable for the resource trusting/,
    )
    const { policies } = await site.sdk.registries.registries.get(GROUP, 'trusting')
    expect(policies?.trustPolicy?.status).toBe('disabled')
  })

  it('A04 the use of the key is audited', async () => {
    const { name, vault, identity } = await makeEncryptedRegistry(site, 'audited')
    const http = registryHttp(site.server, name)
    expect(await http.push('hello', 'v1', image)).toBe(201)
    expect(await http.pull('hello', 'v1')).not.toBe(403)
    const events = (await auditOf(site, vault)).filter((event) => callerOf(event) === identity.principalId)
    expect(events.map(({ operationName }) => operationName)).toEqual(
      expect.arrayContaining(['KeyGet', 'KeyWrap', 'KeyUnwrap']),
    )
    for (const { resultType, properties, identity: by } of events) {
      expect(resultType).toBe('Success')
      expect(properties.id).toMatch(/^keys\/key1(\/[0-9a-f]{32})?$/)
      expect(by.claim?.['appid']).toBe(identity.clientId)
    }
  })

  it('az monitor activity-log list shows what became of the key, and who changed the registry', async () => {
    const { name, keyId, identity } = await makeEncryptedRegistry(site, 'loggedacr')
    const { id = '' } = await site.sdk.registries.registries.get(GROUP, name)
    const events = await az<readonly ActivityEvent[]>(...words`monitor activity-log list --resource-id ${id}`)
    const found = (operation: string) => events.find(({ operationName }) => operationName.value === operation)
    expect(found('Microsoft.ContainerRegistry/registries/write')?.caller).toBe(site.ownerId)
    const wrapped = found('Microsoft.ContainerRegistry/registries/encryption/wrap/action')
    expect(wrapped?.properties).toMatchObject({ cause: 'created', versionedKeyIdentifier: keyId })
    expect(wrapped?.properties['identity']).toContain(identity.clientId)
  })

  it('A14 the managed identity, and nobody else, reaches the vault for the registry', async () => {
    const { name, vault, identity } = await makeEncryptedRegistry(site, 'byidentity')
    expect(await registryHttp(site.server, name).push('hello', 'v1', image)).toBe(201)
    const crypto = (await auditOf(site, vault)).filter(({ operationName }) =>
      /^Key(Wrap|Unwrap)$/.test(operationName),
    )
    expect(new Set(crypto.map(callerOf))).toEqual(new Set([identity.principalId]))
    expect(crypto[0]?.identity.claim?.['xms_mirid']?.toLowerCase()).toBe(identity.id.toLowerCase())
  })

  it('A16 a vault without purge protection is refused, and one without soft delete cannot be made', async () => {
    const identity = await makeIdentity(site, 'id-open')
    const { tenantId } = site.server.owner
    const everyone = [site.ownerId, identity.principalId]
    const unprotected = {
      tenantId,
      sku: { family: 'A' as const, name: 'standard' as const },
      enableRbacAuthorization: false,
      accessPolicies: everyone.map((objectId) => ({ tenantId, objectId, permissions: { keys: ['all'] } })),
    }
    await site.sdk.vaults.vaults.createOrUpdate(GROUP, 'kv-open', {
      location: LOCATION,
      properties: unprotected,
    })
    const keyId = await makeKey(site, 'kv-open', 'key1')
    const line = words`acr create -g ${GROUP} -n openvault --sku Premium --identity ${identity.id}`
    expect(await az.fails(...line, '--key-encryption-key', keyId)).toMatch(
      /KeyVaultKeyNotSuitable.*purge-protection/,
    )
    const found = site.sdk.registries.registries.get(GROUP, 'openvault')
    await expect(found).rejects.toMatchObject({ statusCode: 404 })

    await az(...words`keyvault update --name kv-open --enable-purge-protection true`)
    await az(...line, '--key-encryption-key', keyId)

    const soft = await site.arm('PUT', vaultPath('kv-hard'), '2023-07-01', {
      location: LOCATION,
      properties: { ...unprotected, enableSoftDelete: false },
    })
    expect(soft).toMatchObject({ status: 400, body: { error: { code: 'BadRequest' } } })
    expect(JSON.stringify(soft.body)).toMatch(/enableSoftDelete/)
  })

  it('A52 each tier has its limit, and an encrypted registry keeps its tier', async () => {
    for (const [sku, limit] of [
      ['Basic', 10],
      ['Standard', 100],
      ['Premium', 500],
    ] as const) {
      await makePlainRegistry(site, `usage${sku.toLowerCase()}`, sku)
      const { value } = await az<{ readonly value: readonly object[] }>(
        ...words`acr show-usage --name ${`usage${sku.toLowerCase()}`}`,
      )
      expect(value).toContainEqual({ name: 'Size', limit: limit * 2 ** 30, currentValue: 0, unit: 'Bytes' })
    }
    expect(await registryHttp(site.server, 'usagepremium').push('hello', 'v1', image)).toBe(201)
    const { value } = await site.sdk.registries.registries.listUsages(GROUP, 'usagepremium')
    expect(value?.[0]?.currentValue).toBeGreaterThan(0)

    await makeEncryptedRegistry(site, 'keepstier')
    expect(await az.fails(...words`acr update --name keepstier --sku Standard`)).toMatch(/Premium tier/)
    const { sku } = await site.sdk.registries.registries.get(GROUP, 'keepstier')
    expect(sku.name).toBe('Premium')
  })

  it('A60 az acr encryption show on a plain registry says disabled', async () => {
    await makePlainRegistry(site, 'withoutkey')
    expect(await az(...words`acr encryption show --name withoutkey`)).toEqual({
      status: 'disabled',
      keyVaultProperties: null,
    })
  })

  function update(registry: string, body: RegistryUpdateParameters) {
    return site.sdk.registries.registries.update(GROUP, registry, body)
  }
})

interface ActivityEvent {
  readonly caller: string | null
  readonly operationName: { readonly value: string }
  readonly properties: Readonly<Record<string, string>>
}
