import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Someone,
  type VaultBench,
  objectIn,
  openVaultBench,
  outcome,
  textIn,
} from '../../../test/support/vault-bench.ts'
import { type WholeJwk, newJwk, openWith, sealFor } from '../../../test/support/rsa.ts'
import type { Json, JsonObject } from '../../kernel/json.ts'

let bench: VaultBench
let stranger: Someone
beforeAll(async () => {
  bench = await openVaultBench()
  stranger = await bench.signIn()
  await bench.putVault('kv1')
  await bench.putVault('protected', { enablePurgeProtection: true, softDeleteRetentionInDays: 7 })
})
afterAll(async () => {
  expect(bench.served.bugs).toEqual([])
  await bench[Symbol.asyncDispose]()
})

async function create(name: string, body: JsonObject = {}, vault = 'kv1'): Promise<JsonObject> {
  const response = await bench.ask('POST', `/keys/${name}/create`, { vault, body: { kty: 'RSA', ...body } })
  expect(outcome(response)).toBe('200')
  return response.json() as JsonObject
}
const versionIn = (bundle: Json): string => textIn(objectIn(bundle, 'key'), 'kid').split('/').at(-1) ?? ''
const b64 = (text: string) => Buffer.from(text).toString('base64url')
const unix = () => Math.floor(bench.engine.bench.now.getTime() / 1000)
const patch = async (path: string, body: JsonObject) => {
  expect(outcome(await bench.ask('PATCH', path, { body }))).toBe('200')
}
async function wrapped(name: string, alg = 'RSA-OAEP-256', text = 'root key'): Promise<string> {
  const response = await bench.ask('POST', `/keys/${name}/wrapkey`, { body: { alg, value: b64(text) } })
  expect(outcome(response)).toBe('200')
  return textIn(response.json(), 'value')
}

describe('the challenge', () => {
  const expected = () =>
    `Bearer authorization="https://login.localhost:8443/${bench.tenantId}", resource="https://vault.localhost:8443"`

  it('answers the first request, which has no token and no body, with 401', async () => {
    const response = await bench.ask('POST', '/keys/k/create', { token: null })
    expect(response.headers['www-authenticate']).toBe(expected())
    expect(response.status).toBe(401)
    expect(response.json()).toEqual({
      error: { code: 'Unauthorized', message: 'AKV10000: Request is missing a Bearer or PoP token.' },
    })
  })
  it.each([
    ['a path that names nothing', 'GET', '/nothing/here'],
    ['a key that is not there', 'GET', '/keys/none'],
  ])('comes before anything is told: %s', async (_name, method, path) => {
    const response = await bench.ask(method, path, { token: null, apiVersion: null })
    expect(outcome(response)).toBe('401 Unauthorized')
    expect(response.headers['www-authenticate']).toBe(expected())
  })
  it('meets a token that is none, is forged, or is for another audience', async () => {
    const { caller } = bench.owner
    const [head, body = ''] = bench.owner.token.split('.')
    const forged = `${head}.${body}.${'A'.repeat(342)}`
    const secret = await bench.engine.signIn(null)
    const credentials = { tenant: bench.tenantId, clientId: secret.clientId, secret: secret.secret }
    const resource = 'https://management.localhost:8443'
    const foreign = (await bench.engine.directory.clientCredentials({ ...credentials, resource })).token
    const messages = await Promise.all(
      ['nonsense', forged, foreign].map(async (token) => {
        const response = await bench.ask('GET', '/keys', { token })
        expect(response.status).toBe(401)
        expect(response.headers['www-authenticate']).toBe(expected())
        return textIn(objectIn(response.json(), 'error'), 'message')
      }),
    )
    expect(messages).toEqual([
      'Error validating token: it cannot be read.',
      'AKV10046: Unable to resolve the key used for signature validation.',
      `AKV10022: Invalid audience. Expected https://vault.localhost:8443, found: ${resource}.`,
    ])
    expect(JSON.stringify(messages)).not.toContain(caller.principalId)
  })
  it('is not there where there is no vault, with a token or without', async () => {
    for (const token of [null, bench.owner.token]) {
      const response = await bench.ask('GET', '/keys', { vault: 'nowhere', token })
      expect(outcome(response)).toBe('404 VaultNotFound')
      expect(response.headers['www-authenticate']).toBeUndefined()
    }
  })
})

describe('every answer', () => {
  it('has the headers of a vault and echoes the client request id', async () => {
    const { headers } = await bench.ask('GET', '/keys', { headers: { 'x-ms-client-request-id': 'abc-1' } })
    expect(headers).toMatchObject({
      'cache-control': 'no-cache',
      pragma: 'no-cache',
      expires: '-1',
      'content-type': 'application/json; charset=utf-8',
      'x-ms-keyvault-region': 'koreacentral',
      'x-ms-client-request-id': 'abc-1',
      'x-ms-keyvault-network-info': 'conn_type=Ipv4;addr=127.0.0.1;act_addr_fam=InterNetwork;',
      'strict-transport-security': 'max-age=31536000;includeSubDomains',
      'x-content-type-options': 'nosniff',
    })
    expect(headers['x-ms-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })
  it.each([
    [null, '400 BadParameter'],
    ['', '400 BadParameter'],
    ['6.9', '400 BadParameter'],
    ['7.9', '400 BadParameter'],
    ['2015-06-01', '400 BadParameter'],
    ['7.0', '200'],
    ['7.4-preview.1', '200'],
    ['7.6-preview.2', '200'],
    ['2025-07-01', '200'],
    ['2031-01-01-preview', '200'],
  ])('asks for an api-version: %s gives %s', async (apiVersion, expected) => {
    expect(outcome(await bench.ask('GET', '/keys', { apiVersion }))).toBe(expected)
  })
  it('takes percent-encoded query names, any letter case of the path, and a slash at its end', async () => {
    await create('Cased')
    expect(outcome(await bench.ask('GET', '/KEYS/cased/?api%2Dversion=7.4', { apiVersion: null }))).toBe(
      '200',
    )
    expect(outcome(await bench.ask('GET', '//keys//cased'))).toBe('200')
  })
  it('refuses other methods and paths', async () => {
    const response = await bench.ask('PUT', '/keys')
    expect(outcome(response)).toBe('405 MethodNotAllowed')
    expect(response.headers.allow).toContain('GET')
    expect(outcome(await bench.ask('GET', '/secrets/s'))).toBe('404 NotFound')
  })
})

describe('CreateKey', () => {
  it('gives a key as Azure does', async () => {
    const bundle = await create('shape')
    const kid = textIn(objectIn(bundle, 'key'), 'kid')
    expect(kid).toMatch(/^https:\/\/kv1\.vault\.localhost:8443\/keys\/shape\/[0-9a-f]{32}$/)
    expect(objectIn(bundle, 'key')).toEqual({
      kid,
      kty: 'RSA',
      key_ops: ['encrypt', 'decrypt', 'sign', 'verify', 'wrapKey', 'unwrapKey'],
      n: expect.stringMatching(/^[A-Za-z0-9_-]{342}$/) as string,
      e: 'AQAB',
    })
    expect(bundle['attributes']).toEqual({
      enabled: true,
      created: unix(),
      updated: unix(),
      recoveryLevel: 'Recoverable+Purgeable',
      recoverableDays: 90,
      exportable: false,
    })
    expect(bundle['tags']).toBeUndefined()
  })
  it.each([
    ['kv1', 'Recoverable+Purgeable', 90],
    ['protected', 'CustomizedRecoverable', 7],
  ])('tells in vault %s that a key is %s for %d days', async (vault, recoveryLevel, recoverableDays) => {
    expect(objectIn(await create('level', {}, vault), 'attributes')).toMatchObject({
      recoveryLevel,
      recoverableDays,
    })
  })
  it('keeps what it is told', async () => {
    const attributes = { enabled: false, nbf: 1_700_000_000, exp: -1_856_058_368 }
    const bundle = await create('told', {
      key_size: 3072,
      key_ops: ['wrapkey', 'unwrapKey'],
      attributes,
      tags: { a: 'b' },
    })
    expect(Buffer.from(textIn(objectIn(bundle, 'key'), 'n'), 'base64url').length).toBe(384)
    expect(objectIn(bundle, 'key')['key_ops']).toEqual(['wrapKey', 'unwrapKey'])
    expect(bundle['attributes']).toMatchObject(attributes)
    expect(bundle['tags']).toEqual({ a: 'b' })
  })
  it.each<[string, Json | undefined, string]>([
    ['no body', undefined, '400 BadParameter'],
    ['a list', [], '400 BadParameter'],
    ['text that is not JSON', '{"kty":', '400 BadParameter'],
    ['no kty', {}, '400 BadParameter'],
    ['EC', { kty: 'EC' }, '400 BadParameter KeyTypeNotSupported'],
    ['oct', { kty: 'oct' }, '400 BadParameter KeyTypeNotSupported'],
    ['RSA-HSM', { kty: 'RSA-HSM' }, '400 BadParameter KeyTypeNotSupported'],
    ['1024 bits', { kty: 'RSA', key_size: 1024 }, '400 BadParameter'],
    ['a size in text', { kty: 'RSA', key_size: '2048' }, '400 BadParameter'],
    ['another exponent', { kty: 'RSA', public_exponent: 3 }, '400 BadParameter'],
    ['an unknown operation', { kty: 'RSA', key_ops: ['fly'] }, '400 BadParameter'],
    ['operations in text', { kty: 'RSA', key_ops: 'sign' }, '400 BadParameter'],
    ['a broken number as time', { kty: 'RSA', attributes: { exp: 1.5 } }, '400 BadParameter'],
    ['attributes that are none', { kty: 'RSA', attributes: [] }, '400 BadParameter'],
    ['a key that may be exported', { kty: 'RSA', attributes: { exportable: true } }, '400 BadParameter'],
    ['a release policy', { kty: 'RSA', release_policy: {} }, '400 BadParameter'],
    [
      '16 tags',
      { kty: 'RSA', tags: Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`t${n}`, ''])) },
      '400 BadParameter',
    ],
    ['a long tag', { kty: 'RSA', tags: { a: 'x'.repeat(257) } }, '400 BadParameter'],
  ])('refuses %s', async (_name, body, expected) => {
    const response = await bench.ask('POST', '/keys/refused/create', body === undefined ? {} : { body })
    expect(outcome(response)).toBe(expected)
    expect(outcome(await bench.ask('GET', '/keys/refused'))).toBe('404 KeyNotFound')
  })
  it.each(['a_b', 'x'.repeat(128), 'a%20b'])('refuses the name %s', async (name) => {
    expect(outcome(await bench.ask('POST', `/keys/${name}/create`, { body: { kty: 'RSA' } }))).toBe(
      '400 BadParameter',
    )
  })
  it('refuses a body over 64 KiB', async () => {
    const body = Buffer.alloc(65 * 1024, 32)
    expect(outcome(await bench.ask('POST', '/keys/large/create', { body }))).toBe('413 RequestBodyTooLarge')
  })
  it('makes a new current version of a key that is there, and keeps its name as it was written', async () => {
    const first = versionIn(await create('Versioned'))
    const second = await create('versioned')
    expect(versionIn(second)).not.toBe(first)
    expect(textIn(objectIn(second, 'key'), 'kid')).toContain('/keys/Versioned/')
    const newest = (await bench.ask('GET', '/keys/VERSIONED/')).json()
    expect(versionIn(newest)).toBe(versionIn(second))
    const old = await bench.ask('GET', `/keys/versioned/${first.toUpperCase()}`)
    expect(versionIn(old.json())).toBe(first)
  })
})

describe('ImportKey', () => {
  const jwk = (bits: number): WholeJwk & JsonObject => ({ ...newJwk(bits) })

  it.each([2048, 3072, 4096])(
    'brings a key of %d bits whose owner still opens what it seals',
    async (modulusLength) => {
      const key = jwk(modulusLength)
      const response = await bench.ask('PUT', `/keys/import-${modulusLength}`, { body: { key } })
      expect(outcome(response)).toBe('200')
      const sealed = Buffer.from(await wrapped(`import-${modulusLength}`), 'base64url')
      expect(openWith(key, sealed).toString()).toBe('root key')
    },
  )
  it('gives the modulus without a leading zero', async () => {
    const key = jwk(2048)
    const n = Buffer.concat([Buffer.from([0]), Buffer.from(textIn(key, 'n'), 'base64url')]).toString(
      'base64url',
    )
    const response = await bench.ask('PUT', '/keys/padded', { body: { key: { ...key, n } } })
    expect(objectIn(response.json(), 'key')['n']).toBe(key['n'])
  })
  it.each<[string, (key: JsonObject) => JsonObject]>([
    ['no key', () => ({})],
    ['no private part', ({ kty, n, e }) => ({ key: { kty: kty ?? '', n: n ?? '', e: e ?? '' } })],
    ['a part of another key', (key) => ({ key: { ...key, dp: jwk(2048).dp } })],
    ['EC', (key) => ({ key: { ...key, kty: 'EC' } })],
    ['an HSM', (key) => ({ key, hsm: true })],
    ['numbers for text', (key) => ({ key: { ...key, d: 1 } })],
  ])('refuses %s and tells nothing of the key', async (_name, body) => {
    const key = jwk(2048)
    const response = await bench.ask('PUT', '/keys/bad-import', { body: body(key) })
    expect(response.status).toBe(400)
    for (const part of ['d', 'p', 'q']) expect(response.text).not.toContain(textIn(key, part).slice(0, 12))
  })
})

describe('the use of a key', () => {
  it.each(['RSA-OAEP', 'RSA-OAEP-256'])(
    'seals and opens with %s, with a version and without',
    async (alg) => {
      const bundle = await create('use')
      const kid = textIn(objectIn(bundle, 'key'), 'kid')
      const version = versionIn(bundle)
      for (const [seal, open] of [
        ['encrypt', 'decrypt'],
        ['wrapKey', 'unwrapKey'],
      ] as const) {
        const sealed = await bench.ask('POST', `/keys/use/${seal}`, { body: { alg, value: b64('secret') } })
        expect(sealed.json()).toMatchObject({ kid })
        const value = textIn(sealed.json(), 'value')
        const opened = await bench.ask('POST', `/keys/use/${version}/${open.toLowerCase()}`, {
          body: { alg, value },
        })
        expect(opened.json()).toEqual({ kid, value: b64('secret') })
      }
    },
  )
  it('opens what anybody sealed with the public key', async () => {
    const key = objectIn(await create('public'), 'key')
    const sealed = sealFor({ n: textIn(key, 'n'), e: textIn(key, 'e') }, Buffer.from('x'))
    const body = { alg: 'RSA-OAEP-256', value: sealed.toString('base64url') }
    expect((await bench.ask('POST', '/keys/public/unwrapkey', { body })).json()).toMatchObject({
      value: b64('x'),
    })
  })
  it('still opens with an older version after a rotation', async () => {
    const old = versionIn(
      await create('rotated', { tags: { a: 'b' }, key_ops: ['wrapKey', 'unwrapKey'], key_size: 3072 }),
    )
    const value = await wrapped('rotated')
    const rotated = (await bench.ask('POST', '/keys/rotated/rotate')).json()
    expect(versionIn(rotated)).not.toBe(old)
    expect(rotated).toMatchObject({ tags: { a: 'b' }, key: { key_ops: ['wrapKey', 'unwrapKey'] } })
    expect(Buffer.from(textIn(objectIn(rotated, 'key'), 'n'), 'base64url').length).toBe(384)
    const body = { alg: 'RSA-OAEP-256', value }
    expect(outcome(await bench.ask('POST', `/keys/rotated/${old}/unwrapkey`, { body }))).toBe('200')
    expect(outcome(await bench.ask('POST', '/keys/rotated/unwrapkey', { body }))).toBe('400 BadParameter')
  })
  it('refuses every broken cipher text with one and the same answer', async () => {
    await create('oracle')
    const good = Buffer.from(await wrapped('oracle'), 'base64url')
    const flipped = Buffer.from(good)
    flipped[100] = (flipped[100] ?? 0) ^ 1
    const values = [
      flipped,
      Buffer.alloc(256),
      Buffer.alloc(256, 255),
      good.subarray(1),
      Buffer.concat([good, good]),
      Buffer.alloc(1),
    ].map((value) => value.toString('base64url'))
    values.push(
      'not base64url!',
      Buffer.from(await wrapped('oracle', 'RSA-OAEP'), 'base64url').toString('base64url'),
    )
    const answers = await Promise.all(
      values.flatMap((value) =>
        ['unwrapkey', 'decrypt'].map(async (usage) => {
          const { status, text } = await bench.ask('POST', `/keys/oracle/${usage}`, {
            body: { alg: 'RSA-OAEP-256', value },
          })
          return `${status} ${text}`
        }),
      ),
    )
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]).toMatch(/^400 /)
  })
  it.each<[string, JsonObject, string]>([
    ['RSA1_5', { alg: 'RSA1_5', value: 'AA' }, '400 BadParameter'],
    ['an algorithm for other keys', { alg: 'A256KW', value: 'AA' }, '400 BadParameter'],
    ['no algorithm', { value: 'AA' }, '400 BadParameter'],
    ['no value', { alg: 'RSA-OAEP-256' }, '400 BadParameter'],
    ['a value that is too long', { alg: 'RSA-OAEP-256', value: b64('x'.repeat(191)) }, '400 BadParameter'],
    ['a value that is not base64url', { alg: 'RSA-OAEP-256', value: '??' }, '400 BadParameter'],
    ['the longest value', { alg: 'RSA-OAEP-256', value: b64('x'.repeat(190)) }, '200'],
  ])('seals or refuses %s', async (_name, body, expected) => {
    await create('sealing')
    expect(outcome(await bench.ask('POST', '/keys/sealing/wrapkey', { body }))).toBe(expected)
  })
})

describe('the state of a key', () => {
  const uses = ['encrypt', 'decrypt', 'wrapkey', 'unwrapkey'] as const
  const table: [string, JsonObject, string, string][] = [
    ['enabled', {}, '200', '200'],
    [
      'disabled',
      { attributes: { enabled: false } },
      '403 Forbidden KeyDisabled',
      '403 Forbidden KeyDisabled',
    ],
    ['expired', { attributes: { exp: 1 } }, '403 Forbidden KeyExpired', '200'],
    ['not yet valid', { attributes: { nbf: 4_000_000_000 } }, '403 Forbidden KeyNotYetValid', '200'],
    [
      'disabled and expired',
      { attributes: { enabled: false, exp: 1 } },
      '403 Forbidden KeyDisabled',
      '403 Forbidden KeyDisabled',
    ],
    [
      'without operations',
      { key_ops: [] },
      '403 Forbidden KeyOperationForbidden',
      '403 Forbidden KeyOperationForbidden',
    ],
  ]
  it.each(table)('%s: seals %s and opens %s', async (name, change, seals, opens) => {
    const key = `state-${name.replaceAll(' ', '-')}`
    await create(key)
    const value = await wrapped(key)
    await patch(`/keys/${key}`, change)
    for (const use of uses) {
      const response = await bench.ask('POST', `/keys/${key}/${use}`, {
        body: { alg: 'RSA-OAEP-256', value: use.startsWith('un') || use === 'decrypt' ? value : 'AA' },
      })
      expect(`${use} ${outcome(response)}`).toBe(
        `${use} ${use === 'encrypt' || use === 'wrapkey' ? seals : opens}`,
      )
    }
    expect(outcome(await bench.ask('GET', `/keys/${key}`))).toBe('200')
    await patch(`/keys/${key}`, { attributes: { enabled: true } })
  })
  it('comes before the parameters, and existence before the state', async () => {
    await create('order', { attributes: { enabled: false } })
    expect(outcome(await bench.ask('POST', '/keys/order/unwrapkey', { body: '{' }))).toBe(
      '403 Forbidden KeyDisabled',
    )
    expect(outcome(await bench.ask('POST', '/keys/no-order/unwrapkey', { body: '{' }))).toBe(
      '404 KeyNotFound',
    )
    expect(outcome(await bench.ask('POST', `/keys/order/${'0'.repeat(32)}/unwrapkey`, { body: '{' }))).toBe(
      '404 KeyNotFound',
    )
    expect(outcome(await bench.ask('GET', '/keys/order/nonsense'))).toBe('404 KeyNotFound')
  })
  it('belongs to one version', async () => {
    const first = versionIn(await create('each'))
    await create('each')
    await patch(`/keys/each/${first}`, { attributes: { enabled: false } })
    const body = { alg: 'RSA-OAEP-256', value: 'AA' }
    expect(outcome(await bench.ask('POST', `/keys/each/${first}/wrapkey`, { body }))).toBe(
      '403 Forbidden KeyDisabled',
    )
    expect(outcome(await bench.ask('POST', '/keys/each/wrapkey', { body }))).toBe('200')
  })
  it('changes only where the update says so', async () => {
    await create('update', { tags: { a: 'b' }, attributes: { exp: 4_000_000_000 } })
    bench.pass(5_000)
    await patch('/keys/update/', { attributes: { nbf: 7 } })
    const bundle = (await bench.ask('GET', '/keys/update')).json()
    expect(bundle).toMatchObject({
      tags: { a: 'b' },
      attributes: { nbf: 7, exp: 4_000_000_000, enabled: true, updated: unix(), created: unix() - 5 },
    })
    expect(
      outcome(await bench.ask('PATCH', '/keys/update', { body: { attributes: { enabled: 'yes' } } })),
    ).toBe('400 BadParameter')
    expect(outcome(await bench.ask('PATCH', '/keys/none', { body: '{' }))).toBe('404 KeyNotFound')
  })
})

describe('deleted keys', () => {
  it('go, come back with all versions, and go for good', async () => {
    const first = versionIn(await create('Cycle'))
    const value = await wrapped('cycle')
    const second = versionIn(await create('cycle'))
    const deleted = (await bench.ask('DELETE', '/keys/cycle')).json()
    expect(deleted).toMatchObject({
      recoveryId: 'https://kv1.vault.localhost:8443/deletedkeys/Cycle',
      deletedDate: unix(),
      scheduledPurgeDate: unix() + 90 * 86_400,
    })
    expect(versionIn(deleted)).toBe(second)
    expect((await bench.ask('GET', '/deletedkeys/CYCLE')).json()).toEqual(deleted)
    const [item] = (
      objectIn({ page: (await bench.ask('GET', '/deletedkeys')).json() }, 'page')['value'] as JsonObject[]
    ).filter(({ kid }) => kid === 'https://kv1.vault.localhost:8443/keys/Cycle')
    expect(item).toMatchObject({
      recoveryId: 'https://kv1.vault.localhost:8443/deletedkeys/Cycle',
      deletedDate: unix(),
    })
    const table: [string, string, string][] = [
      ['GET', '/keys/cycle', '404 KeyNotFound'],
      ['GET', `/keys/cycle/${first}`, '404 KeyNotFound'],
      ['PATCH', '/keys/cycle', '404 KeyNotFound'],
      ['DELETE', '/keys/cycle', '404 KeyNotFound'],
      ['POST', '/keys/cycle/rotate', '404 KeyNotFound'],
      ['POST', `/keys/cycle/${first}/unwrapkey`, '404 KeyNotFound'],
      ['POST', '/keys/cycle/wrapkey', '404 KeyNotFound'],
      ['POST', '/keys/cycle/create', '409 Conflict ObjectIsDeletedButRecoverable'],
      ['PUT', '/keys/cycle', '409 Conflict ObjectIsDeletedButRecoverable'],
    ]
    for (const [method, path, expected] of table) {
      const response = await bench.ask(method, path, { body: { kty: 'RSA', alg: 'RSA-OAEP-256', value } })
      expect(`${method} ${path} ${outcome(response)}`).toBe(`${method} ${path} ${expected}`)
    }
    expect((await bench.ask('GET', '/keys/cycle/versions')).json()).toEqual({ value: [], nextLink: null })

    const recovered = await bench.ask('POST', '/deletedkeys/cycle/recover')
    expect(versionIn(recovered.json())).toBe(second)
    const body = { alg: 'RSA-OAEP-256', value }
    expect(outcome(await bench.ask('POST', `/keys/cycle/${first}/unwrapkey`, { body }))).toBe('200')
    expect(outcome(await bench.ask('GET', '/deletedkeys/cycle'))).toBe('404 KeyNotFound')

    await bench.ask('DELETE', '/keys/cycle')
    const purged = await bench.ask('DELETE', '/deletedkeys/cycle')
    expect([purged.status, purged.text]).toEqual([204, ''])
    expect(outcome(await bench.ask('POST', '/deletedkeys/cycle/recover'))).toBe('404 KeyNotFound')
    expect(versionIn(await create('cycle'))).not.toBe(second)
    expect(outcome(await bench.ask('GET', `/keys/cycle/${first}`))).toBe('404 KeyNotFound')
  })
  it.each([
    ['GET', '/deletedkeys/none'],
    ['DELETE', '/deletedkeys/none'],
    ['POST', '/deletedkeys/none/recover'],
  ])('are not there: %s %s', async (method, path) => {
    const response = await bench.ask(method, path)
    expect(outcome(response)).toBe('404 KeyNotFound')
    expect(textIn(objectIn(response.json(), 'error'), 'message')).toBe('Deleted Key not found: none')
  })
  it('cannot be purged in a protected vault, by nobody', async () => {
    await create('kept', {}, 'protected')
    await bench.ask('DELETE', '/keys/kept', { vault: 'protected' })
    const response = await bench.ask('DELETE', '/deletedkeys/kept', { vault: 'protected' })
    expect(response.status).toBe(403)
    expect(textIn(objectIn(response.json(), 'error'), 'message')).toContain('purge protection is enabled')
    expect(outcome(await bench.ask('POST', '/deletedkeys/kept/recover', { vault: 'protected' }))).toBe('200')
  })
})

describe('lists', () => {
  const page = async (path: string, vault = 'lists') => {
    const response = await bench.ask('GET', path, {
      vault,
      apiVersion: path.includes('api-version') ? null : '7.4',
    })
    expect(outcome(response)).toBe('200')
    const { value, nextLink } = response.json() as { value: JsonObject[]; nextLink: string | null }
    return { kids: value.map((item) => textIn(item, 'kid')), next: nextLink }
  }
  const walk = async (path: string): Promise<string[][]> => {
    const pages: string[][] = []
    for (let next: string | null = path; next !== null;) {
      const got: Awaited<ReturnType<typeof page>> = await page(next)
      pages.push(got.kids)
      next = got.next === null ? null : got.next.replace('https://lists.vault.localhost:8443', '')
    }
    return pages
  }
  beforeAll(async () => {
    await bench.putVault('lists')
    const key = { ...newJwk(2048) }
    for (let n = 10; n < 40; n++) await bench.ask('PUT', `/keys/Key${n}`, { vault: 'lists', body: { key } })
    for (let n = 0; n < 4; n++) await bench.ask('PUT', '/keys/key10', { vault: 'lists', body: { key } })
  })

  it('come in pages of 25 with ids without versions', async () => {
    const pages = await walk('/keys')
    expect(pages.map(({ length }) => length)).toEqual([25, 5])
    expect(pages.flat()).toEqual(
      Array.from({ length: 30 }, (_, n) => `https://lists.vault.localhost:8443/keys/Key${n + 10}`),
    )
  })
  it('come in pages of the size that is asked for', async () => {
    expect((await walk('/keys?maxresults=11')).map(({ length }) => length)).toEqual([11, 11, 8])
    const versions = await walk('/keys/key10/versions?maxresults=2')
    expect(versions.map(({ length }) => length)).toEqual([2, 2, 1])
    expect(new Set(versions.flat()).size).toBe(5)
    expect(versions.flat().every((kid) => /\/keys\/Key10\/[0-9a-f]{32}$/.test(kid))).toBe(true)
    expect(versions.flat().at(-1)).toContain(
      versionIn((await bench.ask('GET', '/keys/key10', { vault: 'lists' })).json()),
    )
  })
  it('of a key that is not there are empty', async () => {
    expect(await page('/keys/none/versions')).toEqual({ kids: [], next: null })
  })
  it('take no token that was changed, made up, or given for another list or vault', async () => {
    const { next } = await page('/keys?maxresults=1')
    const token = new URL(next ?? '').searchParams.get('$skiptoken') ?? ''
    const bent = `${token.slice(0, -3)}${token.at(-3) === 'A' ? 'B' : 'A'}${token.slice(-2)}`
    const table: [string, string][] = [
      [`/keys?$skiptoken=${token}`, 'lists'],
      [`/keys?$skiptoken=${bent}`, 'lists'],
      ['/keys?$skiptoken=Key11', 'lists'],
      [`/deletedkeys?$skiptoken=${token}`, 'lists'],
      [`/keys/key10/versions?$skiptoken=${token}`, 'lists'],
      [`/keys?$skiptoken=${token}`, 'kv1'],
    ]
    const answers = await Promise.all(
      table.map(async ([path, vault]) => outcome(await bench.ask('GET', path, { vault }))),
    )
    expect(answers).toEqual(['200', ...Array<string>(5).fill('400 BadParameter')])
  })
  it.each(['0', '26', '-1', 'x', '1e1'])('refuse maxresults=%s', async (max) => {
    expect(outcome(await bench.ask('GET', `/keys?maxresults=${max}`))).toBe('400 BadParameter')
  })
})

describe('who may', () => {
  /** Every operation, in an order in which the owner succeeds with each that is supported. */
  const everything = (value: string): [string, string, string, JsonObject?][] => [
    ['get', 'GET', '/keys/may'],
    ['wrapKey', 'POST', '/keys/may/wrapkey', { alg: 'RSA-OAEP-256', value: 'AA' }],
    ['unwrapKey', 'POST', '/keys/may/unwrapkey', { alg: 'RSA-OAEP-256', value }],
    ['encrypt', 'POST', '/keys/may/encrypt', { alg: 'RSA-OAEP-256', value: 'AA' }],
    ['decrypt', 'POST', '/keys/may/decrypt', { alg: 'RSA-OAEP-256', value }],
    ['list', 'GET', '/keys'],
    ['list', 'GET', '/keys/may/versions'],
    ['list', 'GET', '/deletedkeys'],
    ['update', 'PATCH', '/keys/may', { tags: {} }],
    ['create', 'POST', '/keys/new/create', { kty: 'RSA' }],
    ['import', 'PUT', '/keys/new', { key: {} }],
    ['rotate', 'POST', '/keys/new/rotate'],
    ['delete', 'DELETE', '/keys/new'],
    ['get', 'GET', '/deletedkeys/new'],
    ['recover', 'POST', '/deletedkeys/new/recover'],
    ['purge', 'DELETE', '/deletedkeys/new'],
    ['sign', 'POST', '/keys/may/sign', {}],
    ['verify', 'POST', '/keys/may/verify', {}],
    ['backup', 'POST', '/keys/may/backup'],
    ['restore', 'POST', '/keys/restore', {}],
    ['release', 'POST', '/keys/may/release', {}],
    ['getrotationpolicy', 'GET', '/keys/may/rotationpolicy'],
    ['setrotationpolicy', 'PUT', '/keys/may/rotationpolicy', {}],
  ]
  async function answersTo(someone: Someone, vault: string, value: string) {
    const answers: [string, string][] = []
    for (const [permission, method, path, body] of everything(value)) {
      const response = await bench.ask(method, path, {
        vault,
        token: someone.token,
        ...(body ? { body } : {}),
      })
      answers.push([permission, outcome(response)])
    }
    return answers
  }
  async function sealedBy(vault: string): Promise<string> {
    await create('may', {}, vault)
    const response = await bench.ask('POST', '/keys/may/wrapkey', {
      vault,
      body: { alg: 'RSA-OAEP-256', value: 'AA' },
    })
    return textIn(response.json(), 'value')
  }

  it('get, wrapKey and unwrapKey of a policy open these three and nothing else', async () => {
    const registry = await bench.signIn()
    await bench.putVault('policies', {
      accessPolicies: [
        bench.policyOf(bench.owner, 'ALL'),
        bench.policyOf(registry, 'get', 'unwrapKey', 'wrapKey'),
      ],
    })
    for (const [permission, answer] of await answersTo(registry, 'policies', await sealedBy('policies'))) {
      const isGiven = ['get', 'wrapKey', 'unwrapKey'].includes(permission)
      expect(`${permission} ${answer}`).toMatch(
        isGiven ? /200$|404 KeyNotFound$/ : /403 Forbidden ForbiddenByPolicy$/,
      )
    }
  })
  it('the Crypto Service Encryption User reads, wraps and unwraps, and nothing else', async () => {
    const service = await bench.signIn()
    const { access } = bench.engine
    const role = (name: string) => {
      const [found] = access.listRoles(name)
      if (found === undefined) throw new Error(name)
      return found.roleId
    }
    const { id: scope } = await bench.putVault('roles', { enableRbacAuthorization: true })
    expect(outcome(await bench.ask('GET', '/keys', { vault: 'roles' }))).toBe('403 Forbidden ForbiddenByRbac')
    await access.grant({
      scope,
      roleId: role('Key Vault Crypto Officer'),
      principalId: bench.owner.caller.principalId,
    })
    await access.grant({
      scope,
      roleId: role('Key Vault Crypto Service Encryption User'),
      principalId: service.caller.principalId,
    })
    for (const [permission, answer] of await answersTo(service, 'roles', await sealedBy('roles'))) {
      const isGiven = ['get', 'list', 'wrapKey', 'unwrapKey'].includes(permission)
      expect(`${permission} ${answer}`).toMatch(
        isGiven ? /200$|404 KeyNotFound$/ : /403 Forbidden ForbiddenByRbac$/,
      )
    }
  })
  it('hears of a missing key only with the permission', async () => {
    for (const path of ['/keys/shape', '/keys/none', `/keys/none/${'0'.repeat(32)}`, '/deletedkeys/none']) {
      const response = await bench.ask('GET', path, { token: stranger.token })
      expect(outcome(response)).toBe('403 Forbidden ForbiddenByPolicy')
      const { appId, principalId, issuer } = stranger.caller
      expect(textIn(objectIn(response.json(), 'error'), 'message')).toBe(
        `The user, group or application 'appid=${appId};oid=${principalId};iss=${issuer}' does not have keys get permission on key vault 'kv1;location=koreacentral'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287`,
      )
    }
  })
  it('loses all at once when his policy goes, also for a request whose body is still on its way', async () => {
    const vault = 'leaving'
    await bench.putVault(vault, {
      accessPolicies: [bench.policyOf(bench.owner, 'all'), bench.policyOf(stranger, 'wrapKey')],
    })
    await create('may', {}, vault)
    const body = { alg: 'RSA-OAEP-256', value: 'AA' }
    const wrap = () => bench.ask('POST', '/keys/may/wrapkey', { vault, token: stranger.token, body })
    expect(outcome(await wrap())).toBe('200')
    const session = await bench.vault.admit({
      vaultName: vault,
      token: stranger.token,
      remoteAddress: '127.0.0.1',
      operation: 'KeyWrap',
      keyName: 'may',
      object: 'keys/may',
      clientInfo: '',
      correlationId: '',
      apiVersion: '7.4',
    })
    await bench.put(`vaults/${vault}`, {
      properties: { accessPolicies: [bench.policyOf(bench.owner, 'all')] },
    })
    await expect(session.run(() => Promise.resolve('done'))).rejects.toMatchObject({
      code: 'forbidden-by-policy',
    })
    expect(outcome(await wrap())).toBe('403 Forbidden ForbiddenByPolicy')
  })
})

it('nothing that a client sends makes the vault fail', async () => {
  await create('fuzz')
  const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>
  const named = fc.dictionary(
    fc.constantFrom(
      'kty',
      'key_size',
      'key_ops',
      'attributes',
      'tags',
      'key',
      'alg',
      'value',
      'exp',
      'n',
      'hsm',
    ),
    fc.oneof(
      json,
      fc.constantFrom<Json>('RSA', 'RSA-OAEP-256', 'AAAA', { exp: -1, enabled: null }, ['sign']),
    ),
  )
  const path = fc.constantFrom('create', 'wrapkey', 'unwrapkey', 'encrypt', 'decrypt', 'sign', 'rotate', 'x')
  const target = fc.oneof(
    path.map((last) => ['POST', `/keys/fuzz/${last}`] as const),
    fc.constantFrom(['PUT', '/keys/fuzz2'] as const, ['PATCH', '/keys/fuzz'] as const),
    fc.webPath().map((text) => ['GET', `/keys${text}`] as const),
  )
  await fc.assert(
    fc.asyncProperty(target, fc.oneof(json, named), async ([method, at], body) => {
      // A whole key takes time to make; the fuzz is about what is read.
      fc.pre(
        !at.endsWith('rotate') && !(at.endsWith('create') && (body as JsonObject | null)?.['kty'] === 'RSA'),
      )
      const response = await bench.ask(method, at, method === 'GET' ? {} : { body: JSON.stringify(body) })
      expect(response.status).toBeLessThan(500)
    }),
    { numRuns: 200 },
  )
})
