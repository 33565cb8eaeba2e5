import { listStatement, statement } from '../statement.ts'
import type { BlobReads, BlobWrites } from './containers.ts'

/** A node of an extent map. */
export interface MapNodeRow {
  readonly node: string
  /** How many blobs and nodes name it. */
  readonly uses: number
  readonly sealed: Uint8Array
}

export interface DoomedNodeRow extends MapNodeRow {
  readonly doomed_at: number
}

interface Named {
  readonly node: string
}

const nodes = listStatement((db: BlobReads, _: object, list: readonly Named[]) =>
  db
    .selectFrom('blob_map_nodes')
    .select(['node', 'uses', 'sealed'])
    .where(
      'node',
      'in',
      list.map(({ node }) => node),
    ),
)

export async function findMapNodes(
  db: BlobReads,
  names: readonly string[],
): Promise<ReadonlyMap<string, MapNodeRow>> {
  const rows = await nodes.all(db, {}, names.map(named))
  return new Map(rows.map((row) => [row.node, row]))
}

const insert = statement(
  (
    db: BlobReads,
    { node, account, sealed }: Named & { readonly account: string; readonly sealed: Uint8Array },
  ) => db.insertInto('blob_map_nodes').values({ node, account, uses: 1, doomed_at: null, sealed }),
)

/** One that is named once. */
export async function insertMapNode(
  db: BlobWrites,
  row: { readonly node: string; readonly account: string; readonly sealed: Uint8Array },
): Promise<void> {
  await insert.all(db, row)
}

const update = statement((db: BlobReads, { node, sealed }: Named & { readonly sealed: Uint8Array }) =>
  db.updateTable('blob_map_nodes').set({ sealed }).where('node', '=', node),
)

export async function updateMapNode(db: BlobWrites, node: string, sealed: Uint8Array): Promise<void> {
  await update.all(db, { node, sealed })
}

const use = listStatement((db: BlobReads, _: object, list: readonly Named[]) =>
  db
    .updateTable('blob_map_nodes')
    .set(({ eb }) => ({ uses: eb('uses', '+', 1) }))
    .where(
      'node',
      'in',
      list.map(({ node }) => node),
    ),
)

/** Each of the nodes, all of them different, is named once more. */
export async function useMapNodes(db: BlobWrites, names: readonly string[]): Promise<void> {
  await use.all(db, {}, names.map(named))
}

const release = listStatement((db: BlobReads, { at }: { readonly at: number }, list: readonly Named[]) =>
  db
    .updateTable('blob_map_nodes')
    .set(({ eb }) => ({
      uses: eb('uses', '-', 1),
      doomed_at: eb.case().when('uses', '<=', 1).then(at).else(null).end(),
    }))
    .where(
      'node',
      'in',
      list.map(({ node }) => node),
    ),
)

/** Each of the nodes, all of them different, is named once less; what nothing names any more is doomed since `at`. */
export async function releaseMapNodes(db: BlobWrites, names: readonly string[], at: number): Promise<void> {
  await release.all(db, { at }, names.map(named))
}

/** What they named is the caller's. */
const remove = listStatement((db: BlobReads, _: object, list: readonly Named[]) =>
  db.deleteFrom('blob_map_nodes').where(
    'node',
    'in',
    list.map(({ node }) => node),
  ),
)

export async function deleteMapNodes(db: BlobWrites, names: readonly string[]): Promise<void> {
  await remove.all(db, {}, names.map(named))
}

/** Nodes of an account that nothing has named since before `before`. */
export async function doomedMapNodes(
  db: BlobReads,
  account: string,
  { before, limit }: { readonly before: number; readonly limit: number },
): Promise<readonly DoomedNodeRow[]> {
  const rows = await db
    .selectFrom('blob_map_nodes')
    .select(['node', 'uses', 'sealed', 'doomed_at'])
    .where('account', '=', account)
    .where('doomed_at', '<', before)
    .limit(limit)
    .execute()
  return rows.map((row) => ({ ...row, doomed_at: row.doomed_at ?? before }))
}

function named(node: string): Named {
  return { node }
}
