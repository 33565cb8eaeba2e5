import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { JsonObject } from '../../src/kernel/json.ts'
import {
  type Estate,
  encryptionWith,
  makeEstate,
  makeRegistry,
  newKeyVersion,
  registryBody,
} from '../support/estate.ts'
import { type Rest, openRest, text, wanted } from '../support/rest.ts'
import { type RestRegistry, restRegistry, sha256 } from '../support/rest-registry.ts'
import type { TestServer } from '../support/strongroom.ts'
import { buildOciImage } from '../tools/oci-layout.ts'
import { blobJourney } from './blob-journey.ts'
import type { Secret } from './search.ts'

/** Secrets that pass through a server, with their names. */
export class Marks {
  readonly secrets: Secret[] = []
  /** They tell as much as the content to whoever has it too: nothing to keep, but an operator's log may name them. */
  readonly digests: Secret[] = []

  /** A text to put somewhere, that is nowhere else. */
  text(name: string): string {
    return this.add(name, `canary-${name}-${randomBytes(12).toString('hex')}`)
  }

  /** One that the server or somebody else made. */
  add(name: string, secret: string): string {
    this.secrets.push({ name, bytes: Buffer.from(secret) })
    return secret
  }

  /** Pieces of something long, as a whole would be found only where all of it lies in one piece. */
  pieces(name: string, bytes: Uint8Array): void {
    const step = Math.max(1, Math.floor((bytes.length - 24) / 40))
    for (let at = 0; at + 24 <= bytes.length; at += step) {
      const piece = bytes.subarray(at, at + 24)
      const isOfDigest = /[0-9a-f]{12}/.test(Buffer.from(piece).toString('latin1'))
      if (!isOfDigest) this.secrets.push({ name: `${name}, from ${at}`, bytes: piece })
    }
  }

  /** Claims and signature: the head of a token is no secret. */
  token(name: string, token: string): void {
    const [, claims = '', signature = ''] = token.split('.')
    this.add(`${name}: claims`, claims)
    this.add(`${name}: signature`, signature)
  }
}

/** All that an installation does with secrets, once; each is noted. */
export async function secretJourney(server: TestServer, marks: Marks): Promise<void> {
  using rest = await openRest(server)
  const estate = await makeEstate(rest)
  marks.add("owner's secret", server.owner.clientSecret)
  await pushMarked(restRegistry(rest, estate.registry), marks)
  await leaveUploadOpen(restRegistry(rest, estate.registry), marks)
  await describeMarked(rest, estate, marks)
  await takePassword(rest, estate, marks)
  await useAdmin(rest, estate, marks)
  await importKey(rest, estate, marks)
  await changeKeys(rest, estate, marks)
  await blobJourney(rest, estate, marks)
  await failMarked(rest, estate, marks)
  await noteTokens(rest, estate, marks)
}

async function pushMarked(registry: RestRegistry, marks: Marks): Promise<void> {
  const image = buildOciImage({
    layers: [
      [{ path: `${marks.text('file-name')}/x`, bytes: randomBytes(300_000) }],
      [{ path: 'y', bytes: Buffer.from(marks.text('file-content')) }],
    ],
    annotations: { [marks.text('annotation-name')]: marks.text('annotation') },
    labels: { owner: marks.text('label') },
    entrypoint: [marks.text('entrypoint')],
  })
  for (const part of [...image.layers, image.config, image.manifest]) {
    marks.pieces(`bytes of ${part.mediaType}`, part.bytes)
    const digest = Buffer.from(part.digest.slice('sha256:'.length), 'hex')
    marks.digests.push({ name: `digest of ${part.mediaType}`, bytes: digest })
  }
  await registry.push('marked/image', 'v1', image)
  await registry.pull('marked/image', 'v1')
  const plain = Buffer.from(`${marks.text('blob')}${'.'.repeat(100_000)}${marks.text('end-of-blob')}`)
  const blob = { mediaType: 'text/plain', digest: sha256(plain), size: plain.length, bytes: plain }
  await registry.pushBlob('marked/image', blob)
  const mount = `/v2/marked/other/blobs/uploads/?mount=${blob.digest}&from=marked/image`
  wanted('mount', await registry.send('POST', mount))
  // A referrer of the image, then deleted: what was, must not stay either.
  const subject = {
    mediaType: image.manifest.mediaType,
    digest: image.manifest.digest,
    size: image.manifest.size,
  }
  const referrer = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: image.manifest.mediaType,
      artifactType: `application/${marks.text('artifact-type')}`,
      config: { mediaType: image.config.mediaType, digest: image.config.digest, size: image.config.size },
      layers: [],
      subject,
      annotations: { note: marks.text('referrer') },
    }),
  )
  const { mediaType } = image.manifest
  const part = { mediaType, digest: sha256(referrer), size: referrer.length, bytes: referrer }
  await registry.putManifest('marked/image', part.digest, part)
  wanted('referrers', await registry.send('GET', `/v2/marked/image/referrers/${image.manifest.digest}`))
  wanted('deletion', await registry.send('DELETE', `/v2/marked/image/manifests/${part.digest}`))
}

async function leaveUploadOpen(registry: RestRegistry, marks: Marks): Promise<void> {
  const started = await registry.send('POST', '/v2/marked/half/blobs/uploads/')
  const body = Buffer.from(`${marks.text('half-upload')}${'-'.repeat(200_000)}`)
  wanted('half an upload', await registry.send('PATCH', started.headers.location ?? '', { body }))
}

/** Names and words that people give to things, none of which an index must find. */
async function describeMarked(rest: Rest, estate: Estate, marks: Marks): Promise<void> {
  const tags = { note: marks.text('resource-tag') }
  await rest.armDone('PATCH', estate.registryPath, { tags })
  await rest.armDone('PUT', `/resourceGroups/${estate.group}`, {
    location: 'eastus',
    tags: { note: marks.text('group-tag') },
  })
  await rest.vaultDone(estate.vault, 'POST', '/keys/tagged/create', {
    kty: 'RSA',
    key_size: 2048,
    tags: { note: marks.text('key-tag') },
  })
}

/** A service principal with a password, and a sign-in with it. */
async function takePassword(rest: Rest, estate: Estate, marks: Marks): Promise<void> {
  const graph = async (method: string, path: string, body: JsonObject) =>
    wanted(
      path,
      await rest.send({
        role: 'graph',
        method,
        path: `/v1.0${path}`,
        headers: {
          authorization: `Bearer ${await rest.token(`https://graph.localhost:${rest.server.port}`)}`,
        },
        body,
      }),
    )
  const app = await graph('POST', '/applications', { displayName: marks.text('display-name') })
  await graph('POST', '/servicePrincipals', { appId: app['appId'] ?? null })
  const added = await graph('POST', `/applications/${text(app['id'])}/addPassword`, {
    passwordCredential: { displayName: marks.text('password-name') },
  })
  const secret = marks.add('client secret', text(added['secretText']))
  using theirs = await openRest(rest.server, { clientId: text(app['appId']), secret })
  marks.token('their token', await theirs.token(`https://management.localhost:${rest.server.port}`))
  // As docker login does it: not allowed anything here, and refused only after the password was looked at.
  await basic(rest, estate, text(app['appId']), secret)
}

async function useAdmin(rest: Rest, estate: Estate, marks: Marks): Promise<void> {
  await rest.armDone('PATCH', estate.registryPath, { properties: { adminUserEnabled: true } })
  const path = estate.registryPath
  const listed = await rest.armDone('POST', `${path}/listCredentials`)
  const again = await rest.armDone('POST', `${path}/regenerateCredential`, { name: 'password2' })
  for (const { passwords } of [listed, again] as unknown as readonly Credentials[]) {
    for (const { name, value } of passwords) {
      marks.add(`admin ${name}`, value)
      await basic(rest, estate, estate.registry, value)
    }
  }
}

interface Credentials {
  readonly passwords: readonly { readonly name: string; readonly value: string }[]
}

async function basic(rest: Rest, estate: Estate, user: string, password: string): Promise<void> {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const path = '/v2/marked/image/manifests/v1'
  await rest.send({ role: `${estate.registry}.azurecr`, path, headers: { authorization } })
}

async function importKey(rest: Rest, estate: Estate, marks: Marks): Promise<void> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = privateKey.export({ format: 'jwk' }) as Readonly<Record<string, string>>
  for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi']) {
    marks.secrets.push({ name: `imported ${name}`, bytes: Buffer.from(jwk[name] ?? '', 'base64url') })
  }
  await rest.vaultDone(estate.vault, 'PUT', '/keys/imported', { key: { ...jwk } })
  // What a client has wrapped and unwrapped is his secret as well.
  const value = marks.text('wrapped-by-a-client')
  marks.add('the same in base64url', Buffer.from(value).toString('base64url'))
  const alg = 'RSA-OAEP-256'
  const wrapped = await rest.vaultDone(estate.vault, 'POST', '/keys/imported/wrapkey', {
    alg,
    value: Buffer.from(value).toString('base64url'),
  })
  await rest.vaultDone(estate.vault, 'POST', '/keys/imported/unwrapkey', {
    alg,
    value: text(wrapped['value']),
  })
}

/** A rotation, a revocation, and a registry whose service key is destroyed. */
async function changeKeys(rest: Rest, estate: Estate, marks: Marks): Promise<void> {
  const next = await newKeyVersion(rest, estate.vault, estate.keyName)
  const key = { keyId: next, identity: estate.identity }
  await rest.armDone('PATCH', estate.registryPath, { properties: encryptionWith(key) })
  await rest.vaultDone(estate.vault, 'DELETE', `/keys/${estate.keyName}`)
  await restRegistry(rest, estate.registry).send('GET', '/v2/marked/image/manifests/v1')
  await rest.vaultDone(estate.vault, 'POST', `/deletedkeys/${estate.keyName}/recover`)
  await restRegistry(rest, estate.registry).pull('marked/image', 'v1')

  const path = await makeRegistry(rest, estate.group, 'switched', null)
  const switched = restRegistry(rest, 'switched')
  const bytes = Buffer.from(marks.text('under-the-service'))
  await switched.pushBlob('x', { mediaType: 'text/plain', digest: sha256(bytes), size: bytes.length, bytes })
  await rest.armDone('PUT', path, registryBody(key))
  await makeRegistry(rest, estate.group, 'deleted', null)
  await rest.armDone('DELETE', path.replace(/switched$/, 'deleted'))
}

/** Refused requests, whose words could end up in a log. */
async function failMarked(rest: Rest, estate: Estate, marks: Marks): Promise<void> {
  const registry = restRegistry(rest, estate.registry)
  const broken = Buffer.from(`{"schemaVersion":2,"config":{"digest":"${marks.text('bad-manifest')}"}`)
  await registry.send('PUT', '/v2/marked/image/manifests/bad', { body: broken })
  const started = await registry.send('POST', '/v2/marked/image/blobs/uploads/')
  const digest = sha256(Buffer.from('another'))
  await registry.send('PUT', `${started.headers.location ?? ''}?digest=${digest}`, {
    body: Buffer.from(marks.text('blob-of-another-digest')),
  })
  await rest.arm('PUT', '/resourceGroups/rg2', { location: { secret: marks.text('bad-body') } })
  await rest.vault(estate.vault, 'POST', '/keys/key1/create', { kty: marks.text('bad-kty') })
  await rest.vault(estate.vault, 'PUT', '/keys/broken', { key: { kty: 'RSA', d: marks.text('bad-d') } })
  using stranger = await openRest(rest.server, {
    clientId: rest.server.owner.clientId,
    secret: marks.text('wrong-secret'),
  })
  await stranger.token(`https://vault.localhost:${rest.server.port}`).catch(() => undefined)
  await basic(rest, estate, estate.registry, marks.text('wrong-password'))
  await rest.send({
    role: 'management',
    path: '/subscriptions?api-version=2022-12-01',
    headers: { authorization: `Bearer ${marks.text('wrong-token')}`, 'x-custom': marks.text('header') },
  })
}

/** Every token that the journey was made with. */
async function noteTokens(rest: Rest, { registry }: Estate, marks: Marks): Promise<void> {
  const { port } = rest.server
  for (const role of ['management', 'vault', 'graph']) {
    marks.token(`token for ${role}`, await rest.token(`https://${role}.localhost:${port}`))
  }
  const role = `${registry}.azurecr`
  const service = `${role}.localhost:${port}`
  const directory = await rest.token('https://containerregistry.azure.net')
  const post = async (path: string, form: Readonly<Record<string, string>>) =>
    wanted(
      path,
      await rest.send({ role, method: 'POST', path, body: new URLSearchParams({ service, ...form }) }),
    )
  const exchanged = await post('/oauth2/exchange', { grant_type: 'access_token', access_token: directory })
  const refresh = text(exchanged['refresh_token'])
  const scope = 'repository:marked/image:pull'
  const granted = await post('/oauth2/token', { grant_type: 'refresh_token', scope, refresh_token: refresh })
  const access = text(granted['access_token'])
  marks.token('token for the registry', directory)
  marks.token('refresh token', refresh)
  marks.token('access token', access)
  const authorization = `Bearer ${access}`
  await rest.send({ role, path: '/v2/marked/image/tags/list', headers: { authorization } })
}
