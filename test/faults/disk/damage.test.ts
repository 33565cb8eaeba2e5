import { randomBytes } from 'node:crypto'
import { copyFile, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { KIB } from '../../../src/kernel/units.ts'
import { makeEstate } from '../../support/estate.ts'
import { randomImage } from '../../support/random-image.ts'
import { type Rest, type RestAnswer, openRest } from '../../support/rest.ts'
import { type RestRegistry, restRegistry, sha256 } from '../../support/rest-registry.ts'
import { type TestServer, startStrongroom } from '../../support/strongroom.ts'
import type { BuiltImage, ImagePart } from '../../tools/oci-layout.ts'

const SEGMENT = 64 * KIB
const LENGTH = 200_000

/** A blob and the file that holds it. */
interface StoredBlob {
  readonly part: ImagePart
  readonly file: string
}

describe('stored bytes that are not as they were written', () => {
  let server: TestServer
  let rest: Rest
  let registry: RestRegistry
  let kept: BuiltImage
  let one: StoredBlob
  let other: StoredBlob

  beforeAll(async () => {
    server = await startStrongroom()
    rest = await openRest(server)
    const estate = await makeEstate(rest)
    registry = restRegistry(rest, estate.registry)
    kept = randomImage()
    await registry.push('kept', 'v1', kept)
  })
  beforeEach(async () => {
    one = await store()
    other = await store()
  })
  afterAll(async () => {
    rest[Symbol.dispose]()
    await server[Symbol.asyncDispose]()
  })

  const damages: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
    'a bit of the header': (file) => flip(file, 3),
    'a bit of the first segment': (file) => flip(file, 1000),
    'a bit of the last segment': (file) => flip(file, LENGTH - 10),
    'the last byte cut off': async (file) => truncate(file, (await stat(file)).size - 1),
    'the last segment cut off': (file) => truncate(file, 3 * SEGMENT),
    'all cut off': (file) => truncate(file, 0),
    'a byte more': async (file) => writeFile(file, Buffer.concat([await readFile(file), Buffer.alloc(1)])),
    "two segments in each other's place": (file) => swapSegments(file),
    'the file of another blob of the same length': (file) => copyFile(other.file, file),
    'no file': (file) => rm(file),
  }
  it.each(Object.keys(damages))('yields no wrong byte, and no clean end: %s', async (name) => {
    await damages[name]!(one.file)
    const path = `/v2/damaged/blobs/${one.part.digest}`
    const whole = await registry.send('GET', path).catch(() => null)
    if (whole !== null) expectRefusal(whole)
    for (const start of [0, SEGMENT, LENGTH - 100]) {
      const range = await registry
        .send('GET', path, { headers: { range: `bytes=${start}-${start + 49}` } })
        .catch(() => null)
      if (range === null) continue
      if (range.status === 206) expect(range.bytes).toEqual(one.part.bytes.subarray(start, start + 50))
      else expectRefusal(range)
    }
    await expectUnharmed()
  })

  it('refuses what is read first with an answer, not with a broken connection', async () => {
    await flip(one.file, 1000)
    expectRefusal(await registry.send('GET', `/v2/damaged/blobs/${one.part.digest}`))
  })

  it("says of a manifest whose row was changed for another's that it is damaged", async () => {
    const [a, b] = [randomImage([20]), randomImage([20])]
    await registry.push('rows', 'a', a)
    await registry.push('rows', 'b', b)
    change((database) => {
      const rows = database
        .prepare(
          `select m.rowid as id, m.body as body from registry_manifests m
           join registry_repositories r on r.id = m.repository where r.name = 'rows'`,
        )
        .all()
      const put = database.prepare('update registry_manifests set body = ? where rowid = ?')
      put.run(rows[1]!['body']!, rows[0]!['id']!)
      put.run(rows[0]!['body']!, rows[1]!['id']!)
    })
    for (const tag of ['a', 'b']) expectRefusal(await registry.send('GET', `/v2/rows/manifests/${tag}`))
    await expectUnharmed()
  })

  it.each([
    ['registry_tags', 'sealed'],
    ['registry_manifests', 'sealed'],
    ['registry_blobs', 'sealed'],
    ['registry_memberships', 'sealed'],
    ['registry_extents', 'sealed'],
    ['registry_repositories', 'sealed'],
  ])('refuses in its own form what hangs on a damaged %s.%s', async (table, column) => {
    const repository = `damaged/${table.slice('registry_'.length)}`
    const image = randomImage([20])
    await registry.push(repository, 'v1', image)
    change((database) => {
      // The row that was written last.
      database
        .prepare(
          `update ${table} set ${column} = zeroblob(length(${column}))
           where rowid = (select max(rowid) from ${table} where ${column} is not null)`,
        )
        .run()
    })
    const [layer] = image.layers
    const asked = [
      `/v2/${repository}/manifests/v1`,
      `/v2/${repository}/manifests/${image.manifest.digest}`,
      `/v2/${repository}/tags/list`,
      `/acr/v1/${repository}`,
      `/acr/v1/${repository}/_manifests`,
      `/acr/v1/${repository}/_tags`,
      `/v2/${repository}/blobs/${image.config.digest}`,
      `/v2/${repository}/blobs/${layer!.digest}`,
      '/v2/_catalog',
    ]
    const answers = await Promise.all(asked.map((path) => registry.send('GET', path)))
    for (const answer of answers) if (answer.status !== 200) expectRefusal(answer)
    expect(answers.some(({ status }) => status !== 200)).toBe(true)
    await expectUnharmed()
  })

  async function store(): Promise<StoredBlob> {
    const bytes = randomBytes(LENGTH)
    const part = { mediaType: 'application/octet-stream', digest: sha256(bytes), size: LENGTH, bytes }
    const before = new Set(await files())
    await registry.pushBlob('damaged', part)
    const [file] = (await files()).filter((name) => !before.has(name))
    return { part, file: file! }
  }

  async function files(): Promise<readonly string[]> {
    const entries = await readdir(join(server.dataDir, 'bytes'), { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  }

  /** As somebody does who can write to the folder; the server has no part in it. */
  function change(work: (database: DatabaseSync) => void): void {
    const database = new DatabaseSync(join(server.dataDir, 'data.db'), { timeout: 5000 })
    work(database)
    database.close()
  }

  /** The damage is in one place, the server is well, and says nothing that it should not. */
  async function expectUnharmed(): Promise<void> {
    expect(await registry.pull('kept', 'v1')).toBe(kept.manifest.digest)
    expect(server.output()).not.toMatch(/nobody foresaw/)
  }
})

function expectRefusal(answer: RestAnswer): void {
  expect(answer.status, answer.text).toBeGreaterThanOrEqual(400)
  expect(answer.status, answer.text).not.toBe(500)
  const [error] = answer.json()['errors'] as readonly { readonly code: string; readonly message: string }[]
  expect(error?.code).toMatch(/^[A-Z_]+$/)
  expect(error?.message).toMatch(/\w/)
  expect(answer.text).not.toMatch(/\/tmp|seal-broken|bytes-|registry_|at .*\.ts/)
}

async function flip(file: string, at: number): Promise<void> {
  const bytes = await readFile(file)
  bytes[at]! ^= 1
  await writeFile(file, bytes)
}

async function swapSegments(file: string): Promise<void> {
  const bytes = await readFile(file)
  const second = Buffer.from(bytes.subarray(SEGMENT, 2 * SEGMENT))
  bytes.copy(bytes, SEGMENT, 2 * SEGMENT, 3 * SEGMENT)
  second.copy(bytes, 2 * SEGMENT)
  await writeFile(file, bytes)
}
