import type { BlobReads, BlobWrites } from './containers.ts'

export interface BlobExtentRow {
  readonly ref: string
  /** Unsealed bytes. */
  readonly length: number
  readonly is_inline: number
  readonly sealed: Uint8Array
}

const REFS_AT_ONCE = 500

export async function insertBlobExtent(
  db: BlobWrites,
  row: BlobExtentRow & { readonly account: string; readonly uses: number },
): Promise<void> {
  await db
    .insertInto('blob_extents')
    .values({ ...row, doomed_at: null })
    .execute()
}

export async function findBlobExtents(
  db: BlobReads,
  refs: readonly string[],
): Promise<ReadonlyMap<string, BlobExtentRow>> {
  const found = new Map<string, BlobExtentRow>()
  for (let at = 0; at < refs.length; at += REFS_AT_ONCE) {
    const rows = await db
      .selectFrom('blob_extents')
      .select(['ref', 'length', 'is_inline', 'sealed'])
      .where('ref', 'in', refs.slice(at, at + REFS_AT_ONCE))
      .execute()
    for (const row of rows) found.set(row.ref, row)
  }
  return found
}

/** Each of the refs is named once more by something; a ref may come several times. */
export async function useExtents(db: BlobWrites, refs: readonly string[]): Promise<void> {
  for (const [ref, times] of counted(refs)) {
    await db
      .updateTable('blob_extents')
      .set(({ eb }) => ({ uses: eb('uses', '+', times) }))
      .where('ref', '=', ref)
      .execute()
  }
}

/** Each of the refs is named once less; what nothing names any more is doomed: its bytes stay for the reads under way. */
export async function releaseExtents(db: BlobWrites, refs: readonly string[], now: number): Promise<void> {
  for (const [ref, times] of counted(refs)) {
    await db
      .updateTable('blob_extents')
      .set(({ eb }) => ({
        uses: eb('uses', '-', times),
        doomed_at: eb.case().when('uses', '<=', times).then(now).else(null).end(),
      }))
      .where('ref', '=', ref)
      .execute()
  }
}

function counted(refs: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const ref of refs) counts.set(ref, (counts.get(ref) ?? 0) + 1)
  return counts
}
