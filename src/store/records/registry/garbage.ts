import type { RegistryReads, RegistryWrites } from './repositories.ts'

/** Members that no manifest has named since before `before`. */
export async function unreferencedMembers(
  db: RegistryReads,
  before: number,
  limit: number,
): Promise<readonly { readonly repository: string; readonly digest_index: Uint8Array }[]> {
  return await db
    .selectFrom('registry_memberships')
    .select(['repository', 'digest_index'])
    .where('unreferenced_at', '<', before)
    .orderBy('unreferenced_at')
    .limit(limit)
    .execute()
}

export async function idleUploads(
  db: RegistryReads,
  before: number,
  limit: number,
): Promise<readonly { readonly id: string; readonly repository: string }[]> {
  return await db
    .selectFrom('registry_uploads')
    .select(['id', 'repository'])
    .where('touched_at', '<', before)
    .orderBy('touched_at')
    .limit(limit)
    .execute()
}

export async function isStillIdle(db: RegistryReads, id: string, before: number): Promise<boolean> {
  const row = await db
    .selectFrom('registry_uploads')
    .select('id')
    .where('id', '=', id)
    .where('touched_at', '<', before)
    .executeTakeFirst()
  return row !== undefined
}

/** Whether nobody was told of the member since. */
export async function isStillUnreferenced(
  db: RegistryReads,
  repository: string,
  digestIndex: Uint8Array,
  before: number,
): Promise<boolean> {
  const row = await db
    .selectFrom('registry_memberships')
    .select('blob')
    .where('repository', '=', repository)
    .where('digest_index', '=', digestIndex)
    .where('unreferenced_at', '<', before)
    .executeTakeFirst()
  return row !== undefined
}

/** Takes away the keys of what belonged to `owner`, and bodies that stand in rows; files go later. */
export async function doomExtents(db: RegistryWrites, owner: string, now: number): Promise<void> {
  await db.deleteFrom('registry_extents').where('owner', '=', owner).where('is_inline', '=', 1).execute()
  await db
    .updateTable('registry_extents')
    .set({ sealed: null, doomed_at: now })
    .where('owner', '=', owner)
    .execute()
}

export async function doomedExtents(
  db: RegistryReads,
  before: number,
  limit: number,
): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('registry_extents')
    .select('ref')
    .where('doomed_at', '<', before)
    .orderBy('doomed_at')
    .limit(limit)
    .execute()
  return rows.map(({ ref }) => ref)
}

export async function forgetExtents(db: RegistryWrites, refs: readonly string[]): Promise<void> {
  if (refs.length === 0) return
  await db.deleteFrom('registry_extents').where('ref', 'in', refs).execute()
}

/** Some of a repository's rows of each kind; for taking it away piece by piece. */
export async function someContent(
  db: RegistryReads,
  repository: string,
  limit: number,
): Promise<{
  readonly manifests: readonly Uint8Array[]
  readonly members: readonly Uint8Array[]
  readonly uploads: readonly string[]
}> {
  const manifests = await db
    .selectFrom('registry_manifests')
    .select('digest_index')
    .where('repository', '=', repository)
    .limit(limit)
    .execute()
  const members = await db
    .selectFrom('registry_memberships')
    .select('digest_index')
    .where('repository', '=', repository)
    .limit(limit)
    .execute()
  const uploads = await db
    .selectFrom('registry_uploads')
    .select('id')
    .where('repository', '=', repository)
    .limit(limit)
    .execute()
  return {
    manifests: manifests.map(({ digest_index }) => digest_index),
    members: members.map(({ digest_index }) => digest_index),
    uploads: uploads.map(({ id }) => id),
  }
}

export async function deleteTagsOf(
  db: RegistryWrites,
  repository: string,
  manifestIndexes: readonly Uint8Array[],
): Promise<void> {
  if (manifestIndexes.length === 0) return
  await db
    .deleteFrom('registry_tags')
    .where('repository', '=', repository)
    .where('manifest_index', 'in', manifestIndexes)
    .execute()
}

/** Unsealed bytes of all that a registry keeps; needs no key. Content that repositories share counts once. */
export async function bytesOf(db: RegistryReads, registry: string): Promise<number> {
  const blobs = await db
    .selectFrom('registry_blobs')
    .select(({ fn }) => fn.sum<number | null>('size').as('bytes'))
    .where('registry', '=', registry)
    .executeTakeFirstOrThrow()
  const manifests = await db
    .selectFrom('registry_manifests as m')
    .innerJoin('registry_repositories as r', 'r.id', 'm.repository')
    .select(({ fn }) => fn.sum<number | null>('m.size').as('bytes'))
    .where('r.registry', '=', registry)
    .executeTakeFirstOrThrow()
  return (blobs.bytes ?? 0) + (manifests.bytes ?? 0)
}
