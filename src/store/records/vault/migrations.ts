import type { Transaction } from 'kysely'
import type { Migration } from '../records.ts'
import type { VaultTables } from './tables.ts'

export const vaultMigrations: readonly Migration<VaultTables>[] = [
  {
    name: '0040-vault',
    async up(database) {
      await createKeyTables(database)
      await database.schema
        .createTable('vault_deleted')
        .addColumn('uid', 'text', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull().unique())
        .addColumn('subscription_id', 'text', (column) => column.notNull())
        .addColumn('purge_after', 'bigint', (column) => column.notNull())
        .addColumn('purge_at', 'bigint', (column) => column.notNull())
        .addColumn('document', 'blob', (column) => column.notNull())
        .execute()
      await database.schema
        .createTable('vault_observed_time')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('observed_ms', 'bigint', (column) => column.notNull())
        .execute()
      await database.insertInto('vault_observed_time').values({ id: 1, observed_ms: 0 }).execute()
    },
  },
]

async function createKeyTables(database: Transaction<VaultTables>): Promise<void> {
  await database.schema
    .createTable('vault_key')
    .addColumn('vault_uid', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('purge_after', 'bigint')
    .addColumn('purge_at', 'bigint')
    .addColumn('document', 'blob', (column) => column.notNull())
    .addPrimaryKeyConstraint('vault_key_pk', ['vault_uid', 'name'])
    .execute()
  await database.schema
    .createIndex('vault_key_purge')
    .on('vault_key')
    .column('purge_after')
    .where('purge_after', 'is not', null)
    .execute()
  await database.schema
    .createTable('vault_key_version')
    .addColumn('vault_uid', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('version', 'text', (column) => column.notNull())
    .addColumn('ordinal', 'integer', (column) => column.notNull())
    .addColumn('material', 'blob', (column) => column.notNull())
    .addColumn('document', 'blob', (column) => column.notNull())
    .addPrimaryKeyConstraint('vault_key_version_pk', ['vault_uid', 'name', 'version'])
    .addUniqueConstraint('vault_key_version_order', ['vault_uid', 'name', 'ordinal'])
    .execute()
  await database.schema
    .createTable('vault_key_use')
    .addColumn('vault_uid', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('version', 'text', (column) => column.notNull())
    .addColumn('document', 'blob', (column) => column.notNull())
    .addPrimaryKeyConstraint('vault_key_use_pk', ['vault_uid', 'name', 'version'])
    .execute()
}
