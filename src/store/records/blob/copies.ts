import type { BlobReads, BlobWrites } from './containers.ts'

/** A copy under way, at its destination. */
export interface CopyRow {
  readonly container: string
  readonly name: string
  readonly account: string
  readonly id: string
  readonly sealed: Uint8Array
}

export async function insertCopy(db: BlobWrites, row: CopyRow): Promise<void> {
  await db.insertInto('blob_copies').values(row).execute()
}

export async function findCopy(db: BlobReads, id: string): Promise<CopyRow | null> {
  const row = await db.selectFrom('blob_copies').selectAll().where('id', '=', id).executeTakeFirst()
  return row ?? null
}

/** All of the installation: what a restart has to go on with. */
export async function listCopyIds(db: BlobReads): Promise<readonly string[]> {
  const rows = await db.selectFrom('blob_copies').select('id').execute()
  return rows.map(({ id }) => id)
}

export async function deleteCopy(db: BlobWrites, id: string): Promise<void> {
  await db.deleteFrom('blob_copies').where('id', '=', id).execute()
}
