import type { Migration } from '../records.ts'
import type { DirectoryTables } from './tables.ts'

export const directoryMigrations: readonly Migration<DirectoryTables>[] = []
