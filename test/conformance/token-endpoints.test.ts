import { createPublicKey, createHash, verify } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/kernel/json.ts'
import { type Rest, type RestAnswer, openRest, text } from '../support/rest.ts'
import { type TestServer, startStrongroom } from '../support/strongroom.ts'

/*
 * What the directory's endpoints owe to OpenID Connect Discovery 1.0, RFC 6749 (client credentials), RFC 6750, RFC 7517
 * and Entra's own documents: asked of a started server over TLS.
 */
let server: TestServer
let rest: Rest

beforeAll(async () => {
  server = await startStrongroom()
  rest = await openRest(server)
})
afterAll(async () => {
  rest[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const form = (fields: Readonly<Record<string, string>>) => new URLSearchParams(fields)
const post = (path: string, fields: Readonly<Record<string, string>>, headers = {}) =>
  rest.send({ role: 'login', method: 'POST', path, body: form(fields), headers })
const management = () => `${server.url('management')}/`
const client = () => ({ client_id: server.owner.clientId, client_secret: server.owner.clientSecret })
const grant = () => ({ grant_type: 'client_credentials', ...client(), scope: `${management()}/.default` })

function part(token: unknown, index: number): JsonObject {
  return JSON.parse(Buffer.from(String(token).split('.')[index] ?? '', 'base64url').toString()) as JsonObject
}

function refusal(answer: RestAnswer): { status: number; error: unknown; codes: unknown } {
  const { error, error_codes: codes } = answer.json()
  return { status: answer.status, error, codes }
}

describe('discovery', () => {
  it.each([
    [
      'tenant v2',
      (tenant: string) => `/${tenant}/v2.0/.well-known/openid-configuration`,
      '/oauth2/v2.0/token',
    ],
    ['tenant v1', (tenant: string) => `/${tenant}/.well-known/openid-configuration`, '/oauth2/token'],
    ['adfs', () => '/adfs/.well-known/openid-configuration', '/adfs/oauth2/'],
  ])('%s names absolute https endpoints on its own host, and they answer', async (_name, path, tokenPath) => {
    const answer = await rest.send({ role: 'login', path: path(server.owner.tenantId) })
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toMatch(/^application\/json/)
    const document = answer.json()
    for (const name of ['issuer', 'token_endpoint', 'jwks_uri', 'authorization_endpoint']) {
      expect(document[name]).toMatch(/^https:\/\//)
    }
    expect(document['token_endpoint']).toContain(tokenPath)
    expect(document['token_endpoint_auth_methods_supported']).toContain('client_secret_post')
    for (const name of ['token_endpoint', 'jwks_uri']) {
      expect(new URL(text(document[name])).host).toBe(`login.localhost:${server.port}`)
    }
    const keys = await rest.send({ role: 'login', path: new URL(text(document['jwks_uri'])).pathname })
    expect(keys.status).toBe(200)
    const issued = await post(new URL(text(document['token_endpoint'])).pathname, {
      ...grant(),
      resource: management(),
    })
    expect(issued.status).toBe(200)
  })

  it('an unknown tenant has no document: AADSTS90002', async () => {
    const path = '/00000000-1111-2222-3333-444444444444/v2.0/.well-known/openid-configuration'
    expect(refusal(await rest.send({ role: 'login', path }))).toMatchObject({ status: 400, codes: [90002] })
  })
})

describe('the key set', () => {
  it('holds public RSA keys alone, each with a certificate whose thumbprint is its x5t', async () => {
    const { keys } = (
      await rest.send({ role: 'login', path: `/${server.owner.tenantId}/discovery/v2.0/keys` })
    ).json() as { keys: JsonObject[] }
    expect(keys.length).toBeGreaterThan(0)
    for (const key of keys) {
      expect(Object.keys(key).sort()).toEqual(
        expect.arrayContaining(['e', 'kid', 'kty', 'n', 'use', 'x5c', 'x5t']),
      )
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(secret)
      const [der] = key['x5c'] as [string]
      expect(createHash('sha1').update(Buffer.from(der, 'base64')).digest('base64url')).toBe(key['x5t'])
    }
  })

  it('verifies the tokens that are issued: RS256, by kid', async () => {
    const { access_token: token } = (
      await post(`/${server.owner.tenantId}/oauth2/v2.0/token`, grant())
    ).json()
    const header = part(token, 0)
    expect(header).toMatchObject({ typ: 'JWT', alg: 'RS256' })
    const { keys } = (
      await rest.send({ role: 'login', path: `/${server.owner.tenantId}/discovery/v2.0/keys` })
    ).json() as { keys: { kid: string; kty: string; n: string; e: string }[] }
    const jwk = keys.find(({ kid }) => kid === header['kid'])
    const [head, body, signature] = text(token).split('.')
    const key = createPublicKey({ key: jwk!, format: 'jwk' })
    expect(verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature!, 'base64url'))).toBe(
      true,
    )
  })
})

describe('the client credentials grant', () => {
  it('answers by RFC 6749 section 5.1, not to be cached, with claims as Entra writes them', async () => {
    const answer = await post(`/${server.owner.tenantId}/oauth2/v2.0/token`, grant())
    expect(answer.headers['cache-control']).toContain('no-store')
    const issued = answer.json()
    expect(issued).toMatchObject({ token_type: 'Bearer' })
    expect(Number(issued['expires_in'])).toBeGreaterThan(3000)
    const { tenantId, clientId } = server.owner
    const claims = part(issued['access_token'], 1)
    expect(claims).toMatchObject({
      aud: management(),
      iss: `https://sts.windows.net/${tenantId}/`,
      tid: tenantId,
      appid: clientId,
      appidacr: '1',
      idtyp: 'app',
      ver: '1.0',
    })
    expect(claims['oid']).toBe(claims['sub'])
    expect(Number(claims['exp'])).toBeGreaterThan(Date.now() / 1000)
  })

  it('takes the client by Basic too (section 2.3.1)', async () => {
    const { clientId, clientSecret, tenantId } = server.owner
    const basic = Buffer.from(`${clientId}:${encodeURIComponent(clientSecret)}`).toString('base64')
    const fields = { grant_type: 'client_credentials', scope: `${management()}/.default` }
    const answer = await post(`/${tenantId}/oauth2/v2.0/token`, fields, { authorization: `Basic ${basic}` })
    expect(answer.status).toBe(200)
  })

  it.each([
    [
      'a wrong secret',
      { client_secret: 'wrong' },
      { status: 401, error: 'invalid_client', codes: [7000215] },
    ],
    [
      'an unknown client',
      { client_id: '00000000-1111-2222-3333-444444444444' },
      { status: 400, error: 'unauthorized_client', codes: [700016] },
    ],
    [
      'another grant',
      { grant_type: 'password' },
      { status: 400, error: 'unsupported_grant_type', codes: [70003] },
    ],
    ['no grant', { grant_type: '' }, { status: 400, error: 'invalid_request', codes: [900144] }],
    ['no scope', { scope: '' }, { status: 400, error: 'invalid_request', codes: [900144] }],
    [
      'a scope that is no resource',
      { scope: 'openid' },
      { status: 400, error: 'invalid_scope', codes: [70011] },
    ],
    [
      'an unknown resource',
      { scope: 'https://elsewhere.example/.default' },
      { status: 400, error: 'invalid_resource', codes: [500011] },
    ],
  ])('refuses %s in the form of section 5.2', async (_name, change, expected) => {
    const answer = await post(`/${server.owner.tenantId}/oauth2/v2.0/token`, { ...grant(), ...change })
    expect(refusal(answer)).toEqual(expected)
    const body = answer.json()
    expect(body['error_description']).toMatch(/^AADSTS\d+: /)
    for (const name of ['timestamp', 'trace_id', 'correlation_id'])
      expect(body[name]).toEqual(expect.any(String))
    expect(answer.text).not.toContain(server.owner.clientSecret)
  })

  it('refuses every method but POST, and a body that is no form', async () => {
    const path = `/${server.owner.tenantId}/oauth2/v2.0/token`
    const got = await rest.send({ role: 'login', path })
    expect(got.status).toBe(405)
    expect(got.headers['allow']).toContain('POST')
    const json = await rest.send({ role: 'login', method: 'POST', path, body: grant() })
    expect(json.status).toBe(400)
  })

  it('v1 names the resource in `resource`, and the token bears it as it was asked for', async () => {
    const { scope: _scope, ...rest1 } = grant()
    const answer = await post(`/${server.owner.tenantId}/oauth2/token`, {
      ...rest1,
      resource: server.url('vault'),
    })
    expect(part(answer.json()['access_token'], 1)['aud']).toBe(server.url('vault'))
    expect(answer.json()['resource']).toBe(server.url('vault'))
    expect(answer.json()['expires_on']).toBeDefined()
  })
})

describe('bearer tokens (RFC 6750)', () => {
  it('are challenged for when absent, and refused when they are for another audience', async () => {
    const none = await rest.send({ role: 'management', path: '/subscriptions?api-version=2022-12-01' })
    expect(none.status).toBe(401)
    expect(none.headers['www-authenticate']).toMatch(/^Bearer authorization_uri="https:\/\/login\.localhost/)
    const forVault = await rest.token(server.url('vault'))
    const other = await rest.send({
      role: 'management',
      path: '/subscriptions?api-version=2022-12-01',
      headers: { authorization: `Bearer ${forVault}` },
    })
    expect(other.status).toBe(401)
    expect(other.json()).toMatchObject({ error: { code: 'InvalidAuthenticationTokenAudience' } })
  })
})
