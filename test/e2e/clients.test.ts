import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ownerLogin } from '../support/azure-sdk.ts'
import { type Buildah, openBuildah } from '../support/buildah.ts'
import { makeEncryptedRegistry, makePlainRegistry } from '../support/cmk.ts'
import { filesBelow } from '../support/files-below.ts'
import { registryHttp } from '../support/registry-http.ts'
import { type Site, openSite } from '../support/site.ts'
import { words } from '../support/words.ts'
import {
  type DockerEngine,
  loadScratchImage,
  startDockerEngine,
  whyNoDockerEngine,
} from '../tools/docker-engine.ts'
import { type BuiltImage, buildOciImage, writeOciLayout } from '../tools/oci-layout.ts'

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
/** What `az acr login` gives as the user of a refresh token. */
const TOKEN_USER = '00000000-0000-0000-0000-000000000000'

describe('unmodified clients on an encrypted registry', () => {
  let site: Site
  const encrypted = 'encryptedacr'
  const plain = 'plainacr'

  beforeAll(async () => {
    site = await openSite()
    await makeEncryptedRegistry(site, encrypted)
    await makePlainRegistry(site, plain)
    const { clientId, secret } = ownerLogin(site.server)
    for (const registry of [encrypted, plain]) {
      await site.skopeo('login', '-u', clientId, '-p', secret, site.loginServer(registry))
    }
  })
  afterAll(() => site[Symbol.asyncDispose]())

  describe('docker', () => {
    let engine: DockerEngine
    const why = whyNoDockerEngine()
    const image = () => `${site.loginServer(encrypted)}/team/cat:v1`

    beforeAll(async () => {
      if (why !== null) return
      engine = await startDockerEngine({
        folder: join(site.folder, 'engine'),
        caFile: site.server.caFile,
      })
    })
    afterAll(async () => {
      if (why === null) await engine[Symbol.asyncDispose]()
    })

    it('A33 docker login, tag, push, rmi, pull, run and rmi', async ({ skip }) => {
      if (why !== null) skip(why)
      const { clientId, secret } = ownerLogin(site.server)
      const server = site.loginServer(encrypted)
      await docker(words`login -u ${clientId} --password-stdin ${server}`, secret)
      await loadScratchImage(engine, 'made/cat:1', [{ path: 'marked', bytes: Buffer.from('from a layer') }])
      await docker(words`tag made/cat:1 ${image()}`)
      const pushed = await docker(words`push ${image()}`)
      const digest = /digest: (sha256:[0-9a-f]{64})/.exec(pushed)?.[1]
      expect(digest).toBeDefined()
      await docker(words`rmi ${image()} made/cat:1`)
      const pulled = await docker(words`pull ${image()}`)
      expect(pulled).toContain(`Digest: ${digest}`)
      expect(await docker(words`run --rm --network none ${image()} /marked`)).toBe('from a layer')
      await docker(words`rmi ${image()}`)
      const gone = await engine.docker(words`run --rm --network none --pull never ${image()} /marked`)
      expect(gone.code).not.toBe(0)
    })

    it('A33 az acr login signs docker in', async ({ skip }) => {
      if (why !== null) skip(why)
      const az = await site.az()
      await docker(words`logout ${site.loginServer(encrypted)}`)
      expect((await engine.docker(words`pull ${image()}`)).code).not.toBe(0)
      const { code, stderr } = await az.cli.run(words`acr login --name ${encrypted}`, {
        env: { ...az.environment, ...engine.environment },
      })
      expect(code, stderr).toBe(0)
      await docker(words`pull ${image()}`)
    })

    async function docker(args: readonly string[], input?: string): Promise<string> {
      const { code, stdout, stderr } = await engine.docker(args, input === undefined ? {} : { input })
      if (code !== 0)
        throw new Error(`docker ${args.join(' ')}: ${code}\n${stdout}${stderr}\n${await engine.log()}`)
      return stdout
    }
  })

  it('A33 az acr repository lists, shows, untags and deletes', async () => {
    const az = await site.az()
    const http = registryHttp(site.server, encrypted)
    const image = buildOciImage({ layers: [[{ path: 'a', bytes: Buffer.from('to be deleted') }]] })
    for (const tag of ['v1', 'v2']) expect(await http.push('doomed', tag, image)).toBe(201)
    const name = words`--name ${encrypted}`
    expect(await az(...words`acr repository show-tags --repository doomed`, ...name)).toEqual(['v1', 'v2'])
    expect(await az(...words`acr repository show --repository doomed`, ...name)).toMatchObject({
      imageName: 'doomed',
      manifestCount: 1,
      tagCount: 2,
      changeableAttributes: { deleteEnabled: true },
    })
    expect(
      await az(...words`acr manifest list-metadata --registry ${encrypted} --name doomed`),
    ).toMatchObject([{ digest: image.manifest.digest, tags: ['v1', 'v2'] }])
    await az(...words`acr repository untag --image doomed:v1`, ...name)
    expect(await http.status('GET', '/v2/doomed/manifests/v1')).toBe(404)
    await az(...words`acr repository update --image doomed:v2 --write-enabled false`, ...name)
    const other = buildOciImage({ layers: [[{ path: 'a', bytes: Buffer.from('instead') }]] })
    expect(await http.push('doomed', 'v2', other)).toBe(405)
    await az(...words`acr repository update --image doomed:v2 --write-enabled true`, ...name)
    await az(...words`acr repository delete --image doomed:v2 --yes`, ...name)
    expect(await http.status('GET', `/v2/doomed/manifests/${image.manifest.digest}`)).toBe(404)
    expect(await http.push('doomed', 'v3', other)).toBe(201)
    await az(...words`acr repository delete --repository doomed --yes`, ...name)
    expect(await az(...words`acr repository list`, ...name)).not.toContain('doomed')
  })

  it('A33 encrypted and plain registries answer skopeo alike', async () => {
    const { layout } = await writeOciLayout(join(site.folder, 'alike'), 'v1', {
      layers: [[{ path: 'a', bytes: Buffer.from('alike') }]],
      annotations: { 'org.example.note': 'the same' },
    })
    const seen: string[][] = []
    for (const registry of [encrypted, plain]) {
      const image = `docker://${site.loginServer(registry)}/alike:v1`
      await site.skopeo('copy', layout, image)
      await site.skopeo('copy', image, `docker://${site.loginServer(registry)}/alike:v2`)
      const raw = await site.skopeo('inspect', '--raw', image)
      const shown = JSON.parse(await site.skopeo('inspect', image)) as Record<string, unknown>
      const tags = await site.skopeo('list-tags', `docker://${site.loginServer(registry)}/alike`)
      await site.skopeo('delete', `docker://${site.loginServer(registry)}/alike:v2`)
      const deleted = await site.skopeo.raw('inspect', image)
      const answers = [raw, JSON.stringify({ ...shown, Name: null }), tags, String(deleted.code)]
      seen.push(answers.map((answer) => answer.replaceAll(registry, 'registry')))
    }
    expect(seen[0]).toEqual(seen[1])
  })

  it('A51 the server encrypts: a client sends the same requests as to a plain registry, and keeps no key', async () => {
    const { layout, layers } = await writeOciLayout(join(site.folder, 'clear'), 'v1', {
      layers: [[{ path: 'a', bytes: Buffer.from('what the client sends is not encrypted by it') }]],
    })
    const requests: (readonly string[])[] = []
    for (const registry of [encrypted, plain]) {
      const image = `docker://${site.loginServer(registry)}/clear:v1`
      const { code, stderr } = await site.skopeo.raw('--debug', 'copy', layout, image)
      expect(code, stderr).toBe(0)
      const lines = [...stderr.matchAll(/\b(GET|HEAD|PUT|POST|PATCH) (https:\S+?)"?$/gm)]
      requests.push(
        lines.map(([, method, url]) =>
          `${method} ${url}`.replaceAll(registry, 'registry').replace(/(uploads\/)[0-9a-f-]{36}.*/, '$1...'),
        ),
      )
      // The bytes on the wire are those whose digest the client computed.
      const blob = await registryHttp(site.server, registry)('GET', `/v2/clear/blobs/${layers[0]!.digest}`)
      expect(Buffer.from(await blob.arrayBuffer())).toEqual(Buffer.from(layers[0]!.bytes))
    }
    expect(requests[0]?.length).toBeGreaterThan(4)
    expect(requests[0]).toEqual(requests[1])
    const { REGISTRY_AUTH_FILE = '' } = site.skopeo.environment
    const kept = JSON.parse(await readFile(REGISTRY_AUTH_FILE, 'utf8')) as { readonly auths: object }
    const { clientId, secret } = ownerLogin(site.server)
    const auth = Buffer.from(`${clientId}:${secret}`).toString('base64')
    expect(kept).toEqual({
      auths: { [site.loginServer(encrypted)]: { auth }, [site.loginServer(plain)]: { auth } },
    })
    for await (const { path, bytes } of filesBelow(site.server.dataDir)) {
      const isThere = bytes.includes('what the client sends is not encrypted by it')
      expect(isThere, path).toBe(false)
    }
  })

  describe('buildah', () => {
    let buildah: Buildah
    beforeAll(async () => {
      buildah = await openBuildah(site.server.caFile)
    })
    afterAll(() => buildah[Symbol.asyncDispose]())

    it('A33 buildah pushes in both formats and pulls again', async () => {
      const { clientId, secret } = ownerLogin(site.server)
      await buildah('login', '-u', clientId, '-p', secret, site.loginServer(encrypted))
      await buildah.build('localhost/made:1', { hello: 'built by buildah' })
      for (const format of ['oci', 'v2s2']) {
        const image = `${site.loginServer(encrypted)}/built:${format}`
        await buildah('push', '-q', '--format', format, 'localhost/made:1', `docker://${image}`)
        const raw = JSON.parse(await site.skopeo('inspect', '--raw', `docker://${image}`)) as {
          readonly mediaType: string
        }
        expect(raw.mediaType.includes('docker')).toBe(format === 'v2s2')
        await buildah('pull', '-q', image)
        await buildah('rmi', image)
      }
    })
  })

  it('skopeo copies a multi-platform image with all its parts, in OCI and in Docker form', async () => {
    const parts = ['amd64', 'arm64'].map((architecture) => ({
      architecture,
      image: buildOciImage({ layers: [[{ path: 'arch', bytes: Buffer.from(architecture) }]] }),
    }))
    const source = await writeIndex(parts)
    const target = `docker://${site.loginServer(encrypted)}/multi`
    await site.skopeo('copy', '--all', source, `${target}:oci`)
    const index = JSON.parse(await site.skopeo('inspect', '--raw', `${target}:oci`)) as Index
    expect(index.mediaType ?? OCI_INDEX).toBe(OCI_INDEX)
    expect(index.manifests.map(({ digest }) => digest)).toEqual(
      parts.map(({ image }) => image.manifest.digest),
    )
    await site.skopeo('copy', '--all', '--format', 'v2s2', `${target}:oci`, `${target}:docker`)
    const list = JSON.parse(await site.skopeo('inspect', '--raw', `${target}:docker`)) as Index
    expect(list.mediaType).toBe(DOCKER_LIST)
    expect(list.manifests.map(({ mediaType }) => mediaType)).toEqual([DOCKER_MANIFEST, DOCKER_MANIFEST])
    // Back out of the registry, whole.
    const back = join(site.folder, 'back')
    await site.skopeo('copy', '--all', `${target}:oci`, `oci:${back}:v1`)
    for (const { image } of parts) {
      for (const { digest, bytes } of [image.manifest, ...image.layers]) {
        const file = join(back, 'blobs/sha256', digest.slice('sha256:'.length))
        expect(await readFile(file)).toEqual(Buffer.from(bytes))
      }
    }
  })

  it('skopeo syncs a repository from one registry to another', async () => {
    const http = registryHttp(site.server, encrypted)
    const images = ['one', 'two'].map((name) =>
      buildOciImage({ layers: [[{ path: name, bytes: Buffer.from(name) }]] }),
    )
    for (const [at, image] of images.entries()) expect(await http.push('synced', `v${at}`, image)).toBe(201)
    await site.skopeo(
      ...words`sync --src docker --dest docker ${`${site.loginServer(encrypted)}/synced`}`,
      `${site.loginServer(plain)}/copies`,
    )
    const there = registryHttp(site.server, plain)
    for (const [at, image] of images.entries()) {
      expect(await there.pull('copies/synced', `v${at}`)).toEqual(
        [image.manifest, image.config, ...image.layers].map(({ bytes }) => Buffer.from(bytes)),
      )
    }
  })

  it("Microsoft's registry SDK uploads, downloads, lists, locks and deletes", async () => {
    const artifacts = site.sdk.artifacts(encrypted, 'sdk/artifact')
    const layer = Buffer.from('an artifact of the SDK')
    const config = Buffer.from('{}')
    const sent = [await artifacts.uploadBlob(config), await artifacts.uploadBlob(layer)]
    const { digest } = await artifacts.setManifest(
      {
        schemaVersion: 2,
        config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: sent[0]!.digest, size: 2 },
        layers: [{ mediaType: 'application/octet-stream', digest: sent[1]!.digest, size: layer.length }],
      },
      { tag: 'v1' },
    )
    expect(sent[1]!.digest).toBe(`sha256:${createHash('sha256').update(layer).digest('hex')}`)
    expect((await artifacts.getManifest('v1')).digest).toBe(digest)
    const { content } = await artifacts.downloadBlob(sent[1]!.digest)
    expect(await text(content)).toBe(layer.toString())

    const registry = site.sdk.content(encrypted)
    const names: string[] = []
    for await (const name of registry.listRepositoryNames()) names.push(name)
    expect(names).toContain('sdk/artifact')
    const artifact = registry.getArtifact('sdk/artifact', digest)
    expect(await artifact.getManifestProperties()).toMatchObject({ digest, tags: ['v1'] })
    const tags: string[] = []
    for await (const { name } of artifact.listTagProperties()) tags.push(name)
    expect(tags).toEqual(['v1'])

    await artifact.updateTagProperties('v1', { canWrite: false, canDelete: false })
    expect((await artifact.getTagProperties('v1')).canDelete).toBe(false)
    await expect(artifact.deleteTag('v1')).rejects.toMatchObject({ statusCode: 405 })
    await artifact.updateTagProperties('v1', { canWrite: true, canDelete: true })
    await artifact.deleteTag('v1')
    await artifacts.deleteManifest(digest)
    await expect(artifact.getManifestProperties()).rejects.toMatchObject({ statusCode: 404 })
    await registry.deleteRepository('sdk/artifact')
  })

  it('a refresh token signs skopeo in, under the user name that az gives', async () => {
    const az = await site.az()
    const { refreshToken, accessToken } = await az<Readonly<Record<string, string>>>(
      ...words`acr login --name ${plain} --expose-token`,
    )
    const creds = `${TOKEN_USER}:${refreshToken ?? accessToken ?? ''}`
    const image = buildOciImage({ layers: [[{ path: 'b', bytes: Buffer.from('token') }]] })
    expect(await registryHttp(site.server, plain).push('token', 'v1', image)).toBe(201)
    await site.skopeo('inspect', '--creds', creds, `docker://${site.loginServer(plain)}/token:v1`)
  })

  async function writeIndex(
    parts: readonly { readonly architecture: string; readonly image: BuiltImage }[],
  ): Promise<string> {
    const folder = join(site.folder, 'multi')
    for (const { image } of parts) {
      await writeOciLayout(folder, 'part', { layers: [] })
      for (const { digest, bytes } of [image.manifest, image.config, ...image.layers]) {
        await writeFile(join(folder, 'blobs/sha256', digest.slice('sha256:'.length)), bytes)
      }
    }
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: parts.map(({ architecture, image: { manifest } }) => ({
          mediaType: manifest.mediaType,
          digest: manifest.digest,
          size: manifest.size,
          platform: { architecture, os: 'linux' },
        })),
      }),
    )
    const digest = createHash('sha256').update(index).digest('hex')
    await writeFile(join(folder, 'blobs/sha256', digest), index)
    const entry = {
      mediaType: OCI_INDEX,
      digest: `sha256:${digest}`,
      size: index.length,
      annotations: { 'org.opencontainers.image.ref.name': 'v1' },
    }
    await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }))
    return `oci:${folder}:v1`
  }
})

interface Index {
  readonly mediaType?: string
  readonly manifests: readonly { readonly digest: string; readonly mediaType: string }[]
}
