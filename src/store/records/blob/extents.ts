import { listStatement, statement } from '../statement.ts'
import type { BlobReads, BlobWrites } from './containers.ts'

export interface BlobExtentRow {
  readonly ref: string
  /** Unsealed bytes. */
  readonly length: number
  readonly is_inline: number
  readonly outer: Uint8Array | null
  readonly sealed: Uint8Array
}

const insert = statement(
  (db: BlobReads, row: BlobExtentRow & { readonly account: string; readonly uses: number }) => {
    const { ref, account, length, uses, is_inline, outer, sealed } = row
    return db
      .insertInto('blob_extents')
      .values({ ref, account, length, uses, is_inline, outer, sealed, doomed_at: null })
  },
)

export async function insertBlobExtent(
  db: BlobWrites,
  row: BlobExtentRow & { readonly account: string; readonly uses: number },
): Promise<void> {
  await insert.all(db, row)
}

const find = listStatement((db: BlobReads, _: object, list: readonly Named[]) =>
  db
    .selectFrom('blob_extents')
    .select(['ref', 'length', 'is_inline', 'outer', 'sealed'])
    .where(
      'ref',
      'in',
      list.map(({ ref }) => ref),
    ),
)

/** @param refs all of them different */
export async function findBlobExtents(
  db: BlobReads,
  refs: readonly string[],
): Promise<ReadonlyMap<string, BlobExtentRow>> {
  const rows = await find.all(
    db,
    {},
    refs.map((ref) => ({ ref })),
  )
  return new Map(rows.map((row) => [row.ref, row]))
}

interface Named {
  readonly ref: string
}

const use = listStatement((db: BlobReads, { times }: { readonly times: number }, list: readonly Named[]) =>
  db
    .updateTable('blob_extents')
    .set(({ eb }) => ({ uses: eb('uses', '+', times) }))
    .where(
      'ref',
      'in',
      list.map(({ ref }) => ref),
    ),
)

/** Each of the refs is named once more by something; a ref may come several times. */
export async function useExtents(db: BlobWrites, refs: readonly string[]): Promise<void> {
  for (const [times, list] of byTimes(refs)) await use.all(db, { times }, list)
}

const release = listStatement(
  (db: BlobReads, { times, now }: { readonly times: number; readonly now: number }, list: readonly Named[]) =>
    db
      .updateTable('blob_extents')
      .set(({ eb }) => ({
        uses: eb('uses', '-', times),
        doomed_at: eb.case().when('uses', '<=', times).then(now).else(null).end(),
      }))
      .where(
        'ref',
        'in',
        list.map(({ ref }) => ref),
      ),
)

/** Each of the refs is named once less; what nothing names any more is doomed: its bytes stay for the reads under way. */
export async function releaseExtents(db: BlobWrites, refs: readonly string[], now: number): Promise<void> {
  for (const [times, list] of byTimes(refs)) await release.all(db, { times, now }, list)
}

/** Refs that come equally often go together: nearly all come once. */
function byTimes(refs: readonly string[]): ReadonlyMap<number, readonly Named[]> {
  const counts = new Map<string, number>()
  for (const ref of refs) counts.set(ref, (counts.get(ref) ?? 0) + 1)
  const lists = new Map<number, Named[]>()
  for (const [ref, times] of counts) {
    const list = lists.get(times)
    if (list === undefined) lists.set(times, [{ ref }])
    else list.push({ ref })
  }
  return lists
}
