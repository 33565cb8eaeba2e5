import { BASE } from '../../store/records/blob/blobs.ts'
import type { BlobDeps } from './blob-deps.ts'
import { getBlobState, placeOf, putBlobState } from './blob-rows.ts'
import { type ChangeOptions, changeBlob } from './change-blob.ts'
import { assertReadable } from './conditions.ts'
import { getContainer } from './container-rows.ts'
import { assertLeaseForRead, assertLeaseForWrite } from './lease.ts'
import type { BlobPath } from './model.ts'
import { openService } from './service-seal.ts'
import { type Tags, settleTags } from './tags.ts'

type Deps = Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>

/** https://learn.microsoft.com/rest/api/storageservices/get-blob-tags @throws BlobFault */
export async function getBlobTags(
  { records, keyring, stamp }: Deps,
  at: BlobPath,
  { conditions, leaseId }: ChangeOptions,
): Promise<Tags> {
  const seal = await openService(keyring, at.account)
  const container = await getContainer(records.read, seal, at.container)
  const { doc } = await getBlobState(records.read, seal, placeOf(container, at))
  assertReadable(conditions, doc)
  assertLeaseForRead(doc.lease, leaseId, 'blob', stamp().now)
  return doc.tags ?? {}
}

export interface SetBlobTags extends ChangeOptions {
  /** They replace all that the blob has; null: none. */
  readonly tags: Tags | null
}

/**
 * Of a blob, a snapshot or a version; neither ETag nor Last-Modified change.
 * https://learn.microsoft.com/rest/api/storageservices/set-blob-tags
 *
 * @throws BlobFault
 */
export async function setBlobTags(
  deps: Deps,
  at: BlobPath,
  { tags, ...options }: SetBlobTags,
): Promise<void> {
  await changeBlob(deps, at, options, async ({ db, seal, state, stamp }) => {
    const { doc } = state
    assertLeaseForWrite(doc.lease, options.leaseId, 'blob', stamp.now)
    await putBlobState(db, seal, { ...state, doc: { ...doc, tags } })
    if (state.moment === BASE) await settleTags(db, seal, state, { before: doc.tags, after: tags })
  })
}
