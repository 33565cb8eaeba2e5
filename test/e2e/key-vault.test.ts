import { writeFile } from 'node:fs/promises'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { CryptographyClient, type KeyWrapAlgorithm } from '@azure/keyvault-keys'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { azKeys } from '../support/az-keys.ts'
import type { Az } from '../support/az.ts'
import { azureSdk } from '../support/azure-sdk.ts'
import {
  auditOf,
  encryptionOf,
  importKey,
  makeEncryptedRegistry,
  makeIdentity,
  makeKey,
  makeVault,
  newRegistry,
  serviceKeyPermissions,
  setPolicy,
} from '../support/cmk.ts'
import { filesBelow } from '../support/files-below.ts'
import { makeServicePrincipal } from '../support/principals.ts'
import { registryHttp } from '../support/registry-http.ts'
import { newJwk } from '../support/rsa.ts'
import { GROUP, type Site, openSite } from '../support/site.ts'
import { words } from '../support/words.ts'
import { buildOciImage } from '../tools/oci-layout.ts'

const image = buildOciImage({ layers: [[{ path: 'hello', bytes: Buffer.from('hello') }]] })
const wrapping: KeyWrapAlgorithm = 'RSA-OAEP-256'

describe('the vault behind the registry', () => {
  let site: Site
  let az: Az

  beforeAll(async () => {
    site = await openSite()
    az = await site.az()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('A03 keys are generated in the vault or brought into it', { timeout: 240_000 }, async () => {
    const identity = await makeIdentity(site, 'id-keys')
    await makeVault(site, 'kv-keys', { [identity.principalId]: serviceKeyPermissions })
    const ids = [await makeKey(site, 'kv-keys', 'generated')]
    for (const bits of [2048, 3072, 4096]) {
      ids.push(await importKey(site, 'kv-keys', `brought${bits}`, newJwk(bits)))
    }
    if (az.cli.keyCommands === 'native') {
      const { privateKey } = generateKeyPairSync('rsa', {
        modulusLength: 2048,
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      })
      const file = join(site.folder, 'brought.pem')
      await writeFile(file, privateKey)
      const imported = await az<{ readonly key: { readonly kid: string } }>(
        ...words`keyvault key import --vault-name kv-keys --name frompem --pem-file ${file}`,
      )
      ids.push(imported.key.kid)
    }
    for (const [at, keyId] of ids.entries()) {
      const name = `keyacr${at}`
      await site.sdk.registries.registries.create(GROUP, name, newRegistry(identity, keyId))
      const http = registryHttp(site.server, name)
      expect(await http.push('hello', 'v1', image)).toBe(201)
      expect(await http.pull('hello', 'v1')).toHaveLength(3)
      expect((await encryptionOf(site, name)).keyVaultProperties?.keyIdentifier).toBe(keyId)
    }
    const curve = await site.sdk
      .keys('kv-keys')
      .createEcKey('curve')
      .catch((error: unknown) => error)
    // Where the vault has such keys, the registry refuses them.
    const refusal =
      curve instanceof Error
        ? curve
        : await site.sdk.registries.registries
            .create(GROUP, 'curveacr', newRegistry(identity, (curve as { readonly id: string }).id))
            .catch((error: unknown) => error)
    expect(refusal).toMatchObject({ statusCode: 400 })
  })

  it('A18 get, wrapKey and unwrapKey are allowed, and every other operation on keys is not', async () => {
    const { login, principalId } = await makeServicePrincipal(site, 'three permissions')
    await makeVault(site, 'kv-three')
    const keyId = await makeKey(site, 'kv-three', 'key1')
    await az(
      ...words`keyvault set-policy -g ${GROUP} -n kv-three --object-id ${principalId}`,
      ...words`--key-permissions get unwrapKey wrapKey`,
    )
    const sdk = azureSdk(site.server, login)
    const { credential } = sdk
    const client = sdk.keys('kv-three')
    const crypto = new CryptographyClient(keyId, credential)
    expect((await client.getKey('key1')).id).toBe(keyId)
    const secret = Buffer.from('a root key')
    const { result } = await new CryptographyClient(keyId, site.sdk.credential).wrapKey(wrapping, secret)
    expect(Buffer.from((await crypto.unwrapKey(wrapping, result)).result)).toEqual(secret)

    const post = async (url: string, body: object) => {
      const token = await credential.getToken(`${site.server.url('vault')}/.default`)
      const response = await fetch(`${url}?api-version=7.4`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token?.token ?? ''}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      await response.arrayBuffer()
      return response.status
    }
    const raw = (operation: string, body: object) => post(`${keyId}/${operation}`, body)
    const value = Buffer.alloc(32, 1).toString('base64url')
    expect(await raw('wrapkey', { alg: wrapping, value })).toBe(200)

    const denied = { statusCode: 403, code: 'Forbidden' }
    await expect(client.createRsaKey('key2')).rejects.toMatchObject(denied)
    await expect(client.createRsaKey('key1')).rejects.toMatchObject(denied)
    await expect(client.rotateKey('key1')).rejects.toMatchObject(denied)
    await expect(client.importKey('key3', rawKey())).rejects.toMatchObject(denied)
    await expect(client.updateKeyProperties('key1', { enabled: false })).rejects.toMatchObject(denied)
    await expect(client.beginDeleteKey('key1')).rejects.toMatchObject(denied)
    await expect(client.backupKey('key1')).rejects.toMatchObject(denied)
    await expect(client.purgeDeletedKey('key1')).rejects.toMatchObject(denied)
    await expect(client.listPropertiesOfKeys().next()).rejects.toMatchObject(denied)
    await expect(client.listPropertiesOfKeyVersions('key1').next()).rejects.toMatchObject(denied)
    await expect(client.listDeletedKeys().next()).rejects.toMatchObject(denied)
    // The client looks whether the key is there, which is allowed, before it asks to recover it.
    const deleted = `${site.server.url('kv-three.vault')}/deletedkeys/key1`
    expect(await post(`${deleted}/recover`, {})).toBe(403)
    expect(await raw('encrypt', { alg: wrapping, value })).toBe(403)
    expect(await raw('decrypt', { alg: wrapping, value })).toBe(403)
    expect(await raw('sign', { alg: 'RS256', value })).toBe(403)
    expect(await raw('verify', { alg: 'RS256', digest: value, value })).toBe(403)
  })

  it('A57 set-policy and delete-policy touch nobody but the one they name', async () => {
    const others = [await makeIdentity(site, 'first'), await makeIdentity(site, 'third')]
    const named = await makeIdentity(site, 'named')
    await makeVault(site, 'kv-policies', {
      [others[0]!.principalId]: ['get'],
      [others[1]!.principalId]: serviceKeyPermissions,
    })
    const rest = async () => {
      const { properties } = await site.sdk.vaults.vaults.get(GROUP, 'kv-policies')
      return (properties.accessPolicies ?? []).filter(({ objectId }) => objectId !== named.principalId)
    }
    const before = await rest()
    const policy = words`-g ${GROUP} -n kv-policies --object-id ${named.principalId}`
    await az(
      ...['keyvault', 'set-policy', ...policy],
      ...words`--key-permissions get unwrapKey wrapKey --secret-permissions get`,
    )
    expect(await rest()).toEqual(before)
    await az('keyvault', 'set-policy', ...policy, ...words`--key-permissions get`)
    const { properties } = await site.sdk.vaults.vaults.get(GROUP, 'kv-policies')
    expect(properties.accessPolicies?.find(({ objectId }) => objectId === named.principalId)).toMatchObject({
      permissions: { keys: ['get'], secrets: ['get'] },
    })
    await az('keyvault', 'delete-policy', ...policy)
    expect(await rest()).toEqual(before)
    const after = await site.sdk.vaults.vaults.get(GROUP, 'kv-policies')
    expect(after.properties.accessPolicies).toHaveLength(before.length)
  })

  it('A58 the private parts never leave the vault', async () => {
    await makeVault(site, 'kv-private')
    const jwk = newJwk(2048)
    await importKey(site, 'kv-private', 'brought', jwk)
    const keys = azKeys(az, site.server.port)
    for (const { key } of [
      await keys.create('kv-private', 'made'),
      await keys.show('kv-private', 'brought'),
    ]) {
      expect(key['e']).toBe('AQAB')
      for (const part of ['crv', 'd', 'dp', 'dq', 'k', 'p', 'q', 'qi']) expect(key[part] ?? null).toBeNull()
    }
    // Nor do they lie on the disk, in any of the forms in which they would be of use.
    const secrets = [jwk.d, jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi]
    const forms = secrets.flatMap((text) => {
      const bytes = Buffer.from(text, 'base64url')
      return [
        bytes,
        Buffer.from(text),
        Buffer.from(bytes.toString('base64')),
        Buffer.from(bytes.toString('hex')),
      ]
    })
    for await (const { path, bytes } of filesBelow(site.server.dataDir)) {
      for (const form of forms) expect(bytes.includes(form.subarray(0, 48)), path).toBe(false)
    }
    for (const form of forms) expect(site.server.output()).not.toContain(form.toString('latin1'))
  })

  it('A79 firewall rules keep a user out and let the registry in', async () => {
    const { name, vault } = await makeEncryptedRegistry(site, 'walled')
    const http = registryHttp(site.server, name)
    expect(await http.push('hello', 'v1', image)).toBe(201)
    await az(...words`keyvault network-rule add --name ${vault} --ip-address 203.0.113.0/24`)
    await az(...words`keyvault update --name ${vault} --default-action Deny --bypass AzureServices`)
    expect(await az(...words`keyvault network-rule list --name ${vault}`)).toMatchObject({
      defaultAction: 'Deny',
      ipRules: [{ value: '203.0.113.0/24' }],
    })
    const own = site.sdk.keys(vault).getKey('key1')
    await expect(own).rejects.toMatchObject({
      statusCode: 403,
      code: 'Forbidden',
      details: { error: { innerError: { code: 'ForbiddenByFirewall' } } },
    })
    await pullsAfterLease(http)
    await az(...words`keyvault network-rule add --name ${vault} --ip-address 127.0.0.1`)
    expect((await site.sdk.keys(vault).getKey('key1')).name).toBe('key1')
  })

  it('A49 with trusted services let through, user- and system-assigned identities pass a closed firewall', async () => {
    const { name, vault, identity, keyId } = await makeEncryptedRegistry(site, 'trusted')
    await az(...words`keyvault update --name ${vault} --default-action Deny --bypass AzureServices`)
    // A registry made behind the firewall works from the first request on.
    await site.sdk.registries.registries.create(GROUP, 'behindwall', newRegistry(identity, keyId))
    expect(await registryHttp(site.server, 'behindwall').push('hello', 'v1', image)).toBe(201)

    const http = registryHttp(site.server, name)
    const { registries } = site.sdk.registries
    const made = await registries.update(GROUP, name, { identity: { type: 'SystemAssigned, UserAssigned' } })
    await setPolicy(site, vault, made.identity?.principalId ?? '', serviceKeyPermissions)
    await az(...words`acr encryption rotate-key -n ${name} --key-encryption-key ${keyId} --identity [system]`)
    expect(await http.push('hello', 'v1', image)).toBe(201)

    await az(...words`keyvault update --name ${vault} --bypass None`)
    const pull = await http('GET', '/v2/hello/manifests/v1')
    expect(pull.status).toBe(403)
    expect(await pull.text()).toMatch(/firewall/)
    const last = (await auditOf(site, vault)).findLast(({ operationName }) => operationName === 'KeyUnwrap')
    expect(last).toMatchObject({
      resultType: 'Failed',
      resultDescription: 'ForbiddenByFirewall',
      properties: { httpStatusCode: 403 },
    })
    await az(...words`keyvault update --name ${vault} --bypass AzureServices`)
    expect(await http.pull('hello', 'v1')).toHaveLength(3)
  })

  it('A50 trusted services need the permission all the same', async () => {
    const { name, vault, identity } = await makeEncryptedRegistry(site, 'nofreepass')
    const http = registryHttp(site.server, name)
    expect(await http.push('hello', 'v1', image)).toBe(201)
    await az(...words`keyvault update --name ${vault} --default-action Deny --bypass AzureServices`)
    expect(await http.pull('hello', 'v1')).toHaveLength(3)
    await az(...words`keyvault delete-policy -g ${GROUP} -n ${vault} --object-id ${identity.principalId}`)
    const pull = await http('GET', '/v2/hello/manifests/v1')
    expect(pull.status).toBe(403)
    expect(await pull.text()).toMatch(/permission-missing/)
  })

  /** Not from the lease that began before the firewall closed: its change ended that one. */
  async function pullsAfterLease(http: ReturnType<typeof registryHttp>): Promise<void> {
    expect(await http.pull('hello', 'v1')).toHaveLength(3)
    expect(await http.push('hello', 'v2', image)).toBe(201)
  }
})

function rawKey() {
  const { n, e, d } = newJwk(2048)
  const bytes = (text: string) => Buffer.from(text, 'base64url')
  return { kty: 'RSA', n: bytes(n), e: bytes(e), d: bytes(d) }
}
