import { sql, type Transaction } from 'kysely'
import { DataFolderError } from '../../data-folder-error.ts'
import type { Migration, Records } from '../records.ts'

interface HistoryDb {
  readonly schema_history: { readonly name: string }
}

/**
 * Takes the database to the newest step, each step in a transaction of its own, in the order of their names.
 *
 * @throws DataFolderError when a step was applied that this binary does not know
 */
export async function migrate<DB>(
  records: Pick<Records<DB>, 'write'>,
  migrations: readonly Migration<DB>[],
  file: string,
): Promise<void> {
  const steps = migrations.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const known = new Set(steps.map(({ name }) => name))
  if (known.size !== steps.length) throw new Error(`two migrations of ${file} bear one name`)
  const applied = await records.write(async (transaction) => {
    await sql`create table if not exists schema_history (name text not null primary key) strict`.execute(
      transaction,
    )
    return new Set(
      (await history(transaction).selectFrom('schema_history').select('name').execute()).map(
        ({ name }) => name,
      ),
    )
  })
  const unknown = [...applied].filter((name) => !known.has(name))
  if (unknown.length > 0) {
    throw new DataFolderError(
      `${file} was written by a newer Strongroom (it has ${unknown.join(', ')}): start that version, or restore a backup`,
    )
  }
  for (const step of steps) {
    if (applied.has(step.name)) continue
    await records.write(async (transaction) => {
      await step.up(transaction)
      await history(transaction).insertInto('schema_history').values({ name: step.name }).execute()
    })
  }
}

function history<DB>(transaction: Transaction<DB>): Transaction<HistoryDb> {
  return transaction as unknown as Transaction<HistoryDb>
}
