import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DataDb, dataMigrations } from './data-db.ts'
import { type KeysDb, keysMigrations } from './keys-db.ts'
import type { Migration } from './records.ts'
import { openSqliteRecords } from './sqlite/sqlite-records.ts'

interface Column {
  readonly table: string
  readonly name: string
  readonly isBytes: boolean
}

/** Kept in bytes whatever their name; all else is clear, and never bytes. */
const protectedKinds = ['sealed', 'wrapped', 'keyed hash', 'mac']

describe.each([
  ['keys.db', () => columnsOf<KeysDb>(keysMigrations)],
  ['data.db', () => columnsOf<DataDb>(dataMigrations)],
])('docs/format/records.md on %s', (database, columns) => {
  let stored: readonly Column[]
  let documented: readonly (Column & { readonly kept: string; readonly why: string })[]
  beforeAll(async () => {
    stored = await columns()
    documented = columnsIn(
      await readFile(join(import.meta.dirname, '../../../docs/format/records.md'), 'utf8'),
      database,
    )
  })

  it('names each table and column once, and no other', () => {
    expect(documented.map(placeOf).sort()).toEqual(stored.map(placeOf).sort())
  })

  it('calls clear what is no bytes, and says of the rest how it is protected', () => {
    const bytes = new Set(stored.filter(({ isBytes }) => isBytes).map(placeOf))
    const claimed = documented.filter(({ kept }) => protectedKinds.includes(kept)).map(placeOf)
    expect(claimed.sort()).toEqual([...bytes].sort())
    expect(documented.filter(({ kept }) => kept !== 'clear' && !protectedKinds.includes(kept))).toEqual([])
  })

  it('gives a reason for each', () => {
    expect(documented.filter(({ why }) => why === '').map(placeOf)).toEqual([])
  })
})

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-records-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Of a database that has just been made. */
async function columnsOf<DB>(migrations: readonly Migration<DB>[]): Promise<readonly Column[]> {
  const file = join(folder, `${migrations[0]?.name ?? ''}.db`)
  const records = await openSqliteRecords<DB>({ file, migrations, durability: 'relaxed' })
  try {
    const { rows } = await sql<{ readonly table: string; readonly name: string; readonly type: string }>`
      select t.name as "table", c.name as name, c.type as type
      from sqlite_schema as t join pragma_table_info(t.name) as c
      where t.type = 'table' and t.name not like 'sqlite\\_%' escape '\\'`.execute(records.read)
    return rows.map(({ table, name, type }) => ({ table, name, isBytes: type.toLowerCase() === 'blob' }))
  } finally {
    await records.close()
  }
}

/** The rows below `### table` below `# database`. */
function columnsIn(text: string, database: string) {
  const [, part = ''] = text.split(new RegExp(`^# ${database.replace('.', '\\.')}$`, 'm'))
  const [chapter = ''] = part.split(/^# /m)
  return chapter
    .split(/^### /m)
    .slice(1)
    .flatMap((section) => {
      const table = /^`(\w+)`$/m.exec(section)?.[1] ?? `no table name: ${section.slice(0, 40)}`
      const rows = section.matchAll(/^\| `(?<name>\w+)` +\| (?<kept>[a-z ]+?) +\| (?<why>.*) \|$/gm)
      return Array.from(rows, ({ groups = {} }) => ({
        table,
        name: groups['name'] ?? '',
        kept: groups['kept'] ?? '',
        why: (groups['why'] ?? '').trim(),
        isBytes: false,
      }))
    })
}

function placeOf({ table, name }: Pick<Column, 'table' | 'name'>): string {
  return `${table}.${name}`
}
