/** SQLite's extended codes: a UNIQUE index, a PRIMARY KEY, a rowid. */
const sqliteUnique: readonly unknown[] = [2067, 1555, 2579]
/** PostgreSQL's SQLSTATE unique_violation. */
const postgresUnique = '23505'

/** Whether a statement failed because a row with that key exists already. Tells so for every engine. */
export function isUniqueViolation(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('errcode' in error && sqliteUnique.includes(error.errcode)) return true
  return 'code' in error && error.code === postgresUnique
}
