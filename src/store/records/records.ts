import type { Kysely, Transaction } from 'kysely'

/**
 * One database of records. Two exist, `keys.db` and `data.db`, and no transaction spans them.
 * Every engine passes `recordsContract`.
 */
export interface Records<DB> {
  /**
   * Reads on connections of their own: never wait for a writer, see only what is committed, if not yet durable. Whoever
   * destroys something for what he has read waits for `durableSoFar` first.
   */
  readonly read: Kysely<DB>

  /**
   * Runs `work` as one transaction and resolves after its commit is durable (fsync, or the engine's equal).
   * Works that wait share a commit, each in a savepoint of its own: one that throws is rolled back alone.
   * `work` does no I/O but SQL, and its effects on the process come after it has resolved.
   *
   * @throws Outage when the engine could not commit (disk full, read-only, corrupt), or cannot tell whether it did
   */
  write<T>(work: (transaction: Transaction<DB>) => Promise<T>, options?: WriteOptions): Promise<T>

  close(): Promise<void>
}

/**
 * Resolves when all that reads have seen until now is durable.
 *
 * @throws Outage as `write`
 */
export async function durableSoFar<DB>(records: Pick<Records<DB>, 'write'>): Promise<void> {
  await records.write(async () => undefined)
}

export interface WriteOptions {
  /**
   * Resolves without waiting for the disk: a power cut may take it back, together with nothing that waited; the death of the
   * process does not. For what a client begins anew when it is gone, and what no acknowledgement rests on.
   */
  readonly isFleeting?: boolean
}

/** One step of a database's history: a numbered name, never edited after release, forward only. */
export interface Migration<DB> {
  /** For instance `0003-vault`. Steps run in the order of their names. */
  readonly name: string
  up(database: Transaction<DB>): Promise<void>
}
