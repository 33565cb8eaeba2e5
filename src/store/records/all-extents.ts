import type { Kysely } from 'kysely'
import type { DataDb } from './data-db.ts'

/** An extent that something needs: its bytes must be in the byte store, which registries and blob storage share. */
export interface KeptExtent {
  readonly ref: string
  /** Unsealed bytes. */
  readonly length: number
}

type Reads = Kysely<DataDb>

/** How many there are, and their unsealed bytes. */
export async function keptExtentTotals(
  db: Reads,
): Promise<{ readonly count: number; readonly bytes: number }> {
  const registry = await db
    .selectFrom('registry_extents')
    .select(({ fn }) => [fn.countAll<number>().as('count'), fn.sum<number | null>('length').as('bytes')])
    .where('doomed_at', 'is', null)
    .where('is_inline', '=', 0)
    .executeTakeFirstOrThrow()
  const blobs = await db
    .selectFrom('blob_extents')
    .select(({ fn }) => [fn.countAll<number>().as('count'), fn.sum<number | null>('length').as('bytes')])
    .where('doomed_at', 'is', null)
    .where('is_inline', '=', 0)
    .executeTakeFirstOrThrow()
  return { count: registry.count + blobs.count, bytes: (registry.bytes ?? 0) + (blobs.bytes ?? 0) }
}

/** In the order of their refs, beyond `after`. @param which `uploads`: only those of what is not finished */
export async function listKeptExtents(
  db: Reads,
  page: { readonly after: string; readonly limit: number; readonly which: 'all' | 'uploads' },
): Promise<readonly KeptExtent[]> {
  const found = [...(await ofRegistries(db, page)), ...(await ofBlobs(db, page))]
  return found.sort((a, b) => (a.ref < b.ref ? -1 : 1)).slice(0, page.limit)
}

interface KeptPage {
  readonly after: string
  readonly limit: number
  readonly which: 'all' | 'uploads'
}

async function ofRegistries(db: Reads, { after, limit, which }: KeptPage): Promise<readonly KeptExtent[]> {
  const all = db
    .selectFrom('registry_extents')
    .select(['ref', 'length'])
    .where('doomed_at', 'is', null)
    .where('is_inline', '=', 0)
    .where('ref', '>', after)
    .orderBy('ref')
    .limit(limit)
  if (which === 'all') return await all.execute()
  return await all
    .where('owner', 'in', (query) => query.selectFrom('registry_uploads').select('id'))
    .execute()
}

async function ofBlobs(db: Reads, { after, limit, which }: KeptPage): Promise<readonly KeptExtent[]> {
  const all = db
    .selectFrom('blob_extents')
    .select(['ref', 'length'])
    .where('doomed_at', 'is', null)
    .where('is_inline', '=', 0)
    .where('ref', '>', after)
    .orderBy('ref')
    .limit(limit)
  if (which === 'all') return await all.execute()
  return await all.where('ref', 'in', (query) => query.selectFrom('blob_blocks').select('ref')).execute()
}

/** Those of the refs that are needed. */
export async function keptAmong(db: Reads, refs: readonly string[]): Promise<ReadonlySet<string>> {
  if (refs.length === 0) return new Set()
  const registry = await db
    .selectFrom('registry_extents')
    .select('ref')
    .where('ref', 'in', refs)
    .where('doomed_at', 'is', null)
    .execute()
  const blobs = await db
    .selectFrom('blob_extents')
    .select('ref')
    .where('ref', 'in', refs)
    .where('doomed_at', 'is', null)
    .execute()
  return new Set([...registry, ...blobs].map(({ ref }) => ref))
}

/** Those of the refs that some row names, needed or doomed: their files are no orphans. */
export async function knownRefs(db: Reads, refs: readonly string[]): Promise<ReadonlySet<string>> {
  if (refs.length === 0) return new Set()
  const registry = await db.selectFrom('registry_extents').select('ref').where('ref', 'in', refs).execute()
  const blobs = await db.selectFrom('blob_extents').select('ref').where('ref', 'in', refs).execute()
  return new Set([...registry, ...blobs].map(({ ref }) => ref))
}
