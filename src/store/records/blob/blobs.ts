import { statement } from '../statement.ts'
import type { BlobReads, BlobWrites, ContainerRow } from './containers.ts'
import type { BlobExtentRow } from './extents.ts'

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

export const blobColumns = [
  'container',
  'name',
  'moment',
  'id',
  'extent',
  'deleted_at',
  'sealed',
  'metadata',
] as const

const find = statement((db: BlobReads, { container, name, moment }: BlobKey) =>
  db
    .selectFrom('blob_blobs')
    .select(blobColumns)
    .where('container', '=', container)
    .where('name', '=', name)
    .where('moment', '=', moment),
)

/** Deleted ones too. */
export async function findBlobRow(db: BlobReads, key: BlobKey): Promise<BlobRow | null> {
  return await find.first(db, key)
}

/** A container's row, and that of one of its blobs; null where there is none. */
export interface BlobWithin {
  readonly container: ContainerRow
  readonly blob: BlobRow | null
}

/** The base blob of a name in the container of a name; the container must not be deleted, the blob may be. */
export interface BlobPlace {
  readonly account: string
  readonly container: string
  readonly name: string
}

const selectWithin = (db: BlobReads, { account, container, name }: BlobPlace) =>
  db
    .selectFrom('blob_containers as c')
    .leftJoin('blob_blobs as b', (join) =>
      join.onRef('b.container', '=', 'c.id').on('b.name', '=', name).on('b.moment', '=', BASE),
    )
    .select(['c.id as container', 'c.sealed as container_sealed'])
    .select(['b.id', 'b.extent', 'b.deleted_at', 'b.sealed', 'b.metadata'])
    .where('c.account', '=', account)
    .where('c.name', '=', container)
    .where('c.deleted_at', 'is', null)

const findWithin = statement(selectWithin)
const findWhole = statement((db: BlobReads, place: BlobPlace) =>
  selectWithin(db, place)
    .leftJoin('blob_extents as e', 'e.ref', 'b.extent')
    .select(['e.length', 'e.is_inline', 'e.outer', 'e.sealed as extent_sealed']),
)

/** In one statement: two take twice as long. @returns null when there is no such container */
export async function findBlobWithin(db: BlobReads, place: BlobPlace): Promise<BlobWithin | null> {
  const row = await findWithin.first(db, place)
  return row === null ? null : within(place, row)
}

/** The same with the row of the extent which is all of the blob; null where there is no such one. */
export async function findWholeBlob(
  db: BlobReads,
  place: BlobPlace,
): Promise<(BlobWithin & { readonly extent: BlobExtentRow | null }) | null> {
  const row = await findWhole.first(db, place)
  if (row === null) return null
  const { extent: ref, length, is_inline, outer, extent_sealed: sealed } = row
  const isThere = ref !== null && length !== null && is_inline !== null && sealed !== null
  return { ...within(place, row), extent: isThere ? { ref, length, is_inline, outer, sealed } : null }
}

interface WithinRow extends Pick<BlobRow, 'extent' | 'deleted_at' | 'metadata'> {
  readonly container: string
  readonly container_sealed: Uint8Array
  readonly id: string | null
  readonly sealed: Uint8Array | null
}

function within({ container: containerName, name }: BlobPlace, row: WithinRow): BlobWithin {
  const { container, container_sealed, id, extent, deleted_at, sealed, metadata } = row
  const isThere = id !== null && sealed !== null
  return {
    container: { id: container, name: containerName, deleted_at: null, sealed: container_sealed },
    blob: isThere ? { container, name, moment: BASE, id, extent, deleted_at, sealed, metadata } : null,
  }
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
    .select(blobColumns)
    .where('container', '=', container)
    .where('name', '=', name)
    .orderBy('moment')
    .execute()
}

/** Some rows of a container; for taking it away piece by piece. */
export async function someBlobRows(
  db: BlobReads,
  container: string,
  limit: number,
): Promise<readonly BlobRow[]> {
  return await db
    .selectFrom('blob_blobs')
    .select(blobColumns)
    .where('container', '=', container)
    .limit(limit)
    .execute()
}

/** Of all its containers, deleted rows too; to be narrowed down. */
export function blobsOfAccount(db: BlobReads, account: string) {
  return db
    .selectFrom('blob_blobs as b')
    .innerJoin('blob_containers as c', 'c.id', 'b.container')
    .select(blobColumns.map((column) => `b.${column}` as const))
    .where('c.account', '=', account)
}
