import { sql } from 'kysely'
import { type Migration } from '../../src/store/records/records.ts'
import { SqliteConnection } from '../../src/store/records/sqlite/connection.ts'
import { openSqliteRecords } from '../../src/store/records/sqlite/sqlite-records.ts'

/** Records in a process of their own, which ends with the power. Told by its parent what to do, it answers each time. */
export type Command = { readonly put: number } | 'ids' | 'begin-log-anew'
export type Reply = { readonly told: unknown } | { readonly refused: string }

interface Db {
  readonly item: { readonly id: number; readonly body: Uint8Array }
}

const migrations: readonly Migration<Db>[] = [
  {
    name: '0001-item',
    async up(db) {
      await sql`create table item (id integer primary key, body blob not null)`.execute(db)
    },
  },
]

const file = process.argv[2] ?? ''
const records = await openSqliteRecords<Db>({ file, migrations, durability: 'full' })

async function run(command: Command): Promise<unknown> {
  if (command === 'ids')
    return (await records.read.selectFrom('item').select('id').orderBy('id').execute()).map(({ id }) => id)
  if (command === 'begin-log-anew') {
    // What is written from here on lies where the log has been before: the disk has nothing to write but these bytes.
    const other = SqliteConnection.openWriter(file)
    other.rows('pragma wal_checkpoint(restart)')
    other.close()
    return null
  }
  const body = Buffer.alloc(3000, command.put)
  await records.write(async (db) => await db.insertInto('item').values({ id: command.put, body }).execute())
  return null
}

process.on('message', (command: Command) => {
  run(command).then(
    (told) => process.send?.({ told } satisfies Reply),
    (error: unknown) => process.send?.({ refused: String(error) } satisfies Reply),
  )
})
