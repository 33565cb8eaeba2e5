import { BASE, deleteBlobRow } from '../../store/records/blob/blobs.ts'
import type { BlobDeps } from './blob-deps.ts'
import { getBlobState, putBlobState } from './blob-rows.ts'
import { type Conditions, assertWritable } from './conditions.ts'
import { getContainer } from './container-rows.ts'
import { releaseParts } from './extent-map.ts'
import { assertLeaseForWrite } from './lease.ts'
import type { BlobPath } from './model.ts'
import { openService } from './service-seal.ts'

export interface DeleteBlob {
  readonly conditions: Conditions
  readonly leaseId: string | null
}

/** Deletes a blob, a snapshot or a version; keeps it soft-deleted while the account says so. */
export async function deleteBlob(
  { records, keyring, stamp }: Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>,
  { account, container: name, blob, moment }: BlobPath,
  { conditions, leaseId }: DeleteBlob,
): Promise<void> {
  const seal = await openService(keyring, account)
  await records.write(async (db) => {
    const container = await getContainer(db, seal, name)
    const state = await getBlobState(db, seal, { container: container.id, name: blob, moment })
    const { now } = stamp()
    assertWritable(conditions, state.doc)
    if (moment === null) assertLeaseForWrite(state.doc.lease, leaseId, 'blob', now)
    if (account.blobService.deleteRetentionDays !== null) {
      await putBlobState(db, seal, { ...state, deletedAt: now, doc: { ...state.doc, lease: null } })
      return
    }
    await deleteBlobRow(db, { container: container.id, name: blob, moment: moment ?? BASE })
    await releaseParts(db, seal, state.doc.extents, now)
  })
}
