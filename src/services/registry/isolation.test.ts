import { randomBytes } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type RegistryBench,
  chunkOf,
  imageOf,
  never,
  openRegistryBench,
  pullBlob,
  pushBlob,
  pushImage,
  sha,
} from '../../../test/support/registry-bench.ts'
import { collect } from '../../kernel/bytes.ts'
import { MAX_INLINE_BYTES } from '../../store/bytes/staged.ts'

let bench: RegistryBench
beforeAll(async () => {
  bench = await openRegistryBench()
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
})

const at = (name: string) => ({ registry: bench.registry, name })
const unknown = { code: 'blob-unknown' }

describe('a blob', () => {
  it('is readable only where it was pushed or mounted, whoever else has it', async () => {
    const digest = await pushBlob(bench, 'a', randomBytes(50))
    await expect(pullBlob(bench, 'b', digest)).rejects.toMatchObject(unknown)
    await pushBlob(bench, 'b', Buffer.from('something else'))
    await expect(pullBlob(bench, 'b', digest)).rejects.toMatchObject(unknown)
    expect(await bench.content.mountBlob({ ...at('b'), from: 'a', digest }, never)).toBe(true)
    expect(await pullBlob(bench, 'b', digest)).toHaveLength(50)
  })

  it('that was deleted in one repository stays gone there while another has it (CVE-2026-35172)', async () => {
    const bytes = randomBytes(50)
    const digest = await pushBlob(bench, 'c', bytes)
    await pushBlob(bench, 'd', bytes)
    await pullBlob(bench, 'c', digest)
    await bench.content.deleteBlob({ ...at('c'), digest }, never)
    await pullBlob(bench, 'd', digest)
    await expect(pullBlob(bench, 'c', digest)).rejects.toMatchObject(unknown)
    await expect(bench.content.deleteBlob({ ...at('c'), digest }, never)).rejects.toMatchObject(unknown)
  })

  it('is not mounted from where it is not', async () => {
    const digest = await pushBlob(bench, 'e', randomBytes(50))
    for (const from of ['f', 'nowhere', 'Not/A/Name', '']) {
      expect(await bench.content.mountBlob({ ...at('g'), from, digest }, never), from).toBe(false)
    }
    await expect(pullBlob(bench, 'g', digest)).rejects.toMatchObject(unknown)
  })

  it('of another registry is unknown, also to its twin', async () => {
    const registry = await bench.addRegistry()
    const digest = await pushBlob(bench, 'h', randomBytes(50), registry)
    await expect(pullBlob(bench, 'h', digest)).rejects.toMatchObject(unknown)
    expect(await bench.content.mountBlob({ ...at('i'), from: 'h', digest }, never)).toBe(false)
  })

  it('does not satisfy a manifest of a repository that lacks it', async () => {
    const image = imageOf([randomBytes(50)])
    await pushImage(bench, 'j', image)
    const command = { ...at('k'), digest: null, tags: [], contentType: null, body: image.body }
    await expect(bench.content.putManifest(command, never)).rejects.toMatchObject({
      code: 'manifest-blob-unknown',
      facts: { digests: [sha(image.config), sha(image.layers[0]!)] },
    })
  })
})

describe('a row that was moved in the database', () => {
  const broken = { code: 'content-damaged' }
  const write = () => bench.process.data

  it('does not open as another tag, nor in another repository', async () => {
    const [one, two] = [imageOf([randomBytes(9)]), imageOf([randomBytes(9)])]
    await pushImage(bench, 'rows/tags', one, ['good'])
    await pushImage(bench, 'rows/tags', two, ['bad'])
    const rows = await write()
      .read.selectFrom('registry_tags')
      .selectAll()
      .where('name', 'in', ['good', 'bad'])
      .execute()
    const bad = rows.find(({ name }) => name === 'bad')!
    await write().write(async (db) => {
      const { sealed, manifest_index } = bad
      await db
        .updateTable('registry_tags')
        .set({ sealed, manifest_index })
        .where('name', '=', 'good')
        .execute()
    })
    const pull = bench.content.getManifest({ ...at('rows/tags'), reference: { tag: 'good' } }, never)
    await expect(pull).rejects.toMatchObject(broken)
  })

  it('leads to no other manifest when only its index column was changed', async () => {
    const [one, two] = [imageOf([randomBytes(9)]), imageOf([randomBytes(9)])]
    await pushImage(bench, 'rows/hint', one, ['hint1'])
    await pushImage(bench, 'rows/hint', two, ['hint2'])
    await write().write(async (db) => {
      const { manifest_index } = await db
        .selectFrom('registry_tags')
        .select('manifest_index')
        .where('name', '=', 'hint2')
        .executeTakeFirstOrThrow()
      await db.updateTable('registry_tags').set({ manifest_index }).where('name', '=', 'hint1').execute()
    })
    const pull = bench.content.getManifest({ ...at('rows/hint'), reference: { tag: 'hint1' } }, never)
    await expect(pull).rejects.toThrow('disagree')
  })

  it('makes no member of a blob in another repository, and gives no blob for another', async () => {
    const [mine, theirs] = [randomBytes(60), randomBytes(60)]
    await pushBlob(bench, 'rows/mine', mine)
    await pushBlob(bench, 'rows/theirs', theirs)
    const members = await write().read.selectFrom('registry_memberships').selectAll().execute()
    const repositories = await write().read.selectFrom('registry_repositories').selectAll().execute()
    const idOf = (name: string) => repositories.find((row) => row.name === name)!.id
    const stolen = members.find(({ repository }) => repository === idOf('rows/theirs'))!
    await write().write(async (db) => {
      await db
        .insertInto('registry_memberships')
        .values({ ...stolen, repository: idOf('rows/mine') })
        .execute()
    })
    await expect(pullBlob(bench, 'rows/mine', sha(theirs))).rejects.toMatchObject(broken)
    await write().write(async (db) => {
      await db
        .updateTable('registry_memberships')
        .set({ blob: stolen.blob })
        .where('repository', '=', idOf('rows/mine'))
        .where('blob', '!=', stolen.blob)
        .execute()
    })
    await expect(pullBlob(bench, 'rows/mine', sha(mine))).rejects.toMatchObject(broken)
  })

  it.each([
    ['in files', MAX_INLINE_BYTES + 1],
    ['in rows', 70],
  ])('puts no extent into another blob, nor at another place of its own: %s', async (_case, bytes) => {
    const path = at('rows/extents')
    const { uploadId } = await bench.content.startUpload({ ...path, algorithm: 'sha256' }, never)
    const parts = [randomBytes(bytes), randomBytes(bytes)]
    for (const part of parts) await bench.content.appendUpload({ ...path, uploadId }, chunkOf(part), never)
    const digest = sha(Buffer.concat(parts))
    await bench.content.finishUpload({ ...path, uploadId, digest }, chunkOf(Buffer.alloc(0)), never)
    const swap = (start: number, to: number) =>
      write().write(async (db) => {
        await db
          .updateTable('registry_extents')
          .set({ start: to })
          .where('owner', '=', uploadId)
          .where('start', '=', start)
          .execute()
      })
    await swap(0, 1_000_000)
    await swap(bytes, 0)
    await swap(1_000_000, bytes)
    await expect(pullBlob(bench, 'rows/extents', digest)).rejects.toMatchObject(broken)
    await swap(0, 1_000_000)
    await swap(bytes, 0)
    await swap(1_000_000, bytes)
    expect(await pullBlob(bench, 'rows/extents', digest)).toHaveLength(2 * bytes)
    await write().write(async (db) => {
      await db
        .deleteFrom('registry_extents')
        .where('owner', '=', uploadId)
        .where('start', '=', bytes)
        .execute()
    })
    await expect(pullBlob(bench, 'rows/extents', digest)).rejects.toThrow()
  })

  it.each([70, MAX_INLINE_BYTES + 1])(
    'takes no body of a row for a key, and no key for a body (%i bytes)',
    async (length) => {
      const bytes = randomBytes(length)
      await pushBlob(bench, 'rows/flipped', bytes)
      await write().write(async (db) => {
        await db
          .updateTable('registry_extents')
          .set({ is_inline: length > MAX_INLINE_BYTES ? 1 : 0 })
          .where('length', '=', length)
          .execute()
      })
      await expect(pullBlob(bench, 'rows/flipped', sha(bytes))).rejects.toMatchObject(broken)
    },
  )
})

describe('what lies on the disk', () => {
  it('holds no content, digest, annotation or media type in clear', async () => {
    const mark = 'c4n4ry-in-the-registry'
    const layer = Buffer.from(`${mark}-layer `.repeat(5_000))
    const image = imageOf([layer], {
      annotations: { note: `${mark}-annotation` },
      subject: { mediaType: 'application/x.canary', digest: sha(Buffer.from(mark)), size: 1 },
    })
    await pushImage(bench, 'canary', image, ['v1'])
    const path = at('canary')
    const { uploadId } = await bench.content.startUpload({ ...path, algorithm: 'sha256' }, never)
    await bench.content.appendUpload({ ...path, uploadId }, chunkOf(layer), never)
    const hexes = [image.digest, sha(layer), sha(image.config)].map((digest) =>
      digest.slice('sha256:'.length),
    )
    const marks = [mark, 'x.canary', ...hexes, ...hexes.map((text) => Buffer.from(text, 'hex'))]
    const files = (await readdir(bench.folder, { recursive: true, withFileTypes: true })).filter((file) =>
      file.isFile(),
    )
    expect(files.length).toBeGreaterThan(4)
    for (const file of files) {
      const bytes = await readFile(join(file.parentPath, file.name))
      expect(marks.filter((one) => bytes.includes(one))).toEqual([])
    }
    const blob = await bench.content.getBlob({ ...path, digest: sha(layer) }, never)
    expect(
      (await collect(blob.read({ start: 10, end: 90_000 }, never))).equals(layer.subarray(10, 90_000)),
    ).toBe(true)
  })
})
