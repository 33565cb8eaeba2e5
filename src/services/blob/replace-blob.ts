import { randomHex } from '../../crypto/random.ts'
import { BASE } from '../../store/records/blob/blobs.ts'
import { deleteBlocks } from '../../store/records/blob/blocks.ts'
import type { BlobWrites } from '../../store/records/blob/containers.ts'
import { releaseExtents } from '../../store/records/blob/extents.ts'
import type { StorageAccount } from '../storage/storage-account.ts'
import { type BlobState, getPlace, putBlobState } from './blob-rows.ts'
import { type Conditions, assertReplaceable } from './conditions.ts'
import type { ContainerState } from './container-rows.ts'
import { BlobFault } from './faults.ts'
import { assertMayChange, assertMayProtect, inheritedImmutability } from './immutability.ts'
import { assertNotIncremental } from './incremental-only.ts'
import { assertLeaseForWrite, leaseAfterWrite } from './lease.ts'
import type { BlobDoc } from './model.ts'
import type { ServiceSeal } from './service-seal.ts'
import type { Stamp } from './stamps.ts'
import { settleTags } from './tags.ts'
import { assertTypeSupported } from './supported-types.ts'
import { assertTypeOfVersions, becomesVersion, keepReplaced } from './versions.ts'

/** What a write of a whole blob is subject to. */
export interface ReplaceOptions {
  readonly conditions: Conditions
  readonly leaseId: string | null
  /** Whether the caller may write over a blob that is there, or only make one. */
  readonly mayOverwrite: boolean
}

/** What takes the place of the base blob; the rest of its document is made from what was there. */
export interface NewBlob extends Pick<
  BlobDoc,
  | 'type'
  | 'length'
  | 'headers'
  | 'encryption'
  | 'extents'
  | 'tier'
  | 'tags'
  | 'copy'
  | 'sequenceNumber'
  | 'blockCount'
  | 'isSealed'
> {
  /** What the metadata is bound to, and the metadata sealed. */
  readonly id: string
  readonly metadata: Uint8Array | null
  readonly immutability?: BlobDoc['immutability']
  readonly hasLegalHold?: boolean
  /** Absent: what comes here is another blob than what was. */
  readonly lineage?: string
}

export interface Place {
  readonly containerId: string
  readonly container: string
  readonly blob: string
}

/**
 * Puts a new base blob in the place of what is there, within the caller's transaction: checks conditions, lease and
 * immutability, keeps what was there as the account's settings say, forgets uncommitted blocks.
 *
 * @param make called with what is there, once it is known that it may be replaced
 * @throws BlobFault
 */
export async function replaceBlob(
  db: BlobWrites,
  { seal, stamp }: { readonly seal: ServiceSeal; readonly stamp: Stamp },
  { place, options }: { readonly place: Place; readonly options: ReplaceOptions },
  make: (before: BlobState | null, container: ContainerState) => Promise<NewBlob>,
): Promise<BlobState> {
  const { container, there } = await getPlace(db, seal, place)
  // Made anew since the bytes were sealed: what they were sealed for is gone.
  if (container.id !== place.containerId) throw new BlobFault('container-not-found', {})
  const before = there?.deletedAt === null ? there : null
  assertReplaceable(options.conditions, before === null ? null : before.doc)
  if (before !== null) assertNotIncremental(before.doc)
  if (before !== null && !options.mayOverwrite) throw new BlobFault('blob-already-exists', {})
  assertLeaseForWrite(before?.doc.lease ?? null, options.leaseId, 'blob', stamp.now)
  if (before !== null) assertMayReplace(seal.account, container, before, stamp.now)
  const made = await make(before, container)
  assertTypeSupported(seal.account, made.type)
  assertMayProtect(container.doc, made, stamp.now)
  await assertTypeOfVersions(
    db,
    seal,
    { container: container.id, name: place.blob },
    { before, type: made.type },
  )
  if (there !== null) await keepReplaced(db, seal, there, { stamp, by: made.type })
  const released = await deleteBlocks(db, { container: container.id, name: place.blob })
  await releaseExtents(db, released, stamp.now)
  const state = stateOf(made, { container, place, before, seal, stamp })
  await putBlobState(db, seal, state)
  await settleTags(db, seal, state, { before: before?.doc.tags ?? null, after: state.doc.tags })
  return state
}

function assertMayReplace(
  account: StorageAccount,
  container: ContainerState,
  before: BlobState,
  now: number,
) {
  const isKept = becomesVersion(account, before)
  assertMayChange('replace', { container: container.doc, blob: before.doc, now, isKept })
}

function stateOf(
  { id, metadata, ...made }: NewBlob,
  {
    container,
    place,
    before,
    seal,
    stamp,
  }: {
    readonly container: ContainerState
    readonly place: Place
    readonly before: BlobState | null
    readonly seal: ServiceSeal
    readonly stamp: Stamp
  },
): BlobState {
  const { now, etag, moment } = stamp
  return {
    container: container.id,
    name: place.blob,
    moment: BASE,
    id,
    deletedAt: null,
    metadata,
    doc: {
      immutability: inheritedImmutability(container.doc, now),
      hasLegalHold: false,
      lineage: made.type === 'PageBlob' ? etag : null,
      ...made,
      kind: 'base',
      etag,
      createdAt: before?.doc.createdAt ?? now,
      modifiedAt: now,
      hasMetadata: metadata !== null,
      lease: leaseAfterWrite(before?.doc.lease ?? null, now),
      versionId: seal.account.blobService.isVersioningEnabled ? moment : null,
    },
  }
}

/** A name for what a new blob's metadata is bound to. */
export function newBlobId(): string {
  return randomHex(16)
}
