import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { Kysely } from 'kysely'
import { Outage } from '../../../kernel/fault.ts'
import { SECOND_MS } from '../../../kernel/units.ts'
import { DataFolderError } from '../../data-folder-error.ts'
import { type Migration, type Records, durableSoFar } from '../records.ts'
import { type Durability, SqliteConnection } from './connection.ts'
import { sqliteDialect } from './dialect.ts'
import { GroupWriter } from './group-writer.ts'
import { migrate } from './migrate.ts'
import { asOutage } from './outage.ts'
import { Readers } from './readers.ts'

export interface SqliteRecords<DB> extends Records<DB> {
  /**
   * Takes what was deleted or overwritten out of the write-ahead log too, durably, by emptying it; `secure_delete` has
   * zeroed the database's own pages. To be called after a key was destroyed.
   *
   * @throws Outage while a read holds on to an older state for longer than some seconds
   */
  scrub(): Promise<void>
  /** Copies the state of one instant to a new file (0600), off this thread and while writing goes on. */
  backupTo(file: string): Promise<void>
  /** What SQLite finds wrong with structure and references; empty when all is well. Reads the whole database, blocking. */
  integrityProblems(): string[]
}

export interface SqliteRecordsOptions<DB> {
  readonly file: string
  readonly migrations: readonly Migration<DB>[]
  readonly durability: Durability
}

const MAX_SCRUB_MS = 10 * SECOND_MS
const SCRUB_RETRY_MS = 20

/**
 * Opens the database, makes it when it is missing, and brings its schema up to date. One process at a time: whoever opens
 * holds the data folder's lock.
 *
 * @throws DataFolderError when a newer binary wrote it, or when it is damaged
 */
export async function openSqliteRecords<DB>(options: SqliteRecordsOptions<DB>): Promise<SqliteRecords<DB>> {
  const { file, migrations, durability } = options
  await makePrivate(file)
  const writer = new GroupWriter<DB>({
    openConnection: () => SqliteConnection.openWriter(file),
    durability,
  })
  const readers = new Readers(file, () => writer.whenTrusted())
  const read = new Kysely<DB>({ dialect: sqliteDialect(readers) })
  try {
    await writer.between((connection) => connection.rows('select 1 from sqlite_schema'))
    // Whatever it finds to do, its first commit makes durable what a process that was killed left in the log: nothing is
    // read, and acted on, that a power cut could still take back.
    await migrate(writer, migrations, basename(file))
    await writer.between(refuseDeferred)
  } catch (error) {
    await writer.close()
    if (error instanceof Outage) throw new DataFolderError(error.message, { cause: error })
    throw error
  }
  return {
    read,
    write: async (work, options) => await writer.write(work, options),
    scrub: async () => await scrub(writer, file),
    backupTo: async (target) => await backupTo(file, target),
    integrityProblems: () => integrityProblems(file),
    async close() {
      // The writer last: only the last connection to close empties the log into the database, and readers may not.
      await read.destroy()
      await readers.destroy()
      await writer.close()
    },
  }
}

/** The database is made by us, not by SQLite, whose mode would follow the umask; its log takes over the mode. */
async function makePrivate(file: string): Promise<void> {
  try {
    await (await open(file, 'a', 0o600)).close()
  } catch (error) {
    throw new DataFolderError(`${file} cannot be opened for writing: see to its owner and mode`, {
      cause: error,
    })
  }
}

/** A deferred constraint would surface at the commit, and take down the works of others that share it. */
function refuseDeferred(connection: SqliteConnection): void {
  const [first] = connection.rows("select name from sqlite_schema where sql like '%initially%deferred%'")
  if (first !== undefined) throw new Error(`table ${String(first['name'])} has a deferred constraint`)
}

async function scrub<DB>(writer: GroupWriter<DB>, file: string): Promise<void> {
  const deadline = performance.now() + MAX_SCRUB_MS
  for (;;) {
    const isEmptied = await writer.between((connection) => connection.emptyLog())
    if (isEmptied) break
    if (performance.now() > deadline)
      throw new Outage(`${basename(file)} could not be scrubbed: it is being read`)
    await setTimeout(SCRUB_RETRY_MS)
  }
  // That the log was cut is durable with the next commit.
  await durableSoFar(writer)
}

async function backupTo(file: string, target: string): Promise<void> {
  const handle = await open(target, 'wx', 0o600)
  try {
    const source = new DatabaseSync(file, { readOnly: true })
    try {
      // All pages in one step, which runs on a thread of the pool: the copy is of one instant, and never starts over.
      await backup(source, target, { rate: 2 ** 31 - 1 })
    } finally {
      source.close()
    }
    await handle.sync()
  } catch (error) {
    throw asOutage(error, file)
  } finally {
    await handle.close()
  }
}

function integrityProblems(file: string): string[] {
  const connection = SqliteConnection.openReader(file)
  try {
    const structure = connection.rows('pragma integrity_check').map((row) => String(row['integrity_check']))
    const references = connection.rows('pragma foreign_key_check').map((row) => {
      return `a row of ${String(row['table'])} refers to a missing row of ${String(row['parent'])}`
    })
    return [...structure.filter((line) => line !== 'ok'), ...references]
  } finally {
    connection.close()
  }
}
