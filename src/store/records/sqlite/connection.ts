import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely'
import { LogFile } from './log-file.ts'
import { asOutage } from './outage.ts'

/** How a commit survives: `full` also a power cut, `relaxed` only the death of the process. */
export type Durability = 'full' | 'relaxed'

const MAX_STATEMENTS = 512
/** Only another process can hold the lock, and waiting for it blocks the event loop. */
const BUSY_TIMEOUT_MS = 1_000
const MAX_WAL_BYTES_KEPT = 64 * 1024 * 1024

interface Prepared {
  readonly statement: StatementSync
  readonly returnsRows: boolean
}

/**
 * One connection with its prepared statements. Integers come back as numbers, and one beyond 2^53 throws rather than
 * lose digits; BLOBs come back as Uint8Array; booleans go in as 0 and 1.
 */
export class SqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync
  readonly #file: string
  readonly #log: LogFile | null
  /** In the order of last use. */
  readonly #statements = new Map<string, Prepared>()

  private constructor(database: DatabaseSync, file: string, log: LogFile | null) {
    this.#database = database
    this.#file = file
    this.#log = log
  }

  /** Makes the file when it is missing. Its commits are durable once `flush` says so. */
  static openWriter(file: string): SqliteConnection {
    return SqliteConnection.#open(file, false, [
      'pragma journal_mode = wal',
      'pragma synchronous = normal',
      'pragma secure_delete = on',
      `pragma journal_size_limit = ${MAX_WAL_BYTES_KEPT}`,
      // The first read makes the log.
      'select 1 from sqlite_schema',
    ])
  }

  static openReader(file: string): SqliteConnection {
    return SqliteConnection.#open(file, true, [])
  }

  static #open(file: string, readOnly: boolean, settings: readonly string[]): SqliteConnection {
    let database: DatabaseSync | undefined
    try {
      database = new DatabaseSync(file, {
        readOnly,
        timeout: BUSY_TIMEOUT_MS,
        defensive: true,
        enableForeignKeyConstraints: true,
      })
      // Sorting and sub-queries spill to memory, not to a temporary file.
      for (const setting of ['pragma trusted_schema = off', 'pragma temp_store = memory', ...settings]) {
        database.exec(setting)
      }
      const log = readOnly ? null : new LogFile(`${database.location() ?? file}-wal`)
      return new SqliteConnection(database, file, log)
    } catch (error) {
      if (database?.isOpen === true) database.close()
      throw asOutage(error, file)
    }
  }

  /**
   * Makes durable what was committed before this call: SQLite itself does so only when it empties its log.
   *
   * @throws Outage; what was committed is then in doubt until `renewLog` has succeeded, and nothing may be run here before
   */
  async flush(): Promise<void> {
    await this.#log?.sync()
  }

  /** @throws Outage while what was committed is still in doubt */
  async renewLog(): Promise<void> {
    const [state] = this.rows('pragma wal_checkpoint(noop)')
    await this.#log?.renew(Number(state?.['log']))
  }

  /** Moves the log into the database, durably, and cuts it to nothing. @returns false while a read holds on to an older state */
  emptyLog(): boolean {
    // A reader of this very thread cannot end while SQLite waits for it: so no waiting in there.
    this.rows('pragma busy_timeout = 0')
    try {
      return this.rows('pragma wal_checkpoint(truncate)')[0]?.['busy'] === 0
    } finally {
      this.rows(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`)
    }
  }

  get isTransaction(): boolean {
    return this.#database.isTransaction
  }

  /** One statement without parameters or rows. */
  exec(sql: string): void {
    this.#guarded(() => this.#prepared(sql).statement.run())
  }

  /** For pragmas and the like, whose rows are of no table. */
  rows(sql: string): readonly Readonly<Record<string, unknown>>[] {
    return this.#guarded(() => this.#database.prepare(sql).all())
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#guarded(() => {
      const { statement, returnsRows } = this.#prepared(query.sql)
      const parameters = query.parameters.map(bindable)
      if (returnsRows) return { rows: statement.all(...parameters) as R[] }
      const { changes, lastInsertRowid } = statement.run(...parameters)
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
    })
  }

  /** Holds a read transaction open between chunks: whoever streams must be the connection's only user. */
  async *streamQuery<R>(query: CompiledQuery, chunkSize = 100): AsyncIterableIterator<QueryResult<R>> {
    // Not from the cache: an iterator left half-way would be reset by the statement's next user.
    const statement = this.#guarded(() => this.#database.prepare(query.sql))
    const iterator = this.#guarded(() => statement.iterate(...query.parameters.map(bindable)))
    try {
      for (;;) {
        const rows: R[] = []
        while (rows.length < Math.max(1, chunkSize)) {
          const next = this.#guarded(() => iterator.next())
          if (next.done === true) break
          rows.push(next.value as R)
        }
        if (rows.length === 0) return
        yield { rows }
      }
    } finally {
      iterator.return?.()
    }
  }

  close(): void {
    this.#statements.clear()
    this.#log?.close()
    if (this.#database.isOpen) this.#guarded(() => this.#database.close())
  }

  #prepared(sql: string): Prepared {
    const known = this.#statements.get(sql)
    if (known !== undefined) {
      this.#statements.delete(sql)
      this.#statements.set(sql, known)
      return known
    }
    const statement = this.#database.prepare(sql)
    const prepared = { statement, returnsRows: statement.columns().length > 0 }
    this.#statements.set(sql, prepared)
    if (this.#statements.size > MAX_STATEMENTS) {
      const oldest = this.#statements.keys().next()
      if (oldest.done !== true) this.#statements.delete(oldest.value)
    }
    return prepared
  }

  #guarded<T>(step: () => T): T {
    try {
      return step()
    } catch (error) {
      throw asOutage(error, this.#file)
    }
  }
}

function bindable(value: unknown): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return value
  if (value instanceof Uint8Array) return value
  throw new TypeError(
    `a ${value === undefined ? 'parameter that is undefined' : typeof value} cannot be stored`,
  )
}
