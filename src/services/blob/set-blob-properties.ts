import type { BlobDeps } from './blob-deps.ts'
import { type BlobState, putBlobState } from './blob-rows.ts'
import { type ChangeOptions, assertMutable, changeBlob } from './change-blob.ts'
import { type PageBlobChange, changePageBlob } from './change-page-blob.ts'
import { assertNotCopying } from './copy-pending.ts'
import { assertNotIncremental } from './incremental-only.ts'
import { assertLeaseForWrite, leaseAfterWrite } from './lease.ts'
import type { BlobHeaders, BlobPath } from './model.ts'
import { assertNotArchived } from './tier.ts'

export interface SetBlobProperties extends ChangeOptions {
  /** They replace all that the blob has; null: these stay. */
  readonly headers: BlobHeaders | null
  /** Of a page blob; null: nothing. */
  readonly pages: PageBlobChange | null
}

/** https://learn.microsoft.com/rest/api/storageservices/set-blob-properties @throws BlobFault */
export async function setBlobProperties(
  deps: Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>,
  at: BlobPath,
  { headers, pages, ...options }: SetBlobProperties,
): Promise<BlobState> {
  return await changeBlob(deps, at, options, async (blob) => {
    const { db, seal, state, stamp } = blob
    const { etag, now } = stamp
    assertLeaseForWrite(state.doc.lease, options.leaseId, 'blob', now)
    assertNotCopying(state.doc)
    assertNotIncremental(state.doc)
    assertNotArchived(state.doc, now)
    assertMutable(pages?.length == null ? 'properties' : 'change', blob)
    const lease = leaseAfterWrite(state.doc.lease, now)
    const changed = pages === null ? {} : await changePageBlob(db, seal, state.doc, { ...pages, now })
    const kept = { ...state.doc, ...changed, headers: headers ?? state.doc.headers }
    const doc = { ...kept, etag, modifiedAt: now, lease }
    const next = { ...state, doc }
    await putBlobState(db, seal, next)
    return next
  })
}
