import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Estate, encryptionWith, newKeyVersion } from '../support/estate.ts'
import { type Rest, RestError } from '../support/rest.ts'
import { type RestRegistry, sha256 } from '../support/rest-registry.ts'
import type { BuiltImage, ImagePart } from '../tools/oci-layout.ts'
import { Known } from './known.ts'
import { type Tally, count } from './run-workers.ts'

/** What all workers share. */
export interface Arena extends Tally {
  readonly rest: Rest
  readonly estate: Estate
  readonly registry: RestRegistry
  /** Layers that many images have in common, so that their deletion and collection meet pushes of the same. */
  readonly layers: readonly ImagePart[]
  /** Every image of a worker of `ownImages`, by `repository@digest`. */
  readonly images: Map<string, OwnImage>
}

interface OwnImage {
  readonly repository: string
  readonly tag: string
  readonly image: BuiltImage
  readonly isThere: Known<boolean>
}

export type Worker = (arena: Arena, turn: number) => Promise<void>

/** Images in a repository that this worker alone changes: pushed, pulled, listed, retagged, deleted. */
export function ownImages(repository: string): Worker {
  const mine: OwnImage[] = []
  return async (arena, turn) => {
    const { registry } = arena
    const image = sharedImage(arena.layers)
    const own: OwnImage = { repository, tag: `t${turn}`, image, isThere: new Known(false) }
    arena.images.set(`${repository}@${image.manifest.digest}`, own)
    await own.isThere.change(true, () => registry.push(repository, own.tag, image))
    mine.push(own)
    count(arena, 'push')
    expect(await registry.pull(repository, own.tag)).toBe(image.manifest.digest)
    await expectTags(arena, repository, mine)
    if (mine.length > 4) await deleteOne(arena, mine.splice(randomInt(mine.length), 1)[0]!)
    await expectTags(arena, repository, mine)
  }
}

async function deleteOne(arena: Arena, { repository, tag, image, isThere }: OwnImage): Promise<void> {
  const { registry } = arena
  const at = `/v2/${repository}/manifests`
  await isThere.change(false, async () => {
    expect((await registry.send('DELETE', `${at}/${image.manifest.digest}`)).status).toBe(202)
  })
  for (const reference of [tag, image.manifest.digest]) {
    expect((await registry.send('GET', `${at}/${reference}`)).status).toBe(404)
  }
  count(arena, 'delete')
}

async function expectTags(arena: Arena, repository: string, mine: readonly OwnImage[]): Promise<void> {
  const answer = await arena.registry.send('GET', `/v2/${repository}/tags/list`)
  expect(answer.status, answer.text).toBe(200)
  expect(answer.json()['tags']).toEqual(mine.map(({ tag }) => tag).sort())
  count(arena, 'list')
}

/** Pulls whatever image somebody has: whole if it is there, 404 if not, and only where either may be, either. */
export const anyImage: Worker = async (arena) => {
  const { registry, images } = arena
  const all = [...images.values()]
  const found = all[Math.max(0, all.length - 1 - randomInt(12))]
  if (found === undefined) return setTimeout(20)
  const { repository, image, isThere } = found
  const { digest } = image.manifest
  const { seen, possible } = await isThere.observe(() =>
    registry.pull(repository, digest).then(
      () => true,
      (error: unknown) => {
        if (error instanceof RestError && error.answer.status === 404) return false
        throw error
      },
    ),
  )
  expect(possible, `${repository}@${digest} pulled: ${seen}`).toContain(seen)
  count(arena, seen ? 'pull' : 'pull of what is gone')
}

/** One tag that all move; what it points at is one that somebody set, and every image stays whole. */
export function movedTag(repository: string, tag: string, images: readonly BuiltImage[]): Worker {
  const known = new Known<string>('')
  return async (arena) => {
    const { registry } = arena
    const image = images[randomInt(images.length)]!
    await known.change(image.manifest.digest, () => registry.push(repository, tag, image))
    const { seen, possible } = await known.observe(() => registry.pull(repository, tag))
    expect(possible).toContain(seen)
    expect(await registry.pull(repository, image.manifest.digest)).toBe(image.manifest.digest)
    count(arena, 'move of a tag')
  }
}

/** Takes layers over from wherever they are, and deletes what it got. */
export function mounts(repository: string): Worker {
  return async (arena) => {
    const { registry, layers, images } = arena
    const layer = layers[randomInt(layers.length)]!
    const from = [...images.values()].at(-1)?.repository
    if (from === undefined) return setTimeout(20)
    const path = `/v2/${repository}/blobs/uploads/?mount=${layer.digest}&from=${from}`
    const { status, headers, text } = await registry.send('POST', path)
    expect([201, 202], text).toContain(status)
    if (status === 202) expect((await registry.send('DELETE', headers.location!)).status).toBe(204)
    else {
      await registry.pullBlob(repository, layer.digest)
      const deletion = await registry.send('DELETE', `/v2/${repository}/blobs/${layer.digest}`)
      expect(deletion.status).toBe(202)
      const gone = await registry.send('HEAD', `/v2/${repository}/blobs/${layer.digest}`)
      expect(gone.status).toBe(404)
      count(arena, 'mount')
    }
  }
}

/** A whole repository that comes and goes. */
export function wholeRepository(repository: string): Worker {
  return async (arena) => {
    const { registry } = arena
    const [one, two] = [sharedImage(arena.layers), sharedImage(arena.layers)]
    await registry.push(repository, 'one', one)
    await registry.push(repository, 'two', two)
    expect(await registry.pull(repository, 'one')).toBe(one.manifest.digest)
    const deleted = await registry.send('DELETE', `/acr/v1/${repository}`)
    expect(deleted.status).toBe(202)
    expect(deleted.json()['tagsDeleted']).toEqual(expect.arrayContaining(['one', 'two']))
    for (const path of ['manifests/one', `manifests/${two.manifest.digest}`, `blobs/${one.config.digest}`]) {
      expect((await registry.send('GET', `/v2/${repository}/${path}`)).status).toBe(404)
    }
    count(arena, 'delete of a repository')
  }
}

/** Uploads in chunks; every second one is never closed, and is the collection's. */
export function chunks(repository: string): Worker {
  return async (arena, turn) => {
    const { registry } = arena
    const bytes = randomBytes(90_000)
    let { location } = (await registry.send('POST', `/v2/${repository}/blobs/uploads/`)).headers
    for (let at = 0; at < bytes.length; at += 30_000) {
      const body = bytes.subarray(at, at + 30_000)
      const answer = await registry.send('PATCH', location!, {
        body,
        headers: { 'content-range': `${at}-${at + body.length - 1}` },
      })
      expect(answer.status).toBe(202)
      location = answer.headers.location
    }
    if (turn % 2 === 1) {
      count(arena, 'upload left open')
      return
    }
    const digest = sha256(bytes)
    expect((await registry.send('PUT', `${location!}?digest=${digest}`)).status).toBe(201)
    await registry.pullBlob(repository, digest)
    count(arena, 'upload in chunks')
  }
}

/** A new key version, and the old one taken away as soon as the registry is said to be under the new one. */
export const rotation: Worker = async (arena) => {
  const { rest, estate } = arena
  const keyId = await newKeyVersion(rest, estate.vault, estate.keyName)
  const before = await rest.armDone('GET', estate.registryPath)
  await rest.armDone('PATCH', estate.registryPath, {
    properties: encryptionWith({ keyId, identity: estate.identity }),
  })
  const old = /"versionedKeyIdentifier":"[^"]+\/([0-9a-f]{32})"/.exec(JSON.stringify(before))?.[1]
  await rest.vaultDone(estate.vault, 'PATCH', `/keys/${estate.keyName}/${old!}`, {
    attributes: { enabled: false },
  })
  count(arena, 'rotation')
  await setTimeout(150)
}

/** A config of its own over some of the shared layers. */
export function sharedImage(layers: readonly ImagePart[]): BuiltImage {
  const chosen = layers.filter(() => randomInt(2) === 0)
  const config = jsonPart('application/vnd.oci.image.config.v1+json', { id: randomBytes(8).toString('hex') })
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const describe = ({ bytes: _bytes, ...rest }: ImagePart) => rest
  const manifest = jsonPart(mediaType, {
    schemaVersion: 2,
    mediaType,
    config: describe(config),
    layers: chosen.map(describe),
  })
  return { manifest, config, layers: chosen }
}

function jsonPart(mediaType: string, value: unknown): ImagePart {
  const bytes = Buffer.from(JSON.stringify(value))
  return { mediaType, digest: sha256(bytes), size: bytes.length, bytes }
}
