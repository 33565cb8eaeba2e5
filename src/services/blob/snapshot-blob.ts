import type { BlobDeps } from './blob-deps.ts'
import { type BlobState, putBlobState } from './blob-rows.ts'
import { type BlobInChange, type ChangeOptions, assertMutable, changeBlob } from './change-blob.ts'
import { openContent } from './content-seal.ts'
import { assertNotCopying } from './copy-pending.ts'
import { type WantedEncryption, assertSameEncryption, isSameEncryption } from './encryption.ts'
import { shareParts } from './extent-map.ts'
import { BlobFault } from './faults.ts'
import { assertNotIncremental } from './incremental-only.ts'
import { assertLeaseForRead } from './lease.ts'
import type { BlobEncryption, BlobPath, Metadata } from './model.ts'
import { newBlobId } from './replace-blob.ts'
import { encryptionOf } from './set-blob-metadata.ts'
import { assertNotArchived } from './tier.ts'
import { putVersion } from './versions.ts'

export interface SnapshotBlob extends ChangeOptions {
  /** Of the snapshot; null: the blob's own. It alone needs the customer's key. */
  readonly metadata: Metadata | null
  readonly encryption: WantedEncryption
}

export interface SnapshotResult {
  /** The snapshot; its moment is its name. */
  readonly snapshot: BlobState
  /** Of the base blob. */
  readonly versionId: string | null
}

/**
 * Keeps the blob as it is; the bytes are shared.
 * https://learn.microsoft.com/rest/api/storageservices/snapshot-blob
 *
 * @throws BlobFault; with metadata, KeyringFault `key-refused`
 */
export async function snapshotBlob(
  deps: BlobDeps,
  at: BlobPath,
  { metadata, encryption, ...options }: SnapshotBlob,
  signal: AbortSignal,
): Promise<SnapshotResult> {
  const own = metadata === null ? null : await sealOwn(deps, at, { metadata, encryption }, signal)
  return await changeBlob(deps, at, options, async (blob) => {
    const { state, stamp } = blob
    assertLeaseForRead(state.doc.lease, options.leaseId, 'blob', stamp.now)
    assertNotCopying(state.doc)
    assertNotIncremental(state.doc)
    assertNotArchived(state.doc, stamp.now)
    assertMutable('snapshot', blob)
    if (own !== null && !isSameEncryption(own.under, state.doc.encryption)) {
      throw new BlobFault('encryption-mismatch', {})
    }
    const snapshot = await putSnapshot(blob, own)
    return { snapshot, versionId: await splitVersion(blob) }
  })
}

interface OwnMetadata extends Pick<BlobState, 'id' | 'metadata'> {
  readonly under: BlobEncryption
}

async function sealOwn(
  deps: BlobDeps,
  at: BlobPath,
  { metadata, encryption: wanted }: { readonly metadata: Metadata; readonly encryption: WantedEncryption },
  signal: AbortSignal,
): Promise<OwnMetadata> {
  const under = await encryptionOf(deps, at)
  await assertSameEncryption(deps, at.account, under, wanted)
  const { customerKey } = wanted
  const content = await openContent(deps, at.account, { encryption: under, customerKey }, signal)
  const id = newBlobId()
  return { under, id, metadata: content.sealMetadata(id, metadata) }
}

async function putSnapshot(
  { db, seal, state, stamp }: BlobInChange,
  own: OwnMetadata | null,
): Promise<BlobState> {
  const extents = await shareParts(db, state.doc.extents)
  const doc = { ...state.doc, kind: 'snapshot' as const, extents, lease: null, versionId: null }
  // The version that comes with it, if one does, is named by the moment itself.
  const { momentBefore: moment, etag, now } = stamp
  // With the blob's own metadata it is the blob, down to its ETag.
  const snapshot =
    own === null
      ? { ...state, moment, doc }
      : { ...state, moment, id: own.id, metadata: own.metadata, doc: { ...doc, etag, modifiedAt: now } }
  await putBlobState(db, seal, snapshot)
  return snapshot
}

/** https://learn.microsoft.com/azure/storage/blobs/versioning-overview#snapshot-a-blob-when-versioning-is-enabled */
async function splitVersion({ db, seal, state, stamp }: BlobInChange): Promise<string | null> {
  if (!seal.account.blobService.isVersioningEnabled) return state.doc.versionId
  await putVersion(db, seal, state)
  const versionId = stamp.moment
  const extents = await shareParts(db, state.doc.extents)
  await putBlobState(db, seal, { ...state, doc: { ...state.doc, extents, versionId } })
  return versionId
}
