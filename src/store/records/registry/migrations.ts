import type { Migration } from '../records.ts'
import type { RegistryTables } from './tables.ts'

export const registryMigrations: readonly Migration<RegistryTables>[] = []
