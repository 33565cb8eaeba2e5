import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely'
import type { SqliteConnection } from './connection.ts'

/** The writer's connection as one work sees it: from the end of that work on it refuses every statement. */
export class WorkConnection implements DatabaseConnection {
  readonly #connection: SqliteConnection
  #hasEnded = false

  constructor(connection: SqliteConnection) {
    this.#connection = connection
  }

  begin(): void {
    this.#usable().exec('savepoint work')
  }

  /** Keeps what the work wrote, for the group's commit. */
  keep(): void {
    this.#usable().exec('release work')
    this.#hasEnded = true
  }

  /** Undoes this work alone. Nothing is left to undo when it has ended, or when SQLite has rolled all back by itself. */
  undo(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    if (!this.#connection.isTransaction) return
    this.#connection.exec('rollback to work')
    this.#connection.exec('release work')
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return await this.#usable().executeQuery<R>(query)
  }

  async *streamQuery<R>(query: CompiledQuery, chunkSize?: number): AsyncIterableIterator<QueryResult<R>> {
    for await (const chunk of this.#usable().streamQuery<R>(query, chunkSize)) {
      yield chunk
      this.#usable()
    }
  }

  #usable(): SqliteConnection {
    if (this.#hasEnded) throw new Error('a transaction was used after its work had ended')
    return this.#connection
  }
}

/** Lets Kysely's `transaction()` run one work: its begin, commit and rollback are those of a savepoint. */
export function workDriver(acquire: () => WorkConnection): Driver {
  const work = (connection: DatabaseConnection): WorkConnection => {
    if (connection instanceof WorkConnection) return connection
    throw new TypeError('not a connection of this driver')
  }
  return {
    init: async () => undefined,
    acquireConnection: async () => acquire(),
    beginTransaction: async (connection) => work(connection).begin(),
    commitTransaction: async (connection) => work(connection).keep(),
    rollbackTransaction: async (connection) => work(connection).undo(),
    releaseConnection: async (connection) => work(connection).undo(),
    destroy: async () => undefined,
  }
}
