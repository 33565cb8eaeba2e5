import { createHash } from 'node:crypto'
import type { Json } from '../../src/kernel/json.ts'
import type { BuiltImage, ImagePart } from '../tools/oci-layout.ts'
import { type Rest, type RestAnswer, RestError, text, wanted } from './rest.ts'

/** One registry, spoken to as Docker does it: a token of the directory, exchanged for one of the registry. */
export interface RestRegistry {
  readonly name: string
  /** With an access token for `repository`; whatever comes of it. */
  send(
    method: string,
    path: string,
    options?: { readonly body?: Json | Uint8Array; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<RestAnswer>
  /** POST, PATCH, PUT, as clients push. Nothing is sent when the registry has it. @returns whether it was sent */
  pushBlob(repository: string, blob: ImagePart): Promise<boolean>
  putManifest(repository: string, reference: string, manifest: ImagePart): Promise<void>
  /** Blobs, then the manifest under the tag. Resolves when the registry has acknowledged all of it. */
  push(repository: string, tag: string, image: BuiltImage): Promise<void>
  /** Manifest, config, layers, every digest checked. @returns the manifest's digest */
  pull(repository: string, reference: string): Promise<string>
  /** @throws RestError, or Error when the bytes are not those of the digest */
  pullBlob(repository: string, digest: string): Promise<Buffer>
  /** Drops what it got from the registry's token endpoints. */
  forgetTokens(): void
}

const REGISTRY_AUDIENCE = 'https://containerregistry.azure.net'
const MANIFESTS = 'application/vnd.oci.image.manifest.v1+json'

export function restRegistry(rest: Rest, name: string): RestRegistry {
  const role = `${name}.azurecr`
  const service = `${role}.localhost:${rest.server.port}`
  let refresh: Promise<string> | null = null
  const access = new Map<string, Promise<string>>()

  const post = async (path: string, form: Readonly<Record<string, string>>) =>
    wanted(path, await rest.send({ role, method: 'POST', path, body: new URLSearchParams(form) }))
  const exchange = async (): Promise<string> => {
    const token = await rest.token(REGISTRY_AUDIENCE)
    const form = { grant_type: 'access_token', service, access_token: token }
    return text((await post('/oauth2/exchange', form))['refresh_token'])
  }
  const accessToken = async (scope: string): Promise<string> => {
    refresh ??= exchange()
    const form = { grant_type: 'refresh_token', service, scope, refresh_token: await refresh }
    return text((await post('/oauth2/token', form))['access_token'])
  }
  const forgetTokens = () => {
    refresh = null
    access.clear()
  }
  const tokenFor = (scope: string): Promise<string> => {
    const known = access.get(scope)
    if (known !== undefined) return known
    const fetched = accessToken(scope)
    access.set(scope, fetched)
    fetched.catch(forgetTokens)
    return fetched
  }

  const send: RestRegistry['send'] = async (method, path, { body, headers } = {}) => {
    const authorization = `Bearer ${await tokenFor(scopeOf(path))}`
    return rest.send({
      role,
      method,
      path,
      headers: { authorization, ...headers },
      ...(body === undefined ? {} : { body }),
    })
  }
  const expectStatus = async (
    status: number,
    method: string,
    path: string,
    options?: Parameters<typeof send>[2],
  ): Promise<RestAnswer> => {
    const answer = await send(method, path, options)
    if (answer.status !== status) throw new RestError(`${method} ${name}${path}`, answer)
    return answer
  }

  const pushBlob: RestRegistry['pushBlob'] = async (repository, blob) => {
    const at = `/v2/${repository}/blobs`
    const head = await send('HEAD', `${at}/${blob.digest}`)
    if (head.status === 200) return false
    if (head.status !== 404) throw new RestError(`HEAD ${at}/${blob.digest}`, head)
    const started = await expectStatus(202, 'POST', `${at}/uploads/`)
    const patched = await expectStatus(202, 'PATCH', started.headers.location ?? '', { body: blob.bytes })
    const location = patched.headers.location ?? ''
    const end = `${location}${location.includes('?') ? '&' : '?'}digest=${blob.digest}`
    await expectStatus(201, 'PUT', end)
    return true
  }
  const putManifest: RestRegistry['putManifest'] = async (repository, reference, { bytes, mediaType }) => {
    await expectStatus(201, 'PUT', `/v2/${repository}/manifests/${reference}`, {
      body: bytes,
      headers: { 'content-type': mediaType },
    })
  }
  const pullBlob: RestRegistry['pullBlob'] = async (repository, digest) => {
    const { bytes } = await expectStatus(200, 'GET', `/v2/${repository}/blobs/${digest}`)
    if (sha256(bytes) !== digest) throw new Error(`${repository}: the bytes of ${digest} are not its own`)
    return bytes
  }
  return {
    name,
    send,
    pushBlob,
    putManifest,
    async push(repository, tag, image) {
      for (const blob of [...image.layers, image.config]) await pushBlob(repository, blob)
      await putManifest(repository, tag, image.manifest)
    },
    async pull(repository, reference) {
      const path = `/v2/${repository}/manifests/${reference}`
      const { bytes, headers } = await expectStatus(200, 'GET', path, { headers: { accept: MANIFESTS } })
      const digest = sha256(bytes)
      const isOther = reference.startsWith('sha256:') && reference !== digest
      if (isOther || headers['docker-content-digest'] !== digest) {
        throw new Error(`${path}: answered with a manifest of another digest`)
      }
      const { config, layers } = JSON.parse(bytes.toString('utf8')) as ManifestBody
      for (const blob of [config, ...layers]) await pullBlob(repository, blob.digest)
      return digest
    },
    pullBlob,
    forgetTokens,
  }
}

interface ManifestBody {
  readonly config: { readonly digest: string }
  readonly layers: readonly { readonly digest: string }[]
}

/** All of the repository that the path names, and of one that it mounts from. */
function scopeOf(path: string): string {
  const repository =
    /^\/(?:v2|acr\/v1)\/(.+)\/(?:blobs|manifests|tags|referrers|_tags|_manifests)(?:\/|$|\?)/.exec(path)?.[1]
  const named = repository ?? /^\/acr\/v1\/([^?]+)/.exec(path)?.[1]
  if (named === undefined || named === '_catalog') return 'registry:catalog:*'
  const from = /[?&]from=([^&]+)/.exec(path)?.[1]
  const source = from === undefined ? '' : ` repository:${decodeURIComponent(from)}:pull`
  return `repository:${named}:pull,push,delete,metadata_read,metadata_write${source}`
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
