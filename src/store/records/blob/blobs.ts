import { statement } from '../statement.ts'
import { type BlobReads, type BlobWrites, endOfPrefix } from './containers.ts'

/** `moment` of the base blob: sorts behind every time. */
export const BASE = '~'

export interface BlobKey {
  readonly container: string
  readonly name: string
  readonly moment: string
}

export interface BlobRow extends BlobKey {
  readonly id: string
  readonly extent: string | null
  readonly deleted_at: number | null
  readonly sealed: Uint8Array
  readonly metadata: Uint8Array | null
}

const columns = ['container', 'name', 'moment', 'id', 'extent', 'deleted_at', 'sealed', 'metadata'] as const

const find = statement((db: BlobReads, { container, name, moment }: BlobKey) =>
  db
    .selectFrom('blob_blobs')
    .select(columns)
    .where('container', '=', container)
    .where('name', '=', name)
    .where('moment', '=', moment),
)

/** Deleted ones too. */
export async function findBlobRow(db: BlobReads, key: BlobKey): Promise<BlobRow | null> {
  return await find.first(db, key)
}

const put = statement((db: BlobReads, row: BlobRow) => {
  const { container, name, moment, id, extent, deleted_at, sealed, metadata } = row
  return db
    .insertInto('blob_blobs')
    .values({ container, name, moment, id, extent, deleted_at, sealed, metadata })
    .onConflict((conflict) =>
      conflict
        .columns(['container', 'name', 'moment'])
        .doUpdateSet({ id, extent, deleted_at, sealed, metadata }),
    )
})

export async function putBlobRow(db: BlobWrites, row: BlobRow): Promise<void> {
  await put.all(db, row)
}

const deleteOne = statement((db: BlobReads, { container, name, moment }: BlobKey) =>
  db
    .deleteFrom('blob_blobs')
    .where('container', '=', container)
    .where('name', '=', name)
    .where('moment', '=', moment),
)

export async function deleteBlobRow(db: BlobWrites, key: BlobKey): Promise<void> {
  await deleteOne.all(db, key)
}

/** All of one name, in the order of their moments; the base blob last. */
export async function listMoments(
  db: BlobReads,
  container: string,
  name: string,
): Promise<readonly BlobRow[]> {
  return await db
    .selectFrom('blob_blobs')
    .select(columns)
    .where('container', '=', container)
    .where('name', '=', name)
    .orderBy('moment')
    .execute()
}

export interface BlobsQuery {
  readonly container: string
  readonly prefix: string
  /** The first row of the page: a name and a moment, `''` for its first. */
  readonly from: { readonly name: string; readonly moment: string }
  readonly limit: number
  /** Snapshots and versions too. */
  readonly withMoments: boolean
  readonly withDeleted: boolean
}

/** In the order of names, then of moments. */
export async function listBlobRows(db: BlobReads, query: BlobsQuery): Promise<readonly BlobRow[]> {
  const { container, prefix, from, limit } = query
  const first = from.name >= prefix ? from : { name: prefix, moment: '' }
  let rows = db.selectFrom('blob_blobs').select(columns).where('container', '=', container)
  rows =
    first.moment === ''
      ? rows.where('name', '>=', first.name)
      : rows.where((eb) => eb(eb.refTuple('name', 'moment'), '>=', eb.tuple(first.name, first.moment)))
  if (prefix !== '') rows = rows.where('name', '<', endOfPrefix(prefix))
  if (!query.withMoments) rows = rows.where('moment', '=', BASE)
  if (!query.withDeleted) rows = rows.where('deleted_at', 'is', null)
  return await rows.orderBy('name').orderBy('moment').limit(limit).execute()
}

/** Some rows of a container; for taking it away piece by piece. */
export async function someBlobRows(
  db: BlobReads,
  container: string,
  limit: number,
): Promise<readonly BlobRow[]> {
  return await db
    .selectFrom('blob_blobs')
    .select(columns)
    .where('container', '=', container)
    .limit(limit)
    .execute()
}
