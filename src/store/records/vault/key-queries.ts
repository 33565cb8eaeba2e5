import type { Kysely } from 'kysely'
import type { KeyPlace, KeySeals } from './key-seals.ts'
import type { Deletion, FoundKey, StoredVersion } from './stored-key.ts'
import type { VaultTables } from './tables.ts'

/** A reader's connection or a transaction. */
export type Database = Kysely<VaultTables>

/** A live key's version under the key's name as it was written. */
export interface NamedVersion {
  readonly name: string
  readonly version: StoredVersion
}

export function placeOf(vaultUid: string, name: string): KeyPlace {
  return { vaultUid, name: name.toLowerCase() }
}

export function keyRows(database: Database, { vaultUid, name }: KeyPlace) {
  return database.selectFrom('vault_key').where('vault_uid', '=', vaultUid).where('name', '=', name)
}

export function versionRows(database: Database, { vaultUid, name }: KeyPlace) {
  return database.selectFrom('vault_key_version').where('vault_uid', '=', vaultUid).where('name', '=', name)
}

type KeyRow = Pick<VaultTables['vault_key'], 'purge_after' | 'purge_at' | 'document'>

function deletionOf(row: KeyRow, deletedAt: number | null): Deletion | null {
  if (row.purge_after === null || row.purge_at === null || deletedAt === null) return null
  return { deletedAt: new Date(deletedAt), purgeAt: new Date(row.purge_at), purgeAfterMs: row.purge_after }
}

/** Live or deleted. */
export async function find(database: Database, seals: KeySeals, place: KeyPlace): Promise<FoundKey | null> {
  const row = await keyRows(database, place).selectAll().executeTakeFirst()
  if (row === undefined) return null
  const newest = await versionRows(database, place)
    .select(['version', 'document'])
    .orderBy('ordinal', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (newest === undefined) return null
  const { name, deletedAt } = seals.openKey(place, row.document)
  const current = seals.openVersion(place, newest.version, newest.document)
  return { name, deletion: deletionOf(row, deletedAt), current }
}

/** @param version null for the newest */
export async function findLive(
  database: Database,
  seals: KeySeals,
  place: KeyPlace,
  version: string | null,
): Promise<NamedVersion | null> {
  const key = await find(database, seals, place)
  if (key === null || key.deletion !== null) return null
  if (version === null || version === key.current.version) return { name: key.name, version: key.current }
  const row = await versionRows(database, place)
    .select('document')
    .where('version', '=', version)
    .executeTakeFirst()
  return row === undefined
    ? null
    : { name: key.name, version: seals.openVersion(place, version, row.document) }
}
