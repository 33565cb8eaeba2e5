import type { RegistryReads, RegistryWrites } from './repositories.ts'

export interface UploadRow {
  readonly id: string
  readonly repository: string
  readonly size: number
  readonly sealed: Uint8Array
}

export interface ExtentRow {
  readonly ref: string
  readonly start: number
  readonly length: number
  readonly sealed: Uint8Array
}

/** With its repository's own row, in one statement. */
export async function findUpload(
  db: RegistryReads,
  registry: string,
  name: string,
  id: string,
): Promise<(UploadRow & { readonly repositorySealed: Uint8Array }) | null> {
  const row = await db
    .selectFrom('registry_uploads as u')
    .innerJoin('registry_repositories as r', 'r.id', 'u.repository')
    .select(['u.id', 'u.repository', 'u.size', 'u.sealed', 'r.sealed as repositorySealed'])
    .where('u.id', '=', id)
    .where('r.registry', '=', registry)
    .where('r.name', '=', name)
    .executeTakeFirst()
  return row ?? null
}

export async function insertUpload(
  db: RegistryWrites,
  row: UploadRow & { readonly touched_at: number },
): Promise<void> {
  await db.insertInto('registry_uploads').values(row).execute()
}

/** @returns the size now; null when the upload is gone */
export async function uploadSize(db: RegistryReads, id: string): Promise<number | null> {
  const row = await db.selectFrom('registry_uploads').select('size').where('id', '=', id).executeTakeFirst()
  return row?.size ?? null
}

export async function growUpload(db: RegistryWrites, id: string, size: number, now: number): Promise<void> {
  await db.updateTable('registry_uploads').set({ size, touched_at: now }).where('id', '=', id).execute()
}

/** @returns false when it was gone already */
export async function deleteUpload(db: RegistryWrites, id: string): Promise<boolean> {
  const row = await db.deleteFrom('registry_uploads').where('id', '=', id).returning('id').executeTakeFirst()
  return row !== undefined
}

export async function insertExtent(
  db: RegistryWrites,
  row: ExtentRow & { readonly registry: string; readonly owner: string },
): Promise<void> {
  await db
    .insertInto('registry_extents')
    .values({ ...row, doomed_at: null })
    .execute()
}

/** Those that hold some of the bytes from `start` to `end`, in order. */
export async function extentsOf(
  db: RegistryReads,
  owner: string,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<readonly ExtentRow[]> {
  const rows = await db
    .selectFrom('registry_extents')
    .select(['ref', 'start', 'length', 'sealed'])
    .where('owner', '=', owner)
    .where('start', '<', end)
    .where('doomed_at', 'is', null)
    .where((eb) => eb(eb('start', '+', eb.ref('length')), '>', start))
    .orderBy('start')
    .execute()
  return rows.flatMap(({ sealed, ...row }) => (sealed === null ? [] : [{ ...row, sealed }]))
}

/** Forgets an upload's extents. @returns their refs, whose bytes may be discarded after the commit */
export async function deleteExtents(db: RegistryWrites, owner: string): Promise<readonly string[]> {
  const rows = await db.deleteFrom('registry_extents').where('owner', '=', owner).returning('ref').execute()
  return rows.map(({ ref }) => ref)
}
