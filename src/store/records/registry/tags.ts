import { sql } from 'kysely'
import type { ListOrder } from './manifests.ts'
import type { RegistryReads, RegistryWrites } from './repositories.ts'

export interface TagRow {
  readonly name: string
  readonly manifest_index: Uint8Array
  readonly updated_at: number
  readonly sealed: Uint8Array
}

const columns = ['name', 'manifest_index', 'updated_at', 'sealed'] as const

export async function findTag(db: RegistryReads, repository: string, name: string): Promise<TagRow | null> {
  const row = await db
    .selectFrom('registry_tags')
    .select(columns)
    .where('repository', '=', repository)
    .where('name', '=', name)
    .executeTakeFirst()
  return row ?? null
}

export async function putTag(db: RegistryWrites, repository: string, row: TagRow): Promise<void> {
  const { manifest_index, updated_at, sealed } = row
  await db
    .insertInto('registry_tags')
    .values({ repository, ...row })
    .onConflict((conflict) =>
      conflict.columns(['repository', 'name']).doUpdateSet({ manifest_index, updated_at, sealed }),
    )
    .execute()
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
