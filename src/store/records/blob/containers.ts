import type { Kysely, Transaction } from 'kysely'
import type { DataDb } from '../data-db.ts'
import { statement } from '../statement.ts'

/** What reads rows: the readers' connections, or a transaction that wants to see its own writes. */
export type BlobReads = Kysely<DataDb>
/** What writes them. */
export type BlobWrites = Transaction<DataDb>

export interface ContainerRow {
  readonly id: string
  readonly name: string
  readonly deleted_at: number | null
  readonly sealed: Uint8Array
}

const columns = ['id', 'name', 'deleted_at', 'sealed'] as const

const find = statement(
  (db: BlobReads, { account, name }: { readonly account: string; readonly name: string }) =>
    db
      .selectFrom('blob_containers')
      .select(columns)
      .where('account', '=', account)
      .where('name', '=', name)
      .where('deleted_at', 'is', null),
)

/** One that is not deleted. */
export async function findContainer(
  db: BlobReads,
  account: string,
  name: string,
): Promise<ContainerRow | null> {
  return await find.first(db, { account, name })
}

export async function insertContainer(
  db: BlobWrites,
  row: ContainerRow & { readonly account: string },
): Promise<void> {
  await db.insertInto('blob_containers').values(row).execute()
}

export async function updateContainer(
  db: BlobWrites,
  id: string,
  change: Partial<Pick<ContainerRow, 'sealed' | 'deleted_at'>>,
): Promise<void> {
  await db.updateTable('blob_containers').set(change).where('id', '=', id).execute()
}

export interface ContainersQuery {
  readonly account: string
  readonly prefix: string
  /** The first name of the page. */
  readonly from: string
  readonly limit: number
}

/** Those that are not deleted, in the order of names. */
export async function listContainerRows(
  db: BlobReads,
  { account, prefix, from, limit }: ContainersQuery,
): Promise<readonly ContainerRow[]> {
  let query = db
    .selectFrom('blob_containers')
    .select(columns)
    .where('account', '=', account)
    .where('deleted_at', 'is', null)
    .where('name', '>=', from > prefix ? from : prefix)
  if (prefix !== '') query = query.where('name', '<', endOfPrefix(prefix))
  return await query.orderBy('name').limit(limit).execute()
}

export interface DeletedPlace {
  readonly name: string
  readonly deletedAt: number
  readonly id: string
}

/** Those that were deleted after `after`, in the order of names, then of their deletion. */
export async function listDeletedContainers(
  db: BlobReads,
  {
    account,
    prefix,
    from,
    limit,
    after,
  }: Omit<ContainersQuery, 'from'> & { readonly from: DeletedPlace; readonly after: number },
): Promise<readonly (ContainerRow & { readonly deleted_at: number })[]> {
  const first = from.name >= prefix ? from : { name: prefix, deletedAt: 0, id: '' }
  let query = db
    .selectFrom('blob_containers')
    .select(columns)
    .where('account', '=', account)
    .where('deleted_at', '>', after)
    .where((eb) =>
      eb(eb.refTuple('name', 'deleted_at', 'id'), '>=', eb.tuple(first.name, first.deletedAt, first.id)),
    )
  if (prefix !== '') query = query.where('name', '<', endOfPrefix(prefix))
  const rows = await query.orderBy('name').orderBy('deleted_at').orderBy('id').limit(limit).execute()
  return rows.map((row) => ({ ...row, deleted_at: row.deleted_at ?? after }))
}

/** Deleted ones of a name. */
export async function findDeletedContainers(
  db: BlobReads,
  account: string,
  name: string,
): Promise<readonly ContainerRow[]> {
  return await db
    .selectFrom('blob_containers')
    .select(columns)
    .where('account', '=', account)
    .where('name', '=', name)
    .where('deleted_at', 'is not', null)
    .execute()
}

/** Whether it holds a blob, a snapshot or a version, a deleted one too. */
export async function isContainerEmpty(db: BlobReads, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('blob_blobs')
    .select('name')
    .where('container', '=', id)
    .limit(1)
    .executeTakeFirst()
  return row === undefined
}

/** The least text that is beyond all that begin with `prefix`, in the order of UTF-8 bytes. */
export function endOfPrefix(prefix: string): string {
  const points = Array.from(prefix)
  const last = points.findLastIndex((point) => point !== LAST_POINT)
  const next = (points[last]?.codePointAt(0) ?? 0) + 1
  // No text is beyond one that begins with the last of all characters.
  return last < 0
    ? `${prefix}${LAST_POINT}`
    : `${points.slice(0, last).join('')}${String.fromCodePoint(next === FIRST_SURROGATE ? AFTER_SURROGATES : next)}`
}

const LAST_POINT = '\u{10ffff}'
const FIRST_SURROGATE = 0xd800
const AFTER_SURROGATES = 0xe000
