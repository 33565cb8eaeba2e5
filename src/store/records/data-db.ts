import { blobMigrations } from './blob/migrations.ts'
import type { BlobTables } from './blob/tables.ts'
import type { Migration, Records } from './records.ts'
import { registryMigrations } from './registry/migrations.ts'
import type { RegistryTables } from './registry/tables.ts'
import { wrappingsMigrations } from './wrappings/migrations.ts'
import type { WrappingsTables } from './wrappings/tables.ts'

/** `data.db`: the wrapped root keys and the rows of registries and of blob storage; useless without `keys.db` and the customer's key. */
export interface DataDb extends WrappingsTables, RegistryTables, BlobTables {}

export type DataRecords = Records<DataDb>

/** In the order in which they run. */
export const dataMigrations = [
  ...wrappingsMigrations,
  ...registryMigrations,
  ...blobMigrations,
] as readonly Migration<DataDb>[]
