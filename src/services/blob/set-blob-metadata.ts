import type { BlobDeps } from './blob-deps.ts'
import { type BlobState, getBlobState, placeOf, putBlobState } from './blob-rows.ts'
import { type BlobInChange, type ChangeOptions, assertMutable, changeBlob } from './change-blob.ts'
import { getContainer } from './container-rows.ts'
import { openContent } from './content-seal.ts'
import { assertNotCopying } from './copy-pending.ts'
import { type WantedEncryption, assertSameEncryption, isSameEncryption } from './encryption.ts'
import { shareParts } from './extent-map.ts'
import { BlobFault } from './faults.ts'
import { inheritedImmutability } from './immutability.ts'
import { assertNotIncremental } from './incremental-only.ts'
import { assertLeaseForWrite, leaseAfterWrite } from './lease.ts'
import type { BlobDoc, BlobPath, Metadata } from './model.ts'
import { newBlobId } from './replace-blob.ts'
import { openService } from './service-seal.ts'
import { settleTags } from './tags.ts'
import { assertNotArchived } from './tier.ts'
import { becomesVersion, putVersion } from './versions.ts'

export interface SetBlobMetadata extends ChangeOptions {
  readonly metadata: Metadata
  readonly encryption: WantedEncryption
}

/**
 * Replaces a blob's metadata; with versioning, what was there stays as a version.
 * https://learn.microsoft.com/rest/api/storageservices/set-blob-metadata
 *
 * @throws BlobFault; KeyringFault `key-refused`
 */
export async function setBlobMetadata(
  deps: BlobDeps,
  at: BlobPath,
  { metadata, encryption: wanted, ...options }: SetBlobMetadata,
  signal: AbortSignal,
): Promise<BlobState> {
  const encryption = await encryptionOf(deps, at)
  await assertSameEncryption(deps, at.account, encryption, wanted)
  const { customerKey } = wanted
  const content = await openContent(deps, at.account, { encryption, customerKey }, signal)
  const id = newBlobId()
  const sealed = content.sealMetadata(id, metadata)
  return await changeBlob(deps, at, options, async (blob) => {
    const { state, stamp } = blob
    assertLeaseForWrite(state.doc.lease, options.leaseId, 'blob', stamp.now)
    assertNotCopying(state.doc)
    assertNotIncremental(state.doc)
    assertNotArchived(state.doc, stamp.now)
    assertMutable('change', blob)
    // Written anew since the metadata was sealed.
    if (!isSameEncryption(state.doc.encryption, encryption)) throw new BlobFault('encryption-mismatch', {})
    return await putMetadata(blob, { id, metadata: sealed })
  })
}

/** What the blob is under, before anything is opened. */
export async function encryptionOf(
  { records, keyring }: Pick<BlobDeps, 'records' | 'keyring'>,
  at: BlobPath,
): Promise<BlobDoc['encryption']> {
  const seal = await openService(keyring, at.account)
  const container = await getContainer(records.read, seal, at.container)
  return (await getBlobState(records.read, seal, placeOf(container, at))).doc.encryption
}

async function putMetadata(
  blob: BlobInChange,
  change: Pick<BlobState, 'id' | 'metadata'>,
): Promise<BlobState> {
  const { db, seal, state, stamp } = blob
  const { etag, now } = stamp
  const doc = { ...state.doc, etag, modifiedAt: now, lease: leaseAfterWrite(state.doc.lease, now) }
  const next = { ...state, ...change, doc: { ...doc, ...(await splitVersion(blob)) } }
  await putBlobState(db, seal, next)
  await settleTags(db, seal, state, { before: state.doc.tags, after: next.doc.tags })
  return next
}

/**
 * With versioning, the base blob becomes a version.
 * @returns what the base blob that takes its place has of its own: its tags stay behind, as a policy does
 */
async function splitVersion({ db, seal, container, state, stamp }: BlobInChange): Promise<Partial<BlobDoc>> {
  if (!becomesVersion(seal.account, state)) return {}
  await putVersion(db, seal, state)
  return {
    extents: await shareParts(db, state.doc.extents),
    versionId: seal.account.blobService.isVersioningEnabled ? stamp.moment : null,
    tags: null,
    immutability: inheritedImmutability(container.doc, stamp.now),
    hasLegalHold: false,
  }
}
