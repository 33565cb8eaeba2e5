import type { RecordKey } from '../../../crypto/record-key.ts'
import type { RsaKey } from '../../../crypto/rsa-key.ts'
import type { Page } from '../../../kernel/page.ts'
import type { Records } from '../records.ts'
import { list, listVersions } from './key-lists.ts'
import {
  type Database,
  type NamedVersion,
  find,
  findLive,
  keyRows,
  placeOf,
  versionRows,
} from './key-queries.ts'
import { type KeyPlace, type KeySeals, keySeals } from './key-seals.ts'
import type { Deletion, FoundKey, StoredVersion } from './stored-key.ts'
import type { VaultTables } from './tables.ts'

export interface NewVersion {
  /** The key's name in the letter case of the request; kept when the key is new. */
  readonly name: string
  readonly version: StoredVersion
  readonly material: RsaKey
}

/** Whose time has come, by the time that was observed and by the date. */
export interface Due {
  readonly observedMs: number
  readonly now: Date
}

/** The keys of all vaults. Every call names the vault; names are taken in any letter case. */
export interface KeyRecords {
  /** Live or deleted. */
  find(vaultUid: string, name: string): Promise<FoundKey | null>
  /** Of a live key; `version` null is the current one. */
  findVersion(vaultUid: string, name: string, version: string | null): Promise<NamedVersion | null>
  /** The private half, for use at once. Null when the version is gone. */
  openMaterial(vaultUid: string, name: string, version: string): Promise<RsaKey | null>
  /** Makes the key, or its next version. @returns the key's name as kept; null when a deleted key has it */
  add(vaultUid: string, added: NewVersion): Promise<{ readonly name: string } | null>
  /** Of a live key; `version` null is the current one. */
  update(
    vaultUid: string,
    at: { readonly name: string; readonly version: string | null },
    change: (version: StoredVersion) => StoredVersion,
  ): Promise<NamedVersion | null>
  /** Null when no live key has the name. */
  markDeleted(vaultUid: string, name: string, deletion: Deletion): Promise<FoundKey | null>
  /** Null when no deleted key has the name. */
  recover(vaultUid: string, name: string): Promise<FoundKey | null>
  /** @returns whether a deleted key had the name; with `due`, one whose time has come */
  purge(vaultUid: string, name: string, due?: Due): Promise<boolean>
  /** By name; `after` is the last name of the page before. */
  list(
    vaultUid: string,
    which: 'live' | 'deleted',
    page: { readonly after: string | null; readonly limit: number },
  ): Promise<Page<FoundKey>>
  /** Of a live key, oldest first; `after` is an ordinal in decimal. */
  listVersions(
    vaultUid: string,
    name: string,
    page: { readonly after: string | null; readonly limit: number },
  ): Promise<Page<NamedVersion>>
  /** Deleted keys of any vault whose time has come by both clocks. */
  listDue(due: Due, limit: number): Promise<readonly KeyPlace[]>
}

export function keyRecords(
  records: Pick<Records<VaultTables>, 'read' | 'write'>,
  recordKey: RecordKey,
): KeyRecords {
  const seals = keySeals(recordKey)
  const { read } = records
  return {
    find: (vaultUid, name) => find(read, seals, placeOf(vaultUid, name)),
    findVersion: (vaultUid, name, version) => findLive(read, seals, placeOf(vaultUid, name), version),
    async openMaterial(vaultUid, name, version) {
      const place = placeOf(vaultUid, name)
      const row = await versionRows(read, place)
        .select('material')
        .where('version', '=', version)
        .executeTakeFirst()
      return row === undefined ? null : seals.openMaterial(place, version, row.material)
    },
    add: (vaultUid, added) =>
      records.write((write) => add(write, seals, placeOf(vaultUid, added.name), added)),
    update: (vaultUid, at, change) =>
      records.write(async (write) => {
        const place = placeOf(vaultUid, at.name)
        const found = await findLive(write, seals, place, at.version)
        if (found === null) return null
        const version = change(found.version)
        const document = seals.sealVersion(place, version)
        await updateVersion(write, place, version.version).set({ document }).execute()
        return { name: found.name, version }
      }),
    markDeleted: (vaultUid, name, deletion) =>
      records.write((write) => setDeletion(write, seals, placeOf(vaultUid, name), deletion)),
    recover: (vaultUid, name) =>
      records.write((write) => setDeletion(write, seals, placeOf(vaultUid, name), null)),
    purge: (vaultUid, name, due) => records.write((write) => purge(write, placeOf(vaultUid, name), due)),
    list: (vaultUid, which, page) => list(read, seals, { vaultUid, which, ...page }),
    listVersions: (vaultUid, name, page) => listVersions(read, seals, placeOf(vaultUid, name), page),
    async listDue({ observedMs, now }, limit) {
      const rows = await read
        .selectFrom('vault_key')
        .select(['vault_uid', 'name'])
        .where('purge_after', '<=', observedMs)
        .where('purge_at', '<=', now.getTime())
        .limit(limit)
        .execute()
      return rows.map((row) => ({ vaultUid: row.vault_uid, name: row.name }))
    },
  }
}

function updateVersion(database: Database, { vaultUid, name }: KeyPlace, version: string) {
  return database
    .updateTable('vault_key_version')
    .where('vault_uid', '=', vaultUid)
    .where('name', '=', name)
    .where('version', '=', version)
}

async function add(
  database: Database,
  seals: KeySeals,
  place: KeyPlace,
  added: NewVersion,
): Promise<{ readonly name: string } | null> {
  const { vaultUid, name } = place
  const { version } = added.version
  const existing = await keyRows(database, place).selectAll().executeTakeFirst()
  if (existing !== undefined && existing.purge_after !== null) return null
  if (existing === undefined) {
    const document = seals.sealKey(place, { name: added.name, deletedAt: null })
    await database
      .insertInto('vault_key')
      .values({ vault_uid: vaultUid, name, purge_after: null, purge_at: null, document })
      .execute()
  }
  const last = await versionRows(database, place)
    .select((select) => select.fn.max('ordinal').as('ordinal'))
    .executeTakeFirst()
  await database
    .insertInto('vault_key_version')
    .values({
      vault_uid: vaultUid,
      name,
      version,
      ordinal: (last?.ordinal ?? 0) + 1,
      material: seals.sealMaterial(place, version, added.material),
      document: seals.sealVersion(place, added.version),
    })
    .execute()
  return existing === undefined ? { name: added.name } : seals.openKey(place, existing.document)
}

/** Marks a live key deleted, or (null) a deleted one live. */
async function setDeletion(
  database: Database,
  seals: KeySeals,
  place: KeyPlace,
  deletion: Deletion | null,
): Promise<FoundKey | null> {
  const key = await find(database, seals, place)
  if (key === null || (key.deletion === null) === (deletion === null)) return null
  await database
    .updateTable('vault_key')
    .set({
      purge_after: deletion?.purgeAfterMs ?? null,
      purge_at: deletion?.purgeAt.getTime() ?? null,
      document: seals.sealKey(place, { name: key.name, deletedAt: deletion?.deletedAt.getTime() ?? null }),
    })
    .where('vault_uid', '=', place.vaultUid)
    .where('name', '=', place.name)
    .execute()
  return { ...key, deletion }
}

async function purge(database: Database, place: KeyPlace, due?: Due): Promise<boolean> {
  const row = await keyRows(database, place).select(['purge_after', 'purge_at']).executeTakeFirst()
  if (row === undefined || row.purge_after === null || row.purge_at === null) return false
  // Since it was listed it may have been recovered and deleted anew.
  if (due !== undefined && (row.purge_after > due.observedMs || row.purge_at > due.now.getTime()))
    return false
  for (const table of ['vault_key_use', 'vault_key_version', 'vault_key'] as const) {
    await database
      .deleteFrom(table)
      .where('vault_uid', '=', place.vaultUid)
      .where('name', '=', place.name)
      .execute()
  }
  return true
}
