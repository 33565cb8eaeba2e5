import type { Migration } from '../records.ts'
import type { ActivityTables } from './tables.ts'

export const activityMigrations: readonly Migration<ActivityTables>[] = [
  {
    name: '0060-activity',
    async up({ schema }) {
      await schema
        .createTable('activity_events')
        .addColumn('id', 'text', (column) => column.primaryKey().notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('resource_key', 'text', (column) => column.notNull())
        .addColumn('sealed', 'blob', (column) => column.notNull())
        .execute()
      await schema
        .createIndex('activity_events_by_time')
        .on('activity_events')
        .columns(['at', 'id'])
        .execute()
      await schema
        .createTable('vault_audit')
        .addColumn('seq', 'integer', (column) => column.primaryKey().notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('vault_key', 'text', (column) => column.notNull())
        .addColumn('sealed', 'blob', (column) => column.notNull())
        .addColumn('mac', 'blob', (column) => column.notNull())
        .execute()
      await schema
        .createIndex('vault_audit_by_vault')
        .on('vault_audit')
        .columns(['vault_key', 'seq'])
        .execute()
    },
  },
]
