import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/kernel/json.ts'
import { encryptionWith, makeVault, newKeyVersion, registryBody } from '../../support/estate.ts'
import { type Target, openTarget } from '../../support/hostile.ts'
import { restRegistry } from '../../support/rest-registry.ts'
import { text } from '../../support/rest.ts'

let target: Target
beforeAll(async () => {
  target = await openTarget()
})
afterAll(async () => {
  expect(target.bugs()).toEqual([])
  await target[Symbol.asyncDispose]()
})

const vaultPath = (name: string, group = 'rg1') =>
  `/resourceGroups/${group}/providers/Microsoft.KeyVault/vaults/${name}`
const deletedPath = (name: string) => `/providers/Microsoft.KeyVault/locations/eastus/deletedVaults/${name}`
const registryPath = '/resourceGroups/rg1/providers/Microsoft.ContainerRegistry/registries/registry1'

describe('purge protection has no way back', () => {
  beforeAll(() => makeVault(target.rest, 'rg1', 'kvkept', target.estate.identity.principalId))

  it.each([
    ['PATCH', { enablePurgeProtection: false }],
    ['PATCH', { EnablePurgeProtection: false }],
    ['PATCH', { enablePurgeProtection: 'false' }],
    ['PATCH', { enablePurgeProtection: 0 }],
    ['PATCH', { enableSoftDelete: false }],
    ['PATCH', { softDeleteRetentionInDays: 7 }],
    ['PUT', { enablePurgeProtection: false }],
    ['PUT', { createMode: 'recover', enablePurgeProtection: false }],
    ['PUT', { createMode: 'default', enableSoftDelete: false }],
  ] as const)('%s %o is refused', async (method, properties) => {
    const { tenantId } = target.server.owner
    const answer = await target.rest.arm(method, vaultPath('kvkept'), {
      location: 'eastus',
      properties: { tenantId, sku: { family: 'A', name: 'standard' }, ...properties },
    })
    expect(answer.status).toBe(400)
  })

  it.each([
    ['PATCH', { enablePurgeProtection: null }],
    ['PUT', { enablePurgeProtection: null }],
    ['PUT', {}],
    ['PUT', { createMode: 'recover' }],
  ] as const)('%s %o leaves it on', async (method, properties) => {
    const { tenantId } = target.server.owner
    await target.rest.arm(method, vaultPath('kvkept'), {
      location: 'eastus',
      properties: { tenantId, sku: { family: 'A', name: 'standard' }, ...properties },
    })
    const { properties: shown } = await target.rest.armDone('GET', vaultPath('kvkept'))
    expect(shown).toMatchObject({ enablePurgeProtection: true, softDeleteRetentionInDays: 90 })
  })

  it('deleted, made again, moved or recovered elsewhere, the vault and its keys stay', async () => {
    await newKeyVersion(target.rest, 'kvkept', 'k1')
    await target.rest.vaultDone('kvkept', 'DELETE', '/keys/k1')
    expect((await target.rest.vault('kvkept', 'DELETE', '/deletedkeys/k1')).status).toBe(403)
    const again = await target.rest.vault('kvkept', 'POST', '/keys/k1/create', { kty: 'RSA' })
    expect(again.status).toBe(409)
    const imported = await target.rest.vault('kvkept', 'PUT', '/keys/K1', {
      key: { kty: 'RSA', n: 'AQAB', e: 'AQAB', d: 'AQAB', p: 'Aw', q: 'BQ', dp: 'AQ', dq: 'AQ', qi: 'AQ' },
    })
    expect(imported.status).toBe(409)

    await target.rest.armDone('DELETE', vaultPath('kvkept'))
    for (const name of ['kvkept', 'KVKEPT']) {
      expect((await target.rest.arm('POST', `${deletedPath(name)}/purge`)).status).toBe(403)
    }
    const { tenantId } = target.server.owner
    const body = { location: 'eastus', properties: { tenantId, sku: { family: 'A', name: 'standard' } } }
    expect((await target.rest.arm('PUT', vaultPath('kvkept'), body)).status).toBe(409)
    await target.rest.armDone('PUT', '/resourceGroups/rg9', { location: 'eastus' })
    expect((await target.rest.arm('PUT', vaultPath('kvkept', 'rg9'), body)).status).toBe(409)
    const elsewhere = { ...body, properties: { ...body.properties, createMode: 'recover' } }
    expect((await target.rest.arm('PUT', vaultPath('kvkept', 'rg9'), elsewhere)).status).toBe(409)
    expect((await target.rest.arm('PUT', vaultPath('KVKEPT'), body)).status).toBe(409)

    // Recovered with whatever a body asks for, it is as it was.
    const recovered = await target.rest.armDone('PUT', vaultPath('kvkept'), {
      location: 'eastus',
      properties: {
        createMode: 'recover',
        tenantId,
        sku: { family: 'A', name: 'standard' },
        accessPolicies: [],
        enablePurgeProtection: false,
        softDeleteRetentionInDays: 7,
      },
    })
    expect(recovered['properties']).toMatchObject({
      enablePurgeProtection: true,
      softDeleteRetentionInDays: 90,
    })
    expect((recovered['properties'] as JsonObject)['accessPolicies']).toHaveLength(2)
    expect((await target.rest.vault('kvkept', 'GET', '/deletedkeys/k1')).status).toBe(200)
  })

  it('a group that is deleted takes its vaults with it, but only into the state of the deleted', async () => {
    await target.rest.armDone('PUT', '/resourceGroups/rg8', { location: 'eastus' })
    await makeVault(target.rest, 'rg8', 'kvgroup', target.estate.identity.principalId)
    await target.rest.armDone('DELETE', '/resourceGroups/rg8')
    expect((await target.rest.arm('GET', deletedPath('kvgroup'))).status).toBe(200)
    expect((await target.rest.arm('POST', `${deletedPath('kvgroup')}/purge`)).status).toBe(403)
  })
})

describe('a key id names no other place', () => {
  const version = '0'.repeat(32)
  it.each([
    'https://evil.example/keys/key1',
    'https://kv1.vault.localhost.evil.example/keys/key1',
    'https://kv1.vault.localhost:PORT.evil.example/keys/key1',
    'https://kv1.vault.localhost:PORT@evil.example/keys/key1',
    'https://evil.example@kv1.vault.localhost:PORT/keys/key1',
    'https://evil.example#@kv1.vault.localhost:PORT/keys/key1',
    'https://evil.example\\@kv1.vault.localhost:PORT/keys/key1',
    'https://evil.example/.kv1.vault.localhost:PORT/keys/key1',
    'https://kv1.vault.localhost:1/keys/key1',
    'https://kv1.vault.localhost/keys/key1',
    'https://kv1.vault.localhost.:PORT/keys/key1',
    'https://kv1.vault。localhost:PORT/keys/key1',
    'https://kv1.vault．localhost:PORT/keys/key1',
    'https://kv1%2evault.localhost:PORT/keys/key1',
    'https://KV1.vault.localhost:0PORT/keys/key1',
    'https://a.kv1.vault.localhost:PORT/keys/key1',
    'https://.vault.localhost:PORT/keys/key1',
    'https://management.localhost:PORT/keys/key1',
    'https://127.0.0.1:PORT/keys/key1',
    'https://[::1]:PORT/keys/key1',
    'http://kv1.vault.localhost:PORT/keys/key1',
    'ftp://kv1.vault.localhost:PORT/keys/key1',
    'file:///etc/passwd',
    '//kv1.vault.localhost:PORT/keys/key1',
    'https://kv1.vault.localhost:PORT/keys/../secrets/key1',
    'https://kv1.vault.localhost:PORT/keys/key1/../../key2',
    'https://kv1.vault.localhost:PORT/keys/key1?x=y',
    'https://kv1.vault.localhost:PORT/keys/key1#x',
    'https://kv1.vault.localhost:PORT/keys/key1/versions',
    'https://kv1.vault.localhost:PORT/secrets/key1',
    'https://kv1.vault.localhost:PORT/keys/',
    'https://kv1.vault.localhost:PORT/keys/key1 ',
    ' https://kv1.vault.localhost:PORT/keys/key1',
    'https://kv1.vault.localhost:PORT/keys/key1\n',
    'https://kv1.vault.localhost:PORT/keys/k\u00e9y',
    `https://kv1.vault.localhost:PORT/keys/${'k'.repeat(128)}`,
    `https://kv1.vault.localhost:PORT/keys/key1/${version}0`,
    'https://nosuch.vault.localhost:PORT/keys/key1',
    'https://kv1.vault.localhost:PORT/keys/nosuch',
    `https://kv1.vault.localhost:PORT/keys/key1/${version}`,
  ])('%j is refused, and the registry keeps its key', async (template) => {
    const keyId = template.replace('PORT', String(target.server.port))
    const before = (await target.rest.arm('GET', registryPath)).text
    const answer = await target.rest.arm('PATCH', registryPath, {
      properties: encryptionWith({ keyId, identity: target.estate.identity }),
    })
    expect(answer.status).toBe(400)
    const after = (await target.rest.arm('GET', registryPath)).text
    expect(after).toBe(before)
  })

  it('for a registry that is being made neither, and no registry is left', async () => {
    const { identity } = target.estate
    for (const keyId of [
      'https://evil.example/keys/k',
      `https://nosuch.vault.localhost:${target.server.port}/keys/k`,
    ]) {
      const path = registryPath.replace('registry1', 'registry7')
      expect((await target.rest.arm('PUT', path, registryBody({ keyId, identity }))).status).toBe(400)
      expect((await target.rest.arm('GET', path)).status).toBe(404)
    }
    const available = await target.rest.armDone(
      'POST',
      '/providers/Microsoft.ContainerRegistry/checkNameAvailability',
      {
        name: 'registry7',
        type: 'Microsoft.ContainerRegistry/registries',
      },
    )
    expect(available['nameAvailable']).toBe(true)
  })
})

describe('the firewall of a vault', () => {
  const acls = (networkAcls: JsonObject) =>
    target.rest.armDone('PATCH', vaultPath('kv1'), { properties: { networkAcls } })
  afterAll(() => acls({ defaultAction: 'Allow', bypass: 'AzureServices' }))

  it('believes no header about where a request comes from', async () => {
    await acls({ defaultAction: 'Deny', bypass: 'AzureServices', ipRules: [{ value: '203.0.113.7' }] })
    const authorization = `Bearer ${await target.rest.token(target.server.url('vault'))}`
    for (const name of [
      'x-forwarded-for',
      'x-real-ip',
      'forwarded',
      'client-ip',
      'true-client-ip',
      'x-client-ip',
      'cf-connecting-ip',
      'x-azure-clientip',
      'x-original-forwarded-for',
      'via',
    ]) {
      for (const value of ['203.0.113.7', 'for=203.0.113.7', '203.0.113.7, 127.0.0.1']) {
        const answer = await target.send({
          role: 'kv1.vault',
          method: 'GET',
          path: '/keys?api-version=7.4',
          headers: { authorization, [name]: value },
        })
        expect([name, value, answer.status]).toEqual([name, value, 403])
        expect(answer.text).toContain('ForbiddenByFirewall')
      }
    }
  })

  it.each([
    ['127.0.0.1', 200],
    ['127.0.0.0/8', 200],
    ['0.0.0.0/0', 200],
    ['127.0.0.2', 403],
    ['128.0.0.0/1', 403],
    ['126.0.0.0/8', 403],
  ])('with a rule for %s answers this machine with %d', async (value, status) => {
    await acls({ defaultAction: 'Deny', bypass: 'None', ipRules: [{ value }] })
    expect((await target.rest.vault('kv1', 'GET', '/keys')).status).toBe(status)
  })

  it.each([
    '127.0.0.1/33',
    '127.0.0.256',
    '127.1',
    '0x7f.0.0.1',
    '::1',
    '::ffff:127.0.0.1',
    '127.0.0.1 ',
    '01.0.0.1',
    '*',
    'localhost',
    '127.0.0.1/-1',
  ])('takes no rule for %j', async (value) => {
    const answer = await target.rest.arm('PATCH', vaultPath('kv1'), {
      properties: { networkAcls: { defaultAction: 'Deny', ipRules: [{ value }] } },
    })
    expect(answer.status).toBe(400)
  })

  it('without the bypass keeps our own registry out too, and says why', async () => {
    const registry = restRegistry(target.rest, 'registry1')
    await acls({ defaultAction: 'Deny', bypass: 'None', ipRules: [{ value: '127.0.0.1' }] })
    const refused = await registry.send('GET', '/v2/_catalog')
    expect([refused.status, refused.text]).toMatchObject([403, expect.stringContaining('firewall')])
    await acls({ defaultAction: 'Deny', bypass: 'AzureServices' })
    expect((await registry.send('GET', '/v2/_catalog')).status).toBe(200)
  })

  it('lets no token of the same identity pass that the identity’s own endpoint gave', async () => {
    await acls({ defaultAction: 'Deny', bypass: 'AzureServices' })
    const resource = encodeURIComponent(target.server.url('vault'))
    const issued = await target.send({
      role: null,
      method: 'GET',
      path: `/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${resource}`,
      headers: { host: '169.254.169.254', metadata: 'true' },
    })
    expect(issued.status).toBe(200)
    const token = text((JSON.parse(issued.text) as JsonObject)['access_token'])
    const answer = await target.send({
      role: 'kv1.vault',
      method: 'GET',
      path: '/keys/key1?api-version=7.4',
      headers: { authorization: `Bearer ${token}` },
    })
    expect([answer.status, answer.text]).toMatchObject([403, expect.stringContaining('ForbiddenByFirewall')])
  })
})

describe('the managed-identity port', () => {
  const path = '/metadata/identity/oauth2/token?api-version=2018-02-01'
  const ask = (headers: Readonly<Record<string, string>>, more = '', at = path) =>
    target.send({ role: null, method: 'GET', path: `${at}${more}`, headers })
  const resource = () => `&resource=${encodeURIComponent(target.server.url('vault'))}`

  it.each([
    ['no Metadata header', { host: '127.0.0.1' }],
    ['the wrong Metadata header', { host: '127.0.0.1', metadata: 'yes' }],
    ['a page of somebody else’s name', { host: 'evil.example', metadata: 'true' }],
    ['a name that ends alike', { host: 'evil-localhost', metadata: 'true' }],
    ['a forwarded request', { host: '127.0.0.1', metadata: 'true', 'x-forwarded-for': '' }],
  ])('gives nothing to %s', async (_what, headers) => {
    const answer = await ask(headers, resource())
    expect(answer.status).toBe(400)
    expect(answer.text).not.toContain('access_token')
  })

  it('gives no token of an identity that the operator did not name, and of no audience but ours', async () => {
    const headers = { host: '127.0.0.1', metadata: 'true' }
    const { clientId, tenantId } = target.server.owner
    for (const more of [
      `${resource()}&client_id=${clientId}`,
      `${resource()}&client_id=${tenantId}`,
      `${resource()}&object_id=__proto__`,
      `${resource()}&msi_res_id=/subscriptions/x`,
      `${resource()}&client_id=a&object_id=b`,
      '&resource=https://evil.example',
      '&resource=',
      '',
    ]) {
      const answer = await ask(headers, more)
      expect([more, answer.status]).toEqual([more, 400])
    }
  })

  it('gives none without its secret where there is one', async () => {
    for (const secret of [undefined, '', 'x', '__proto__']) {
      const headers = { host: '127.0.0.1', ...(secret === undefined ? {} : { 'x-identity-header': secret }) }
      const answer = await ask(headers, resource().replace('&', '?'), '/msi/token')
      expect([secret, answer.status]).toEqual([secret, 401])
    }
  })
})
