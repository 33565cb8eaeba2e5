import type { AccessTables } from './access/tables.ts'
import { accessMigrations } from './access/migrations.ts'
import { activityMigrations } from './activity/migrations.ts'
import type { ActivityTables } from './activity/tables.ts'
import { directoryMigrations } from './directory/migrations.ts'
import type { DirectoryTables } from './directory/tables.ts'
import { keySecretsMigrations } from './key-secrets/migrations.ts'
import type { KeySecretsTables } from './key-secrets/tables.ts'
import type { Migration, Records } from './records.ts'
import { resourcesMigrations } from './resources/migrations.ts'
import type { ResourcesTables } from './resources/tables.ts'
import { secretsMigrations } from './secrets/migrations.ts'
import type { SecretsTables } from './secrets/tables.ts'
import { vaultMigrations } from './vault/migrations.ts'
import type { VaultTables } from './vault/tables.ts'

/** `keys.db`: directory, resource manager, vaults, and what of the key hierarchy must not lie with the data. */
export interface KeysDb
  extends
    DirectoryTables,
    AccessTables,
    ResourcesTables,
    VaultTables,
    KeySecretsTables,
    ActivityTables,
    SecretsTables {}

export type KeysRecords = Records<KeysDb>

/** In the order in which they run. */
export const keysMigrations = [
  ...directoryMigrations,
  ...accessMigrations,
  ...resourcesMigrations,
  ...vaultMigrations,
  ...keySecretsMigrations,
  ...activityMigrations,
  ...secretsMigrations,
] as readonly Migration<KeysDb>[]
