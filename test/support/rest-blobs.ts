import type { JsonObject } from '../../src/kernel/json.ts'
import type { Estate } from './estate.ts'
import { type Rest, type RestAnswer, RestError, text } from './rest.ts'
import { sha256 } from './rest-registry.ts'

interface BlobRequest {
  readonly body?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** The blobs of one storage account, spoken to with a signature that allows all of it: quick enough for thousands of calls. */
export interface RestBlobs {
  /** Account path of the resource manager, below the subscription. */
  readonly path: string
  /** `path` is `/container/blob?query`, or less. Whatever comes of it. */
  send(method: string, path: string, request?: BlobRequest): Promise<RestAnswer>
  /** The same, which must work. @throws RestError */
  done(method: string, path: string, request?: BlobRequest): Promise<RestAnswer>
  /** SHA-256 of a blob's bytes; null when there is no such blob. @throws RestError */
  digest(path: string): Promise<string | null>
  /** For `x-ms-copy-source`. */
  source(path: string): string
}

const VERSION = '2023-11-03'

/** A new account of the estate's group, to which the estate's identity is attached. */
export async function makeBlobs(rest: Rest, estate: Estate, name: string): Promise<RestBlobs> {
  const path = `/resourceGroups/${estate.group}/providers/Microsoft.Storage/storageAccounts/${name}`
  await rest.armDone('PUT', path, {
    location: 'eastus',
    kind: 'StorageV2',
    sku: { name: 'Standard_LRS' },
    identity: { type: 'UserAssigned', userAssignedIdentities: { [estate.identity.id]: {} } },
  })
  const signed = await rest.armDone('POST', `${path}/listAccountSas`, {
    signedServices: 'b',
    signedResourceTypes: 'sco',
    signedPermission: 'rwdxylacuptfi',
    signedExpiry: new Date(Date.now() + 86_400_000).toISOString(),
  })
  const signature = text(signed['accountSasToken'])
  const withSignature = (to: string) => `${to}${to.includes('?') ? '&' : '?'}${signature}`
  const role = `${name}.blob.core`

  const send: RestBlobs['send'] = (method, to, { body, headers } = {}) =>
    rest.send({
      role,
      method,
      path: withSignature(to),
      headers: { 'x-ms-version': VERSION, ...headers },
      ...(body === undefined ? {} : { body }),
    })
  return {
    path,
    send,
    async done(method, to, request) {
      const answer = await send(method, to, request)
      if (answer.status >= 300) throw new RestError(`${method} ${name}${to}`, answer)
      return answer
    },
    async digest(to) {
      const answer = await send('GET', to)
      if (answer.status === 404) return null
      if (answer.status !== 200) throw new RestError(`GET ${name}${to}`, answer)
      return sha256(answer.bytes)
    },
    source: (to) => `https://${role}.localhost:${rest.server.port}${withSignature(to)}`,
  }
}

/** `properties` that bring an account under a version of the estate's key; null: under the service's. */
export function accountUnder(estate: Estate, keyId: string | null): JsonObject {
  if (keyId === null) return { encryption: { keySource: 'Microsoft.Storage' } }
  const { origin, pathname } = new URL(keyId)
  const [, , keyname = '', keyversion = ''] = pathname.split('/')
  return {
    encryption: {
      keySource: 'Microsoft.Keyvault',
      identity: { userAssignedIdentity: estate.identity.id },
      keyvaultproperties: { keyvaulturi: origin, keyname, keyversion },
    },
  }
}

/** `properties` of an encryption scope under a key of a vault; null: under the service's. */
export function scopeUnder(keyId: string | null): JsonObject {
  if (keyId === null) return { source: 'Microsoft.Storage' }
  return { source: 'Microsoft.KeyVault', keyVaultProperties: { keyUri: keyId } }
}
