import type { Migration } from '../records.ts'
import type { ResourcesTables } from './tables.ts'

export const resourcesMigrations: readonly Migration<ResourcesTables>[] = [
  {
    name: '0030-resources',
    async up({ schema }) {
      await schema
        .createTable('subscriptions')
        .addColumn('id', 'text', (column) => column.primaryKey().notNull())
        .addColumn('tenant_id', 'text', (column) => column.notNull())
        .addColumn('sealed', 'blob', (column) => column.notNull())
        .execute()
      await schema
        .createTable('resource_groups')
        .addColumn('subscription_id', 'text', (column) => column.notNull())
        .addColumn('name_key', 'text', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('sealed', 'blob', (column) => column.notNull())
        .addPrimaryKeyConstraint('resource_groups_key', ['subscription_id', 'name_key'])
        .execute()
      await schema
        .createTable('resources')
        .addColumn('id_key', 'text', (column) => column.primaryKey().notNull())
        .addColumn('uid', 'text', (column) => column.notNull().unique())
        .addColumn('subscription_id', 'text', (column) => column.notNull())
        .addColumn('group_key', 'text', (column) => column.notNull())
        .addColumn('type_key', 'text', (column) => column.notNull())
        .addColumn('name_key', 'text', (column) => column.notNull())
        .addColumn('parent_key', 'text')
        .addColumn('global_key', 'text', (column) => column.unique())
        .addColumn('sealed', 'blob', (column) => column.notNull())
        .execute()
      await schema.createIndex('resources_by_type').on('resources').columns(['type_key', 'id_key']).execute()
      await schema.createIndex('resources_by_parent').on('resources').column('parent_key').execute()
    },
  },
  {
    name: '0031-deployments',
    async up({ schema }) {
      await schema
        .createTable('deployments')
        .addColumn('id_key', 'text', (column) => column.primaryKey().notNull())
        .addColumn('subscription_id', 'text', (column) => column.notNull())
        .addColumn('group_key', 'text', (column) => column.notNull())
        .addColumn('operation_id', 'text', (column) => column.notNull().unique())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('sealed', 'blob', (column) => column.notNull())
        .execute()
      await schema.createIndex('deployments_by_state').on('deployments').column('state').execute()
      await schema
        .createTable('operations')
        .addColumn('id', 'text', (column) => column.primaryKey().notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('sealed', 'blob', (column) => column.notNull())
        .execute()
      await schema.createIndex('operations_by_state').on('operations').column('state').execute()
    },
  },
]
