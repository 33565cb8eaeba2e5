import { listStatement, statement } from '../statement.ts'
import type { BlobReads, BlobWrites } from './containers.ts'

interface BlobName {
  readonly container: string
  readonly name: string
}

const insert = listStatement(
  (
    db: BlobReads,
    { account, container, name }: BlobName & { readonly account: string },
    list: readonly { readonly tag_index: Uint8Array }[],
  ) =>
    db
      .insertInto('blob_tags')
      .values(list.map(({ tag_index }) => ({ account, tag_index, container, name })))
      .onConflict((conflict) => conflict.doNothing()),
)

export async function insertTagIndexes(
  db: BlobWrites,
  place: BlobName & { readonly account: string },
  indexes: readonly Uint8Array[],
): Promise<void> {
  await insert.all(
    db,
    place,
    indexes.map((tag_index) => ({ tag_index })),
  )
}

const remove = statement((db: BlobReads, { container, name }: BlobName) =>
  db.deleteFrom('blob_tags').where('container', '=', container).where('name', '=', name),
)

export async function deleteTagIndexes(db: BlobWrites, { container, name }: BlobName): Promise<void> {
  await remove.all(db, { container, name })
}

export interface TaggedQuery {
  readonly account: string
  /** All of them; the first is what is gone through. */
  readonly indexes: readonly [Uint8Array, ...Uint8Array[]]
  /** Its id; null: all of the account. */
  readonly container: string | null
  /** The first one of the page; null: from the beginning. */
  readonly from: BlobName | null
  readonly limit: number
}

export interface TaggedRow extends BlobName {
  readonly containerName: string
  readonly id: string
  readonly sealed: Uint8Array
}

/** Base blobs that have all of the tags, in the order of their containers' ids and their names. */
export async function findTagged(
  db: BlobReads,
  { account, indexes: [first, ...others], container, from, limit }: TaggedQuery,
): Promise<readonly TaggedRow[]> {
  let rows = db
    .selectFrom('blob_tags as t')
    .innerJoin('blob_containers as c', 'c.id', 't.container')
    .innerJoin('blob_blobs as b', (join) =>
      join
        .onRef('b.container', '=', 't.container')
        .onRef('b.name', '=', 't.name')
        .on('b.moment', '=', '~')
        .on('b.deleted_at', 'is', null),
    )
    .select(['t.container', 't.name', 'c.name as containerName', 'b.id', 'b.sealed'])
    .where('t.account', '=', account)
    .where('t.tag_index', '=', first)
    .where('c.deleted_at', 'is', null)
  if (container !== null) rows = rows.where('t.container', '=', container)
  if (from !== null)
    rows = rows.where((eb) =>
      eb(eb.refTuple('t.container', 't.name'), '>=', eb.tuple(from.container, from.name)),
    )
  for (const other of others)
    rows = rows.where((eb) =>
      eb.exists(
        eb
          .selectFrom('blob_tags as o')
          .select('o.name')
          .where('o.account', '=', account)
          .where('o.tag_index', '=', other)
          .whereRef('o.container', '=', 't.container')
          .whereRef('o.name', '=', 't.name'),
      ),
    )
  return await rows.orderBy('t.container').orderBy('t.name').limit(limit).execute()
}
