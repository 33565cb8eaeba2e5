import type { BlobReads } from './containers.ts'
import { type BlobRow, blobsOfAccount } from './blobs.ts'

/** A row that refers to one that is not there. */
export interface LooseBlobRow {
  readonly what: string
  readonly row: string
  readonly problem: string
}

/** References between rows that hold whatever clients do. Needs no key. */
export async function* looseBlobRows(db: BlobReads): AsyncGenerator<LooseBlobRow> {
  const blobs = db
    .selectFrom('blob_blobs as b')
    .leftJoin('blob_containers as c', 'c.id', 'b.container')
    .select(['b.container', 'b.name'])
    .where('c.id', 'is', null)
    .stream()
  for await (const { container, name } of blobs)
    yield { what: 'blob', row: `${container}/${name}`, problem: 'its container is missing' }
  const blocks = db
    .selectFrom('blob_blocks as b')
    .leftJoin('blob_extents as e', 'e.ref', 'b.ref')
    .select(['b.container', 'b.name', 'b.block'])
    .where('e.ref', 'is', null)
    .stream()
  for await (const { container, name, block } of blocks)
    yield { what: 'block', row: `${container}/${name}/${block}`, problem: 'its extent is missing' }
}

/** An extent that stands in a file of its own and that something names. */
export interface FiledExtent {
  readonly ref: string
  /** Unsealed bytes. */
  readonly length: number
  /** Whether a second layer is around it. */
  readonly isDoubled: boolean
}

export async function* filedExtents(db: BlobReads): AsyncGenerator<FiledExtent> {
  const rows = db
    .selectFrom('blob_extents')
    .select(['ref', 'length', 'outer'])
    .where('doomed_at', 'is', null)
    .where('is_inline', '=', 0)
    .stream()
  for await (const { ref, length, outer } of rows) yield { ref, length, isDoubled: outer !== null }
}

/** All rows of an account, deleted ones too, a page at a time in the order of their keys. */
export async function accountBlobsPage(
  db: BlobReads,
  account: string,
  after: Pick<BlobRow, 'container' | 'name' | 'moment'>,
  limit: number,
): Promise<readonly BlobRow[]> {
  return await blobsOfAccount(db, account)
    .where((eb) =>
      eb(
        eb.refTuple('b.container', 'b.name', 'b.moment'),
        '>',
        eb.tuple(after.container, after.name, after.moment),
      ),
    )
    .orderBy('b.container')
    .orderBy('b.name')
    .orderBy('b.moment')
    .limit(limit)
    .execute()
}

/** Deleted ones too. */
export async function allContainers(db: BlobReads, account: string) {
  return await db
    .selectFrom('blob_containers')
    .select(['id', 'name', 'deleted_at', 'sealed'])
    .where('account', '=', account)
    .execute()
}
