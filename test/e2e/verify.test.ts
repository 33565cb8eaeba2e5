import { randomBytes } from 'node:crypto'
import { cp, mkdir, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KIB } from '../../src/kernel/units.ts'
import { type VerifyReport, verify } from '../../src/server/verify.ts'
import { runStrongroom } from '../support/command-line.ts'
import { makeEstate, makeRegistry, newKeyVersion } from '../support/estate.ts'
import { restRegistry, sha256 } from '../support/rest-registry.ts'
import { openRest } from '../support/rest.ts'
import { type TestServer, startStrongroom } from '../support/strongroom.ts'
import { type BuiltImage, buildOciImage } from '../tools/oci-layout.ts'

let folder: string
/** A data folder that is sound: `open1` opens, `refused1` has its key disabled. */
let sound: string
let server: TestServer
let image: BuiltImage

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-verify-'))
  sound = join(folder, 'sound')
  server = await startStrongroom({ dataDir: sound })
  using rest = await openRest(server)
  const { group, vault, identity } = await makeEstate(rest, { registry: 'open1' })
  const keyId = await newKeyVersion(rest, vault, 'key2')
  await makeRegistry(rest, group, 'refused1', { keyId, identity })
  image = imageOf(200 * KIB)
  for (const name of ['open1', 'refused1']) {
    const registry = restRegistry(rest, name)
    await registry.push('app', 'v1', image)
    await registry.push('app', 'v2', imageOf(20 * KIB))
    for (const blob of twins) await registry.pushBlob('app', blob)
    const upload = await registry.send('POST', '/v2/app/blobs/uploads/')
    await registry.send('PATCH', upload.headers.location ?? '', { body: Buffer.from('unfinished') })
  }
  await rest.armDone('PUT', '/resourceGroups/gone', { location: 'eastus' })
  const version = keyId.split('/').at(-1) ?? ''
  await rest.vaultDone(vault, 'PATCH', `/keys/key2/${version}`, { attributes: { enabled: false } })
  await server.stop()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** Two blobs of one length. */
const twins = [1, 2].map(() => {
  const bytes = randomBytes(30 * KIB)
  return { mediaType: 'application/octet-stream', digest: sha256(bytes), size: bytes.length, bytes }
})

function imageOf(bytes: number): BuiltImage {
  return buildOciImage({ layers: [1, 2].map(() => [{ path: 'srv/data', bytes: randomBytes(bytes) }]) })
}

let copies = 0
/** Verifies a copy after `harm` was done to it. */
async function verified(harm: (dataDir: string) => unknown = () => undefined): Promise<VerifyReport> {
  const dataDir = join(folder, `copy-${copies++}`)
  await cp(sound, dataDir, { recursive: true })
  await harm(dataDir)
  try {
    return await verify({ dataDir, sealKeyFile: null, leaseMs: 5_000, remoteVaults: [], log: quiet })
  } finally {
    await rm(dataDir, { recursive: true })
  }
}
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }

const damageOf = ({ damage }: VerifyReport) =>
  damage.map(({ where, problem }) => `${where}: ${problem}`).join('\n')

function sql(dataDir: string, name: 'keys.db' | 'data.db', ...statements: readonly string[]): void {
  const database = new DatabaseSync(join(dataDir, name), { enableForeignKeyConstraints: false })
  try {
    for (const statement of statements)
      expect(database.prepare(statement).run().changes, statement).toBeGreaterThan(0)
  } finally {
    database.close()
  }
}
function rows(dataDir: string, name: 'keys.db' | 'data.db', query: string): Record<string, unknown>[] {
  const database = new DatabaseSync(join(dataDir, name), { readOnly: true })
  try {
    return database.prepare(query).all()
  } finally {
    database.close()
  }
}

/** Files of the extents of one registry's blobs, the longest first. */
/** The longest first. @param bytes only those of that length */
function blobFiles(dataDir: string, name: string, bytes: number | null = null): string[] {
  const uid = uidOf(dataDir, name)
  const query = `select e.ref as ref from registry_extents e join registry_blobs b on b.id = e.owner
    where e.registry = '${uid}' and e.is_inline = 0 and e.length = ${bytes ?? 'e.length'} order by e.length desc`
  return rows(dataDir, 'data.db', query).map(({ ref }) => fileOf(dataDir, String(ref)))
}
function fileOf(dataDir: string, ref: string): string {
  return join(dataDir, 'bytes', ref.slice(0, 2), ref)
}
function uidOf(dataDir: string, name: string): string {
  return String(rows(dataDir, 'keys.db', `select uid from resources where name_key = '${name}'`)[0]?.['uid'])
}
async function flip(file: string, at: number): Promise<void> {
  const bytes = await readFile(file)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(file, bytes)
}

/** Another last byte. */
const flipped = (column: string) =>
  `cast(substr(${column}, 1, length(${column}) - 1) || iif(substr(${column}, -1) = x'00', x'01', x'00') as blob)`

describe('strongroom verify', () => {
  it('finds nothing wrong with what is sound, opens what it may, and says where it may not', async () => {
    const report = await verified()
    expect(damageOf(report)).toBe('')
    expect(report).toMatchObject({ ok: true, wrappings: 2, stored: { extents: 18, unnamedFiles: 0 } })
    expect(report.documents).toBeGreaterThan(20)
    const [open, refused] = report.registries.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    expect(open).toMatchObject({
      name: 'open1',
      key: 'open',
      content: { repositories: 1, manifests: 2, tags: 2, blobs: 8, incomplete: [] },
    })
    const expected = 2 * (200 + 20 + 30) * KIB
    expect(open?.content?.bytes).toBeGreaterThan(expected)
    expect(open?.content?.bytes).toBeLessThan(expected * 1.1)
    expect(refused).toMatchObject({ name: 'refused1', key: 'refused', cause: 'key-disabled', content: null })
  })

  it('counts files that nothing names, and calls them no damage', async () => {
    const report = await verified(async (dir) => {
      const file = fileOf(dir, '0123456789abcdef'.repeat(2))
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, 'left behind')
    })
    expect(report).toMatchObject({ ok: true, stored: { unnamedFiles: 1, unnamedBytes: 11 } })
  })

  it('names manifests that lack a blob, which is no damage: a client may have deleted it', async () => {
    const digest = image.layers[0]?.digest ?? ''
    const report = await verified((dir) => {
      const [blob] = rows(
        dir,
        'data.db',
        `select m.blob as id from registry_memberships m join registry_blobs b on b.id = m.blob
         where b.registry = '${uidOf(dir, 'open1')}' order by b.size desc limit 1`,
      )
      const id = String(blob?.['id'])
      sql(
        dir,
        'data.db',
        `delete from registry_memberships where blob = '${id}'`,
        `delete from registry_blobs where id = '${id}'`,
        `update registry_extents set sealed = null, doomed_at = 1 where owner = '${id}'`,
      )
    })
    expect(digest).not.toBe('')
    expect(damageOf(report)).toBe('')
    expect(report.registries.find(({ name }) => name === 'open1')?.content?.incomplete).toEqual([
      `open1/app@${image.manifest.digest}`,
    ])
  })
})

describe('strongroom verify names damage of bytes:', () => {
  const layers = () => image.layers.map(({ digest }) => `open1@${digest}: its bytes do not open`)
  const first = (dir: string, registry = 'open1') => blobFiles(dir, registry)[0] ?? ''

  it.each([
    ['in the header', 5],
    ['in the first segment', 1000],
    ['in the last tag', 200 * KIB],
  ])('a flipped bit %s', async (_, at) => {
    const report = await verified((dir) => flip(first(dir), at))
    expect(report).toMatchObject({ ok: false, damageCount: 1 })
    expect(layers().some((line) => damageOf(report).startsWith(line))).toBe(true)
  })

  it('two files of one length exchanged', async () => {
    const report = await verified(async (dir) => {
      const [one = '', other = ''] = blobFiles(dir, 'open1', 30 * KIB)
      await rename(one, `${one}.moved`)
      await rename(other, one)
      await rename(`${one}.moved`, other)
    })
    expect(report.damageCount).toBe(2)
    for (const { digest } of twins)
      expect(damageOf(report)).toContain(`open1@${digest}: its bytes do not open`)
  })

  it.each(['open1', 'refused1'])('a file cut short, one too long, one missing (%s)', async (registry) => {
    const report = await verified(async (dir) => {
      const [one = '', two = '', three = ''] = blobFiles(dir, registry)
      await truncate(one, 65_536)
      await writeFile(two, 'x', { flag: 'a' })
      await rm(three)
    })
    expect(report.damageCount).toBe(3)
    expect(damageOf(report)).toMatch(/^extent \w+ of blob \S+: its file has 65536 bytes instead of \d+$/m)
    expect(damageOf(report)).toMatch(/^extent \w+ of blob \S+: its file has \d+ bytes instead of \d+$/m)
    expect(damageOf(report)).toMatch(/^extent \w+ of blob \S+: its file is missing$/m)
  })

  it("of another registry's bytes under the same digest", async () => {
    const report = await verified(async (dir) => {
      await cp(first(dir, 'refused1'), first(dir))
    })
    expect(layers().some((line) => damageOf(report).startsWith(line))).toBe(true)
  })
})

describe('strongroom verify names edited rows of data.db:', () => {
  const ofOpen = (dir: string) =>
    `(select id from registry_repositories where registry = '${uidOf(dir, 'open1')}')`

  it.each<[string, (dir: string) => readonly string[], RegExp]>([
    [
      'a tag that leads elsewhere',
      (dir) => [
        `update registry_tags set manifest_index = (select manifest_index from registry_tags where name = 'v2' and repository in ${ofOpen(dir)}) where name = 'v1' and repository in ${ofOpen(dir)}`,
      ],
      /^open1\/app:v1: its row leads to another manifest/m,
    ],
    [
      "a tag with another's document",
      (dir) => [
        `update registry_tags set sealed = (select sealed from registry_tags where name = 'v2' and repository in ${ofOpen(dir)}) where name = 'v1' and repository in ${ofOpen(dir)}`,
      ],
      /^open1\/app:v1: its row does not open/m,
    ],
    [
      "a manifest's body",
      (dir) => [`update registry_manifests set body = ${flipped('body')} where repository in ${ofOpen(dir)}`],
      /^open1\/app, manifest \w+: its row does not open/m,
    ],
    [
      "a manifest's size",
      (dir) => [`update registry_manifests set size = size + 1 where repository in ${ofOpen(dir)}`],
      /^open1\/app@sha256:\w+: the manifest's row was altered/m,
    ],
    [
      'a manifest that is gone',
      (dir) => [`delete from registry_manifests where repository in ${ofOpen(dir)}`],
      /^tag \w+:v1: its manifest is missing$/m,
    ],
    [
      'a reference that is gone',
      (dir) => [
        `delete from registry_references where rowid = (select min(rowid) from registry_references where repository in ${ofOpen(dir)})`,
      ],
      /^open1\/app@sha256:\w+: its references in the rows are not those of the document$/m,
    ],
    [
      'a reference of nothing',
      () => [`insert into registry_references values ('nowhere', x'01', 'blob', x'02')`],
      /^reference nowhere\/01: its manifest is missing$/m,
    ],
    [
      "a blob's size",
      (dir) => [`update registry_blobs set size = size + 1 where registry = '${uidOf(dir, 'open1')}'`],
      /^blob \S+: its extents have a gap or an overlap at byte \d+ of \d+$/m,
    ],
    [
      'a blob that is gone',
      () => ['delete from registry_blobs'],
      /^membership \w+\/\w+: its blob is missing$/m,
    ],
    [
      'a blob that no repository has',
      (dir) => [`delete from registry_memberships where repository in ${ofOpen(dir)}`],
      /^blob \S+: no repository has it$/m,
    ],
    [
      "a blob's document",
      (dir) => [
        `update registry_blobs set sealed = ${flipped('sealed')} where registry = '${uidOf(dir, 'open1')}'`,
      ],
      /^open1, blob \S+: its row does not open/m,
    ],
    [
      "a membership of another's blob",
      (dir) => [
        `update registry_memberships set blob = (select id from registry_blobs where registry = '${uidOf(dir, 'refused1')}' limit 1) where repository in ${ofOpen(dir)}`,
      ],
      /^open1\/app, blob \S+: its row leads to another blob/m,
    ],
    [
      'a repository that is gone',
      (dir) => [`delete from registry_repositories where id in ${ofOpen(dir)}`],
      /^manifest \w+\/\w+: its repository is missing$/m,
    ],
    [
      'a repository under another name',
      (dir) => [`update registry_repositories set name = 'other' where id in ${ofOpen(dir)}`],
      /^open1\/other: its row does not open/m,
    ],
    [
      'an extent that is gone',
      (dir) => [
        `delete from registry_extents where registry = '${uidOf(dir, 'open1')}' and owner in (select id from registry_blobs)`,
      ],
      /^blob \S+: its extents have a gap or an overlap at byte 0 of \d+$/m,
    ],
    [
      "an extent's key",
      (dir) => [
        `update registry_extents set sealed = ${flipped('sealed')} where registry = '${uidOf(dir, 'open1')}'`,
      ],
      /^open1@sha256:\w+: its bytes do not open/m,
    ],
    [
      'an extent without a key',
      () => ['update registry_extents set sealed = null'],
      /^extent \w+ of \S+: its key is missing$/m,
    ],
    [
      'an extent of nothing',
      () => [`update registry_extents set owner = 'nothing' where rowid = 1`],
      /^extent \w+ of nothing: no blob and no upload has it$/m,
    ],
    [
      "an upload's document",
      (dir) => [
        `update registry_uploads set sealed = ${flipped('sealed')} where repository in ${ofOpen(dir)}`,
      ],
      /^open1\/app, unfinished upload \S+: its row does not open/m,
    ],
    [
      'an altered wrapping',
      () => [`update wrapping set mac = ${flipped('mac')}`],
      /registries\/refused1: its wrapped root key is refused: it was altered, or belongs/m,
    ],
    [
      'an older wrapping',
      () => ['update wrapping set generation = generation + 1'],
      /registries\/open1: its wrapped root key is refused: the data records are newer/m,
    ],
    [
      'no wrapping',
      () => ['delete from wrapping'],
      /registries\/open1: its wrapped root key is refused: it is missing/m,
    ],
  ])('%s', async (_, statements, damage) => {
    const report = await verified((dir) => sql(dir, 'data.db', ...statements(dir)))
    expect(report.ok).toBe(false)
    expect(damageOf(report)).toMatch(damage)
  })
})

describe('strongroom verify names edited rows of keys.db:', () => {
  it('a flipped bit in any sealed column of any table', async () => {
    const tables = rows(sound, 'keys.db', "select name from sqlite_schema where type = 'table'").map(
      ({ name }) => String(name),
    )
    let count = 0
    for (const table of tables) {
      if (['installation_key', 'secret', 'schema_history'].includes(table)) continue
      for (const column of rows(sound, 'keys.db', `pragma table_info(${table})`)) {
        const [name, type] = [String(column['name']), String(column['type']).toLowerCase()]
        const [filled] = rows(
          sound,
          'keys.db',
          `select count(*) as count from ${table} where ${name} is not null`,
        )
        if (type !== 'blob' || filled?.['count'] === 0) continue
        count++
        const report = await verified((dir) =>
          sql(
            dir,
            'keys.db',
            `update ${table} set ${name} = ${flipped(name)} where rowid = (select max(rowid) from ${table} where ${name} is not null)`,
          ),
        )
        const named = table === 'vault_audit' && name === 'mac' ? 'audit log' : table
        expect(damageOf(report), `${table}.${name}`).toMatch(new RegExp(`^keys.db, ${named}`, 'm'))
      }
    }
    expect(count).toBeGreaterThan(10)
  })

  it.each<[string, string, RegExp]>([
    [
      'keys that are gone',
      'delete from key_secrets',
      /^\/subscriptions\/\S+\/registries\/open1: its keys are missing/m,
    ],
    [
      'an audit entry that is gone',
      'delete from vault_audit where seq = 2',
      /^keys.db, audit log, entry 3: the chain breaks/m,
    ],
    [
      'an audit entry of another time',
      'update vault_audit set at = at + 1 where seq = 2',
      /^keys.db, audit log, entry 2: the chain breaks/m,
    ],
    [
      'a resource under another name',
      "update resources set name_key = 'other' where name_key = 'open1'",
      /^keys.db, resources/m,
    ],
    [
      "the registries' token key",
      "update secret set sealed = zeroblob(100) where name = 'registry-token-signer'",
      /^keys.db, secret\/registry-token-signer/m,
    ],
  ])('%s', async (_, statement, damage) => {
    const report = await verified((dir) => sql(dir, 'keys.db', statement))
    expect(report.ok).toBe(false)
    expect(damageOf(report)).toMatch(damage)
  })

  it('a directory that does not open; what no key is needed for is looked at all the same', async () => {
    const report = await verified((dir) =>
      sql(dir, 'keys.db', 'update directory_objects set document = zeroblob(100)'),
    )
    expect(report.stored.extents).toBe(18)
    expect(report.registries.map(({ key, cause }) => [key, cause])).toEqual([
      ['not asked', 'the keys store is damaged'],
      ['not asked', 'the keys store is damaged'],
    ])
  })
})

describe('strongroom verify says in one line why it cannot begin', () => {
  it.each<[string, (dir: string) => Promise<unknown>, RegExp]>([
    [
      'keys.db is missing',
      (dir) => rm(join(dir, 'keys.db')),
      /keys\.db is missing: restore the data folder from a backup/,
    ],
    [
      'data.db is no database',
      (dir) => writeFile(join(dir, 'data.db'), randomBytes(8192)),
      /data\.db is not a database/,
    ],
    [
      'the seal key is missing',
      (dir) => rm(join(dir, 'secrets/seal.key')),
      /the seal key \S+ is missing: name the file/,
    ],
    ['it is no data folder', (dir) => rm(join(dir, 'FORMAT')), /is no data folder of Strongroom/],
    [
      "the audit log's key is damaged",
      async (dir) =>
        sql(dir, 'keys.db', "update secret set sealed = zeroblob(65) where name = 'audit-chain-key'"),
      /the audit log's key is damaged/,
    ],
  ])('when %s', async (_, harm, words) => {
    await expect(verified(harm)).rejects.toThrow(words)
  })
})

describe('the command', () => {
  it('prints a table and ends with 0; or the damage, what to do, and 1; refuses a folder in use; verifies a backup', async () => {
    const dataDir = join(folder, 'command')
    const backup = join(folder, 'backup')
    await cp(sound, dataDir, { recursive: true })
    const sealKey = ['--seal-key', join(dataDir, 'secrets/seal.key')]
    await server.start()
    const inUse = await runStrongroom('verify', '--data', sound)
    expect(inUse).toMatchObject({ code: 1, stdout: '' })
    expect(inUse.stderr).toMatch(/is in use by process \d+: stop that one first/)
    expect(await runStrongroom('backup', backup, '--data', sound)).toMatchObject({ code: 0 })
    await server.stop()

    const good = await runStrongroom('verify', '--data', backup, ...sealKey)
    expect(good).toMatchObject({ code: 0, stderr: '' })
    expect(good.stdout).toMatch(/^open1 +key opens: 2 manifests, 2 tags, 8 blobs, /m)
    expect(good.stdout).toMatch(/^refused1 +key refused \(key-disabled\): lengths and references only$/m)
    expect(good.stdout).toMatch(/\nAll that was looked at is sound\.\n$/)

    await flip(blobFiles(dataDir, 'open1')[0] ?? '', 3000)
    const bad = await runStrongroom('verify', '--data', dataDir)
    expect(bad).toMatchObject({ code: 1, stderr: '' })
    expect(bad.stdout).toMatch(/^Damage \(1\):\n {2}open1@sha256:\w+: its bytes do not open/m)
    expect(bad.stdout).toMatch(/^What to do: /m)
    const json = await runStrongroom('verify', '--data', dataDir, '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, damageCount: 1 })
  })
})
