import type { BlobReads, BlobWrites } from './containers.ts'

export interface BlockRow {
  readonly block: string
  readonly ref: string
  readonly sealed: Uint8Array
}

interface BlobName {
  readonly container: string
  readonly name: string
}

export async function findBlock(
  db: BlobReads,
  { container, name }: BlobName,
  block: string,
): Promise<BlockRow | null> {
  const row = await db
    .selectFrom('blob_blocks')
    .select(['block', 'ref', 'sealed'])
    .where('container', '=', container)
    .where('name', '=', name)
    .where('block', '=', block)
    .executeTakeFirst()
  return row ?? null
}

export async function putBlockRow(
  db: BlobWrites,
  row: BlobName & BlockRow & { readonly created_at: number },
): Promise<void> {
  const { ref, sealed, created_at } = row
  await db
    .insertInto('blob_blocks')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['container', 'name', 'block']).doUpdateSet({ ref, sealed, created_at }),
    )
    .execute()
}

/** In the order in which they first came. */
export async function listBlocks(db: BlobReads, { container, name }: BlobName): Promise<readonly BlockRow[]> {
  return await db
    .selectFrom('blob_blocks')
    .select(['block', 'ref', 'sealed'])
    .where('container', '=', container)
    .where('name', '=', name)
    .orderBy('created_at')
    .orderBy('block')
    .execute()
}

/** @returns what the blocks named */
export async function deleteBlocks(
  db: BlobWrites,
  { container, name }: BlobName,
): Promise<readonly string[]> {
  const rows = await db
    .deleteFrom('blob_blocks')
    .where('container', '=', container)
    .where('name', '=', name)
    .returning('ref')
    .execute()
  return rows.map(({ ref }) => ref)
}
