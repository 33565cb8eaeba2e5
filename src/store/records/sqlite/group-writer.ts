import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'
import { Kysely, type Transaction } from 'kysely'
import { Outage } from '../../../kernel/fault.ts'
import { SECOND_MS } from '../../../kernel/units.ts'
import type { WriteOptions } from '../records.ts'
import type { Durability, SqliteConnection } from './connection.ts'
import { sqliteDialect } from './dialect.ts'
import { breaksConnection } from './outage.ts'
import { WorkConnection, workDriver } from './work-connection.ts'

export interface GroupWriterOptions {
  readonly openConnection: () => SqliteConnection
  readonly durability?: Durability
  /** A group takes no further work once it has this many, */
  readonly maxWorks?: number
  /** or has run for this long. */
  readonly maxMs?: number
  /** A work that has not ended by then is rolled back: it waits for something it must not wait for. */
  readonly maxWorkMs?: number
}

type Outcome = { readonly value: unknown } | { readonly error: unknown }

interface Job<DB> {
  readonly isFleeting: boolean
  readonly work: (transaction: Transaction<DB>) => Promise<unknown>
  readonly answer: PromiseWithResolvers<unknown>
}

/**
 * The one writer. Works queue; a group of them shares one `begin immediate`, one commit and one flush, each in a
 * savepoint of its own. Nobody hears of an outcome, a refusal included, before the commit is durable: it may rest on what
 * an earlier work of the same group wrote. Readers may see a commit some milliseconds before it is.
 */
export class GroupWriter<DB> {
  readonly #options: Required<GroupWriterOptions>
  readonly #kysely: Kysely<DB>
  readonly #queue: Job<DB>[] = []
  readonly #between: (() => void)[] = []
  /** Inside a work: whether that work still runs. */
  readonly #running = new AsyncLocalStorage<{ isActive: boolean }>()
  #connection: SqliteConnection | null = null
  #current: WorkConnection | null = null
  #draining: Promise<void> | null = null
  /** Why it is not known whether what was committed last is durable. Until it is, nothing is read, or written on top of it. */
  #doubt: Outage | null = null
  #isClosed = false

  constructor(options: GroupWriterOptions) {
    this.#options = { durability: 'full', maxWorks: 256, maxMs: 10, maxWorkMs: 10 * SECOND_MS, ...options }
    const driver = workDriver(() => {
      if (this.#current === null) throw new Error('no work is under way')
      return this.#current
    })
    this.#kysely = new Kysely<DB>({ dialect: sqliteDialect(driver) })
  }

  async write<T>(
    work: (transaction: Transaction<DB>) => Promise<T>,
    { isFleeting = false }: WriteOptions = {},
  ): Promise<T> {
    if (this.#running.getStore()?.isActive === true) {
      throw new Error('write() inside the work of another write() would wait for itself')
    }
    this.#assertOpen()
    const answer = Promise.withResolvers<unknown>()
    this.#queue.push({ work, answer, isFleeting })
    this.#wake()
    return (await answer.promise) as T
  }

  /** Runs `step` on the writer's connection while no transaction is open there. */
  async between<T>(step: (connection: SqliteConnection) => T): Promise<T> {
    this.#assertOpen()
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#between.push(() => {
      try {
        resolve(step(this.#opened()))
      } catch (error) {
        this.#recover(error)
        reject(error)
      }
    })
    this.#wake()
    return await promise
  }

  /**
   * Null but after a flush that failed: then resolves once the log is renewed. Until that is tried, memory may hold old pages
   * for those that the disk did not take.
   *
   * @throws Outage
   */
  whenTrusted(): Promise<void> | null {
    return this.#doubt === null ? null : this.between(() => undefined)
  }

  /** What was queued before is still written. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#draining
    await this.#clearDoubt()
    this.#connection?.close()
    this.#connection = null
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Error('the records are closed')
  }

  /** @throws Outage while there is a doubt */
  #opened(): SqliteConnection {
    if (this.#doubt !== null) throw this.#doubt
    return (this.#connection ??= this.#options.openConnection())
  }

  #wake(): void {
    this.#draining ??= this.#drain()
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0 || this.#between.length > 0) {
      // Whatever arrived with the same turn of the event loop joins the group; and between groups others get their turn.
      await setImmediate()
      await this.#clearDoubt()
      for (const step of this.#between.splice(0)) step()
      if (this.#queue.length > 0) await this.#group()
    }
    this.#draining = null
  }

  async #group(): Promise<void> {
    const members: { readonly job: Job<DB>; outcome: Outcome | null }[] = []
    try {
      const connection = this.#opened()
      connection.exec('begin immediate')
      const startedAt = performance.now()
      do {
        const job = this.#queue.shift()
        if (job === undefined) break
        const member = { job, outcome: null as Outcome | null }
        members.push(member)
        const outcome = (member.outcome = await this.#run(connection, job))
        // Some errors (disk full, I/O) make SQLite roll the whole transaction back.
        if (!connection.isTransaction)
          throw 'error' in outcome ? outcome.error : new Error('a work ended the transaction')
      } while (members.length < this.#options.maxWorks && performance.now() - startedAt < this.#options.maxMs)
      connection.exec('commit')
      await this.#flush(connection, members)
    } catch (error) {
      this.#recover(error)
      const failed =
        members.length > 0 ? members.map(({ job }) => job) : this.#queue.splice(0, this.#options.maxWorks)
      const outage =
        error instanceof Outage ? error : new Outage('nothing could be committed', { cause: error })
      for (const job of failed) job.answer.reject(outage)
      return
    }
    for (const { job, outcome } of members) {
      if (outcome === null || 'error' in outcome) job.answer.reject(outcome?.error)
      else job.answer.resolve(outcome.value)
    }
  }

  async #flush(connection: SqliteConnection, members: readonly { readonly job: Job<DB> }[]): Promise<void> {
    if (this.#options.durability === 'relaxed' || members.every(({ job }) => job.isFleeting)) return
    await this.#doubted(connection.flush())
  }

  async #clearDoubt(): Promise<void> {
    if (this.#doubt === null || this.#connection === null) return
    // Who waits hears of it from the next step.
    await this.#doubted(this.#connection.renewLog()).catch(() => undefined)
  }

  async #doubted(syncing: Promise<void>): Promise<void> {
    try {
      await syncing
      this.#doubt = null
    } catch (error) {
      this.#doubt = error instanceof Outage ? error : new Outage('a commit is in doubt', { cause: error })
      throw error
    }
  }

  async #run(connection: SqliteConnection, { work }: Job<DB>): Promise<Outcome> {
    const current = new WorkConnection(connection)
    const marker = { isActive: true }
    const { promise: overdue, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      reject(new Error(`a transaction's work did not end within ${this.#options.maxWorkMs} ms`))
    }, this.#options.maxWorkMs)
    this.#current = current
    try {
      const done = this.#running.run(marker, () => this.#kysely.transaction().execute(work))
      return { value: await Promise.race([done, overdue]) }
    } catch (error) {
      return { error }
    } finally {
      clearTimeout(timer)
      marker.isActive = false
      this.#current = null
      current.undo()
    }
  }

  /** Leaves the writer so that the next group works as soon as the disk does. */
  #recover(cause: unknown): void {
    const connection = this.#connection
    if (connection === null) return
    try {
      if (connection.isTransaction) connection.exec('rollback')
      if (!breaksConnection(cause)) return
    } catch {
      // What could not be rolled back goes with its connection; the group's own error is the one that is reported.
    }
    this.#connection = null
    try {
      connection.close()
    } catch {
      // As above.
    }
  }
}
