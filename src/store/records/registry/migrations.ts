import type { Migration } from '../records.ts'
import type { RegistryTables } from './tables.ts'

type Schema = Parameters<Migration<RegistryTables>['up']>[0]['schema']

export const registryMigrations: readonly Migration<RegistryTables>[] = [
  {
    name: '0020-registry',
    async up({ schema }) {
      await createManifests(schema)
      await createBlobs(schema)
    },
  },
  {
    name: '0021-registry-inline',
    async up({ schema }) {
      await schema
        .alterTable('registry_extents')
        .addColumn('is_inline', 'bigint', (column) => column.notNull().defaultTo(0))
        .execute()
    },
  },
]

async function createManifests(schema: Schema): Promise<void> {
  await schema
    .createTable('registry_repositories')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('registry', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('sealed', 'blob', (column) => column.notNull())
    .addUniqueConstraint('registry_repositories_name', ['registry', 'name'])
    .execute()

  await schema
    .createTable('registry_manifests')
    .addColumn('repository', 'text', (column) => column.notNull())
    .addColumn('digest_index', 'blob', (column) => column.notNull())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .addColumn('sealed', 'blob', (column) => column.notNull())
    .addColumn('body', 'blob', (column) => column.notNull())
    .addPrimaryKeyConstraint('registry_manifests_key', ['repository', 'digest_index'])
    .execute()
  await schema
    .createIndex('registry_manifests_by_time')
    .on('registry_manifests')
    .columns(['repository', 'updated_at', 'digest_index'])
    .execute()

  await schema
    .createTable('registry_tags')
    .addColumn('repository', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('manifest_index', 'blob', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .addColumn('sealed', 'blob', (column) => column.notNull())
    .addPrimaryKeyConstraint('registry_tags_key', ['repository', 'name'])
    .execute()
  await schema
    .createIndex('registry_tags_by_manifest')
    .on('registry_tags')
    .columns(['repository', 'manifest_index'])
    .execute()
  await schema
    .createIndex('registry_tags_by_time')
    .on('registry_tags')
    .columns(['repository', 'updated_at', 'name'])
    .execute()

  await schema
    .createTable('registry_references')
    .addColumn('repository', 'text', (column) => column.notNull())
    .addColumn('manifest_index', 'blob', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('target_index', 'blob', (column) => column.notNull())
    .addPrimaryKeyConstraint('registry_references_key', [
      'repository',
      'target_index',
      'kind',
      'manifest_index',
    ])
    .execute()
  await schema
    .createIndex('registry_references_by_manifest')
    .on('registry_references')
    .columns(['repository', 'manifest_index'])
    .execute()
}

async function createBlobs(schema: Schema): Promise<void> {
  await schema
    .createTable('registry_blobs')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('registry', 'text', (column) => column.notNull())
    .addColumn('digest_index', 'blob', (column) => column.notNull())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .addColumn('sealed', 'blob', (column) => column.notNull())
    .addUniqueConstraint('registry_blobs_digest', ['registry', 'digest_index'])
    .execute()

  await schema
    .createTable('registry_memberships')
    .addColumn('repository', 'text', (column) => column.notNull())
    .addColumn('digest_index', 'blob', (column) => column.notNull())
    .addColumn('blob', 'text', (column) => column.notNull())
    .addColumn('unreferenced_at', 'bigint')
    .addColumn('sealed', 'blob', (column) => column.notNull())
    .addPrimaryKeyConstraint('registry_memberships_key', ['repository', 'digest_index'])
    .execute()
  await schema.createIndex('registry_memberships_by_blob').on('registry_memberships').column('blob').execute()
  await schema
    .createIndex('registry_memberships_unreferenced')
    .on('registry_memberships')
    .column('unreferenced_at')
    .where('unreferenced_at', 'is not', null)
    .execute()

  await schema
    .createTable('registry_extents')
    .addColumn('ref', 'text', (column) => column.primaryKey().notNull())
    .addColumn('registry', 'text', (column) => column.notNull())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('start', 'bigint', (column) => column.notNull())
    .addColumn('length', 'bigint', (column) => column.notNull())
    .addColumn('sealed', 'blob')
    .addColumn('doomed_at', 'bigint')
    .addUniqueConstraint('registry_extents_place', ['owner', 'start'])
    .execute()
  await schema
    .createIndex('registry_extents_doomed')
    .on('registry_extents')
    .column('doomed_at')
    .where('doomed_at', 'is not', null)
    .execute()

  await schema
    .createTable('registry_uploads')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('repository', 'text', (column) => column.notNull())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .addColumn('touched_at', 'bigint', (column) => column.notNull())
    .addColumn('sealed', 'blob', (column) => column.notNull())
    .execute()
  await schema
    .createIndex('registry_uploads_by_repository')
    .on('registry_uploads')
    .column('repository')
    .execute()
  await schema.createIndex('registry_uploads_idle').on('registry_uploads').column('touched_at').execute()
}
