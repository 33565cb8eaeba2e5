import { sql } from 'kysely'
import type { Migration } from '../records.ts'
import type { WrappingsTables } from './tables.ts'

export const wrappingsMigrations: readonly Migration<WrappingsTables>[] = [
  {
    name: '0010-wrappings',
    async up(database) {
      const blob = sql`blob`
      await database.schema
        .createTable('wrapping')
        .addColumn('resource_uid', 'text', (column) => column.notNull())
        .addColumn('generation', 'integer', (column) => column.notNull())
        .addColumn('settings', blob, (column) => column.notNull())
        .addColumn('root_key', blob, (column) => column.notNull())
        .addColumn('record_key', blob, (column) => column.notNull())
        .addColumn('index_key', blob, (column) => column.notNull())
        .addColumn('mac', blob, (column) => column.notNull())
        .addPrimaryKeyConstraint('wrapping_pk', ['resource_uid', 'generation'])
        .modifyEnd(sql`strict`)
        .execute()
    },
  },
]
