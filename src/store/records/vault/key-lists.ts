import type { Page } from '../../../kernel/page.ts'
import { type Database, type NamedVersion, find, versionRows } from './key-queries.ts'
import type { KeyPlace, KeySeals } from './key-seals.ts'
import type { FoundKey } from './stored-key.ts'

export async function list(
  database: Database,
  seals: KeySeals,
  {
    vaultUid,
    which,
    after,
    limit,
  }: {
    readonly vaultUid: string
    readonly which: 'live' | 'deleted'
    readonly after: string | null
    readonly limit: number
  },
): Promise<Page<FoundKey>> {
  const rows = await database
    .selectFrom('vault_key')
    .select('name')
    .where('vault_uid', '=', vaultUid)
    .where('purge_after', which === 'live' ? 'is' : 'is not', null)
    .where('name', '>', after ?? '')
    .orderBy('name')
    .limit(limit + 1)
    .execute()
  const shown = rows.slice(0, limit)
  const found = await Promise.all(shown.map((row) => find(database, seals, { vaultUid, name: row.name })))
  // A key that changed sides between the two reads is left out: it is on the other list by now.
  const items = found.filter((key) => key !== null && (key.deletion === null) === (which === 'live'))
  return {
    items: items.filter((key) => key !== null),
    next: rows.length > limit ? (shown.at(-1)?.name ?? null) : null,
  }
}

export async function listVersions(
  database: Database,
  seals: KeySeals,
  place: KeyPlace,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<Page<NamedVersion>> {
  const key = await find(database, seals, place)
  if (key === null || key.deletion !== null) return { items: [], next: null }
  const rows = await versionRows(database, place)
    .select(['version', 'ordinal', 'document'])
    .where('ordinal', '>', Number(after ?? 0))
    .orderBy('ordinal')
    .limit(limit + 1)
    .execute()
  const shown = rows.slice(0, limit)
  const items = shown.map((row) => ({
    name: key.name,
    version: seals.openVersion(place, row.version, row.document),
  }))
  const last = shown.at(-1)
  return { items, next: rows.length > limit && last !== undefined ? String(last.ordinal) : null }
}
