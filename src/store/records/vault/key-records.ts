import type { Kysely } from 'kysely'
import type { RecordKey } from '../../../crypto/record-key.ts'
import type { RsaKey } from '../../../crypto/rsa-key.ts'
import type { Page } from '../../../kernel/page.ts'
import type { Records } from '../records.ts'
import { type KeyPlace, type KeySeals, keySeals } from './key-seals.ts'
import type { Deletion, FoundKey, KeyUse, StoredVersion } from './stored-key.ts'
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
  findVersion(
    vaultUid: string,
    name: string,
    version: string | null,
  ): Promise<{ readonly name: string; readonly version: StoredVersion } | null>
  /** The private half, for use at once. Null when the version is gone. */
  openMaterial(vaultUid: string, name: string, version: string): Promise<RsaKey | null>
  /** Makes the key, or its next version. @returns the key's name as kept; null when a deleted key has it */
  add(vaultUid: string, added: NewVersion): Promise<{ readonly name: string } | null>
  /** Of a live key; `version` null is the current one. */
  update(
    vaultUid: string,
    at: { readonly name: string; readonly version: string | null },
    change: (version: StoredVersion) => StoredVersion,
  ): Promise<{ readonly name: string; readonly version: StoredVersion } | null>
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
  ): Promise<Page<{ readonly name: string; readonly version: StoredVersion }>>
  /** Deleted keys of any vault whose time has come by both clocks. */
  listDue(due: Due, limit: number): Promise<readonly KeyPlace[]>
  recordUse(vaultUid: string, name: string, use: KeyUse): Promise<void>
  listUses(vaultUid: string, name: string): Promise<readonly KeyUse[]>
}

type Database = Kysely<VaultTables>

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
    recordUse: (vaultUid, name, use) =>
      records.write(async (write) => {
        const place = placeOf(vaultUid, name)
        const { version } = use
        const row = await versionRows(write, place)
          .select('version')
          .where('version', '=', version)
          .executeTakeFirst()
        if (row === undefined) return
        const document = seals.sealUse(place, use)
        await write
          .insertInto('vault_key_use')
          .values({ vault_uid: vaultUid, name: place.name, version, document })
          .onConflict((conflict) =>
            conflict.columns(['vault_uid', 'name', 'version']).doUpdateSet({ document }),
          )
          .execute()
      }),
    async listUses(vaultUid, name) {
      const place = placeOf(vaultUid, name)
      const rows = await read
        .selectFrom('vault_key_use')
        .select(['version', 'document'])
        .where('vault_uid', '=', vaultUid)
        .where('name', '=', place.name)
        .execute()
      return rows.map((row) => seals.openUse(place, row.version, row.document))
    },
  }
}

function placeOf(vaultUid: string, name: string): KeyPlace {
  return { vaultUid, name: name.toLowerCase() }
}

function keyRows(database: Database, { vaultUid, name }: KeyPlace) {
  return database.selectFrom('vault_key').where('vault_uid', '=', vaultUid).where('name', '=', name)
}

function versionRows(database: Database, { vaultUid, name }: KeyPlace) {
  return database.selectFrom('vault_key_version').where('vault_uid', '=', vaultUid).where('name', '=', name)
}

function updateVersion(database: Database, { vaultUid, name }: KeyPlace, version: string) {
  return database
    .updateTable('vault_key_version')
    .where('vault_uid', '=', vaultUid)
    .where('name', '=', name)
    .where('version', '=', version)
}

type KeyRow = Pick<VaultTables['vault_key'], 'purge_after' | 'purge_at' | 'document'>

function deletionOf(row: KeyRow, deletedAt: number | null): Deletion | null {
  if (row.purge_after === null || row.purge_at === null || deletedAt === null) return null
  return { deletedAt: new Date(deletedAt), purgeAt: new Date(row.purge_at), purgeAfterMs: row.purge_after }
}

async function find(database: Database, seals: KeySeals, place: KeyPlace): Promise<FoundKey | null> {
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

async function findLive(database: Database, seals: KeySeals, place: KeyPlace, version: string | null) {
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

async function list(
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

async function listVersions(
  database: Database,
  seals: KeySeals,
  place: KeyPlace,
  { after, limit }: { readonly after: string | null; readonly limit: number },
) {
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
