import type { Driver } from 'kysely'
import { SqliteConnection } from './connection.ts'

/** More are of no use to one thread: only read transactions and streams hold a connection across an await. */
const MAX_READERS = 8

/** Read-only connections, lent to one query, stream or read transaction at a time; opened when first needed. */
export class Readers implements Driver {
  readonly #file: string
  readonly #whenTrusted: () => Promise<void> | null
  readonly #idle: SqliteConnection[] = []
  readonly #waiting: PromiseWithResolvers<SqliteConnection>[] = []
  #open = 0

  /** @param whenTrusted what every lending waits for: null as long as what SQLite would read is to be trusted */
  constructor(file: string, whenTrusted: () => Promise<void> | null = () => null) {
    this.#file = file
    this.#whenTrusted = whenTrusted
  }

  async init(): Promise<void> {
    // Nothing: connections open when they are asked for.
  }

  async acquireConnection(): Promise<SqliteConnection> {
    const trusted = this.#whenTrusted()
    if (trusted !== null) await trusted
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle
    if (this.#open >= MAX_READERS) {
      const waiter = Promise.withResolvers<SqliteConnection>()
      this.#waiting.push(waiter)
      return await waiter.promise
    }
    const opened = SqliteConnection.openReader(this.#file)
    this.#open += 1
    return opened
  }

  async releaseConnection(connection: SqliteConnection): Promise<void> {
    const isUsable = endRead(connection)
    if (!isUsable) this.#open -= 1
    const next = this.#waiting.shift()
    if (next === undefined) {
      if (isUsable) this.#idle.push(connection)
    } else if (isUsable) {
      next.resolve(connection)
    } else {
      this.acquireConnection().then(next.resolve, next.reject)
    }
  }

  async beginTransaction(connection: SqliteConnection): Promise<void> {
    connection.exec('begin')
  }

  async commitTransaction(connection: SqliteConnection): Promise<void> {
    connection.exec('commit')
  }

  async rollbackTransaction(connection: SqliteConnection): Promise<void> {
    connection.exec('rollback')
  }

  async destroy(): Promise<void> {
    for (const connection of this.#idle.splice(0)) connection.close()
  }
}

/** @returns false when the connection could not even end its read, and is closed. */
function endRead(connection: SqliteConnection): boolean {
  try {
    if (connection.isTransaction) connection.exec('rollback')
    return true
  } catch {
    // Whoever borrowed it has seen the disk's error already; another connection takes its place.
    connection.close()
    return false
  }
}
