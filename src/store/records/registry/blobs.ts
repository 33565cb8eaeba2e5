import { hex } from '../../../kernel/bytes.ts'
import { listStatement, statement } from '../statement.ts'
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

interface NamedDigest {
  readonly registry: string
  readonly name: string
  readonly digestIndex: Uint8Array
}

const memberByDigest = statement((db: RegistryReads, { registry, name, digestIndex }: NamedDigest) =>
  db
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
    .where('m.digest_index', '=', digestIndex),
)

export async function findMember(
  db: RegistryReads,
  registry: string,
  name: string,
  digestIndex: Uint8Array,
): Promise<MemberRow | null> {
  return await memberByDigest.first(db, { registry, name, digestIndex })
}

const blobByDigest = statement((db: RegistryReads, { registry, digestIndex }: Omit<NamedDigest, 'name'>) =>
  db
    .selectFrom('registry_blobs')
    .select('id')
    .where('registry', '=', registry)
    .where('digest_index', '=', digestIndex),
)

export async function findBlobId(
  db: RegistryReads,
  registry: string,
  digestIndex: Uint8Array,
): Promise<string | null> {
  return (await blobByDigest.first(db, { registry, digestIndex }))?.id ?? null
}

interface NewBlob {
  readonly id: string
  readonly registry: string
  readonly digest_index: Uint8Array
  readonly size: number
  readonly sealed: Uint8Array
}

const blobInsert = statement((db: RegistryReads, { id, registry, digest_index, size, sealed }: NewBlob) =>
  db.insertInto('registry_blobs').values({ id, registry, digest_index, size, sealed }),
)

export async function insertBlob(db: RegistryWrites, row: NewBlob): Promise<void> {
  await blobInsert.all(db, row)
}

interface Membership {
  readonly repository: string
  readonly digest_index: Uint8Array
  readonly blob: string
  readonly sealed: Uint8Array
}

const membershipUpsert = statement(
  (
    db: RegistryReads,
    {
      repository,
      digest_index,
      blob,
      sealed,
      unreferenced_at,
    }: Membership & { readonly unreferenced_at: number | null },
  ) =>
    db
      .insertInto('registry_memberships')
      .values({ repository, digest_index, blob, sealed, unreferenced_at })
      .onConflict((conflict) =>
        conflict.columns(['repository', 'digest_index']).doUpdateSet({ blob, sealed, unreferenced_at }),
      ),
)

/** Makes the blob a member. One that no manifest names yet counts as unreferenced from `now` on, also when it was a member. */
export async function putMembership(db: RegistryWrites, row: Membership, now: number): Promise<void> {
  const unreferenced_at = (await isReferenced(db, row.repository, row.digest_index)) ? null : now
  await membershipUpsert.all(db, { ...row, unreferenced_at })
}

interface MemberKey {
  readonly repository: string
  readonly digestIndex: Uint8Array
}

const someReference = statement((db: RegistryReads, { repository, digestIndex }: MemberKey) =>
  db
    .selectFrom('registry_references')
    .select('kind')
    .where('repository', '=', repository)
    .where('target_index', '=', digestIndex)
    .where('kind', '=', 'blob')
    .limit(1),
)

export async function isReferenced(
  db: RegistryReads,
  repository: string,
  digestIndex: Uint8Array,
): Promise<boolean> {
  return (await someReference.first(db, { repository, digestIndex })) !== null
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

interface Listed {
  readonly index: Uint8Array
}
type InRepository = Pick<MemberKey, 'repository'>

const membersInList = listStatement(
  (db: RegistryReads, { repository }: InRepository, list: readonly Listed[]) =>
    db
      .selectFrom('registry_memberships')
      .select('digest_index')
      .where('repository', '=', repository)
      .where(
        'digest_index',
        'in',
        list.map(({ index }) => index),
      ),
)

/** Those of the digests that are members, as hex of their index. */
export async function membersAmong(
  db: RegistryReads,
  repository: string,
  digestIndexes: readonly Uint8Array[],
): Promise<ReadonlySet<string>> {
  const list = digestIndexes.map((index) => ({ index }))
  const rows = await membersInList.all(db, { repository }, list)
  return new Set(rows.map(({ digest_index }) => hex(digest_index)))
}

const referencedMark = listStatement(
  (db: RegistryReads, { repository }: InRepository, list: readonly Listed[]) =>
    db
      .updateTable('registry_memberships')
      .set({ unreferenced_at: null })
      .where('repository', '=', repository)
      .where(
        'digest_index',
        'in',
        list.map(({ index }) => index),
      )
      .where('unreferenced_at', 'is not', null),
)

export async function markReferenced(
  db: RegistryWrites,
  repository: string,
  digestIndexes: readonly Uint8Array[],
): Promise<void> {
  const list = digestIndexes.map((index) => ({ index }))
  await referencedMark.all(db, { repository }, list)
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
