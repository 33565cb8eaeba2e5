import type { Migration } from '../records.ts'
import type { VaultTables } from './tables.ts'

export const vaultMigrations: readonly Migration<VaultTables>[] = []
