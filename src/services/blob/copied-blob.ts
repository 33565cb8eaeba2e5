import { randomGuid } from '../../crypto/random.ts'
import type { BlobState } from './blob-rows.ts'
import type { OpenSource, WantedSource } from './copy-source.ts'
import { BlobFault } from './faults.ts'
import { isLocked } from './lease.ts'
import type { BlobDoc, CopyDoc, Metadata, TierDoc } from './model.ts'
import type { Destination } from './open-destination.ts'
import { pageTierOf } from './page-tier.ts'
import { tierOf } from './put-blob.ts'
import { type NewBlob, type ReplaceOptions, newBlobId } from './replace-blob.ts'
import type { Tags } from './tags.ts'
import { assertNotArchived, tierAt } from './tier.ts'

/** What a client says of a copy. What it does not say is as it is of the source. */
export interface NewCopy extends ReplaceOptions, Pick<NewBlob, 'immutability' | 'hasLegalHold'> {
  readonly source: WantedSource
  /** The source's URL as it is shown. */
  readonly shown: string
  readonly metadata: Metadata
  readonly tags: Tags | null
  readonly tier: string | null
}

/** What is copied beside bytes and metadata. */
export type Copied = Pick<BlobDoc, 'type' | 'length' | 'headers' | 'sequenceNumber' | 'blockCount'>

export interface Copying {
  readonly destination: Destination
  readonly command: Omit<NewCopy, 'source'>
  readonly copy: CopyDoc
}

/** All of a copy but its bytes and its metadata. @throws BlobFault where it may not take the place of `before` */
export function copiedBlob(
  { destination, command, copy }: Copying,
  copied: Copied,
  { before, now }: { readonly before: BlobState | null; readonly now: number },
): Omit<NewBlob, 'id' | 'metadata' | 'extents'> {
  assertMayTakePlace(copied, before, now)
  const { tags, immutability, hasLegalHold } = command
  const { type, length, headers, sequenceNumber, blockCount } = copied
  return {
    type,
    length,
    headers,
    encryption: destination.encryption,
    tier: tierOfCopy({ destination, command }, copied, { before, now }),
    tags,
    copy,
    sequenceNumber,
    blockCount,
    isSealed: false,
    ...(immutability === undefined ? {} : { immutability }),
    ...(hasLegalHold === undefined ? {} : { hasLegalHold }),
  }
}

/** https://learn.microsoft.com/rest/api/storageservices/copy-blob#remarks */
function assertMayTakePlace({ type }: Copied, before: BlobState | null, now: number): void {
  if (before === null) return
  const { doc } = before
  if (doc.type !== type) throw new BlobFault('blob-type-invalid', { type: doc.type })
  assertNotArchived(doc, now)
  const { lease } = doc
  if (isLocked(lease, now) && lease?.durationSeconds !== null) throw new BlobFault('lease-not-infinite', {})
}

const tiers: ReadonlySet<string> = new Set(['Hot', 'Cool', 'Cold', 'Archive'])

/** A block blob keeps the tier of what it takes the place of, unless another is asked for. */
function tierOfCopy(
  { destination, command }: Pick<Copying, 'destination' | 'command'>,
  { type, length }: Copied,
  { before, now }: { readonly before: BlobState | null; readonly now: number },
): TierDoc | null {
  const { account } = destination.seal
  if (type === 'AppendBlob') return null
  if (type === 'PageBlob') return pageTierOf(account, { length, wanted: command.tier }, now)
  if (command.tier !== null && !tiers.has(command.tier)) {
    throw new BlobFault('tier-unsupported', {})
  }
  return tierOf(command.tier, account.accessTier, { before, now })
}

/** An archived source needs a tier in which its copy can be read. @throws BlobFault `blob-archived` */
export function assertTierOfCopy({ own }: OpenSource, tier: string | null, now: number): void {
  const isArchived = own !== null && tierAt(own.state.doc.tier, now)?.name === 'Archive'
  if (isArchived && (tier === null || tier === 'Archive')) throw new BlobFault('blob-archived', {})
}

/** Metadata as it was given, or the source's, bound to the new blob. */
export function sealMetadata(
  { content }: Destination,
  { metadata }: OpenSource,
  given: Metadata,
): { readonly id: string; readonly metadata: Buffer | null } {
  const id = newBlobId()
  const chosen = Object.keys(given).length === 0 ? metadata : given
  return { id, metadata: content.sealMetadata(id, chosen) }
}

export function newCopy(shown: string, total: number): CopyDoc {
  return {
    id: randomGuid(),
    source: shown,
    status: 'pending',
    statusDescription: null,
    copied: 0,
    total,
    completedAt: null,
    isIncremental: false,
    destinationSnapshot: null,
  }
}

export function succeeded(copy: CopyDoc, now: number): CopyDoc {
  return { ...copy, status: 'success', copied: copy.total, completedAt: now }
}
