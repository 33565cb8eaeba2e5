import type { RegistryReads } from './repositories.ts'

/** An extent that some blob or upload needs: its bytes must be there. */
export interface KeptExtent {
  readonly ref: string
  /** Unsealed bytes. */
  readonly length: number
}

/** How many there are, and their unsealed bytes. */
export async function keptExtentTotals(
  db: RegistryReads,
): Promise<{ readonly count: number; readonly bytes: number }> {
  const row = await db
    .selectFrom('registry_extents')
    .select(({ fn }) => [fn.countAll<number>().as('count'), fn.sum<number | null>('length').as('bytes')])
    .where('doomed_at', 'is', null)
    .executeTakeFirstOrThrow()
  return { count: row.count, bytes: row.bytes ?? 0 }
}

/** In the order of their refs, beyond `after`. @param which `uploads`: only those of uploads that are not finished */
export async function listKeptExtents(
  db: RegistryReads,
  {
    after,
    limit,
    which,
  }: { readonly after: string; readonly limit: number; readonly which: 'all' | 'uploads' },
): Promise<readonly KeptExtent[]> {
  const all = db
    .selectFrom('registry_extents')
    .select(['ref', 'length'])
    .where('doomed_at', 'is', null)
    .where('ref', '>', after)
    .orderBy('ref')
    .limit(limit)
  if (which === 'all') return await all.execute()
  return await all
    .where('owner', 'in', (query) => query.selectFrom('registry_uploads').select('id'))
    .execute()
}

/** Those of the refs that are needed. */
export async function keptAmong(db: RegistryReads, refs: readonly string[]): Promise<ReadonlySet<string>> {
  if (refs.length === 0) return new Set()
  const rows = await db
    .selectFrom('registry_extents')
    .select('ref')
    .where('ref', 'in', refs)
    .where('doomed_at', 'is', null)
    .execute()
  return new Set(rows.map(({ ref }) => ref))
}
