import type { Migration, Records } from './records.ts'
import { registryMigrations } from './registry/migrations.ts'
import type { RegistryTables } from './registry/tables.ts'
import { wrappingsMigrations } from './wrappings/migrations.ts'
import type { WrappingsTables } from './wrappings/tables.ts'

/** `data.db`: the wrapped root keys and the registry's rows; useless without `keys.db` and the customer's key. */
export interface DataDb extends WrappingsTables, RegistryTables {}

export type DataRecords = Records<DataDb>

/** In the order in which they run. */
export const dataMigrations = [...wrappingsMigrations, ...registryMigrations] as readonly Migration<DataDb>[]
