import { createHash, randomBytes } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ContainerRegistryContentClient } from '@azure/container-registry'
import { makeEncryptedRegistry, makePlainRegistry } from '../support/cmk.ts'
import { filesBelow } from '../support/files-below.ts'
import { registryHttp } from '../support/registry-http.ts'
import { type Site, openSite } from '../support/site.ts'
import { words } from '../support/words.ts'
import { buildOciImage, writeOciLayout } from '../tools/oci-layout.ts'

const KIB = 1024

describe('what lies on the disk', () => {
  it('A01 images and all other artifacts are encrypted by default, with no key of a customer', async () => {
    await using site = await openSite()
    await makePlainRegistry(site, 'plainacr')
    const canary = (what: string) => `canary-${what}-${randomBytes(12).toString('hex')}`
    const marks = ['layer', 'label', 'annotation', 'chart', 'values', 'artifact', 'signature', 'upload']
    const canaries = Object.fromEntries(marks.map((mark) => [mark, canary(mark)]))
    const mark = (name: string) => canaries[name] ?? ''

    const image = await writeOciLayout(join(site.folder, 'image'), 'v1', {
      layers: [[{ path: 'file', bytes: Buffer.from(mark('layer').repeat(200)) }]],
      labels: { note: mark('label') },
      annotations: { 'org.example.note': mark('annotation') },
    })
    await site.skopeo(
      ...words`copy --dest-creds ${`${site.server.owner.clientId}:${site.server.owner.clientSecret}`}`,
      ...words`${image.layout} docker://${site.loginServer('plainacr')}/image:v1`,
    )
    const artifacts = site.sdk.artifacts('plainacr', 'artifacts')
    const chart = await artifact(artifacts, {
      config: ['application/vnd.cncf.helm.config.v1+json', JSON.stringify({ name: mark('chart') })],
      layer: ['application/vnd.cncf.helm.chart.content.v1.tar+gzip', mark('values').repeat(5_000)],
      annotations: { 'org.opencontainers.image.title': mark('chart') },
    })
    await artifact(artifacts, {
      config: ['application/vnd.oci.empty.v1+json', '{}'],
      layer: ['application/vnd.dev.cosign.simplesigning.v1+json', JSON.stringify({ of: mark('signature') })],
      annotations: { 'dev.cosignproject.cosign/signature': mark('signature') },
      subject: chart,
    })
    await artifact(artifacts, {
      config: ['application/vnd.example+json', JSON.stringify({ note: mark('artifact') })],
      layer: ['text/plain', mark('artifact')],
    })
    // Staged and not finished.
    const http = registryHttp(site.server, 'plainacr')
    const begun = await http('POST', '/v2/staged/blobs/uploads/')
    const octets = { 'content-type': 'application/octet-stream' }
    const place = begun.headers.get('location') ?? ''
    const body = mark('upload').repeat(5_000)
    expect(await http.status('PATCH', place, { headers: octets, body })).toBe(202)
    // What is compressed would hide its mark, so its own bytes are looked for too.
    const compressed = image.layers.map(({ bytes }) => Buffer.from(bytes).subarray(20, 60))
    const clear = [...Object.values(canaries).map((text) => Buffer.from(text)), ...compressed]

    const look = async () => {
      let size = 0
      let isControlFound = false
      for await (const { path, bytes } of filesBelow(site.server.dataDir)) {
        size += bytes.length
        isControlFound ||= bytes.includes('SQLite format 3')
        for (const text of clear)
          expect(bytes.includes(text), `${path}: ${text.toString('latin1')}`).toBe(false)
      }
      // Or there was nothing to find.
      expect(size).toBeGreaterThan(500 * KIB)
      expect(isControlFound).toBe(true)
    }
    await look()
    await site.server.stop()
    await look()
    expect(clear.filter((text) => site.server.output().includes(text.toString('latin1')))).toEqual([])
  })

  describe('A02', () => {
    let site: Site
    let folder: string
    const registry = 'layeredacr'
    const image = buildOciImage({ layers: [[{ path: 'a', bytes: randomBytes(256 * KIB) }]] })
    const whole = [image.manifest, image.config, ...image.layers].map(({ bytes }) => Buffer.from(bytes))

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'strongroom-copies-'))
      site = await openSite()
      await makeEncryptedRegistry(site, registry)
      expect(await registryHttp(site.server, registry).push('hello', 'v1', image)).toBe(201)
      await site.server.stop()
    })
    afterAll(async () => {
      await site[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    })

    it('A02 the key of the customer is a layer of its own: vault and data together open a copy, byte for byte', async () => {
      expect(await pullFromCopy('whole', () => undefined)).toEqual(whole)
    })

    it('A02 without the key in the vault a copy of all the rest opens nothing', async () => {
      const pulled = await pullFromCopy('withoutvault', (dir) => {
        execute(join(dir, 'keys.db'), 'delete from vault_key_version', 'delete from vault_key')
      })
      expect(pulled).toBe(403)
    })

    it('A02 the vault alone, without the wrapped key of the data, opens nothing', async () => {
      const pulled = await pullFromCopy('withoutwrapping', (dir) => {
        execute(join(dir, 'data.db'), 'delete from wrapping')
      })
      expect(pulled).toBe(500)
    })

    it('A02 data under the keys of another installation opens nothing', async () => {
      await using other = await openSite()
      await makeEncryptedRegistry(other, registry)
      await other.server.stop()
      const dir = join(folder, 'crossed')
      await cp(other.server.dataDir, dir, { recursive: true })
      for (const part of ['data.db', 'bytes']) {
        await rm(join(dir, part), { recursive: true })
        await cp(join(site.server.dataDir, part), join(dir, part), { recursive: true })
      }
      await using crossed = await openSite({ dataDir: dir, port: other.server.port })
      const pulled = await registryHttp(crossed.server, registry).pull('hello', 'v1')
      expect(pulled).toBeGreaterThanOrEqual(400)
    })

    /** The bytes, or the status; a refusal is one that the server foresaw. */
    async function pullFromCopy(name: string, change: (dir: string) => void) {
      const dir = join(folder, name)
      await cp(site.server.dataDir, dir, { recursive: true })
      change(dir)
      // Where it came from: the port is part of a key's id.
      await using copy = await openSite({ dataDir: dir, port: site.server.port })
      const pulled = await registryHttp(copy.server, registry).pull('hello', 'v1')
      expect(copy.server.output()).not.toContain('nobody foresaw')
      return pulled
    }
  })
})

function execute(file: string, ...statements: readonly string[]): void {
  const database = new DatabaseSync(file)
  for (const statement of statements) database.exec(statement)
  database.close()
}

interface Artifact {
  readonly config: readonly [mediaType: string, text: string]
  readonly layer: readonly [mediaType: string, text: string]
  readonly annotations?: Readonly<Record<string, string>>
  readonly subject?: Pushed
}

interface Pushed {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

async function artifact(client: ContainerRegistryContentClient, contents: Artifact): Promise<Pushed> {
  const { config, layer, ...rest } = contents
  const descriptors = await Promise.all(
    [config, layer].map(async ([mediaType, text]) => {
      const bytes = Buffer.from(text)
      const { digest } = await client.uploadBlob(bytes)
      expect(digest).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`)
      return { mediaType, digest, size: bytes.length }
    }),
  )
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: descriptors[0],
      layers: descriptors.slice(1),
      ...rest,
    }),
  )
  const { digest } = await client.setManifest(manifest, { mediaType })
  return { mediaType, digest, size: manifest.length }
}
