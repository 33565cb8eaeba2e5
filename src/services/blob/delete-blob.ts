import { deleteBlobRow, listMoments } from '../../store/records/blob/blobs.ts'
import type { BlobDeps } from './blob-deps.ts'
import { type BlobState, openBlob, putBlobState } from './blob-rows.ts'
import { type BlobInChange, type ChangeOptions, assertMutable, changeBlob } from './change-blob.ts'
import { assertNotCopying } from './copy-pending.ts'
import { BlobFault } from './faults.ts'
import { assertLeaseForWrite } from './lease.ts'
import type { BlobPath } from './model.ts'
import { settleTags } from './tags.ts'
import { becomesVersion, purgeState, putVersion } from './versions.ts'

export interface DeleteBlob extends ChangeOptions {
  /** A blob with its snapshots, or these alone; absent: a blob that has none. */
  readonly snapshots?: 'include' | 'only'
}

export interface DeleteResult {
  /** False when it stays deleted for a while, and can come back. */
  readonly isPermanent: boolean
}

/**
 * Deletes a blob, a snapshot or a version. The account's settings say what stays of it: the base blob as a version, or all of it
 * deleted for some days.
 * https://learn.microsoft.com/rest/api/storageservices/delete-blob
 *
 * @throws BlobFault
 */
export async function deleteBlob(
  deps: Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>,
  at: BlobPath,
  { snapshots, ...options }: DeleteBlob,
): Promise<DeleteResult> {
  const isPermanent = at.account.blobService.deleteRetentionDays === null
  await changeBlob(deps, at, options, async (blob) => {
    if (at.moment === null) await deleteBase(blob, { snapshots, leaseId: options.leaseId })
    else await deleteMoment(blob, snapshots)
  })
  return { isPermanent }
}

async function deleteMoment(blob: BlobInChange, snapshots: DeleteBlob['snapshots']): Promise<void> {
  if (snapshots !== undefined) {
    throw new BlobFault('snapshot-operation-invalid', {
      reason: 'x-ms-delete-snapshots goes with a base blob alone',
    })
  }
  if (blob.state.doc.kind === 'base') throw new BlobFault('current-version-operation-invalid', {})
  assertMutable('delete', blob)
  await remove(blob, blob.state)
}

async function deleteBase(
  blob: BlobInChange,
  { snapshots, leaseId }: Pick<DeleteBlob, 'leaseId'> & { readonly snapshots: DeleteBlob['snapshots'] },
): Promise<void> {
  const { state, stamp } = blob
  assertLeaseForWrite(state.doc.lease, leaseId, 'blob', stamp.now)
  assertNotCopying(state.doc)
  const found = await liveSnapshots(blob)
  if (snapshots === undefined && found.length > 0) throw new BlobFault('snapshots-present', {})
  const all = snapshots === 'only' ? found : [...found, state]
  for (const one of all) assertMutable('delete', { ...blob, state: one })
  for (const one of found) await remove(blob, one)
  if (snapshots !== 'only') await removeBase(blob)
}

async function liveSnapshots({ db, seal, state }: BlobInChange): Promise<readonly BlobState[]> {
  const rows = await listMoments(db, state.container, state.name)
  return rows
    .filter(({ deleted_at, moment }) => deleted_at === null && moment !== state.moment)
    .map((row) => openBlob(seal, row))
    .filter(({ doc }) => doc.kind === 'snapshot')
}

async function removeBase(blob: BlobInChange): Promise<void> {
  const { db, seal, state } = blob
  await settleTags(db, seal, state, { before: state.doc.tags, after: null })
  if (!becomesVersion(seal.account, state)) {
    await remove(blob, state)
    return
  }
  await putVersion(db, seal, state)
  await deleteBlobRow(db, state)
}

/** For a while, or for good. */
async function remove({ db, seal, stamp }: BlobInChange, state: BlobState): Promise<void> {
  if (seal.account.blobService.deleteRetentionDays === null) {
    await purgeState(db, seal, state, stamp.now)
    return
  }
  await putBlobState(db, seal, {
    ...state,
    deletedAt: stamp.now,
    doc: { ...state.doc, lease: null },
  })
}
