import type { Migration } from '../records.ts'
import type { AccessTables } from './tables.ts'

export const accessMigrations: readonly Migration<AccessTables>[] = []
