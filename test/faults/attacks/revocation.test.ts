import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeIdentity, makeRegistry, makeVault, newKeyVersion } from '../../support/estate.ts'
import { type Target, openTarget } from '../../support/hostile.ts'
import { type RestRegistry, restRegistry, sha256 } from '../../support/rest-registry.ts'
import { randomImage } from '../../support/random-image.ts'

const MIB = 1024 * 1024
/** More than the sockets of both ends together ever hold: a client that reads nothing holds such an answer up. */
const UNBUFFERED = 64 * MIB

let target: Target
beforeAll(async () => {
  target = await openTarget()
})
afterAll(async () => {
  expect(target.bugs()).toEqual([])
  await target[Symbol.asyncDispose]()
})

const vaultPath = (name: string) => `/resourceGroups/rg1/providers/Microsoft.KeyVault/vaults/${name}`

async function setKey(keyId: string, enabled: boolean): Promise<void> {
  const { hostname, pathname } = new URL(keyId)
  await target.rest.vaultDone(hostname.split('.')[0] ?? '', 'PATCH', pathname, { attributes: { enabled } })
}

/** A download that has begun, and of which nothing more is read until `rest` is called. */
async function holdDownload(path: string, authorization: string) {
  const { caFile, port } = target.server
  const host = `registry1.azurecr.localhost:${port}`
  const sending = request({
    host: '127.0.0.1',
    port,
    path,
    ca: await readFile(caFile),
    servername: 'registry1.azurecr.localhost',
    headers: { host, authorization },
    agent: false,
  }).end()
  const [response] = (await once(sending, 'response')) as [IncomingMessage]
  expect(response.statusCode).toBe(200)
  return {
    rest: () =>
      new Promise<'whole' | 'cut'>((resolve) => {
        response.once('end', () => resolve('whole')).once('error', () => resolve('cut'))
        response.resume()
      }),
  }
}

describe('taking the key away while fifty downloads run', () => {
  it('cuts what is under way, and nobody who asks after it gets a byte', async () => {
    const registry = restRegistry(target.rest, 'registry1')
    const push = async (bytes: Uint8Array) => {
      const digest = sha256(bytes)
      const blob = { bytes, digest, mediaType: 'application/octet-stream', size: bytes.length }
      await registry.pushBlob('hello', blob)
      return digest
    }
    const digest = await push(randomBytes(8 * MIB))
    const long = await push(randomBytes(UNBUFFERED))
    const { clientId, clientSecret } = target.server.owner
    const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
    let revokedAt = Infinity
    let isOver = false
    const late: string[] = []
    const counts = { whole: 0, cut: 0, refused: 0 }
    const download = async () => {
      while (!isOver) {
        const startedAt = performance.now()
        try {
          const answer = await target.send({
            role: 'registry1.azurecr',
            method: 'GET',
            path: `/v2/hello/blobs/${digest}`,
            headers: { authorization },
          })
          if (answer.status === 403) counts.refused += 1
          else counts.whole += 1
          // Begun after the answer of the vault: then not one byte may come.
          if (startedAt > revokedAt && answer.status !== 403)
            late.push(`${answer.status} begun ${startedAt - revokedAt} ms after`)
        } catch {
          counts.cut += 1
        }
      }
    }
    const held = await holdDownload(`/v2/hello/blobs/${long}`, authorization)
    const downloads = Array.from({ length: 50 }, download)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    await setKey(target.estate.keyId, false)
    revokedAt = performance.now()
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    isOver = true
    await Promise.all(downloads)
    expect(late).toEqual([])
    expect(await held.rest()).toBe('cut')
    expect(counts.refused).toBeGreaterThan(10)
    await setKey(target.estate.keyId, true)
    expect(sha256(await registry.pullBlob('hello', digest))).toBe(digest)
  })
})

describe('while the key is away', () => {
  const names = { vault: 'kvaway', registry: 'registryaway' }
  let registry: RestRegistry
  let path: string
  let keyId: string
  beforeAll(async () => {
    const identity = await makeIdentity(target.rest, 'rg1', 'idaway')
    await makeVault(target.rest, 'rg1', names.vault, identity.principalId)
    keyId = await newKeyVersion(target.rest, names.vault, 'k')
    path = await makeRegistry(target.rest, 'rg1', names.registry, { keyId, identity })
    registry = restRegistry(target.rest, names.registry)
    await registry.push('hello', 'v1', randomImage([1_000]))
  })

  async function assertBlocked(cause: string): Promise<void> {
    for (const [method, at] of [
      ['GET', '/v2/hello/manifests/v1'],
      ['HEAD', '/v2/hello/manifests/v1'],
      ['GET', '/v2/_catalog'],
      ['GET', '/v2/nothing/tags/list'],
      ['POST', '/v2/hello/blobs/uploads/'],
      ['DELETE', '/acr/v1/hello'],
    ] as const) {
      const answer = await registry.send(method, at)
      expect([method, at, answer.status]).toEqual([method, at, 403])
      if (method !== 'HEAD') expect(answer.text).toContain(cause)
    }
    // Its management goes on, and says why.
    const shown = await target.rest.arm('GET', path)
    expect([shown.status, shown.text]).toMatchObject([200, expect.stringContaining(cause)])
    expect((await target.rest.arm('GET', `${path}/listUsages`)).status).toBe(200)
  }

  it('the vault deleted: blocked, not purged, and back as it was', async () => {
    await target.rest.armDone('DELETE', vaultPath(names.vault))
    await assertBlocked('vault-not-found')
    const { tenantId } = target.server.owner
    await target.rest.armDone('PUT', vaultPath(names.vault), {
      location: 'eastus',
      properties: { tenantId, sku: { family: 'A', name: 'standard' }, createMode: 'recover' },
    })
    await registry.pull('hello', 'v1')
  })

  it('nobody moves the registry to a key of his own, or to ours, to get at what is in it', async () => {
    await setKey(keyId, false)
    const own = await newKeyVersion(target.rest, 'kv1', 'thief')
    const { clientId } = target.estate.identity
    const attached = { [target.estate.identity.id]: {} }
    const moved = await target.rest.arm('PATCH', path, {
      identity: { type: 'UserAssigned', userAssignedIdentities: attached },
      properties: {
        encryption: { status: 'enabled', keyVaultProperties: { keyIdentifier: own, identity: clientId } },
      },
    })
    expect(moved.status).toBe(400)
    const opened = await target.rest.arm('PATCH', path, {
      properties: { encryption: { status: 'disabled' } },
    })
    expect(opened.status).toBe(400)
    await assertBlocked('key-disabled')
    await setKey(keyId, true)
    await registry.pull('hello', 'v1')
  })

  it('a session begun before is of no use until the key is back', async () => {
    const begun = await registry.send('POST', '/v2/hello/blobs/uploads/')
    const at = begun.headers.location ?? ''
    await setKey(keyId, false)
    for (const method of ['GET', 'PATCH', 'PUT', 'DELETE']) {
      const query = method === 'PUT' ? `?digest=${sha256(Buffer.from('x'))}` : ''
      expect([method, (await registry.send(method, `${at}${query}`)).status]).toEqual([method, 403])
    }
    await setKey(keyId, true)
    expect((await registry.send('GET', at)).status).toBe(204)
  })

  it('an identity that is deleted opens nothing, and its name made anew does not either', async () => {
    const identityPath =
      '/resourceGroups/rg1/providers/Microsoft.ManagedIdentity/userAssignedIdentities/idaway'
    const deleted = await target.rest.arm('DELETE', identityPath)
    if (deleted.status >= 400) {
      // In use: then it stays, and the registry serves.
      expect(deleted.status).toBe(409)
      await registry.pull('hello', 'v1')
      return
    }
    await assertBlocked('identity-gone')
    await makeIdentity(target.rest, 'rg1', 'idaway')
    await assertBlocked('identity-gone')
  })
})
