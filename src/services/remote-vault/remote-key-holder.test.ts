import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { randomHex } from '../../crypto/random.ts'
import { base64url } from '../../kernel/bytes.ts'
import { Outage } from '../../kernel/fault.ts'
import { KeyHolderFault, type KeyHolder, type KeyIdentifier } from '../keyring/ports.ts'
import { type HttpsClient, httpsClient } from './https-client.ts'
import { remoteKeyHolder } from './remote-key-holder.ts'
import { type TlsServer, json, newAuthority, tlsServer } from './testing/tls-server.ts'

let server: TlsServer
let client: HttpsClient
let holder: KeyHolder
let key: KeyIdentifier
let kid: string
const refusedTokens: string[] = []

beforeAll(async () => {
  server = await tlsServer(await newAuthority())
  client = httpsClient(server.ca)
  holder = remoteKeyHolder({ client, tokenRefused: (token) => refusedTokens.push(token) })
  key = { vaultUrl: server.url, name: 'key1', version: randomHex(16) }
  kid = `${server.url}/keys/key1/${key.version}`
})
beforeEach(() => {
  server.requests.length = 0
  refusedTokens.length = 0
})
afterAll(async () => {
  client[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const never = new AbortController().signal
const payload = Buffer.from('a root key')
const operations = {
  describe: () => holder.describe(key, 'token1', never),
  wrap: () => holder.wrap(key, payload, 'token1', never),
  unwrap: () => holder.unwrap(key, payload, 'token1', never),
}
const bundle = {
  key: { kid: '', kty: 'RSA', key_ops: ['wrapKey', 'unwrapKey', 7], n: '', e: 'AQAB' },
  attributes: { enabled: true, exp: 1_800_000_000, recoveryLevel: 'Recoverable', recoverableDays: 90 },
}

describe('a key in a vault of another server', () => {
  it('is described as the keyring asks for it, of its newest version or a named one', async () => {
    const modulus = base64url(Buffer.concat([Buffer.alloc(1), Buffer.alloc(256, 0xaa)]))
    server.answer = json(200, { ...bundle, key: { ...bundle.key, kid, n: modulus } })
    expect(await operations.describe()).toEqual({
      kid,
      version: key.version,
      keyType: 'RSA',
      bits: 2048,
      enabled: true,
      expiresAt: new Date('2027-01-15T08:00:00Z'),
      recoveryLevel: 'Recoverable',
      keyOperations: ['wrapKey', 'unwrapKey'],
    })
    await holder.describe({ ...key, version: null }, 'token1', never)
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `GET /keys/key1/${key.version}?api-version=7.3`,
      'GET /keys/key1/?api-version=7.3',
    ])
    expect(server.requests[0]?.headers.authorization).toBe('Bearer token1')
  })

  it('that is no RSA key, or has no attributes set, is described as that', async () => {
    server.answer = json(200, { key: { kid, kty: 'EC', crv: 'P-256' }, attributes: {} })
    expect(await operations.describe()).toMatchObject({
      keyType: 'EC',
      bits: 0,
      enabled: false,
      expiresAt: null,
      recoveryLevel: '',
      keyOperations: [],
    })
  })

  it('wraps and unwraps with RSA-OAEP-256', async () => {
    server.answer = json(200, { kid, value: base64url(Buffer.from('wrapped')) })
    expect(await operations.wrap()).toEqual({ kid, wrapped: Buffer.from('wrapped') })
    expect(await operations.unwrap()).toEqual(Buffer.from('wrapped'))
    const sent = { alg: 'RSA-OAEP-256', value: base64url(payload) }
    expect(server.requests.map(({ path, body }) => [path, JSON.parse(body) as unknown])).toEqual([
      [`/keys/key1/${key.version}/wrapkey?api-version=7.3`, sent],
      [`/keys/key1/${key.version}/unwrapkey?api-version=7.3`, sent],
    ])
  })
})

const error = (code: string, inner?: string) => ({
  error: { code, message: 'told', ...(inner === undefined ? {} : { innererror: { code: inner } }) },
})

describe("the vault's clear no", () => {
  it.each([
    [401, error('Unauthorized'), 'token-refused'],
    [403, error('Forbidden', 'ForbiddenByPolicy'), 'permission-missing'],
    [403, error('Forbidden', 'ForbiddenByRbac'), 'permission-missing'],
    [403, error('Forbidden', 'AccessDenied'), 'permission-missing'],
    [403, error('Forbidden'), 'permission-missing'],
    [403, error('Forbidden', 'ForbiddenByFirewall'), 'firewall'],
    [403, error('Forbidden', 'ForbiddenByConnection'), 'firewall'],
    [403, error('Forbidden', 'KeyDisabled'), 'key-disabled'],
    [403, { error: { code: 'Forbidden', innerError: { code: 'KeyDisabled' } } }, 'key-disabled'],
    [403, error('Forbidden', 'KeyExpired'), 'key-not-valid-now'],
    [403, error('Forbidden', 'KeyNotYetValid'), 'key-not-valid-now'],
    [403, error('Forbidden', 'KeyOperationForbidden'), 'key-operation-forbidden'],
    [404, error('KeyNotFound'), 'key-not-found'],
    [404, error('VaultNotFound'), 'vault-not-found'],
    [409, error('Conflict', 'ObjectIsDeletedButRecoverable'), 'key-not-found'],
  ] as const)('%s %o is a refusal: %s', async (status, body, cause) => {
    server.answer = json(status, body)
    for (const ask of Object.values(operations)) {
      const thrown = await ask().catch((caught: unknown) => caught)
      expect(thrown).toBeInstanceOf(KeyHolderFault)
      expect(thrown).toMatchObject({ facts: { cause, keyId: kid } })
    }
    expect(refusedTokens).toEqual(cause === 'token-refused' ? ['token1', 'token1', 'token1'] : [])
  })

  it('to what was wrapped is one only of an unwrap', async () => {
    server.answer = json(400, error('BadParameter'))
    await expect(operations.unwrap()).rejects.toMatchObject({ facts: { cause: 'wrapping-damaged' } })
    for (const ask of [operations.describe, operations.wrap])
      await expect(ask()).rejects.toBeInstanceOf(Outage)
  })
})

describe('what is no clear no, and so no answer:', () => {
  it.each([
    ['a redirect', 302, {}],
    ['a limit', 429, error('Throttled')],
    ['a failure', 500, error('InternalError')],
    ['a failure that calls itself a refusal', 503, error('Forbidden', 'KeyDisabled')],
    ["a proxy's refusal", 403, { message: 'blocked' }],
    ["a proxy's request to sign in", 407, {}],
    ['an unknown address', 404, error('NotFound')],
    ['a conflict of another kind', 409, error('Conflict', 'Busy')],
    ['a success that says nothing', 200, []],
    ['a success without content', 204, {}],
    ['an answer of another kind', 200, { kid: 1, value: 2 }],
    ['a value that is not base64url', 200, { kid: 'x', value: '+/=' }],
  ])('%s', async (_, status, body) => {
    server.answer = json(status, body)
    for (const ask of Object.values(operations)) await expect(ask()).rejects.toBeInstanceOf(Outage)
  })

  it('a body that is no JSON, whatever its status', async () => {
    for (const status of [200, 401, 403, 404]) {
      server.answer = (_request, response) => response.writeHead(status).end('<html>no</html>')
      for (const ask of Object.values(operations)) await expect(ask()).rejects.toBeInstanceOf(Outage)
    }
  })

  it.each([
    ['7', 7],
    ['100000', 60],
    ['soon', 1],
    ['-3', 1],
  ])('and a wait of %s is passed on as %s seconds', async (sent, retryAfterSeconds) => {
    server.answer = json(503, {}, { 'retry-after': sent })
    await expect(operations.unwrap()).rejects.toMatchObject({ retryAfterSeconds })
  })
})
