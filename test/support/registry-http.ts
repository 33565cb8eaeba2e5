import type { BuiltImage } from '../tools/oci-layout.ts'
import { type Login, ownerLogin } from './azure-sdk.ts'
import type { TestServer } from './strongroom.ts'

/** A registry's data plane, request by request: for statuses, routes that no client calls, and quick looks. */
export interface RegistryHttp {
  (method: string, path: string, options?: RegistryRequest): Promise<Response>
  /** Status alone. */
  status(method: string, path: string, options?: RegistryRequest): Promise<number>
  /** As OCI clients push: blobs, then the manifest under a tag. @returns the manifest's status */
  push(repository: string, tag: string, image: BuiltImage): Promise<number>
  /** Bytes of the manifest and of all that it names, or the first status that is no success. */
  pull(repository: string, reference: string): Promise<readonly Buffer[] | number>
}

interface RegistryRequest {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
}

interface Manifest {
  readonly config: { readonly digest: string }
  readonly layers: readonly { readonly digest: string }[]
}

export function registryHttp(
  server: TestServer,
  registry: string,
  { clientId, secret }: Login = ownerLogin(server),
): RegistryHttp {
  const origin = server.url(`${registry}.azurecr`)
  const authorization = `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`
  const call = (method: string, path: string, { headers = {}, body }: RegistryRequest = {}) =>
    fetch(path.startsWith('https:') ? path : `${origin}${path}`, {
      method,
      headers: { authorization, ...headers },
      // A view of a larger buffer would be sent whole.
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    })
  const status: RegistryHttp['status'] = async (...args) => {
    const response = await call(...args)
    await response.arrayBuffer()
    return response.status
  }
  return Object.assign(call, {
    status,
    async push(repository: string, tag: string, { config, layers, manifest }: BuiltImage) {
      for (const { digest, bytes } of [config, ...layers]) {
        const begun = await call('POST', `/v2/${repository}/blobs/uploads/`)
        if (begun.status !== 202) return begun.status
        const place = new URL(begun.headers.get('location') ?? '', origin)
        place.searchParams.set('digest', digest)
        const headers = { 'content-type': 'application/octet-stream' }
        const ended = await status('PUT', place.href, { headers, body: bytes })
        if (ended !== 201) return ended
      }
      const headers = { 'content-type': manifest.mediaType }
      return await status('PUT', `/v2/${repository}/manifests/${tag}`, { headers, body: manifest.bytes })
    },
    async pull(repository: string, reference: string) {
      const found = await call('GET', `/v2/${repository}/manifests/${reference}`, {
        headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
      })
      if (found.status !== 200) return found.status
      const bytes = Buffer.from(await found.arrayBuffer())
      const { config, layers } = JSON.parse(bytes.toString()) as Manifest
      const all = [bytes]
      for (const { digest } of [config, ...layers]) {
        const blob = await call('GET', `/v2/${repository}/blobs/${digest}`)
        if (blob.status !== 200) return blob.status
        all.push(Buffer.from(await blob.arrayBuffer()))
      }
      return all
    },
  })
}
