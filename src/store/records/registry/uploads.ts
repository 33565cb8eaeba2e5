import { statement } from '../statement.ts'
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
  readonly is_inline: number
}

interface ById {
  readonly id: string
}

const uploadById = statement(
  (db: RegistryReads, { registry, name, id }: ById & { readonly registry: string; readonly name: string }) =>
    db
      .selectFrom('registry_uploads as u')
      .innerJoin('registry_repositories as r', 'r.id', 'u.repository')
      .select(['u.id', 'u.repository', 'u.size', 'u.sealed', 'r.sealed as repositorySealed'])
      .where('u.id', '=', id)
      .where('r.registry', '=', registry)
      .where('r.name', '=', name),
)

/** With its repository's own row, in one statement. */
export async function findUpload(
  db: RegistryReads,
  registry: string,
  name: string,
  id: string,
): Promise<(UploadRow & { readonly repositorySealed: Uint8Array }) | null> {
  return await uploadById.first(db, { registry, name, id })
}

type NewUpload = UploadRow & { readonly touched_at: number }

const uploadInsert = statement((db: RegistryReads, { id, repository, size, touched_at, sealed }: NewUpload) =>
  db.insertInto('registry_uploads').values({ id, repository, size, touched_at, sealed }),
)

export async function insertUpload(db: RegistryWrites, row: NewUpload): Promise<void> {
  await uploadInsert.all(db, row)
}

const sizeOfUpload = statement((db: RegistryReads, { id }: ById) =>
  db.selectFrom('registry_uploads').select('size').where('id', '=', id),
)

/** @returns the size now; null when the upload is gone */
export async function uploadSize(db: RegistryReads, id: string): Promise<number | null> {
  return (await sizeOfUpload.first(db, { id }))?.size ?? null
}

const uploadGrowth = statement(
  (db: RegistryReads, { id, size, now }: ById & { readonly size: number; readonly now: number }) =>
    db.updateTable('registry_uploads').set({ size, touched_at: now }).where('id', '=', id),
)

export async function growUpload(db: RegistryWrites, id: string, size: number, now: number): Promise<void> {
  await uploadGrowth.all(db, { id, size, now })
}

const uploadDeletion = statement((db: RegistryReads, { id }: ById) =>
  db.deleteFrom('registry_uploads').where('id', '=', id).returning('id'),
)

/** @returns false when it was gone already */
export async function deleteUpload(db: RegistryWrites, id: string): Promise<boolean> {
  return (await uploadDeletion.first(db, { id })) !== null
}

type NewExtent = ExtentRow & { readonly registry: string; readonly owner: string }

const extentInsert = statement(
  (db: RegistryReads, { ref, registry, owner, start, length, sealed, is_inline }: NewExtent) =>
    db
      .insertInto('registry_extents')
      .values({ ref, registry, owner, start, length, sealed, is_inline, doomed_at: null }),
)

export async function insertExtent(db: RegistryWrites, row: NewExtent): Promise<void> {
  await extentInsert.all(db, row)
}

interface OwnedRange {
  readonly owner: string
  readonly start: number
  readonly end: number
}

const extentsInRange = statement((db: RegistryReads, { owner, start, end }: OwnedRange) =>
  db
    .selectFrom('registry_extents')
    .select(['ref', 'start', 'length', 'sealed', 'is_inline'])
    .where('owner', '=', owner)
    .where('start', '<', end)
    .where('doomed_at', 'is', null)
    .where((eb) => eb(eb('start', '+', eb.ref('length')), '>', start))
    .orderBy('start'),
)

/** Those that hold some of the bytes from `start` to `end`, in order. */
export async function extentsOf(
  db: RegistryReads,
  owner: string,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<readonly ExtentRow[]> {
  const rows = await extentsInRange.all(db, { owner, start, end })
  return rows.flatMap(({ sealed, ...row }) => (sealed === null ? [] : [{ ...row, sealed }]))
}

/** Forgets an upload's extents. @returns the refs of those with files, which may be discarded after the commit */
export async function deleteExtents(db: RegistryWrites, owner: string): Promise<readonly string[]> {
  const rows = await db
    .deleteFrom('registry_extents')
    .where('owner', '=', owner)
    .returning(['ref', 'is_inline'])
    .execute()
  return rows.filter(({ is_inline }) => is_inline === 0).map(({ ref }) => ref)
}
