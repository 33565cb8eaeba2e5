import { createHmac, createPublicKey, createSign, generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/kernel/json.ts'
import { encryptionWith, makeRegistry } from '../../support/estate.ts'
import { type Stranger, type Target, graph, makeStranger, openTarget } from '../../support/hostile.ts'
import { randomImage } from '../../support/random-image.ts'
import { restRegistry } from '../../support/rest-registry.ts'
import { text } from '../../support/rest.ts'

let target: Target
beforeAll(async () => {
  target = await openTarget()
  await restRegistry(target.rest, 'registry1').push('hello', 'v1', randomImage([1_000]))
})
afterAll(async () => {
  expect(target.bugs()).toEqual([])
  await target[Symbol.asyncDispose]()
})

const origin = (role: string) => target.server.url(role)
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const partsOf = (token: string) => {
  const [head = '', body = '', signature = ''] = token.split('.')
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as JsonObject
  return { head: read(head), claims: read(body), signature, signed: `${head}.${body}` }
}

/** Base64url that decodes to the same: the last letter of 256 bytes has four bits to spare. */
function respelt(signature: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(signature.slice(-1))
  return `${signature.slice(0, -1)}${alphabet.charAt(last ^ 1)}`
}

/** One request that each protocol answers with 200 to the right token. */
async function statusWith(role: string, authorization: string): Promise<number> {
  const paths: Readonly<Record<string, string>> = {
    management: `${target.rest.subscription}?api-version=2021-04-01`,
    'kv1.vault': '/keys?api-version=7.4',
    graph: '/v1.0/applications',
    'registry1.azurecr': '/v2/hello/manifests/v1',
  }
  const answer = await target.send({
    role,
    method: 'GET',
    path: paths[role] ?? '/',
    headers: { authorization },
  })
  return answer.status
}

async function post(role: string, path: string, form: Readonly<Record<string, string>>) {
  return await target.rest.send({ role, method: 'POST', path, body: new URLSearchParams(form) })
}

/** What the registry gives for a token of the directory. */
async function registryTokens(registry: string, by: Pick<Stranger, 'rest'> | Target = target) {
  const service = `${registry}.azurecr.localhost:${target.server.port}`
  const role = `${registry}.azurecr`
  const form = {
    grant_type: 'access_token',
    service,
    access_token: await by.rest.token('https://containerregistry.azure.net'),
  }
  const exchanged = await post(role, '/oauth2/exchange', form)
  const refresh = text(exchanged.json()['refresh_token'])
  const scope = 'repository:hello:pull,push,delete,metadata_read,metadata_write registry:catalog:*'
  const got = await post(role, '/oauth2/token', {
    grant_type: 'refresh_token',
    service,
    scope,
    refresh_token: refresh,
  })
  return { refresh, access: text(got.json()['access_token']) }
}

describe('a token is good for what it was issued for', () => {
  it('each of the directory opens its own audience and no other', async () => {
    const audiences = {
      management: origin('management'),
      'kv1.vault': origin('vault'),
      graph: origin('graph'),
      hsm: origin('managedhsm'),
      registry: 'https://containerregistry.azure.net',
      storage: 'https://storage.azure.com',
    }
    for (const [own, audience] of Object.entries(audiences)) {
      const token = await target.rest.token(audience)
      for (const role of ['management', 'kv1.vault', 'graph', 'registry1.azurecr']) {
        const status = await statusWith(role, `Bearer ${token}`)
        expect([own, role, status]).toEqual([own, role, role === own ? 200 : 401])
      }
    }
  })

  it('a registry’s refresh token opens nothing, and its access token refreshes nothing', async () => {
    const { refresh, access } = await registryTokens('registry1')
    expect(await statusWith('registry1.azurecr', `Bearer ${access}`)).toBe(200)
    for (const role of ['management', 'kv1.vault', 'graph', 'registry1.azurecr']) {
      expect([role, await statusWith(role, `Bearer ${refresh}`)]).toEqual([role, 401])
    }
    for (const role of ['management', 'kv1.vault', 'graph']) {
      expect([role, await statusWith(role, `Bearer ${access}`)]).toEqual([role, 401])
    }
    const service = `registry1.azurecr.localhost:${target.server.port}`
    for (const form of [
      { grant_type: 'refresh_token', service, refresh_token: access },
      { grant_type: 'access_token', service, access_token: access },
      { grant_type: 'access_token', service, access_token: refresh },
      { grant_type: 'password', service, username: '00000000-0000-0000-0000-000000000000', password: access },
      { grant_type: 'password', service, username: '', password: '', refresh_token: access },
    ]) {
      for (const path of ['/oauth2/token', '/oauth2/exchange']) {
        const answer = await post('registry1.azurecr', path, form)
        expect([path, form.grant_type, answer.status]).toEqual([path, form.grant_type, 401])
      }
    }
  })

  it('tokens of one registry are worth nothing at another, whatever the request says', async () => {
    await makeRegistry(target.rest, 'rg1', 'registry2', null)
    const { refresh, access } = await registryTokens('registry1')
    for (const service of ['registry1', 'registry2'].map(
      (name) => `${name}.azurecr.localhost:${target.server.port}`,
    )) {
      const form = { grant_type: 'refresh_token', service, refresh_token: refresh }
      expect((await post('registry2.azurecr', '/oauth2/token', form)).status).toBe(401)
    }
    const answer = await target.send({
      role: 'registry2.azurecr',
      method: 'GET',
      path: '/v2/_catalog',
      headers: { authorization: `Bearer ${access}` },
    })
    expect(answer.status).toBe(401)
  })

  it('a refresh token cannot be drawn out beyond its end by exchanging it again and again', async () => {
    const { refresh } = await registryTokens('registry1')
    const service = `registry1.azurecr.localhost:${target.server.port}`
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    const again = await post('registry1.azurecr', '/oauth2/exchange', {
      grant_type: 'refresh_token',
      service,
      refresh_token: refresh,
    })
    const end = partsOf(refresh).claims['exp'] as number
    if (again.status === 200) {
      expect(partsOf(text(again.json()['refresh_token'])).claims['exp']).toBeLessThanOrEqual(end)
    }
  })
})

describe('a forged token is refused everywhere', () => {
  async function forgeries(token: string): Promise<Readonly<Record<string, string>>> {
    const { head, claims, signature, signed } = partsOf(token)
    const keys = await target.send({ role: 'login', method: 'GET', path: '/common/discovery/keys' })
    const [jwk] = (JSON.parse(keys.text) as { keys: { n: string; e: string; kid: string }[] }).keys
    const publicKey = createPublicKey({
      key: { kty: 'RSA', n: jwk?.n ?? '', e: jwk?.e ?? '' },
      format: 'jwk',
    })
    const pem = publicKey.export({ type: 'spki', format: 'pem' })
    const own = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const ownJwk = own.publicKey.export({ format: 'jwk' })
    const signRs256 = (text: string) => createSign('sha256').update(text).sign(own.privateKey, 'base64url')
    const mine = (header: object, body: object = claims) => {
      const text = `${encoded(header)}.${encoded(body)}`
      return `${text}.${signRs256(text)}`
    }
    const hs256 = `${encoded({ ...head, alg: 'HS256' })}.${encoded(claims)}`
    const [first = '', second = ''] = signed.split('.')
    return {
      'algorithm none': `${encoded({ ...head, alg: 'none' })}.${second}.`,
      'algorithm None': `${encoded({ ...head, alg: 'None' })}.${second}.`,
      'algorithm none with the signature': `${encoded({ ...head, alg: 'none' })}.${second}.${signature}`,
      'no signature': `${signed}.`,
      'HS256 under the public key': `${hs256}.${createHmac('sha256', pem).update(hs256).digest('base64url')}`,
      'another key': mine(head),
      'another key with its own kid': mine({ ...head, kid: 'mine' }),
      'a key in the header': mine({ ...head, jwk: ownJwk }),
      'a key behind an address': mine({
        ...head,
        jku: 'http://127.0.0.1:1/keys',
        x5u: 'http://127.0.0.1:1/x',
      }),
      'a kid with a path': mine({ ...head, kid: '../../../../dev/null' }),
      'a kid that every object has': mine({ ...head, kid: '__proto__' }),
      'a kid of the other kind': mine({ ...head, kid: 1 }),
      'critical extensions': mine({ ...head, crit: ['exp'], exp: 1 }),
      'another principal': `${first}.${encoded({ ...claims, oid: '00000000-0000-4000-8000-000000000000' })}.${signature}`,
      'the claim of the keyring': `${first}.${encoded({ ...claims, strongroom_resource: '/x' })}.${signature}`,
      'a later end': `${first}.${encoded({ ...claims, exp: 9_999_999_999 })}.${signature}`,
      'a part more': `${token}.x`,
      padding: `${token}=`,
      'a blank inside': token.replace('.', ' .'),
      'the same signature in other letters': `${signed}.${respelt(signature)}`,
      'a signature with a bit turned': `${signed}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
      'JSON serialization': JSON.stringify({ payload: second, protected: first, signature }),
    }
  }

  it.each(['management', 'kv1.vault', 'graph'])('by %s', async (role) => {
    const token = await target.rest.token(origin(role.replace('kv1.', '')))
    expect(await statusWith(role, `Bearer ${token}`)).toBe(200)
    const taken: string[] = []
    for (const [what, forged] of Object.entries(await forgeries(token))) {
      const status = await statusWith(role, `Bearer ${forged}`)
      if (status !== 401) taken.push(`${what}: ${status}`)
    }
    expect(taken).toEqual([])
  })

  it('by the registry, for its own tokens and for those that are exchanged', async () => {
    const { access, refresh } = await registryTokens('registry1')
    const directory = await target.rest.token('https://containerregistry.azure.net')
    const service = `registry1.azurecr.localhost:${target.server.port}`
    const taken: string[] = []
    for (const [what, forged] of Object.entries(await forgeries(access))) {
      const status = await statusWith('registry1.azurecr', `Bearer ${forged}`)
      if (status !== 401) taken.push(`access: ${what}: ${status}`)
    }
    for (const [what, forged] of Object.entries(await forgeries(refresh))) {
      const form = { grant_type: 'refresh_token', service, refresh_token: forged }
      const { status } = await post('registry1.azurecr', '/oauth2/token', form)
      if (status !== 401) taken.push(`refresh: ${what}: ${status}`)
    }
    for (const [what, forged] of Object.entries(await forgeries(directory))) {
      const form = { grant_type: 'access_token', service, access_token: forged }
      const { status } = await post('registry1.azurecr', '/oauth2/exchange', form)
      if (status !== 401) taken.push(`exchange: ${what}: ${status}`)
    }
    expect(taken).toEqual([])
  })

  it('no token endpoint gives a token for an audience that is not of this installation, or with a claim of the asker’s', async () => {
    const { tenantId, clientId, clientSecret } = target.server.owner
    const ask = (more: Readonly<Record<string, string>>) =>
      post('login', `/${tenantId}/oauth2/v2.0/token`, {
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
        ...more,
      })
    for (const resource of [
      'https://vault.azure.net',
      'https://evil.example',
      `${origin('vault')}.evil`,
      `${origin('vault')}/x`,
    ]) {
      expect([resource, (await ask({ scope: `${resource}/.default` })).status]).toEqual([resource, 400])
    }
    const got = await ask({
      scope: `${origin('vault')}/.default`,
      claims: '{"access_token":{"strongroom_resource":{"value":"/x"}}}',
      strongroom_resource: '/x',
    })
    expect(Object.keys(partsOf(text(got.json()['access_token'])).claims)).not.toContain('strongroom_resource')
  })
})

describe('a token is checked against what holds now', () => {
  it('it dies with its principal, and the same application made anew does not revive it', async () => {
    const gone = await makeStranger(target, 'gone')
    const name = '10000000-0000-4000-8000-0000000000aa'
    await target.rest.armDone('PUT', `/providers/Microsoft.Authorization/roleAssignments/${name}`, {
      properties: {
        principalId: gone.principalId,
        roleDefinitionId: `/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c`,
      },
    })
    const management = await gone.rest.token(origin('management'))
    const { refresh, access } = await registryTokens('registry1', gone)
    expect(await statusWith('management', `Bearer ${management}`)).toBe(200)
    expect(await statusWith('registry1.azurecr', `Bearer ${access}`)).toBe(200)

    await graph(target.rest, 'DELETE', `/v1.0/servicePrincipals/${gone.principalId}`)
    const service = `registry1.azurecr.localhost:${target.server.port}`
    const form = { grant_type: 'refresh_token', service, refresh_token: refresh }
    const assertDead = async () => {
      expect(await statusWith('management', `Bearer ${management}`)).toBe(401)
      expect(await statusWith('registry1.azurecr', `Bearer ${access}`)).toBe(401)
      expect((await post('registry1.azurecr', '/oauth2/token', form)).status).toBe(401)
    }
    await assertDead()
    await graph(target.rest, 'POST', '/v1.0/servicePrincipals', { appId: gone.login.clientId })
    await assertDead()
    // The new principal has none of the old one's roles.
    gone.rest.reset()
    expect((await gone.rest.arm('GET', '')).status).toBe(403)
  })

  it('a role that is taken away takes its part of a registry token with it, at once', async () => {
    const puller = await makeStranger(target, 'puller')
    const path = '/resourceGroups/rg1/providers/Microsoft.ContainerRegistry/registries/registry1'
    const assignment = `${path}/providers/Microsoft.Authorization/roleAssignments/10000000-0000-4000-8000-0000000000ab`
    await target.rest.armDone('PUT', assignment, {
      properties: {
        principalId: puller.principalId,
        roleDefinitionId: `/providers/Microsoft.Authorization/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d`,
      },
    })
    const { access } = await registryTokens('registry1', puller)
    expect(await statusWith('registry1.azurecr', `Bearer ${access}`)).toBe(200)
    await target.rest.armDone('DELETE', assignment)
    expect(await statusWith('registry1.azurecr', `Bearer ${access}`)).toBe(403)
  })

  it('tokens got with a password die with it: a client secret’s and the admin user’s', async () => {
    const service = `registry1.azurecr.localhost:${target.server.port}`
    const path = '/resourceGroups/rg1/providers/Microsoft.ContainerRegistry/registries/registry1'
    await target.rest.armDone('PATCH', path, { properties: { adminUserEnabled: true } })
    const listed = await target.rest.armDone('POST', `${path}/listCredentials`)
    const [first, second] = listed['passwords'] as readonly { readonly value: string }[]
    const scope = 'repository:hello:pull'
    const tokenFor = async (password: string) => {
      const form = { grant_type: 'password', service, scope, username: 'registry1', password }
      return text((await post('registry1.azurecr', '/oauth2/token', form)).json()['access_token'])
    }
    const [withFirst, withSecond] = [await tokenFor(first?.value ?? ''), await tokenFor(second?.value ?? '')]
    expect(await statusWith('registry1.azurecr', `Bearer ${withFirst}`)).toBe(200)
    await target.rest.armDone('POST', `${path}/regenerateCredential`, { name: 'password' })
    expect(await statusWith('registry1.azurecr', `Bearer ${withFirst}`)).toBe(401)
    expect(await statusWith('registry1.azurecr', `Bearer ${withSecond}`)).toBe(200)
    const basic = `Basic ${Buffer.from(`registry1:${first?.value}`).toString('base64')}`
    expect(await statusWith('registry1.azurecr', basic)).toBe(401)
    await target.rest.armDone('PATCH', path, { properties: { adminUserEnabled: false } })
    expect(await statusWith('registry1.azurecr', `Bearer ${withSecond}`)).toBe(401)
  })
})

describe('a registry made anew under the name of a deleted one', () => {
  it('shows nothing of it and takes none of its tokens, uploads or passwords', async () => {
    const path = await makeRegistry(target.rest, 'rg1', 'registry3', target.estate)
    const image = randomImage([20_000])
    const former = restRegistry(target.rest, 'registry3')
    await former.push('hello', 'v1', image)
    const upload = await former.send('POST', '/v2/hello/blobs/uploads/')
    const { access, refresh } = await registryTokens('registry3')
    await target.rest.armDone('PATCH', path, { properties: { adminUserEnabled: true } })
    const before = JSON.stringify(await target.rest.armDone('POST', `${path}/listCredentials`))
    await target.rest.armDone('DELETE', path)
    const role = 'registry3.azurecr'
    const gone = await target.send({
      role,
      method: 'GET',
      path: '/v2/',
      headers: { authorization: `Bearer ${access}` },
    })
    expect(gone.status).toBe(404)

    await makeRegistry(target.rest, 'rg1', 'registry3', target.estate)
    const service = `${role}.localhost:${target.server.port}`
    expect(
      (await post(role, '/oauth2/token', { grant_type: 'refresh_token', service, refresh_token: refresh }))
        .status,
    ).toBe(401)
    const old = await target.send({
      role,
      method: 'GET',
      path: '/v2/_catalog',
      headers: { authorization: `Bearer ${access}` },
    })
    expect(old.status).toBe(401)
    const anew = restRegistry(target.rest, 'registry3')
    expect((await anew.send('GET', '/v2/_catalog')).json()).toEqual({ repositories: [] })
    const [layer] = image.layers
    for (const [method, at] of [
      ['GET', '/v2/hello/manifests/v1'],
      ['GET', `/v2/hello/blobs/${layer?.digest}`],
      ['GET', '/v2/hello/tags/list'],
      ['GET', upload.headers.location ?? ''],
      ['PATCH', upload.headers.location ?? ''],
    ] as const) {
      expect([method, at, (await anew.send(method, at)).status]).toEqual([method, at, 404])
    }
    const mount = await anew.send('POST', `/v2/other/blobs/uploads/?mount=${layer?.digest}&from=hello`)
    expect(mount.status).toBe(202)
    await target.rest.armDone('PATCH', path, { properties: { adminUserEnabled: true } })
    expect(JSON.stringify(await target.rest.armDone('POST', `${path}/listCredentials`))).not.toBe(before)
  })
})

describe('an identity dies with what it belongs to', () => {
  it('the system-assigned one of a registry goes with the registry, and its former principal opens nothing', async () => {
    const path = await makeRegistry(target.rest, 'rg1', 'registry4', null)
    const made = await target.rest.armDone('PATCH', path, { identity: { type: 'SystemAssigned' } })
    const principalId = text((made['identity'] as JsonObject)['principalId'])
    expect((await graph(target.rest, 'GET', `/v1.0/servicePrincipals/${principalId}`))['id']).toBe(
      principalId,
    )
    await target.rest.armDone('DELETE', path)
    await expect(graph(target.rest, 'GET', `/v1.0/servicePrincipals/${principalId}`)).rejects.toThrow(/404/)
    const remade = await makeRegistry(target.rest, 'rg1', 'registry4', null)
    const again = await target.rest.armDone('PATCH', remade, { identity: { type: 'SystemAssigned' } })
    expect(text((again['identity'] as JsonObject)['principalId'])).not.toBe(principalId)
  })

  it('a registry cannot be pointed to an identity that is not attached to it', async () => {
    const path = '/resourceGroups/rg1/providers/Microsoft.ContainerRegistry/registries/registry1'
    const other = await target.rest.armDone(
      'PUT',
      '/resourceGroups/rg1/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id9',
      { location: 'eastus' },
    )
    const { clientId, principalId } = other['properties'] as { clientId: string; principalId: string }
    for (const identity of [
      clientId,
      principalId,
      text(other['id']),
      'id9',
      '*',
      '',
      '/id1/../id9',
      'system',
    ]) {
      const answer = await target.rest.arm('PATCH', path, {
        properties: encryptionWith({ keyId: target.estate.keyId, identity: { clientId: identity } }),
      })
      if (identity === '') expect(answer.status).toBe(200)
      else expect([identity, answer.status]).toEqual([identity, 400])
    }
  })
})
