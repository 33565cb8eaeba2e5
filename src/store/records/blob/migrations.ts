import { sql } from 'kysely'
import type { Migration } from '../records.ts'
import type { BlobTables } from './tables.ts'

type Schema = Parameters<Migration<BlobTables>['up']>[0]['schema']

export const blobMigrations: readonly Migration<BlobTables>[] = [
  {
    name: '0030-blob',
    async up({ schema }) {
      await createContainers(schema)
      await createBlobs(schema)
      await createExtents(schema)
      await createCopies(schema)
    },
  },
]

async function createContainers(schema: Schema): Promise<void> {
  await schema
    .createTable('blob_containers')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('deleted_at', 'bigint')
    .addColumn('sealed', 'blob', (column) => column.notNull())
    .execute()
  await schema
    .createIndex('blob_containers_name')
    .on('blob_containers')
    .columns(['account', 'name'])
    .unique()
    .where(sql.ref('deleted_at'), 'is', null)
    .execute()
  await schema
    .createIndex('blob_containers_deleted')
    .on('blob_containers')
    .columns(['account', 'name', 'deleted_at'])
    .where('deleted_at', 'is not', null)
    .execute()
}

async function createBlobs(schema: Schema): Promise<void> {
  await schema
    .createTable('blob_blobs')
    .addColumn('container', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('moment', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('extent', 'text')
    .addColumn('deleted_at', 'bigint')
    .addColumn('sealed', 'blob', (column) => column.notNull())
    .addColumn('metadata', 'blob')
    .addPrimaryKeyConstraint('blob_blobs_key', ['container', 'name', 'moment'])
    .execute()
  await schema
    .createIndex('blob_blobs_deleted')
    .on('blob_blobs')
    .column('deleted_at')
    .where('deleted_at', 'is not', null)
    .execute()
  await schema
    .createTable('blob_blocks')
    .addColumn('container', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('block', 'text', (column) => column.notNull())
    .addColumn('ref', 'text', (column) => column.notNull())
    .addColumn('number', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('sealed', 'blob', (column) => column.notNull())
    .addPrimaryKeyConstraint('blob_blocks_key', ['container', 'name', 'block'])
    .execute()
  await schema
    .createIndex('blob_blocks_by_number')
    .on('blob_blocks')
    .columns(['container', 'name', 'number'])
    .unique()
    .execute()
  // One row of each blob that has uncommitted blocks.
  await schema
    .createIndex('blob_blocks_first')
    .on('blob_blocks')
    .columns(['container', 'name'])
    .where(sql.ref('number'), '=', sql.lit(1))
    .execute()
  await schema.createIndex('blob_blocks_by_age').on('blob_blocks').column('created_at').execute()
  await schema
    .createTable('blob_tags')
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('tag_index', 'blob', (column) => column.notNull())
    .addColumn('container', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('blob_tags_key', ['account', 'tag_index', 'container', 'name'])
    .execute()
  await schema.createIndex('blob_tags_by_blob').on('blob_tags').columns(['container', 'name']).execute()
}

async function createCopies(schema: Schema): Promise<void> {
  await schema
    .createTable('blob_copies')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('container', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('sealed', 'blob', (column) => column.notNull())
    .execute()
}

async function createExtents(schema: Schema): Promise<void> {
  await schema
    .createTable('blob_map_nodes')
    .addColumn('node', 'text', (column) => column.primaryKey().notNull())
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('uses', 'bigint', (column) => column.notNull())
    .addColumn('doomed_at', 'bigint')
    .addColumn('sealed', 'blob', (column) => column.notNull())
    .execute()
  await schema
    .createIndex('blob_map_nodes_doomed')
    .on('blob_map_nodes')
    .columns(['account', 'doomed_at'])
    .where('doomed_at', 'is not', null)
    .execute()
  await schema.createIndex('blob_map_nodes_by_account').on('blob_map_nodes').column('account').execute()
  await schema
    .createTable('blob_extents')
    .addColumn('ref', 'text', (column) => column.primaryKey().notNull())
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('length', 'bigint', (column) => column.notNull())
    .addColumn('uses', 'bigint', (column) => column.notNull())
    .addColumn('doomed_at', 'bigint')
    .addColumn('is_inline', 'bigint', (column) => column.notNull())
    .addColumn('outer', 'blob')
    .addColumn('sealed', 'blob', (column) => column.notNull())
    .execute()
  await schema
    .createIndex('blob_extents_doomed')
    .on('blob_extents')
    .column('doomed_at')
    .where('doomed_at', 'is not', null)
    .execute()
  await schema.createIndex('blob_extents_by_account').on('blob_extents').column('account').execute()
}
