import type { Migration } from '../records.ts'
import type { SecretsTables } from './tables.ts'

export const secretsMigrations: readonly Migration<SecretsTables>[] = [
  {
    name: '0070-secrets',
    async up(database) {
      await database.schema
        .createTable('secret')
        .addColumn('name', 'text', (column) => column.primaryKey().notNull())
        .addColumn('sealed', 'blob', (column) => column.notNull())
        .execute()
    },
  },
]
