import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Kysely, SqliteQueryCompiler } from 'kysely'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ContractDb, contractMigrations } from './records.contract.ts'
import { type SqliteRecords, openSqliteRecords } from './sqlite/sqlite-records.ts'
import { listStatement, statement } from './statement.ts'

interface Item {
  readonly id: number
  readonly name: string
}
type Db = Kysely<ContractDb>

let folder: string
let records: SqliteRecords<ContractDb>
const open = (name: string) =>
  openSqliteRecords<ContractDb>({
    file: join(folder, name),
    migrations: contractMigrations,
    durability: 'relaxed',
  })
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'strongroom-statement-'))
  records = await open('a.db')
})
afterEach(async () => {
  vi.restoreAllMocks()
  await records.close()
  rmSync(folder, { recursive: true })
})

const byName = () =>
  statement((db: Db, { name, limit }: { readonly name: string; readonly limit: number }) =>
    db.selectFrom('item').select(['id', 'name']).where('name', '>=', name).orderBy('name').limit(limit),
  )
const itemInsert = () =>
  listStatement((db: Db, { size }: { readonly size: number | null }, items: readonly Item[]) =>
    db
      .insertInto('item')
      .values(items.map(({ id, name }) => ({ id, name, body: null, size, is_hidden: null })))
      .onConflict((conflict) => conflict.doNothing()),
  )
const idsAmong = () =>
  listStatement((db: Db, { size }: { readonly size: number }, items: readonly Pick<Item, 'id'>[]) =>
    db
      .selectFrom('item')
      .select('id')
      .where('size', '=', size)
      .where(
        'id',
        'in',
        items.map(({ id }) => id),
      ),
  )
const itemsTo = (count: number): readonly Item[] =>
  Array.from({ length: count }, (_, index) => ({ id: index + 1, name: `n${index + 1}` }))
const insert = (items: readonly Item[], size: number | null = null) =>
  records.write((db) => itemInsert().all(db, { size }, items))

describe('statement()', () => {
  it('runs with the values of each call, whatever the first was', async () => {
    await insert(itemsTo(3))
    const query = byName()
    expect(await query.all(records.read, { name: 'n2', limit: 5 })).toEqual(itemsTo(3).slice(1))
    expect(await query.all(records.read, { name: 'n', limit: 1 })).toEqual(itemsTo(1))
    expect(await query.first(records.read, { name: 'n3', limit: 1 })).toEqual({ id: 3, name: 'n3' })
    expect(await query.first(records.read, { name: 'n4', limit: 1 })).toBeNull()
  })

  it('sees what its transaction wrote', async () => {
    const query = byName()
    await records.write(async (db) => {
      await itemInsert().all(db, { size: null }, itemsTo(1))
      expect(await query.all(db, { name: '', limit: 9 })).toHaveLength(1)
      expect(await query.all(records.read, { name: '', limit: 9 })).toHaveLength(0)
    })
  })

  it('is printed once for all connections of an engine', async () => {
    const query = byName()
    const other = await open('b.db')
    const print = vi.spyOn(SqliteQueryCompiler.prototype, 'compileQuery')
    for (let turn = 0; turn < 3; turn++) {
      await query.all(records.read, { name: '', limit: turn })
      await records.write((db) => query.all(db, { name: '', limit: turn }))
    }
    // Readers and writer are two engines to Kysely.
    expect(print).toHaveBeenCalledTimes(2)
    await query.all(other.read, { name: '', limit: 1 })
    expect(print).toHaveBeenCalledTimes(3)
    await other.close()
  })

  it('refuses a value that is missing, and words that depend on one', async () => {
    const incomplete = { name: '' } as { name: string; limit: number }
    await expect(byName().all(records.read, incomplete)).rejects.toThrow('undefined')
    const compared = statement((db: Db, { limit }: { readonly limit: number }) =>
      limit > 5 ? db.selectFrom('item').select('id') : db.selectFrom('item').select('name'),
    )
    await expect(compared.all(records.read, { limit: 9 })).rejects.toThrow('cannot depend on a value')
  })
})

describe('listStatement()', () => {
  it.each([0, 1, 2, 3, 5, 8, 511, 512, 513, 1500])('takes a list of %i', async (count) => {
    await insert(itemsTo(count), 7)
    await insert([{ id: 9999, name: 'other' }], 8)
    const found = await idsAmong().all(records.read, { size: 7 }, [...itemsTo(count), { id: 9999 }])
    expect(found.map(({ id }) => id)).toEqual(itemsTo(count).map(({ id }) => id))
    expect(await idsAmong().all(records.read, { size: 7 }, itemsTo(count))).toHaveLength(count)
  })

  it('is printed once for lists of about one length', async () => {
    const query = idsAmong()
    const print = vi.spyOn(SqliteQueryCompiler.prototype, 'compileQuery')
    for (const count of [5, 6, 7, 8]) await query.all(records.read, { size: 1 }, itemsTo(count))
    expect(print).toHaveBeenCalledTimes(1)
  })
})
