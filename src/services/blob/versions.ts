import { deleteBlobRow, listMoments } from '../../store/records/blob/blobs.ts'
import type { BlobReads, BlobWrites } from '../../store/records/blob/containers.ts'
import type { StorageAccount } from '../storage/storage-account.ts'
import { type BlobState, openBlob, putBlobState } from './blob-rows.ts'
import { releaseParts } from './extent-map.ts'
import { BlobFault } from './faults.ts'
import type { BlobType } from './model.ts'
import type { ServiceSeal } from './service-seal.ts'
import { type Stamp, momentOfEtag } from './stamps.ts'
import { tierAt } from './tier.ts'

/**
 * Whether a base blob stays as a version when something takes its place: while the account says so, and once more after that,
 * when it is a version already.
 * https://learn.microsoft.com/azure/storage/blobs/versioning-overview#enable-or-disable-blob-versioning
 */
export function becomesVersion(
  { blobService }: Pick<StorageAccount, 'blobService'>,
  { doc }: Pick<BlobState, 'doc'>,
): boolean {
  return blobService.isVersioningEnabled || doc.versionId !== null
}

/** The base blob as a version, in a row of its own. What it names is still named once: by it, no more by the base blob. */
export async function putVersion(db: BlobWrites, seal: ServiceSeal, base: BlobState): Promise<void> {
  // One from before versioning has no id yet.
  const versionId = base.doc.versionId ?? momentOfEtag(base.doc.etag)
  await putBlobState(db, seal, {
    ...base,
    moment: versionId,
    doc: { ...base.doc, kind: 'version', versionId, lease: null },
  })
}

/** What becomes of the row in whose place another base blob comes: a version, a deleted snapshot, or nothing. */
export async function keepReplaced(
  db: BlobWrites,
  seal: ServiceSeal,
  there: BlobState,
  { stamp, by }: { readonly stamp: Stamp; readonly by: BlobType },
): Promise<void> {
  if (there.deletedAt === null && becomesVersion(seal.account, there)) {
    await putVersion(db, seal, there)
  } else if (there.deletedAt !== null && there.doc.type !== by) {
    await purgeDeleted(db, seal, there, stamp.now)
  } else if (!isKeptDeleted(seal.account, there, stamp.now)) {
    await releaseParts(db, seal, there.doc.extents, stamp.now)
  } else {
    const { now, momentBefore: moment } = stamp
    const doc = { ...there.doc, kind: 'snapshot' as const, lease: null }
    await putBlobState(db, seal, { ...there, moment, deletedAt: there.deletedAt ?? now, doc })
  }
}

/** https://learn.microsoft.com/azure/storage/blobs/soft-delete-blob-overview#how-overwrites-are-handled-when-soft-delete-is-enabled */
function isKeptDeleted({ blobService }: StorageAccount, { deletedAt, doc }: BlobState, now: number): boolean {
  if (deletedAt !== null) return true
  return blobService.deleteRetentionDays !== null && tierAt(doc.tier, now)?.name !== 'Archive'
}

/** Nothing deleted is kept beneath a blob of another type. */
async function purgeDeleted(db: BlobWrites, seal: ServiceSeal, there: BlobState, now: number): Promise<void> {
  for (const row of await listMoments(db, there.container, there.name))
    if (row.deleted_at !== null) await purgeState(db, seal, openBlob(seal, row), now)
}

/** All versions of a blob are of one type. @throws BlobFault `blob-type-invalid` */
export async function assertTypeOfVersions(
  db: BlobReads,
  seal: ServiceSeal,
  place: { readonly container: string; readonly name: string },
  { before, type }: { readonly before: BlobState | null; readonly type: BlobType },
): Promise<void> {
  if (!seal.account.blobService.isVersioningEnabled || before?.doc.type === type) return
  if (before !== null) throw new BlobFault('blob-type-invalid', { type: before.doc.type })
  for (const row of await listMoments(db, place.container, place.name)) {
    const { doc, deletedAt } = openBlob(seal, row)
    const isOther = doc.type !== type && doc.kind === 'version' && deletedAt === null
    if (isOther) throw new BlobFault('blob-type-invalid', { type: doc.type })
  }
}

/** Deletes a row for good. */
export async function purgeState(
  db: BlobWrites,
  seal: ServiceSeal,
  state: BlobState,
  now: number,
): Promise<void> {
  await deleteBlobRow(db, state)
  await releaseParts(db, seal, state.doc.extents, now)
}
