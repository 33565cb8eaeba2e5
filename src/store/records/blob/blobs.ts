import { statement } from '../statement.ts'
import type { BlobReads, BlobWrites } from './containers.ts'

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
