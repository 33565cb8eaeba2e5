import type { Migration } from '../records.ts'
import type { AccessTables } from './tables.ts'

export const accessMigrations: readonly Migration<AccessTables>[] = [
  {
    name: '0020-access',
    async up(database) {
      await database.schema
        .createTable('access_assignments')
        .addColumn('name', 'text', (column) => column.primaryKey().notNull())
        .addColumn('document', 'blob', (column) => column.notNull())
        .execute()
    },
  },
]
