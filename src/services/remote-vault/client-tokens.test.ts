import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Outage } from '../../kernel/fault.ts'
import { type ClientTokens, clientTokens } from './client-tokens.ts'
import { type HttpsClient, httpsClient } from './https-client.ts'
import { type TlsServer, json, newAuthority, tlsServer } from './testing/tls-server.ts'

let server: TlsServer
let client: HttpsClient
let tokens: ClientTokens
let now: number
let issued: number

beforeEach(async () => {
  server = await tlsServer(await newAuthority())
  client = httpsClient(server.ca)
  ;[now, issued] = [0, 0]
  server.answer = (request, response) => {
    issued += 1
    json(200, { token_type: 'Bearer', expires_in: 3_599, access_token: `token${issued}` })(request, response)
  }
  tokens = clientTokens({
    client,
    loginUrl: server.url,
    tenantId: '11111111-1111-4111-8111-111111111111',
    audience: 'https://vault.azure.net',
    monotonic: () => now,
  })
})
afterEach(async () => {
  client[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const never = new AbortController().signal
let secret = 'first'
const get = (name = 'a', lifetimeMs = 5_000) =>
  tokens.token(name, async () => ({ clientId: 'client', clientSecret: secret }), {
    lifetimeMs,
    signal: never,
  })

describe("a token of another server's directory", () => {
  it('is got by the client credentials grant, for the configured vaults', async () => {
    expect(await get()).toBe('token1')
    const [{ method, path, body } = { method: '', path: '', body: '' }] = server.requests
    expect([method, path]).toEqual(['POST', '/11111111-1111-4111-8111-111111111111/oauth2/v2.0/token'])
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'client',
      client_secret: 'first',
      scope: 'https://vault.azure.net/.default',
    })
  })

  it('is kept for a lease and no longer, and not for another client', async () => {
    expect(await get()).toBe('token1')
    now = 4_999
    expect(await get()).toBe('token1')
    expect(await get('b')).toBe('token2')
    now = 5_000
    expect(await get()).toBe('token3')
  })

  it('is kept no longer than it lives', async () => {
    server.answer = json(200, { expires_in: 2, access_token: 'short' })
    await get()
    now = 1_999
    await get()
    expect(server.requests).toHaveLength(1)
    now = 2_000
    await get()
    expect(server.requests).toHaveLength(2)
  })

  it('is forgotten when the vault did not take it, and the next one is got with the secret of now', async () => {
    tokens.forget(await get())
    secret = 'second'
    expect(await get()).toBe('token2')
    expect(server.requests.at(-1)?.body).toContain('client_secret=second')
  })
})

describe('no token', () => {
  it.each([
    [
      401,
      { error: 'invalid_client', error_description: 'AADSTS7000215: Invalid client secret' },
      'AADSTS7000215',
    ],
    [400, { error: 'unauthorized_client', error_description: 'AADSTS700016: Application' }, 'AADSTS700016'],
    [400, { error: 'invalid_scope' }, 'invalid_scope'],
  ])('is a refusal with status %s and an OAuth error', async (status, body, number) => {
    server.answer = json(status, body)
    await expect(get()).rejects.toMatchObject({
      name: 'KeyHolderFault',
      facts: {
        cause: 'token-refused',
        message: `${server.url} gives no token to the client client (${number}).`,
      },
    })
  })

  it.each([
    [400, { message: 'no OAuth error' }],
    [403, { error: 'invalid_client' }],
    [429, { error: 'temporarily_unavailable' }],
    [503, { error: 'temporarily_unavailable' }],
    [302, {}],
    [200, { access_token: 'without a lifetime' }],
  ])('is no answer with status %s and %o', async (status, body) => {
    server.answer = json(status, body)
    await expect(get()).rejects.toBeInstanceOf(Outage)
  })
})
