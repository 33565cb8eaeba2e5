import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type RegistryBench,
  imageOf,
  never,
  openRegistryBench,
  pushBlob,
  pushImage,
  pushManifest,
  sha,
} from '../../../test/support/registry-bench.ts'
import type { JsonObject } from '../../kernel/json.ts'
import { type Digest } from './digest.ts'
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, parseManifest } from './manifest-document.ts'

let bench: RegistryBench
beforeAll(async () => {
  bench = await openRegistryBench()
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
})

const at = (name: string) => ({ registry: bench.registry, name })
const put = (
  name: string,
  body: Buffer | string,
  more: { digest?: Digest; tags?: string[]; type?: string } = {},
) =>
  bench.content.putManifest(
    {
      ...at(name),
      digest: more.digest ?? null,
      tags: more.tags ?? [],
      contentType: more.type ?? null,
      body: Buffer.from(body),
    },
    never,
  )
const pull = async (name: string, reference: { tag: string } | { digest: Digest }) => {
  const found = await bench.content.getManifest({ ...at(name), reference }, never)
  return { ...found, body: Buffer.from(await found.read()) }
}

describe('putManifest()', () => {
  it('keeps the bytes as they came, by tag and by digest', async () => {
    const image = imageOf([randomBytes(20)], { 'x-unknown': [1, { deep: true }], annotations: { a: 'ü' } })
    const spaced = {
      ...image,
      body: Buffer.from(` ${JSON.stringify(JSON.parse(image.body.toString()), null, 3)}\n`),
    }
    await pushImage(bench, 'exact', spaced, ['v1', 'v2'])
    for (const reference of [{ tag: 'v1' }, { tag: 'v2' }, { digest: sha(spaced.body) }]) {
      expect((await pull('exact', reference)).body.equals(spaced.body)).toBe(true)
    }
  })

  it('finds a document by the algorithm it was pushed with', async () => {
    const image = imageOf([randomBytes(20)])
    await pushImage(bench, 'algorithms', image, [])
    const digest = sha(image.body, 'sha512')
    expect(await put('algorithms', image.body, { digest, tags: ['t512'] })).toMatchObject({ digest })
    expect((await pull('algorithms', { tag: 't512' })).digest).toBe(digest)
    expect((await pull('algorithms', { digest: image.digest })).digest).toBe(image.digest)
  })

  it('refuses a body that is not what the digest says', async () => {
    const image = imageOf([])
    await pushBlob(bench, 'wrong', image.config)
    const wrong = { digest: sha(Buffer.from('other')) }
    await expect(put('wrong', image.body, wrong)).rejects.toMatchObject({ code: 'digest-invalid' })
  })

  it('wants the blobs that an image names: its config, and one of its layers at least', async () => {
    const [a, b] = [randomBytes(20), randomBytes(21)]
    const image = imageOf([a, b])
    const missing = (...bytes: readonly Buffer[]) => ({
      code: 'manifest-blob-unknown',
      facts: { digests: bytes.map((one) => sha(one)) },
    })
    await expect(put('blobs', image.body)).rejects.toMatchObject(missing(image.config, a, b))
    await pushBlob(bench, 'blobs', image.config)
    await expect(put('blobs', image.body)).rejects.toMatchObject(missing(a, b))
    await pushBlob(bench, 'blobs', a)
    // Sparse: the largest profile of OCI's conformance suite pushes such.
    await put('blobs', image.body)
    await bench.content.deleteBlob({ ...at('blobs'), digest: sha(image.config) }, never)
    await expect(put('blobs', image.body)).rejects.toMatchObject(missing(image.config, b))
  })

  it('lets foreign layers and the entries of an index be missing', async () => {
    const config = Buffer.from('{}')
    await pushBlob(bench, 'lax', config)
    const foreign = (mediaType: string) => ({
      mediaType,
      digest: sha(randomBytes(3)),
      size: 3,
      urls: ['https://x.example'],
    })
    const image = {
      schemaVersion: 2,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha(config), size: 2 },
      layers: [
        foreign('application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'),
        foreign('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'),
      ],
    }
    await put('lax', JSON.stringify(image), { type: OCI_MANIFEST })
    const index = {
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [{ mediaType: OCI_MANIFEST, digest: sha(randomBytes(3)), size: 9 }],
    }
    await put('lax', JSON.stringify(index))
  })

  it('moves a tag, and the manifest it leaves stays', async () => {
    const [one, two] = [imageOf([randomBytes(5)]), imageOf([randomBytes(5)])]
    await pushImage(bench, 'moves', one, ['latest'])
    await pushImage(bench, 'moves', two, ['latest'])
    expect((await pull('moves', { tag: 'latest' })).digest).toBe(two.digest)
    await pull('moves', { digest: one.digest })
    expect(await bench.content.getManifestView({ ...at('moves'), digest: one.digest }, never)).toMatchObject({
      tags: [],
      architecture: 'arm64',
      os: 'linux',
    })
  })

  it('sets all tags or none', async () => {
    const [one, two] = [imageOf([randomBytes(5)]), imageOf([randomBytes(5)])]
    await pushImage(bench, 'atomic', one, ['locked'])
    await bench.content.updateTag({ ...at('atomic'), tag: 'locked' }, { writeEnabled: false }, never)
    await expect(pushImage(bench, 'atomic', two, ['new', 'locked'])).rejects.toMatchObject({
      code: 'operation-disallowed',
    })
    await expect(pull('atomic', { tag: 'new' })).rejects.toMatchObject({ code: 'manifest-unknown' })
    await expect(pull('atomic', { digest: two.digest })).rejects.toMatchObject({ code: 'manifest-unknown' })
  })
})

describe('deleteManifest() and deleteTag()', () => {
  it('takes a manifest with its tags, or a tag alone', async () => {
    const image = imageOf([randomBytes(5)])
    await pushImage(bench, 'goes', image, ['a', 'b', 'c'])
    await bench.content.deleteTag({ ...at('goes'), tag: 'a' }, never)
    await expect(pull('goes', { tag: 'a' })).rejects.toMatchObject({ code: 'manifest-unknown' })
    await pull('goes', { tag: 'b' })
    await bench.content.deleteManifest({ ...at('goes'), digest: image.digest }, never)
    for (const reference of [{ tag: 'b' }, { digest: image.digest }]) {
      await expect(pull('goes', reference)).rejects.toMatchObject({ code: 'manifest-unknown' })
    }
    const again = { code: 'manifest-unknown' }
    await expect(
      bench.content.deleteManifest({ ...at('goes'), digest: image.digest }, never),
    ).rejects.toMatchObject(again)
    await expect(bench.content.deleteTag({ ...at('goes'), tag: 'b' }, never)).rejects.toMatchObject(again)
    const list = { ...at('goes'), order: 'key', after: null, limit: 9, digest: null } as const
    await expect(bench.content.listTags(list, never)).rejects.toMatchObject({ code: 'name-unknown' })
  })
})

describe('deleteRepository()', () => {
  it('tells what went, and leaves nothing readable', async () => {
    const layer = randomBytes(9)
    const images = Array.from({ length: 230 }, (_, n) => imageOf([layer], { annotations: { n: String(n) } }))
    await pushImage(bench, 'big', images[0]!)
    for (const [n, image] of images.entries()) await pushManifest(bench, 'big', image, [`t${n}`])
    const removed = await bench.content.deleteRepository(at('big'), never)
    expect(new Set(removed.map(({ digest }) => digest))).toEqual(new Set(images.map(({ digest }) => digest)))
    expect(removed.flatMap(({ tags }) => tags)).toHaveLength(230)
    await expect(bench.content.getBlob({ ...at('big'), digest: sha(layer) }, never)).rejects.toMatchObject({
      code: 'blob-unknown',
    })
    await expect(bench.content.deleteRepository(at('big'), never)).rejects.toMatchObject({
      code: 'name-unknown',
    })
  })
})

describe('listReferrers()', () => {
  it('shows a manifest of each kind with its artifact type and annotations, and pages', async () => {
    const subject = { mediaType: OCI_MANIFEST, digest: sha(Buffer.from('absent')), size: 6 }
    const pushed: (Digest | undefined)[] = []
    for (let n = 0; n < 7; n++) {
      const image = imageOf([], {
        subject,
        annotations: { n: String(n) },
        ...(n % 2 ? { artifactType: 'application/odd' } : {}),
      })
      pushed.push(await pushImage(bench, 'refer', image))
    }
    const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], subject, annotations: { n: 'i' } }
    pushed.push((await put('refer', JSON.stringify(index))).digest)
    const query = { ...at('refer'), subject: subject.digest, artifactType: null, after: null, limit: 3 }
    const seen: JsonObject[] = []
    let after: Digest | null = null
    do {
      const page = await bench.content.listReferrers({ ...query, after }, never)
      expect(page.items.length).toBeLessThanOrEqual(3)
      seen.push(...(page.items as unknown as JsonObject[]))
      after = page.next
    } while (after !== null)
    expect(seen.map(({ digest }) => digest).sort()).toEqual([...pushed].sort())
    expect(seen.find(({ mediaType }) => mediaType === OCI_INDEX)).toEqual({
      mediaType: OCI_INDEX,
      digest: pushed[7],
      size: JSON.stringify(index).length,
      annotations: { n: 'i' },
    })
    const odd = await bench.content.listReferrers(
      { ...query, artifactType: 'application/odd', limit: 9 },
      never,
    )
    expect(odd.items.map(({ annotations }) => annotations?.['n']).sort()).toEqual(['1', '3', '5'])
    expect((await bench.content.listReferrers({ ...query, ...at('nowhere') }, never)).items).toEqual([])
  })
})

describe('parseManifest()', () => {
  const digest = sha(Buffer.from('x'))
  const entry = { mediaType: 'application/x', digest, size: 1 }
  const image = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: entry, layers: [entry] }
  const parse = (document: unknown, type: string | null = null) =>
    parseManifest(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)), type)

  it.each([
    ['an image', image, OCI_MANIFEST],
    ['one without mediaType', { ...image, mediaType: undefined }, `${OCI_MANIFEST}; charset=utf-8`],
    ['one of Docker', { ...image, mediaType: DOCKER_MANIFEST }, DOCKER_MANIFEST],
    [
      'one with layers null, as Go writes',
      { ...image, layers: null, annotations: null, subject: null },
      OCI_MANIFEST,
    ],
    ['an index', { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [entry] }, OCI_INDEX],
    ['a list of Docker', { schemaVersion: 2, mediaType: DOCKER_LIST, manifests: [] }, null],
  ])('takes %s', (_, document, type) => {
    expect(parse(document, type)).toBeTruthy()
  })

  it.each([
    ['no JSON', '{', OCI_MANIFEST],
    ['nothing', '', OCI_MANIFEST],
    ['a list', '[]', OCI_MANIFEST],
    ['null', 'null', OCI_MANIFEST],
    ['a byte order mark', `\uFEFF${JSON.stringify(image)}`, OCI_MANIFEST],
    ['a type that is not the announced one', image, DOCKER_MANIFEST],
    ['an unknown type', { ...image, mediaType: 'application/json' }, 'application/json'],
    ['no type at all', { ...image, mediaType: undefined }, null],
    ['a type that is no text', { ...image, mediaType: 7 }, OCI_MANIFEST],
    ['schema version 1', { ...image, schemaVersion: 1 }, OCI_MANIFEST],
    ['an image with manifests', { ...image, manifests: [] }, OCI_MANIFEST],
    [
      'an index with layers',
      { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], layers: [] },
      OCI_INDEX,
    ],
    [
      'an index with a config',
      { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], config: entry },
      OCI_INDEX,
    ],
    ['no config', { ...image, config: undefined }, OCI_MANIFEST],
    ['layers that are no list', { ...image, layers: {} }, OCI_MANIFEST],
    ['a layer that is null', { ...image, layers: [null] }, OCI_MANIFEST],
    ['a digest that is none', { ...image, layers: [{ ...entry, digest: 'sha256:00' }] }, OCI_MANIFEST],
    ['a digest of md5', { ...image, layers: [{ ...entry, digest: `md5:${'0'.repeat(32)}` }] }, OCI_MANIFEST],
    ['a size below zero', { ...image, layers: [{ ...entry, size: -1 }] }, OCI_MANIFEST],
    ['a size with a fraction', { ...image, layers: [{ ...entry, size: 1.5 }] }, OCI_MANIFEST],
    ['a size that is text', { ...image, layers: [{ ...entry, size: '1' }] }, OCI_MANIFEST],
    ['annotations with numbers', { ...image, annotations: { a: 1 } }, OCI_MANIFEST],
    ['a subject that is none', { ...image, subject: 'x' }, OCI_MANIFEST],
    ['too many layers', { ...image, layers: Array.from({ length: 10_001 }, () => entry) }, OCI_MANIFEST],
  ])('refuses %s', (_, document, type) => {
    expect(() => parse(document, type)).toThrow(expect.objectContaining({ code: 'manifest-invalid' }))
  })

  it('refuses what is not UTF-8, and survives depth', () => {
    expect(() => parseManifest(Buffer.from([0x7b, 0xff, 0x7d]), OCI_MANIFEST)).toThrow('manifest-invalid')
    expect(() => parse('['.repeat(1_000_000), OCI_MANIFEST)).toThrow('manifest-invalid')
    const deep = `{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}`
    expect(() => parse(deep, OCI_MANIFEST)).toThrow('manifest-invalid')
  })
})
