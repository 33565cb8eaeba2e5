import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { type DataDb, dataMigrations } from '../data-db.ts'
import { openSqliteRecords } from '../sqlite/sqlite-records.ts'
import { extentsOf } from './uploads.ts'

it('takes an extent of before for one with a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-upgrade-'))
  const open = (migrations: typeof dataMigrations) =>
    openSqliteRecords<DataDb>({ file: join(folder, 'data.db'), migrations, durability: 'relaxed' })
  const before = await open(dataMigrations.filter(({ name }) => name < '0021'))
  await before.write((db) =>
    sql`insert into registry_extents (ref, registry, owner, start, length, sealed)
        values ('r', 'registry', 'blob', 0, 7, x'00')`.execute(db),
  )
  await before.close()
  const after = await open(dataMigrations)
  expect(await extentsOf(after.read, 'blob', { start: 0, end: 7 })).toMatchObject([
    { ref: 'r', length: 7, is_inline: 0 },
  ])
  await after.close()
  await rm(folder, { recursive: true })
})
