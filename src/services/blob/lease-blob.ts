import type { BlobDeps } from './blob-deps.ts'
import { type BlobState, putBlobState } from './blob-rows.ts'
import { type ChangeOptions, changeBlob } from './change-blob.ts'
import { type LeaseCommand, changeLease } from './change-lease.ts'
import type { BlobPath } from './model.ts'

export interface LeaseBlob extends Pick<ChangeOptions, 'conditions'> {
  readonly command: LeaseCommand
}

/**
 * Of a base blob; neither ETag nor Last-Modified change.
 * https://learn.microsoft.com/rest/api/storageservices/lease-blob
 *
 * @throws BlobFault
 */
export async function leaseBlob(
  deps: Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>,
  at: BlobPath,
  { command, conditions }: LeaseBlob,
): Promise<BlobState> {
  return await changeBlob(deps, at, { conditions }, async ({ db, seal, state, stamp: { now } }) => {
    const lease = changeLease(state.doc.lease, command, { about: 'blob', now })
    const next = { ...state, doc: { ...state.doc, lease } }
    await putBlobState(db, seal, next)
    return next
  })
}
