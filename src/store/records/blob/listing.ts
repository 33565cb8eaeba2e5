import { BASE, type BlobRow, blobColumns } from './blobs.ts'
import { type BlobReads, endOfPrefix } from './containers.ts'

export interface BlobsQuery {
  readonly container: string
  readonly prefix: string
  /** The first row: a name and a moment, `''` for the name's first. */
  readonly from: { readonly name: string; readonly moment: string }
  /** The first name that does not belong to it; null: no end of its own. */
  readonly end: string | null
  readonly limit: number
}

export interface BlobRowsQuery extends BlobsQuery {
  /** Snapshots and versions too. */
  readonly withMoments: boolean
  readonly withDeleted: boolean
}

/** In the order of names, then of moments. */
export async function listBlobRows(
  db: BlobReads,
  { withMoments, withDeleted, ...query }: BlobRowsQuery,
): Promise<readonly BlobRow[]> {
  const { name, moment } = firstOf(query)
  let rows = namesIn(db, query).select(blobColumns.map((column) => `b.${column}` as const))
  rows =
    moment === ''
      ? rows.where('b.name', '>=', name)
      : rows.where((eb) => eb(eb.refTuple('b.name', 'b.moment'), '>=', eb.tuple(name, moment)))
  if (!withMoments) rows = rows.where('b.moment', '=', BASE)
  if (!withDeleted) rows = rows.where('b.deleted_at', 'is', null)
  return await rows.orderBy('b.name').orderBy('b.moment').limit(query.limit).execute()
}

/** Of each name that has no base blob, or a deleted one, the latest snapshot or version; in the order of names. */
export async function listRemains(db: BlobReads, query: BlobsQuery): Promise<readonly BlobRow[]> {
  return await namesIn(db, query)
    .select(blobColumns.map((column) => `b.${column}` as const))
    .where('b.name', '>=', firstOf(query).name)
    .where('b.moment', '<>', BASE)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('blob_blobs as later')
            .select('later.id')
            .whereRef('later.container', '=', 'b.container')
            .whereRef('later.name', '=', 'b.name')
            .whereRef('later.moment', '>', 'b.moment')
            .where((or) => or.or([or('later.moment', '<>', BASE), or('later.deleted_at', 'is', null)])),
        ),
      ),
    )
    .orderBy('b.name')
    .limit(query.limit)
    .execute()
}

function namesIn(db: BlobReads, { container, prefix, end }: BlobsQuery) {
  let rows = db.selectFrom('blob_blobs as b').where('b.container', '=', container)
  if (prefix !== '') rows = rows.where('b.name', '<', endOfPrefix(prefix))
  if (end !== null) rows = rows.where('b.name', '<', end)
  return rows
}

function firstOf({ from, prefix }: BlobsQuery): BlobsQuery['from'] {
  return compareNames(from.name, prefix) >= 0 ? from : { name: prefix, moment: '' }
}

/** In the order of the rows: that of UTF-8. */
export function compareNames(one: string, other: string): number {
  return one === other ? 0 : Buffer.compare(Buffer.from(one), Buffer.from(other))
}
