import type { Migration } from '../records.ts'
import type { DirectoryTables } from './tables.ts'

export const directoryMigrations: readonly Migration<DirectoryTables>[] = [
  {
    name: '0010-directory',
    async up(database) {
      await database.schema
        .createTable('directory_objects')
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('document', 'blob', (column) => column.notNull())
        .addPrimaryKeyConstraint('directory_objects_key', ['kind', 'id'])
        .execute()
    },
  },
]
