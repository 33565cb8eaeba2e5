import { sql } from 'kysely'
import { statement } from '../statement.ts'
import type { ListOrder } from './manifests.ts'
import type { RegistryReads, RegistryWrites } from './repositories.ts'

export interface TagRow {
  readonly name: string
  readonly manifest_index: Uint8Array
  readonly updated_at: number
  readonly sealed: Uint8Array
}

const columns = ['name', 'manifest_index', 'updated_at', 'sealed'] as const

interface InRepository {
  readonly repository: string
}

const tagByName = statement((db: RegistryReads, { repository, name }: InRepository & Pick<TagRow, 'name'>) =>
  db
    .selectFrom('registry_tags')
    .select(columns)
    .where('repository', '=', repository)
    .where('name', '=', name),
)

export async function findTag(db: RegistryReads, repository: string, name: string): Promise<TagRow | null> {
  return await tagByName.first(db, { repository, name })
}

const tagUpsert = statement(
  (db: RegistryReads, { repository, name, manifest_index, updated_at, sealed }: InRepository & TagRow) =>
    db
      .insertInto('registry_tags')
      .values({ repository, name, manifest_index, updated_at, sealed })
      .onConflict((conflict) =>
        conflict.columns(['repository', 'name']).doUpdateSet({ manifest_index, updated_at, sealed }),
      ),
)

export async function putTag(db: RegistryWrites, repository: string, row: TagRow): Promise<void> {
  await tagUpsert.all(db, { repository, ...row })
}

export async function deleteTagRow(db: RegistryWrites, repository: string, name: string): Promise<void> {
  await db.deleteFrom('registry_tags').where('repository', '=', repository).where('name', '=', name).execute()
}

/** All tags of these manifests, in the order of their names. */
export async function tagsOf(
  db: RegistryReads,
  repository: string,
  manifestIndexes: readonly Uint8Array[],
): Promise<readonly TagRow[]> {
  if (manifestIndexes.length === 0) return []
  return await db
    .selectFrom('registry_tags')
    .select(columns)
    .where('repository', '=', repository)
    .where('manifest_index', 'in', manifestIndexes)
    .orderBy('name')
    .execute()
}

/** Where a list of tags goes on; `updatedAt` counts for orders by time only. */
export interface TagCursor {
  readonly name: string
  readonly updatedAt: number
}

interface TagPage {
  readonly repository: string
  readonly after: string
  readonly limit: number
}

const tagsByName = statement((db: RegistryReads, { repository, after, limit }: TagPage) =>
  db
    .selectFrom('registry_tags')
    .select(columns)
    .where('repository', '=', repository)
    .where('name', '>', after)
    .orderBy('name')
    .limit(limit),
)

export async function listTagRows(
  db: RegistryReads,
  repository: string,
  {
    order,
    after,
    manifest,
    limit,
  }: {
    readonly order: ListOrder
    readonly after: TagCursor | null
    /** Only tags of this manifest; null for all. */
    readonly manifest: Uint8Array | null
    readonly limit: number
  },
): Promise<readonly TagRow[]> {
  if (order === 'key' && manifest === null)
    return await tagsByName.all(db, { repository, after: after?.name ?? '', limit })
  let query = db.selectFrom('registry_tags').select(columns).where('repository', '=', repository).limit(limit)
  if (manifest !== null) query = query.where('manifest_index', '=', manifest)
  if (order === 'key') {
    if (after !== null) query = query.where('name', '>', after.name)
    return await query.orderBy('name').execute()
  }
  const direction = order === 'oldest' ? 'asc' : 'desc'
  if (after !== null) {
    const compare = sql.raw(order === 'oldest' ? '>' : '<')
    query = query.where(sql<boolean>`(updated_at, name) ${compare} (${after.updatedAt}, ${after.name})`)
  }
  return await query.orderBy('updated_at', direction).orderBy('name', direction).execute()
}
