import type { Kysely } from 'kysely'

/** Runs several reads on one state of the database: that of a transaction under way, or of a read transaction of their own. */
export async function inSnapshot<DB, T>(db: Kysely<DB>, work: (db: Kysely<DB>) => Promise<T>): Promise<T> {
  return db.isTransaction
    ? await work(db)
    : await db.transaction().setIsolationLevel('repeatable read').execute(work)
}
