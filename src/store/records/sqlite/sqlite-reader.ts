import { Kysely } from 'kysely'
import type { Records } from '../records.ts'
import { sqliteDialect } from './dialect.ts'
import { Readers } from './readers.ts'

/** A database that this process only reads, whatever version of ours wrote it: nothing is migrated. */
export interface SqliteReader<DB> extends AsyncDisposable {
  readonly read: Records<DB>['read']
}

/** Opens the file when it is first read. */
export function openSqliteReader<DB>(file: string): SqliteReader<DB> {
  const readers = new Readers(file)
  const read = new Kysely<DB>({ dialect: sqliteDialect(readers) })
  return {
    read,
    async [Symbol.asyncDispose]() {
      await read.destroy()
      await readers.destroy()
    },
  }
}
