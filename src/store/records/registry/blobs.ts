import { doomExtents } from './garbage.ts'
import type { RegistryReads, RegistryWrites } from './repositories.ts'

/** A blob as a member of a repository, with the rows on the way to it, in one statement. */
export interface MemberRow {
  readonly repository: string
  readonly repositorySealed: Uint8Array
  readonly membershipSealed: Uint8Array
  readonly unreferencedAt: number | null
  readonly blob: string
  readonly size: number
  readonly blobSealed: Uint8Array
}

export async function findMember(
  db: RegistryReads,
  registry: string,
  name: string,
  digestIndex: Uint8Array,
): Promise<MemberRow | null> {
  const row = await db
    .selectFrom('registry_repositories as r')
    .innerJoin('registry_memberships as m', 'm.repository', 'r.id')
    .innerJoin('registry_blobs as b', 'b.id', 'm.blob')
    .select([
      'r.id as repository',
      'r.sealed as repositorySealed',
      'm.sealed as membershipSealed',
      'm.unreferenced_at as unreferencedAt',
      'b.id as blob',
      'b.size as size',
      'b.sealed as blobSealed',
    ])
    .where('r.registry', '=', registry)
    .where('r.name', '=', name)
    .where('m.digest_index', '=', digestIndex)
    .executeTakeFirst()
  return row ?? null
}

export async function findBlobId(
  db: RegistryReads,
  registry: string,
  digestIndex: Uint8Array,
): Promise<string | null> {
  const row = await db
    .selectFrom('registry_blobs')
    .select('id')
    .where('registry', '=', registry)
    .where('digest_index', '=', digestIndex)
    .executeTakeFirst()
  return row?.id ?? null
}

export async function insertBlob(
  db: RegistryWrites,
  row: {
    readonly id: string
    readonly registry: string
    readonly digest_index: Uint8Array
    readonly size: number
    readonly sealed: Uint8Array
  },
): Promise<void> {
  await db.insertInto('registry_blobs').values(row).execute()
}

/** Makes the blob a member. One that no manifest names yet counts as unreferenced from `now` on, also when it was a member. */
export async function putMembership(
  db: RegistryWrites,
  row: {
    readonly repository: string
    readonly digest_index: Uint8Array
    readonly blob: string
    readonly sealed: Uint8Array
  },
  now: number,
): Promise<void> {
  const unreferenced_at = (await isReferenced(db, row.repository, row.digest_index)) ? null : now
  await db
    .insertInto('registry_memberships')
    .values({ ...row, unreferenced_at })
    .onConflict((conflict) =>
      conflict
        .columns(['repository', 'digest_index'])
        .doUpdateSet({ blob: row.blob, sealed: row.sealed, unreferenced_at }),
    )
    .execute()
}

export async function isReferenced(
  db: RegistryReads,
  repository: string,
  digestIndex: Uint8Array,
): Promise<boolean> {
  const row = await db
    .selectFrom('registry_references')
    .select('kind')
    .where('repository', '=', repository)
    .where('target_index', '=', digestIndex)
    .where('kind', '=', 'blob')
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Keeps collection away from a member that somebody is about to be told of. @returns false when it was collected just now */
export async function touchMembership(
  db: RegistryWrites,
  repository: string,
  digestIndex: Uint8Array,
  now: number,
): Promise<boolean> {
  await db
    .updateTable('registry_memberships')
    .set({ unreferenced_at: now })
    .where('repository', '=', repository)
    .where('digest_index', '=', digestIndex)
    .where('unreferenced_at', 'is not', null)
    .execute()
  return (await membersAmong(db, repository, [digestIndex])).size > 0
}

const INDEXES_AT_ONCE = 500

/** Those of the digests that are members, as hex of their index. */
export async function membersAmong(
  db: RegistryReads,
  repository: string,
  digestIndexes: readonly Uint8Array[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (let at = 0; at < digestIndexes.length; at += INDEXES_AT_ONCE) {
    const rows = await db
      .selectFrom('registry_memberships')
      .select('digest_index')
      .where('repository', '=', repository)
      .where('digest_index', 'in', digestIndexes.slice(at, at + INDEXES_AT_ONCE))
      .execute()
    for (const { digest_index } of rows) found.add(Buffer.from(digest_index).toString('hex'))
  }
  return found
}

export async function markReferenced(
  db: RegistryWrites,
  repository: string,
  digestIndexes: readonly Uint8Array[],
): Promise<void> {
  for (let at = 0; at < digestIndexes.length; at += INDEXES_AT_ONCE) {
    await db
      .updateTable('registry_memberships')
      .set({ unreferenced_at: null })
      .where('repository', '=', repository)
      .where('digest_index', 'in', digestIndexes.slice(at, at + INDEXES_AT_ONCE))
      .where('unreferenced_at', 'is not', null)
      .execute()
  }
}

/** Marks what this manifest alone names: to be called before its references go. */
export async function markUnreferenced(
  db: RegistryWrites,
  repository: string,
  manifestIndex: Uint8Array,
  now: number,
): Promise<void> {
  await db
    .updateTable('registry_memberships as m')
    .set({ unreferenced_at: now })
    .where('m.repository', '=', repository)
    .where('m.digest_index', 'in', (query) =>
      query
        .selectFrom('registry_references')
        .select('target_index')
        .where('repository', '=', repository)
        .where('manifest_index', '=', manifestIndex)
        .where('kind', '=', 'blob'),
    )
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('registry_references as other')
            .select('other.kind')
            .where('other.repository', '=', repository)
            .whereRef('other.target_index', '=', 'm.digest_index')
            .where('other.kind', '=', 'blob')
            .where('other.manifest_index', '!=', manifestIndex),
        ),
      ),
    )
    .execute()
}

/** @returns the blob; null when it was no member */
export async function deleteMembership(
  db: RegistryWrites,
  repository: string,
  digestIndex: Uint8Array,
): Promise<string | null> {
  const row = await db
    .deleteFrom('registry_memberships')
    .where('repository', '=', repository)
    .where('digest_index', '=', digestIndex)
    .returning('blob')
    .executeTakeFirst()
  return row?.blob ?? null
}

/** Deletes the blob unless some repository still has it; its extents are doomed, and their keys gone. */
export async function deleteBlobUnlessMember(db: RegistryWrites, id: string, now: number): Promise<boolean> {
  const gone = await db
    .deleteFrom('registry_blobs')
    .where('id', '=', id)
    .where((eb) =>
      eb.not(eb.exists(eb.selectFrom('registry_memberships').select('blob').where('blob', '=', id))),
    )
    .returning('id')
    .executeTakeFirst()
  if (gone === undefined) return false
  await doomExtents(db, id, now)
  return true
}
