import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type RegistryBench,
  type TestImage,
  chunkOf,
  imageOf,
  never,
  openRegistryBench,
  pushImage,
  pushManifest,
  sha,
} from '../../../test/support/registry-bench.ts'
import type { Attributes } from './attributes.ts'

let bench: RegistryBench
beforeAll(async () => {
  bench = await openRegistryBench()
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
})

/** A repository of its own with one image, tagged `v1`. */
async function repository(): Promise<{ readonly name: string; readonly image: TestImage }> {
  const name = `r${randomBytes(6).toString('hex')}`
  const image = imageOf([randomBytes(50)])
  await pushImage(bench, name, image, ['v1'])
  return { name, image }
}
type Place = Awaited<ReturnType<typeof repository>>

const at = (name: string) => ({ registry: bench.registry, name })
const lock = {
  repository: ({ name }: Place, change: Partial<Attributes>) =>
    bench.content.updateRepository(at(name), change, never),
  manifest: ({ name, image: { digest } }: Place, change: Partial<Attributes>) =>
    bench.content.updateManifest({ ...at(name), digest }, change, never),
  tag: ({ name }: Place, change: Partial<Attributes>) =>
    bench.content.updateTag({ ...at(name), tag: 'v1' }, change, never),
}
const attempts = {
  'pull by tag': ({ name }: Place) =>
    bench.content.getManifest({ ...at(name), reference: { tag: 'v1' } }, never),
  'pull by digest': ({ name, image: { digest } }: Place) =>
    bench.content.getManifest({ ...at(name), reference: { digest } }, never),
  'pull a blob': ({ name, image }: Place) =>
    bench.content.getBlob({ ...at(name), digest: sha(image.layers[0]!) }, never),
  'list referrers': ({ name, image: { digest } }: Place) =>
    bench.content.listReferrers(
      { ...at(name), subject: digest, artifactType: null, after: null, limit: 1 },
      never,
    ),
  'move the tag': ({ name, image }: Place) =>
    pushManifest(bench, name, imageOf(image.layers, { annotations: { n: randomBytes(4).toString('hex') } }), [
      'v1',
    ]),
  'push the same again': ({ name, image }: Place) => pushManifest(bench, name, image, ['v1']),
  'push beside it': ({ name, image }: Place) =>
    pushManifest(bench, name, imageOf(image.layers, { annotations: { n: randomBytes(4).toString('hex') } }), [
      'v2',
    ]),
  'start an upload': ({ name }: Place) =>
    bench.content.startUpload({ ...at(name), algorithm: 'sha256' }, never),
  'push a blob': ({ name }: Place) => {
    const bytes = randomBytes(9)
    return bench.content.putBlob({ ...at(name), digest: sha(bytes) }, chunkOf(bytes), never)
  },
  'delete the tag': ({ name }: Place) => bench.content.deleteTag({ ...at(name), tag: 'v1' }, never),
  'delete the manifest': ({ name, image: { digest } }: Place) =>
    bench.content.deleteManifest({ ...at(name), digest }, never),
  'delete a blob': ({ name, image }: Place) =>
    bench.content.deleteBlob({ ...at(name), digest: sha(image.layers[0]!) }, never),
  'delete the repository': ({ name }: Place) => bench.content.deleteRepository(at(name), never),
}
type Attempt = keyof typeof attempts

const pulls: readonly Attempt[] = ['pull by tag', 'pull by digest']
const deletions: readonly Attempt[] = ['delete the manifest', 'delete a blob', 'delete the repository']
const forbidden: readonly (readonly [keyof typeof lock, keyof Attributes, readonly Attempt[]])[] = [
  ['repository', 'readEnabled', [...pulls, 'pull a blob', 'list referrers']],
  [
    'repository',
    'writeEnabled',
    [
      'move the tag',
      'push the same again',
      'push beside it',
      'start an upload',
      'push a blob',
      'delete the tag',
      ...deletions,
    ],
  ],
  ['repository', 'deleteEnabled', ['delete the tag', ...deletions]],
  ['manifest', 'readEnabled', pulls],
  ['manifest', 'writeEnabled', deletions],
  ['manifest', 'deleteEnabled', deletions],
  ['tag', 'readEnabled', ['pull by tag']],
  ['tag', 'writeEnabled', ['move the tag', 'delete the tag', 'delete the manifest', 'delete the repository']],
  ['tag', 'deleteEnabled', ['delete the tag', 'delete the manifest', 'delete the repository']],
]

describe.each(forbidden)('a %s with %s off', (thing, attribute, refusals) => {
  it.each(Object.keys(attempts) as Attempt[])('answers as it must: %s', async (attempt) => {
    const place = await repository()
    await lock[thing](place, { [attribute]: false })
    if (refusals.includes(attempt)) {
      await expect(attempts[attempt](place)).rejects.toMatchObject({ code: 'operation-disallowed' })
    } else {
      await expect(attempts[attempt](place)).resolves.not.toThrow()
    }
  })

  it('is as it was once the lock is lifted, and nothing was lost to the refusals', async () => {
    const place = await repository()
    await lock[thing](place, { [attribute]: false })
    for (const attempt of refusals) await expect(attempts[attempt](place)).rejects.toThrow()
    await lock[thing](place, { [attribute]: true })
    const pulled = await attempts['pull by tag'](place)
    expect(Buffer.from(await pulled.read()).equals(place.image.body)).toBe(true)
    await attempts['pull a blob'](place)
  })
})

describe('listEnabled off', () => {
  it('hides a tag, a manifest and a repository from lists, and from nothing else', async () => {
    const place = await repository()
    await attempts['push beside it'](place)
    const list = { ...at(place.name), order: 'key', after: null, limit: 10 } as const
    await lock.tag(place, { listEnabled: false })
    expect(
      (await bench.content.listTags({ ...list, digest: null }, never)).items.map(({ name }) => name),
    ).toEqual(['v2'])
    await lock.manifest(place, { listEnabled: false })
    expect((await bench.content.listManifests(list, never)).items.map(({ tags }) => tags)).toEqual([['v2']])
    await lock.repository(place, { listEnabled: false })
    const all = await bench.content.listRepositories(
      { registry: bench.registry, after: '', limit: 1_000 },
      never,
    )
    expect(all.items).not.toContain(place.name)
    await attempts['pull by tag'](place)
    await attempts['pull by digest'](place)
  })
})

describe('locks', () => {
  it('of a source keep its blobs from being mounted elsewhere', async () => {
    const place = await repository()
    await lock.repository(place, { readEnabled: false })
    const command = { ...at('elsewhere'), from: place.name, digest: sha(place.image.layers[0]!) }
    expect(await bench.content.mountBlob(command, never)).toBe(false)
  })

  it('go with the repository', async () => {
    const place = await repository()
    await lock.repository(place, { listEnabled: false })
    await attempts['delete the manifest'](place)
    await expect(bench.content.getRepositoryView(at(place.name), never)).rejects.toMatchObject({
      code: 'name-unknown',
    })
    await pushImage(bench, place.name, place.image)
    expect((await bench.content.getRepositoryView(at(place.name), never)).attributes.listEnabled).toBe(true)
  })
})
