import { sql } from 'kysely'
import type { Migration } from '../records.ts'
import type { KeySecretsTables } from './tables.ts'

export const keySecretsMigrations: readonly Migration<KeySecretsTables>[] = [
  {
    name: '0050-key-secrets',
    async up(database) {
      const blob = sql`blob`
      await database.schema
        .createTable('installation_key')
        .addColumn('name', 'text', (column) => column.primaryKey().notNull())
        .addColumn('seal_key_id', 'text', (column) => column.notNull())
        .addColumn('wrapped', blob, (column) => column.notNull())
        .modifyEnd(sql`strict`)
        .execute()
      await database.schema
        .createTable('key_secrets')
        .addColumn('resource_uid', 'text', (column) => column.primaryKey().notNull())
        .addColumn('is_settled', 'integer', (column) => column.notNull())
        .addColumn('followed_key', 'text')
        .addColumn('service_record_key', blob, (column) => column.notNull())
        .addColumn('mac_key', blob, (column) => column.notNull())
        .addColumn('service_wrapping_key', blob)
        .addColumn('state', blob, (column) => column.notNull())
        .modifyEnd(sql`strict`)
        .execute()
      await sql`create index key_secrets_unsettled on key_secrets (resource_uid) where is_settled = 0`.execute(
        database,
      )
      await sql`create index key_secrets_followed on key_secrets (followed_key, resource_uid) where followed_key is not null`.execute(
        database,
      )
    },
  },
]
