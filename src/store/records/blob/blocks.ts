import { sql } from 'kysely'
import { statement } from '../statement.ts'
import { BASE } from './blobs.ts'
import { type BlobReads, type BlobWrites, endOfPrefix } from './containers.ts'

export interface BlockRow {
  readonly block: string
  readonly ref: string
  readonly sealed: Uint8Array
}

interface BlobName {
  readonly container: string
  readonly name: string
}

interface NumberedBlock extends BlockRow {
  /** How many blocks of its blob came before it, and itself: of the last one, how many there are. */
  readonly number: number
}

const find = statement((db: BlobReads, { container, name, block }: BlobName & Pick<BlockRow, 'block'>) =>
  db
    .selectFrom('blob_blocks')
    .select(['block', 'ref', 'sealed', 'number'])
    .where('container', '=', container)
    .where('name', '=', name)
    .where('block', '=', block),
)

export async function findBlock(
  db: BlobReads,
  { container, name }: BlobName,
  block: string,
): Promise<NumberedBlock | null> {
  return await find.first(db, { container, name, block })
}

const findLast = statement((db: BlobReads, { container, name }: BlobName) =>
  db
    .selectFrom('blob_blocks')
    .select(['block', 'ref', 'sealed', 'number'])
    .where('container', '=', container)
    .where('name', '=', name)
    .orderBy('number', 'desc')
    .limit(1),
)

/** The block of the highest number. */
export async function findLastBlock(db: BlobReads, blob: BlobName): Promise<NumberedBlock | null> {
  return await findLast.first(db, blob)
}

const put = statement((db: BlobReads, row: BlobName & NumberedBlock & { readonly created_at: number }) => {
  const { container, name, block, ref, number, created_at, sealed } = row
  return db
    .insertInto('blob_blocks')
    .values({ container, name, block, ref, number, created_at, sealed })
    .onConflict((conflict) =>
      conflict.columns(['container', 'name', 'block']).doUpdateSet({ ref, sealed, created_at }),
    )
})

/** One that takes the place of another of its id keeps that one's number. */
export async function putBlockRow(
  db: BlobWrites,
  row: BlobName & NumberedBlock & { readonly created_at: number },
): Promise<void> {
  await put.all(db, row)
}

/** In the order of their ids. */
export async function listBlocks(db: BlobReads, { container, name }: BlobName): Promise<readonly BlockRow[]> {
  return await db
    .selectFrom('blob_blocks')
    .select(['block', 'ref', 'sealed'])
    .where('container', '=', container)
    .where('name', '=', name)
    .orderBy('block')
    .execute()
}

/** The same without what they hold: of tens of thousands, that is most of it. */
export async function listBlockRefs(
  db: BlobReads,
  { container, name }: BlobName,
): Promise<readonly Pick<BlockRow, 'block' | 'ref'>[]> {
  return await db
    .selectFrom('blob_blocks')
    .select(['block', 'ref'])
    .where('container', '=', container)
    .where('name', '=', name)
    .execute()
}

const deleteAll = statement((db: BlobReads, { container, name }: BlobName) =>
  db.deleteFrom('blob_blocks').where('container', '=', container).where('name', '=', name).returning('ref'),
)

/** @returns what the blocks named */
export async function deleteBlocks(db: BlobWrites, blob: BlobName): Promise<readonly string[]> {
  return (await deleteAll.all(db, blob)).map(({ ref }) => ref)
}

export interface UncommittedBlob {
  readonly name: string
  /** When the first of its blocks came, or came anew. */
  readonly created_at: number
}

/** Blobs that consist of uncommitted blocks alone, in the order of names. */
export async function listUncommittedBlobs(
  db: BlobReads,
  {
    container,
    prefix,
    from,
    limit,
  }: { readonly container: string; readonly prefix: string; readonly from: string; readonly limit: number },
): Promise<readonly UncommittedBlob[]> {
  let query = db
    .selectFrom('blob_blocks as first')
    .select(['first.name', 'first.created_at'])
    .where('first.container', '=', container)
    // In the words of the partial index: a parameter would not find it.
    .where('first.number', '=', sql.lit(1))
    .where('first.name', '>=', from > prefix ? from : prefix)
  if (prefix !== '') query = query.where('first.name', '<', endOfPrefix(prefix))
  return await query
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('blob_blobs as blob')
            .select('blob.id')
            .whereRef('blob.container', '=', 'first.container')
            .whereRef('blob.name', '=', 'first.name')
            .where('blob.moment', '=', BASE)
            .where('blob.deleted_at', 'is', null),
        ),
      ),
    )
    .orderBy('first.name')
    .limit(limit)
    .execute()
}
