import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/kernel/json.ts'
import { makeIdentity, newKeyVersion, registryBody } from '../../support/estate.ts'
import { type Target, graph, openTarget } from '../../support/hostile.ts'
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

const group = '/resourceGroups/rg1'
const registryPath = (name: string) => `${group}/providers/Microsoft.ContainerRegistry/registries/${name}`
const vaultPath = (name: string) => `${group}/providers/Microsoft.KeyVault/vaults/${name}`
const identityPath = (name: string) =>
  `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`

/** The error of an answer that must be one: `400 KeyVaultKeyNotSuitable`, and its text. */
function refusalOf(answer: { readonly status: number; readonly text: string }): {
  readonly code: string
  readonly text: string
} {
  const { error } = JSON.parse(answer.text) as {
    readonly error: { readonly code: string; readonly message: string }
  }
  expect(error.message).not.toBe('')
  return { code: `${answer.status} ${error.code}`, text: answer.text }
}

async function refusedRegistry(name: string, body: JsonObject) {
  const refusal = refusalOf(await target.rest.arm('PUT', registryPath(name), body))
  expect((await target.rest.arm('GET', registryPath(name))).status).toBe(404)
  return refusal
}

describe('a registry is not made', () => {
  it('with a vault without purge protection, and it says that this is what is missing', async () => {
    const { tenantId } = target.server.owner
    const { identity } = target.estate
    const owner = JSON.parse(
      Buffer.from(
        (await target.rest.token(target.server.url('vault'))).split('.')[1] ?? '',
        'base64url',
      ).toString(),
    ) as { oid: string }
    await target.rest.armDone('PUT', vaultPath('kvsoft'), {
      location: 'eastus',
      properties: {
        tenantId,
        sku: { family: 'A', name: 'standard' },
        accessPolicies: [owner.oid, identity.principalId].map((objectId) => ({
          tenantId,
          objectId,
          permissions: { keys: ['all'] },
        })),
      },
    })
    const keyId = await newKeyVersion(target.rest, 'kvsoft', 'k')
    const refusal = await refusedRegistry('registrysoft', registryBody({ keyId, identity }))
    expect(refusal.code).toMatch(/^400 /)
    expect(refusal.text).toMatch(/purge.protection/i)
  })

  it('with a vault without soft delete: there is none to be had', async () => {
    const { tenantId } = target.server.owner
    const answer = await target.rest.arm('PUT', vaultPath('kvhard'), {
      location: 'eastus',
      properties: {
        tenantId,
        sku: { family: 'A', name: 'standard' },
        accessPolicies: [],
        enableSoftDelete: false,
      },
    })
    expect(refusalOf(answer).code).toBe('400 BadRequest')
    expect((await target.rest.arm('GET', vaultPath('kvhard'))).status).toBe(404)
  })

  it('with an identity without permission, with one that lacks a single one, and with one that is gone', async () => {
    const poor = await makeIdentity(target.rest, 'rg1', 'idpoor')
    const { keyId } = target.estate
    const nothing = await refusedRegistry('registrypoor', registryBody({ keyId, identity: poor }))
    expect([nothing.code, nothing.text]).toMatchObject([
      '400 KeyVaultAccessForbidden',
      expect.stringContaining('permission-missing'),
    ])
    const { tenantId } = target.server.owner
    for (const keys of [
      ['get', 'wrapKey'],
      ['get', 'unwrapKey'],
      ['wrapKey', 'unwrapKey'],
    ]) {
      await target.rest.armDone('PUT', `${vaultPath('kv1')}/accessPolicies/replace`, {
        properties: { accessPolicies: [{ tenantId, objectId: poor.principalId, permissions: { keys } }] },
      })
      const refusal = await refusedRegistry('registrypoor', registryBody({ keyId, identity: poor }))
      expect([keys, refusal.code]).toEqual([keys, '400 KeyVaultAccessForbidden'])
    }
    await target.rest.armDone('DELETE', identityPath('idpoor'))
    expect((await refusedRegistry('registrypoor', registryBody({ keyId, identity: poor }))).code).toBe(
      '400 FailedIdentityOperation',
    )
  })

  it('with a key that is disabled, expired, not yet valid, deleted, or not for wrapping', async () => {
    const { identity } = target.estate
    const make = async (name: string, body: JsonObject) => {
      const made = await target.rest.vaultDone('kv1', 'POST', `/keys/${name}/create`, { kty: 'RSA', ...body })
      return text((made['key'] as JsonObject)['kid'])
    }
    const past = Math.floor(Date.now() / 1000) - 1_000
    const keys = {
      disabled: await make('disabled', { attributes: { enabled: false } }),
      expired: await make('expired', { attributes: { exp: past } }),
      'not yet valid': await make('early', { attributes: { nbf: past + 100_000 } }),
      'only for encryption': await make('ops', { key_ops: ['encrypt', 'decrypt'] }),
      deleted: await make('deleted', {}),
    }
    await target.rest.vaultDone('kv1', 'DELETE', '/keys/deleted')
    for (const [what, keyId] of Object.entries(keys)) {
      const refusal = await refusedRegistry('registryunfit', registryBody({ keyId, identity }))
      expect([what, refusal.code.slice(0, 4)]).toEqual([what, '400 '])
    }
  })

  it.each<readonly [string, JsonObject]>([
    ['a location that is none', { location: '../x', sku: { name: 'Premium' } }],
    ['no tier', { location: 'eastus' }],
    ['a tier that is none', { location: 'eastus', sku: { name: 'Gold' } }],
    ['a tier that is a list', { location: 'eastus', sku: [] as never }],
    ['tags that are a list', { location: 'eastus', sku: { name: 'Premium' }, tags: [] as never }],
    ['an identity of no kind', { location: 'eastus', sku: { name: 'Premium' }, identity: { type: 'Any' } }],
    [
      'an identity map that is text',
      {
        location: 'eastus',
        sku: { name: 'Premium' },
        identity: { type: 'UserAssigned', userAssignedIdentities: 'x' },
      },
    ],
    [
      'an identity that is a vault',
      {
        location: 'eastus',
        sku: { name: 'Premium' },
        identity: {
          type: 'UserAssigned',
          userAssignedIdentities: { [`/subscriptions/x${vaultPath('kv1')}`]: {} },
        },
      },
    ],
    [
      'a switch that is text',
      { location: 'eastus', sku: { name: 'Premium' }, properties: { adminUserEnabled: 'true' } },
    ],
    [
      'an address that is none',
      {
        location: 'eastus',
        sku: { name: 'Premium' },
        properties: { networkRuleSet: { defaultAction: 'Deny', ipRules: [{ value: '1.2.3.4/99' }] } },
      },
    ],
    [
      'encryption that is neither on nor off',
      { location: 'eastus', sku: { name: 'Premium' }, properties: { encryption: { status: 'perhaps' } } },
    ],
    [
      'encryption without a key',
      { location: 'eastus', sku: { name: 'Premium' }, properties: { encryption: { status: 'enabled' } } },
    ],
    [
      'a key id that is a list',
      {
        location: 'eastus',
        sku: { name: 'Premium' },
        properties: { encryption: { status: 'enabled', keyVaultProperties: { keyIdentifier: [] as never } } },
      },
    ],
    [
      'a firewall that is a list',
      { location: 'eastus', sku: { name: 'Premium' }, properties: { networkRuleSet: [] as never } },
    ],
    [
      'a firewall that is text',
      { location: 'eastus', sku: { name: 'Premium' }, properties: { networkRuleSet: 'Deny' } },
    ],
    [
      'policies that are a list',
      { location: 'eastus', sku: { name: 'Premium' }, properties: { policies: [] as never } },
    ],
    [
      'a policy that is text',
      {
        location: 'eastus',
        sku: { name: 'Premium' },
        properties: { policies: { exportPolicy: 'disabled' } },
      },
    ],
    [
      'encryption that is text',
      { location: 'eastus', sku: { name: 'Premium' }, properties: { encryption: 'enabled' } },
    ],
    [
      'a key that is text',
      {
        location: 'eastus',
        sku: { name: 'Premium' },
        properties: { encryption: { keyVaultProperties: 'https://kv1.vault.localhost/keys/key1' } },
      },
    ],
    ['properties that are text', { location: 'eastus', sku: { name: 'Premium' }, properties: 'x' }],
  ])('with %s', async (_what, body) => {
    expect((await refusedRegistry('registryodd', body)).code).toMatch(/^400 /)
  })

  it.each([
    'x',
    'a-b-c-d-e',
    'Registry_1',
    'r'.repeat(51),
    '%ED%95%9C%ED%95%9C%ED%95%9C',
    '..%2fregistry1',
    'registry1%00',
    'registry1.evil',
  ])('under the name %s', async (name) => {
    const answer = await target.rest.arm('PUT', registryPath(name), registryBody(null))
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    refusalOf(answer)
  })
})

describe('what is in use', () => {
  it('an identity is not taken from the registry whose key it opens', async () => {
    for (const body of [
      { identity: { type: 'None' } },
      { identity: { type: 'UserAssigned', userAssignedIdentities: { [target.estate.identity.id]: null } } },
      { identity: { type: 'SystemAssigned' } },
    ]) {
      const answer = await target.rest.arm('PATCH', registryPath('registry1'), body)
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.status).toBeLessThan(500)
      refusalOf(answer)
      expect((await restRegistry(target.rest, 'registry1').send('GET', '/v2/_catalog')).status).toBe(200)
    }
  })

  it('a key can be deleted, and then the registry says so and comes back with it', async () => {
    const registry = restRegistry(target.rest, 'registry1')
    await target.rest.vaultDone('kv1', 'DELETE', '/keys/key1')
    const refused = await registry.send('GET', '/v2/_catalog')
    expect([refused.status, refused.text]).toMatchObject([403, expect.stringContaining('key-not-found')])
    await target.rest.vaultDone('kv1', 'POST', '/deletedkeys/key1/recover')
    expect((await registry.send('GET', '/v2/_catalog')).status).toBe(200)
  })

  it('a managed identity is not to be changed through the directory', async () => {
    const { principalId } = target.estate.identity
    await expect(graph(target.rest, 'DELETE', `/v1.0/servicePrincipals/${principalId}`)).rejects.toThrow(
      /403/,
    )
    await expect(
      graph(target.rest, 'POST', `/v1.0/servicePrincipals/${principalId}/addPassword`, {}),
    ).rejects.toThrow(/403/)
  })

  it('the last administrator of a tenant stays', async () => {
    const { clientId } = target.server.owner
    const listed = await graph(target.rest, 'GET', `/v1.0/applications?$filter=appId%20eq%20'${clientId}'`)
    const [own] = listed['value'] as readonly JsonObject[]
    await expect(graph(target.rest, 'DELETE', `/v1.0/applications/${text(own?.['id'])}`)).rejects.toThrow(
      /400/,
    )
    expect((await target.rest.arm('GET', group)).status).toBe(200)
  })
})

describe('keys', () => {
  const create = (body: JsonObject) => target.rest.vault('kv1', 'POST', '/keys/odd/create', body)
  it.each<readonly [string, JsonObject]>([
    ['no type', {}],
    ['an elliptic curve', { kty: 'EC', crv: 'P-256' }],
    ['an octet string', { kty: 'oct', key_size: 256 }],
    ['an HSM', { kty: 'RSA-HSM' }],
    ['a type in other letters', { kty: 'rsa' }],
    ['1024 bits', { kty: 'RSA', key_size: 1024 }],
    ['2049 bits', { kty: 'RSA', key_size: 2049 }],
    ['16384 bits', { kty: 'RSA', key_size: 16384 }],
    ['bits as text', { kty: 'RSA', key_size: '2048' }],
    ['negative bits', { kty: 'RSA', key_size: -2048 }],
    ['exponent 3', { kty: 'RSA', public_exponent: 3 }],
    ['an operation that is none', { kty: 'RSA', key_ops: ['fly'] }],
    ['operations that are text', { kty: 'RSA', key_ops: 'wrapKey' }],
    ['a thousand operations', { kty: 'RSA', key_ops: Array.from({ length: 1_000 }, () => 'wrapKey') }],
    ['export', { kty: 'RSA', attributes: { exportable: true } }],
    ['a release policy', { kty: 'RSA', release_policy: { data: 'x' } }],
    ['a time that is text', { kty: 'RSA', attributes: { exp: 'tomorrow' } }],
    ['a time with a fraction', { kty: 'RSA', attributes: { exp: 1.5 } }],
    ['a time beyond numbers', { kty: 'RSA', attributes: { exp: 1e300 } }],
    ['attributes that are a list', { kty: 'RSA', attributes: [] as never }],
    ['tags that are numbers', { kty: 'RSA', tags: { a: 1 } }],
    [
      'sixteen tags',
      { kty: 'RSA', tags: Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`t${index}`, 'v'])) },
    ],
  ])('with %s are not made', async (_what, body) => {
    const { code } = refusalOf(await create(body))
    expect(code).toBe('400 BadParameter')
    expect((await target.rest.vault('kv1', 'GET', '/keys/odd')).status).toBe(404)
  })

  it.each(['a b', 'a_b', '..', '%2e%2e', 'k%00', 'a%2fb', '%ED%95%9C', 'k'.repeat(128), "k'--"])(
    'named %s are not made',
    async (name) => {
      const answer = await target.rest.vault(
        'kv1',
        'POST',
        `/keys/${encodeURI(name).replaceAll('%25', '%')}/create`,
        { kty: 'RSA' },
      )
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.status).toBeLessThan(500)
      refusalOf(answer)
    },
  )

  const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    format: 'jwk',
  }) as Readonly<Record<string, string>>
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    format: 'jwk',
  }) as Readonly<Record<string, string>>
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({
    format: 'jwk',
  }) as Readonly<Record<string, string>>
  it.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ['that is public only', { kty: 'RSA', n: jwk['n'], e: jwk['e'] }],
    ['of 1024 bits', short],
    ['with another one’s primes', { ...jwk, p: other['p'], q: other['q'] }],
    ['with another one’s modulus', { ...jwk, n: other['n'] }],
    ['with exponent 1', { ...jwk, e: 'AQ' }],
    ['with exponent 2', { ...jwk, e: 'Ag' }],
    ['with an exponent of 2048 bits', { ...jwk, e: jwk['n'] }],
    ['with d as its own exponent', { ...jwk, d: jwk['e'] }],
    ['with empty numbers', { ...jwk, d: '', p: '' }],
    ['that is no base64url', { ...jwk, n: '*'.repeat(342) }],
    ['that is numbers', { ...jwk, n: 1 }],
    ['of 60,000 bits', { ...jwk, n: 'A'.repeat(10_000) }],
    ['with the primes swapped in part', { ...jwk, p: jwk['q'], q: jwk['p'] }],
    ['of a curve', { kty: 'EC', crv: 'P-256', x: 'AQ', y: 'AQ', d: 'AQ' }],
    ['of no type', { ...jwk, kty: undefined }],
  ])('%s are not imported', async (_what, key) => {
    const { code } = refusalOf(await target.rest.vault('kv1', 'PUT', '/keys/imported', { key } as never))
    expect(code).toBe('400 BadParameter')
    expect((await target.rest.vault('kv1', 'GET', '/keys/imported')).status).toBe(404)
  })

  it('whatever is wrong with a cipher text is answered alike, and nothing is told by how long it takes', async () => {
    await newKeyVersion(target.rest, 'kv1', 'oracle')
    const unwrap = (value: unknown, alg = 'RSA-OAEP-256') =>
      target.rest.vault('kv1', 'POST', '/keys/oracle/unwrapKey', { alg, value } as never)
    const sealed = await target.rest.vaultDone('kv1', 'POST', '/keys/oracle/wrapKey', {
      alg: 'RSA-OAEP-256',
      value: 'AAAA',
    })
    const good = Buffer.from(text(sealed['value']), 'base64url')
    const turned = Buffer.from(good)
    turned[100]! ^= 1
    const answers = [
      await unwrap(turned.toString('base64url')),
      await unwrap(Buffer.alloc(256).toString('base64url')),
      await unwrap(Buffer.alloc(256, 0xff).toString('base64url')),
      await unwrap(good.subarray(1).toString('base64url')),
      await unwrap(Buffer.concat([good, good]).toString('base64url')),
      await unwrap('AA'),
      await unwrap('*'),
      await unwrap(good.toString('base64url'), 'RSA-OAEP'),
    ]
    expect(new Set(answers.map(({ status, text: body }) => `${status} ${body}`)).size).toBe(1)
    expect(answers[0]?.status).toBe(400)
    expect((await unwrap(good.toString('base64url'))).json()['value']).toBe('AAAA')
  })
})

describe('requests that are hardly any', () => {
  it.each(['', '{', '[]', 'null', '"x"', '{"a":1}}', '\ufeff{}', "{'a':1}", '{"a":NaN}'])(
    'the body %j changes nothing anywhere',
    async (body) => {
      const hosts = [
        [
          'management',
          'PUT',
          `${target.rest.subscription}/resourceGroups/rgbad?api-version=2021-04-01`,
          'management',
        ],
        [
          'management',
          'PUT',
          `${target.rest.subscription}${registryPath('registrybad')}?api-version=2023-07-01`,
          'management',
        ],
        [
          'management',
          'PUT',
          `${target.rest.subscription}${group}/providers/Microsoft.Resources/deployments/bad?api-version=2021-04-01`,
          'management',
        ],
        ['kv1.vault', 'POST', '/keys/bad/create?api-version=7.4', 'vault'],
        ['kv1.vault', 'POST', '/keys/key1/wrapKey?api-version=7.4', 'vault'],
        ['graph', 'POST', '/v1.0/applications', 'graph'],
        ['graph', 'POST', '/v1.0/servicePrincipals', 'graph'],
      ] as const
      for (const [role, method, path, audience] of hosts) {
        const authorization = `Bearer ${await target.rest.token(target.server.url(audience))}`
        const answer = await target.send({
          role,
          method,
          path,
          headers: { authorization, 'content-type': 'application/json' },
          body,
        })
        expect([path, answer.status]).toEqual([path, 400])
        refusalOf(answer)
      }
      expect((await target.rest.arm('GET', '/resourceGroups/rgbad')).status).toBe(404)
      expect((await target.rest.vault('kv1', 'GET', '/keys/bad')).status).toBe(404)
    },
  )

  it.each([
    ['nothing', ''],
    ['no grant', 'client_id=a&client_secret=b'],
    ['a grant that is none', 'grant_type=password&username=a&password=b'],
    [
      'a name twice',
      'grant_type=client_credentials&client_id=a&client_id=b&client_secret=c&scope=d/.default',
    ],
    ['JSON', '{"grant_type":"client_credentials"}'],
    ['no UTF-8', '%ff%fe=\u00ff'],
    ['a scope without .default', 'grant_type=client_credentials&client_id=a&client_secret=b&scope=x'],
    [
      'an id that every object has',
      'grant_type=client_credentials&client_id=__proto__&client_secret=b&scope=x/.default',
    ],
    ['an assertion', 'grant_type=client_credentials&client_id=a&client_assertion=b&scope=x/.default'],
  ])('%s signs nobody in', async (_what, body) => {
    const { tenantId } = target.server.owner
    for (const path of [
      `/${tenantId}/oauth2/v2.0/token`,
      `/${tenantId}/oauth2/token`,
      '/adfs/oauth2/token',
      '/x/oauth2/token',
      '/%00/oauth2/token',
    ]) {
      const answer = await target.send({
        role: 'login',
        method: 'POST',
        path,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: Buffer.from(body, 'latin1'),
      })
      expect([path, answer.status === 400 || answer.status === 401]).toEqual([path, true])
      expect(answer.text).not.toContain('access_token')
      expect((JSON.parse(answer.text) as JsonObject)['error_description']).toMatch(/^AADSTS\d+: /)
    }
  })
})
