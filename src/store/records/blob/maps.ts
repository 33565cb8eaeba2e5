import type { BlobReads, BlobWrites } from './containers.ts'

export interface MapChunkRow {
  readonly map: string
  readonly start: number
  readonly sealed: Uint8Array
}

/** Of the map, the chunks that hold any of start..end: the one that begins at or before `start`, and those after it. */
export async function listMapChunks(
  db: BlobReads,
  map: string,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<readonly MapChunkRow[]> {
  return await db
    .selectFrom('blob_maps')
    .select(['map', 'start', 'sealed'])
    .where('map', '=', map)
    .where('start', '<', end)
    .where('start', '>=', (eb) =>
      eb.fn.coalesce(
        eb
          .selectFrom('blob_maps')
          .select((inner) => inner.fn.max<number>('start').as('start'))
          .where('map', '=', map)
          .where('start', '<=', start),
        eb.val(0),
      ),
    )
    .orderBy('start')
    .execute()
}

export async function putMapChunk(db: BlobWrites, row: MapChunkRow): Promise<void> {
  await db
    .insertInto('blob_maps')
    .values(row)
    .onConflict((conflict) => conflict.columns(['map', 'start']).doUpdateSet({ sealed: row.sealed }))
    .execute()
}

export async function deleteMapChunks(db: BlobWrites, map: string, starts: readonly number[]): Promise<void> {
  if (starts.length === 0) return
  await db.deleteFrom('blob_maps').where('map', '=', map).where('start', 'in', starts).execute()
}

export async function insertMap(db: BlobWrites, map: string, account: string): Promise<void> {
  await db.insertInto('blob_map_heads').values({ map, account, uses: 1 }).execute()
}

export async function useMap(db: BlobWrites, map: string): Promise<void> {
  await db
    .updateTable('blob_map_heads')
    .set(({ eb }) => ({ uses: eb('uses', '+', 1) }))
    .where('map', '=', map)
    .execute()
}

/** @returns how many blobs still name it; at 0 its chunks are the caller's to read and drop */
export async function releaseMap(db: BlobWrites, map: string): Promise<number> {
  const row = await db
    .updateTable('blob_map_heads')
    .set(({ eb }) => ({ uses: eb('uses', '-', 1) }))
    .where('map', '=', map)
    .returning('uses')
    .executeTakeFirst()
  return row?.uses ?? 0
}

export async function mapUses(db: BlobReads, map: string): Promise<number> {
  const row = await db.selectFrom('blob_map_heads').select('uses').where('map', '=', map).executeTakeFirst()
  return row?.uses ?? 0
}

export async function dropMap(db: BlobWrites, map: string): Promise<void> {
  await db.deleteFrom('blob_maps').where('map', '=', map).execute()
  await db.deleteFrom('blob_map_heads').where('map', '=', map).execute()
}
