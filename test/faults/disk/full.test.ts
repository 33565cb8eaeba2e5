import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MIB } from '../../../src/kernel/units.ts'
import { type Estate, encryptionWith, makeEstate } from '../../support/estate.ts'
import { randomImage } from '../../support/random-image.ts'
import { type Rest, type RestAnswer, openRest } from '../../support/rest.ts'
import { type RestRegistry, restRegistry } from '../../support/rest-registry.ts'
import { type TestServer, startStrongroom } from '../../support/strongroom.ts'
import type { ImagePart } from '../../tools/oci-layout.ts'
import { type SmallDisk, mayMount, openSmallDisk } from './small-disk.ts'

describe.skipIf(!mayMount)('a disk that is full', () => {
  let disk: SmallDisk
  let server: TestServer
  let rest: Rest
  let estate: Estate
  let registry: RestRegistry
  const kept = randomImage([200_000])

  beforeAll(async () => {
    disk = await openSmallDisk(48 * MIB)
    server = await startStrongroom({ dataDir: disk.dataDir })
    rest = await openRest(server)
    estate = await makeEstate(rest)
    registry = restRegistry(rest, estate.registry)
    await registry.push('kept', 'v1', kept)
  })
  afterAll(async () => {
    rest[Symbol.dispose]()
    await server[Symbol.asyncDispose]()
    await disk[Symbol.asyncDispose]()
  })

  it('refuses a layer that does not fit, keeps nothing of it, and takes it when there is room', async () => {
    const image = randomImage([4 * MIB])
    await disk.fill(2 * MIB)
    const { location } = (await registry.send('POST', '/v2/late/blobs/uploads/')).headers
    const [layer] = image.layers
    expectUnavailable(await registry.send('PATCH', location!, { body: layer!.bytes }))
    expect(await readdir(join(server.dataDir, 'bytes/staging'))).toEqual([])
    expect(await registry.pull('kept', 'v1')).toBe(kept.manifest.digest)
    await disk.free()
    // The same upload, where it was.
    const patched = await registry.send('PATCH', location!, { body: layer!.bytes })
    expect(patched.status).toBe(202)
    const end = await registry.send('PUT', `${patched.headers.location!}?digest=${layer!.digest}`)
    expect(end.status).toBe(201)
    await registry.push('late', 'v1', image)
    expect(await registry.pull('late', 'v1')).toBe(image.manifest.digest)
  })

  it('refuses every change in the words of its protocol when not a byte is left, and loses nothing', async () => {
    const late = randomImage([20])
    for (const blob of [...late.layers, late.config]) await registry.pushBlob('kept', blob)
    await disk.fill(0)
    // What the logs still had room for may go through; then all is refused.
    const refused = await untilRefused(() => putManifest(late.manifest))
    expectUnavailable(refused)
    expectUnavailable(await registry.send('DELETE', '/v2/kept/manifests/v1'))
    expectUnavailable(await registry.send('POST', '/v2/kept/blobs/uploads/'))
    const group = await untilRefused(() => rest.arm('PUT', '/resourceGroups/late', { location: 'eastus' }))
    expectUnavailable(group)
    expect(group.json()).toMatchObject({ error: { code: 'ServiceUnavailable' } })
    const key = await rest.vault(estate.vault, 'POST', '/keys/late/create', { kty: 'RSA', key_size: 2048 })
    expectUnavailable(key)
    expect(key.json()).toMatchObject({ error: { code: 'ServiceUnavailable' } })
    const properties = encryptionWith({
      keyId: estate.keyId.replace(/\/[^/]+$/, ''),
      identity: estate.identity,
    })
    expectUnavailable(await rest.arm('PATCH', estate.registryPath, { properties }))
    // A pull is served to the end of its lease; who cannot write down that a key was used does not use it.
    const pulled = await registry.send('GET', '/v2/kept/manifests/v1')
    if (pulled.status !== 200) expectUnavailable(pulled)
    expect(server.output()).not.toMatch(/nobody foresaw/)

    await disk.free()
    expect(await registry.pull('kept', 'v1')).toBe(kept.manifest.digest)
    expect((await putManifest(late.manifest)).status).toBe(201)
    await rest.armDone('PUT', '/resourceGroups/late', { location: 'eastus' })
    await rest.vaultDone(estate.vault, 'POST', '/keys/late/create', { kty: 'RSA', key_size: 2048 })
    expect(await registry.pull('kept', 'late')).toBe(late.manifest.digest)
  })

  it('is said in one line at a start, after which a start with room finds all there was', async () => {
    expect(await server.stop()).toBe(0)
    await disk.fill(0)
    const start = await server.start().then(
      () => 'ready',
      (error: unknown) => String(error),
    )
    expect(start).toMatch(/ended with 1:\nstrongroom: [^\n]*disk[^\n]* full[^\n]*\n?$/)
    await disk.free()
    await server.start()
    rest.reset()
    expect(await registry.pull('kept', 'v1')).toBe(kept.manifest.digest)
  })

  it('that is read-only is said in one line at a start, too', async () => {
    expect(await server.stop()).toBe(0)
    await disk.remount('ro')
    const start = await server.start().then(
      () => 'ready',
      (error: unknown) => String(error),
    )
    expect(start).toMatch(/ended with 1:\nstrongroom: [^\n]*read-only[^\n]*\n?$/)
    await disk.remount('rw')
    await server.start()
    rest.reset()
    expect(await registry.pull('kept', 'v1')).toBe(kept.manifest.digest)
  })

  const putManifest = ({ bytes, mediaType }: ImagePart) =>
    registry.send('PUT', '/v2/kept/manifests/late', { body: bytes, headers: { 'content-type': mediaType } })
})

async function untilRefused(ask: () => Promise<RestAnswer>): Promise<RestAnswer> {
  for (let turn = 0; turn < 200; turn++) {
    const answer = await ask()
    if (answer.status >= 300) return answer
  }
  throw new Error('the disk never filled up')
}

function expectUnavailable(answer: RestAnswer): void {
  expect(answer.status, answer.text).toBe(503)
  expect(answer.headers['retry-after']).toMatch(/^\d+$/)
  const body = answer.json()
  expect(body['errors'] ?? body['error']).toBeDefined()
  expect(answer.text).not.toMatch(/\/tmp|ENOSPC|SQLITE/)
}
