import { type BlobRow, blobsOfAccount } from './blobs.ts'
import type { BlobReads, BlobWrites, ContainerRow } from './containers.ts'

export async function doomedBlobExtents(
  db: BlobReads,
  before: number,
  limit: number,
): Promise<readonly { readonly ref: string; readonly is_inline: number }[]> {
  return await db
    .selectFrom('blob_extents')
    .select(['ref', 'is_inline'])
    .where('doomed_at', '<', before)
    .orderBy('doomed_at')
    .limit(limit)
    .execute()
}

export async function forgetBlobExtents(db: BlobWrites, refs: readonly string[]): Promise<void> {
  if (refs.length === 0) return
  await db.deleteFrom('blob_extents').where('ref', 'in', refs).where('doomed_at', 'is not', null).execute()
}

/** Containers of an account that were deleted before `before`. */
export async function deletedContainers(
  db: BlobReads,
  account: string,
  before: number,
  limit: number,
): Promise<readonly ContainerRow[]> {
  return await db
    .selectFrom('blob_containers')
    .select(['id', 'name', 'deleted_at', 'sealed'])
    .where('account', '=', account)
    .where('deleted_at', '<', before)
    .limit(limit)
    .execute()
}

/** Blobs, snapshots and versions of an account that were deleted before `before`. */
export async function deletedBlobs(
  db: BlobReads,
  account: string,
  before: number,
  limit: number,
): Promise<readonly BlobRow[]> {
  return await blobsOfAccount(db, account)
    .where('b.deleted_at', '<', before)
    .orderBy('b.deleted_at')
    .limit(limit)
    .execute()
}

export interface OldBlocks {
  readonly container: string
  readonly name: string
}

/** Blobs that have uncommitted blocks, none of them younger than `before`. */
export async function blobsWithOldBlocks(
  db: BlobReads,
  before: number,
  limit: number,
): Promise<readonly OldBlocks[]> {
  return await db
    .selectFrom('blob_blocks as o')
    .select(['o.container', 'o.name'])
    .distinct()
    .where('o.created_at', '<', before)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('blob_blocks as n')
            .select('n.block')
            .whereRef('n.container', '=', 'o.container')
            .whereRef('n.name', '=', 'o.name')
            .where('n.created_at', '>=', before),
        ),
      ),
    )
    .limit(limit)
    .execute()
}

/** Some blobs of a container that have uncommitted blocks. */
export async function someBlocks(
  db: BlobReads,
  container: string,
  limit: number,
): Promise<readonly OldBlocks[]> {
  return await db
    .selectFrom('blob_blocks')
    .select(['container', 'name'])
    .distinct()
    .where('container', '=', container)
    .limit(limit)
    .execute()
}

/** A container that was deleted before `before` is gone for good from now on. @returns false: there is none such */
export async function doomContainer(db: BlobWrites, id: string, before: number): Promise<boolean> {
  const rows = await db
    .updateTable('blob_containers')
    .set({ deleted_at: 0 })
    .where('id', '=', id)
    .where('deleted_at', '<', before)
    .returning('id')
    .execute()
  return rows.length > 0
}

export async function dropContainer(db: BlobWrites, id: string): Promise<void> {
  await db.deleteFrom('blob_containers').where('id', '=', id).execute()
}

/** Rows of an account that is gone, `limit` of each table at most. @returns whether there may be more */
export async function dropSomeOfAccount(
  db: BlobWrites,
  account: string,
  { now, limit }: { readonly now: number; readonly limit: number },
): Promise<boolean> {
  const container = await db
    .selectFrom('blob_containers')
    .select('id')
    .where('account', '=', account)
    .executeTakeFirst()
  if (container !== undefined) {
    await dropSomeOfContainer(db, container.id, limit)
    return true
  }
  const extents = await db
    .updateTable('blob_extents')
    .set({ uses: 0, doomed_at: now })
    .where('ref', 'in', (eb) =>
      eb
        .selectFrom('blob_extents')
        .select('ref')
        .where('account', '=', account)
        .where('doomed_at', 'is', null)
        .limit(limit),
    )
    .returning('ref')
    .execute()
  if (extents.length > 0) return true
  await db.deleteFrom('blob_map_nodes').where('account', '=', account).execute()
  await db.deleteFrom('blob_tags').where('account', '=', account).execute()
  return false
}

async function dropSomeOfContainer(db: BlobWrites, container: string, limit: number): Promise<void> {
  const blobs = await db
    .deleteFrom('blob_blobs')
    .where((eb) =>
      eb(
        eb.refTuple('name', 'moment'),
        'in',
        eb
          .selectFrom('blob_blobs')
          .select(['name', 'moment'])
          .where('container', '=', container)
          .limit(limit)
          .$asTuple('name', 'moment'),
      ),
    )
    .where('container', '=', container)
    .returning('id')
    .execute()
  if (blobs.length > 0) return
  await db.deleteFrom('blob_blocks').where('container', '=', container).execute()
  await dropContainer(db, container)
}

/** Unsealed bytes of all that an account keeps; needs no key. What blobs share counts once. */
export async function blobBytesOf(db: BlobReads, account: string): Promise<number> {
  const row = await db
    .selectFrom('blob_extents')
    .select(({ fn }) => fn.sum<number | null>('length').as('bytes'))
    .where('account', '=', account)
    .where('doomed_at', 'is', null)
    .executeTakeFirstOrThrow()
  return row.bytes ?? 0
}
