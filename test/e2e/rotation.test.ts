import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Az } from '../support/az.ts'
import {
  type EncryptedRegistry,
  auditOf,
  callerOf,
  encryptionOf,
  makeEncryptedRegistry,
  makeIdentity,
  makeKey,
  makeVault,
  serviceKeyPermissions,
  setPolicy,
} from '../support/cmk.ts'
import { registryHttp } from '../support/registry-http.ts'
import { GROUP, type Site, openSite } from '../support/site.ts'
import { words } from '../support/words.ts'
import { buildOciImage } from '../tools/oci-layout.ts'

const image = buildOciImage({ layers: [[{ path: 'hello', bytes: Buffer.from('hello') }]] })

describe('another version, key, vault or identity', () => {
  let site: Site
  let az: Az

  beforeAll(async () => {
    site = await openSite()
    az = await site.az()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('A34 the registry encrypts with the new key: one wrap, and the old version may go', async () => {
    const { name, vault, keyId } = await stocked('rotated')
    const next = await makeKey(site, vault, 'key1')
    await rotate(name, ...words`--key-encryption-key ${next}`)
    const wraps = (await auditOf(site, vault)).filter(
      ({ operationName, properties }) => operationName === 'KeyWrap' && next.endsWith(`/${properties.id}`),
    )
    expect(wraps.map(({ resultType }) => resultType)).toEqual(['Success'])
    await disable(vault, keyId)
    await works(name)
  })

  it('A36 another user-assigned identity takes over at a rotation', async () => {
    const { name, vault, keyId, identity } = await stocked('otherid')
    const second = await attach(name, 'second')
    await setPolicy(site, vault, second.principalId, serviceKeyPermissions)
    await rotate(name, ...words`--key-encryption-key ${keyId} --identity ${second.id}`)
    expect((await encryptionOf(site, name)).keyVaultProperties?.identity).toBe(second.clientId)
    await setPolicy(site, vault, identity.principalId, [])
    await works(name)
    expect(await lastCaller(vault)).toBe(second.principalId)
  })

  it('A46 the system-assigned identity is enabled and shows an object id', async () => {
    const { name } = await stocked('withsystem')
    await az(...words`acr identity assign --name ${name} --identities [system]`)
    const shown = await az<Readonly<Record<string, string>>>(...words`acr identity show --name ${name}`)
    expect(shown).toMatchObject({
      type: 'SystemAssigned, UserAssigned',
      tenantId: site.server.owner.tenantId,
    })
    expect(shown['principalId']).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('A47 a policy is given by object id, or to a principal found by the name of the registry', async () => {
    const { name, vault } = await stocked('byname')
    await az(...words`acr identity assign --name ${name} --identities [system]`)
    const { principalId } = await az<{ readonly principalId: string }>(
      ...words`acr identity show --name ${name}`,
    )
    // The portal's search box asks the same of the directory.
    const found = await az<readonly { readonly id: string; readonly appId: string }[]>(
      ...words`ad sp list --display-name ${name}`,
    )
    expect(found.map(({ id }) => id)).toEqual([principalId])
    const permissions = words`--key-permissions get unwrapKey wrapKey`
    const policy = words`keyvault set-policy --name ${vault} --resource-group ${GROUP}`
    await az(...policy, ...words`--spn ${found[0]?.appId ?? ''}`, ...permissions)
    expect((await policyOf(vault, principalId)).sort()).toEqual([...serviceKeyPermissions].sort())
    await az(...policy, ...words`--object-id ${principalId} --key-permissions get`)
    expect(await policyOf(vault, principalId)).toEqual(['get'])
  })

  it('A37 the system-assigned identity is set at a rotation, and is the one that calls the vault', async () => {
    const { name, vault, keyId, identity } = await stocked('tosystem')
    const principalId = await enableSystem(name)
    await setPolicy(site, vault, principalId, serviceKeyPermissions)
    await rotate(name, ...words`--key-encryption-key ${keyId} --identity [system]`)
    await setPolicy(site, vault, identity.principalId, [])
    await works(name)
    expect(await lastCaller(vault)).toBe(principalId)
  })

  it('A67 the system-assigned identity has to be enabled before it is named', async () => {
    const { name, vault, keyId } = await stocked('enablefirst')
    const toSystem = words`acr encryption rotate-key --name ${name} --key-encryption-key ${keyId} --identity [system]`
    const before = await encryptionOf(site, name)
    expect(await az.fails(...toSystem)).toMatch(/system-assigned identity is not enabled/)
    expect(await encryptionOf(site, name)).toEqual(before)
    const principalId = await enableSystem(name)
    expect(await az.fails(...toSystem)).toMatch(/Get, Wrap Key, Unwrap Key/)
    await setPolicy(site, vault, principalId, serviceKeyPermissions)
    await az(...toSystem)
    expect((await encryptionOf(site, name)).keyVaultProperties?.identity).toBe('system')
    await works(name)
  })

  it('A38 a rotation to an identity without permissions says which it needs, and changes nothing', async () => {
    const { name, keyId } = await stocked('nopermission')
    const second = await attach(name, 'poor')
    const before = await encryptionOf(site, name)
    const error = await az.fails(
      ...words`acr encryption rotate-key --name ${name} --key-encryption-key ${keyId}`,
      ...words`--identity ${second.id}`,
    )
    expect(error).toContain(`Failed to access KeyId '${keyId}'`)
    expect(error).toContain(
      `identity '${second.clientId}' has 'Get, Wrap Key, Unwrap Key' permission on key '${keyId}'`,
    )
    expect(await encryptionOf(site, name)).toEqual(before)
    await works(name)
  })

  it('A40 an unknown id, or an identity that is not attached, is refused', async () => {
    const { name, keyId } = await stocked('unknownid')
    const line = words`acr encryption rotate-key --name ${name} --key-encryption-key ${keyId} --identity`
    const stranger = await makeIdentity(site, 'stranger')
    for (const given of ['00000000-0000-4000-8000-000000000000', stranger.principalId]) {
      expect(await az.fails(...line, given)).toMatch(/IdentityNotAttached/)
    }
    await works(name)
  })

  it('A66 version, key, vault and identity are each updated alone', async () => {
    const { name, vault, identity } = await stocked('eachalone')
    const newVersion = await makeKey(site, vault, 'key1')
    await rotate(name, ...words`--key-encryption-key ${newVersion}`)
    await works(name, { keyIdentifier: newVersion, identity: identity.clientId })

    const newKey = await makeKey(site, vault, 'key2')
    await rotate(name, ...words`--key-encryption-key ${newKey}`)
    await works(name, { keyIdentifier: newKey, identity: identity.clientId })

    await makeVault(site, 'kv-next', { [identity.principalId]: serviceKeyPermissions })
    const elsewhere = await makeKey(site, 'kv-next', 'key1')
    await rotate(name, ...words`--key-encryption-key ${elsewhere}`)
    await site.sdk.vaults.vaults.delete(GROUP, vault)
    await works(name, { keyIdentifier: elsewhere, identity: identity.clientId })

    const second = await attach(name, 'takesover')
    await setPolicy(site, 'kv-next', second.principalId, serviceKeyPermissions)
    await rotate(name, ...words`--identity ${second.id}`)
    await works(name, { keyIdentifier: elsewhere, identity: second.clientId })
  })

  async function stocked(name: string): Promise<EncryptedRegistry> {
    const registry = await makeEncryptedRegistry(site, name)
    expect(await registryHttp(site.server, name).push('hello', 'v1', image)).toBe(201)
    return registry
  }

  async function rotate(name: string, ...args: readonly string[]): Promise<void> {
    await az(...words`acr encryption rotate-key --name ${name}`, ...args)
  }

  async function attach(name: string, identityName: string) {
    const identity = await makeIdentity(site, identityName)
    await az(...words`acr identity assign --name ${name} --identities ${identity.id}`)
    return identity
  }

  async function enableSystem(name: string): Promise<string> {
    const { identity } = await site.sdk.registries.registries.update(GROUP, name, {
      identity: { type: 'SystemAssigned, UserAssigned' },
    })
    if (identity?.principalId === undefined) throw new Error('no system-assigned identity')
    return identity.principalId
  }

  async function disable(vault: string, keyId: string): Promise<void> {
    const version = keyId.split('/').at(-1) ?? ''
    await site.sdk.keys(vault).updateKeyProperties('key1', version, { enabled: false })
  }

  async function policyOf(vault: string, objectId: string): Promise<string[]> {
    const { properties } = await site.sdk.vaults.vaults.get(GROUP, vault)
    const entry = properties.accessPolicies?.find((policy) => policy.objectId === objectId)
    return [...(entry?.permissions.keys ?? [])]
  }

  /** Object id of the one who last unwrapped a key there. */
  async function lastCaller(vault: string): Promise<string | undefined> {
    const unwraps = (await auditOf(site, vault)).filter(({ operationName }) => operationName === 'KeyUnwrap')
    const last = unwraps.at(-1)
    return last === undefined ? undefined : callerOf(last)
  }

  /** Pull of what was there, a push, and the settings when they are given. */
  async function works(
    name: string,
    settings: { readonly keyIdentifier?: string; readonly identity?: string } = {},
  ): Promise<void> {
    const http = registryHttp(site.server, name)
    expect(await http.pull('hello', 'v1')).toEqual(
      [image.manifest, image.config, ...image.layers].map(({ bytes }) => Buffer.from(bytes)),
    )
    expect(await http.push('hello', 'v2', image)).toBe(201)
    expect((await encryptionOf(site, name)).keyVaultProperties).toMatchObject(settings)
  }
})
