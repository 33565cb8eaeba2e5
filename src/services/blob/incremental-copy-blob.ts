import { beforeCommit } from '../../store/bytes/staged.ts'
import type { BlobWrites } from '../../store/records/blob/containers.ts'
import { type BlobState, findBlob, putBlobState } from './blob-rows.ts'
import { type Conditions, assertWritable } from './conditions.ts'
import { type ContainerState, getContainer } from './container-rows.ts'
import { newCopy, sealMetadata, succeeded } from './copied-blob.ts'
import { type CopiedExtents, commitCopied, copyExtents } from './copy-extents.ts'
import { type OpenSource, type SourceDeps, type WantedSource, openSource } from './copy-source.ts'
import { noEncryption } from './encryption.ts'
import { releaseParts, shareParts } from './extent-map.ts'
import { committing } from './extents.ts'
import { BlobFault } from './faults.ts'
import { assertMayChange } from './immutability.ts'
import { assertLeaseForWrite } from './lease.ts'
import type { BlobDoc, BlobPath } from './model.ts'
import { type Destination, openDestination } from './open-destination.ts'
import { type NewBlob, replaceBlob } from './replace-blob.ts'
import { mayShare, sourceState } from './share-blob.ts'
import type { Stamp } from './stamps.ts'
import { asTarget } from './target.ts'

export interface IncrementalCopyBlob {
  readonly source: WantedSource
  /** The source's URL as it is shown. */
  readonly shown: string
  readonly conditions: Conditions
}

/**
 * Copies a snapshot of a page blob to a snapshot of another, which holds nothing but such copies. Bytes that the destination may
 * name are shared; under another key, or in another account, all of the snapshot is sealed anew.
 *
 * https://learn.microsoft.com/rest/api/storageservices/incremental-copy-blob
 *
 * @returns the destination, whose `copy` names its new snapshot
 * @throws BlobFault; SourceFault; KeyringFault `key-refused`
 */
export async function incrementalCopyBlob(
  deps: SourceDeps,
  { at, command }: { readonly at: BlobPath; readonly command: IncrementalCopyBlob },
  signal: AbortSignal,
): Promise<BlobState> {
  const destination = await openDestination(deps, at, noEncryption, signal)
  const source = await openSource(deps, snapshotOf(command.source), null, signal)
  try {
    const state = stateOf(source)
    const anew = mayShare(source, destination) ? null : await sealAnew(deps, { destination, source }, signal)
    const work = { destination, state, anew, command, stamp: deps.stamp() }
    return await asTarget(() =>
      committing(deps.bytes, anew?.staged ?? [], () => deps.records.write((db) => commit(db, work))),
    )
  } finally {
    source.close()
  }
}

/** @throws BlobFault `incremental-copy-source-invalid`, `copy-source-invalid` */
function snapshotOf(wanted: WantedSource): WantedSource {
  const { source } = wanted
  if (source.kind === 'foreign') {
    throw new BlobFault('copy-source-invalid', {
      reason: 'Incremental copies are made within this installation only.',
    })
  }
  if (source.at.moment !== null && source.at.kind === 'snapshot') return wanted
  throw new BlobFault('incremental-copy-source-invalid', { reason: 'The source is no snapshot.' })
}

/** @throws BlobFault `blob-type-invalid` */
function stateOf({ own, doc }: OpenSource): BlobState {
  if (own === null || doc.type !== 'PageBlob') throw new BlobFault('blob-type-invalid', { type: doc.type })
  return own.state
}

/** A copy that shares nothing with its source. */
interface SealedAnew extends CopiedExtents, Pick<NewBlob, 'id' | 'metadata'> {}

async function sealAnew(
  deps: SourceDeps,
  { destination, source }: { readonly destination: Destination; readonly source: OpenSource },
  signal: AbortSignal,
): Promise<SealedAnew> {
  const { content } = destination
  const copied = await copyExtents(deps, { source, content }, { signal, onPlain: () => undefined })
  return await beforeCommit(deps.bytes, copied.staged, async () => {
    await content.check()
    return { ...copied, ...sealMetadata(destination, source, {}) }
  })
}

interface IncrementalCopy {
  readonly destination: Destination
  /** The snapshot that is copied. */
  readonly state: BlobState
  /** Null: the bytes are shared. */
  readonly anew: SealedAnew | null
  readonly command: IncrementalCopyBlob
  readonly stamp: Stamp
}

async function commit(db: BlobWrites, work: IncrementalCopy): Promise<BlobState> {
  const { destination, command, stamp } = work
  const { seal, place } = destination
  const container = await getContainer(db, seal, place.container)
  const there = await findBlob(db, seal, { container: container.id, name: place.blob, moment: null })
  const before = there?.deletedAt === null ? there : null
  if (before !== null) assertContinues(before.doc, work)
  const options = { conditions: command.conditions, leaseId: null, mayOverwrite: true }
  const state =
    before === null
      ? await replaceBlob(db, { seal, stamp }, { place, options }, () => copyOf(db, work))
      : await continued(db, work, { container, before })
  await putBlobState(db, seal, {
    ...state,
    moment: stamp.moment,
    doc: {
      ...state.doc,
      kind: 'snapshot',
      extents: await shareParts(db, state.doc.extents),
      versionId: null,
    },
  })
  return state
}

/** Of the same blob, a later one. @throws BlobFault `incremental-copy-mismatch`, `incremental-copy-too-old` */
function assertContinues({ copy, lineage }: BlobDoc, { state }: IncrementalCopy): void {
  if (copy?.isIncremental !== true || lineage !== state.doc.lineage) {
    throw new BlobFault('incremental-copy-mismatch', {})
  }
  const latest = new URL(copy.source).searchParams.get('snapshot') ?? ''
  if (state.moment <= latest) throw new BlobFault('incremental-copy-too-old', {})
}

/** The destination itself is only a place: nothing of what it held before is kept but its snapshots. */
async function continued(
  db: BlobWrites,
  work: IncrementalCopy,
  { container, before }: { readonly container: ContainerState; readonly before: BlobState },
): Promise<BlobState> {
  const { destination, command, stamp } = work
  const { seal } = destination
  const { now, etag } = stamp
  assertWritable(command.conditions, before.doc)
  assertLeaseForWrite(before.doc.lease, null, 'blob', now)
  assertMayChange('change', { container: container.doc, blob: before.doc, now, isKept: false })
  const { id, metadata, ...made } = await copyOf(db, work)
  const state = { ...before, id, metadata, doc: { ...before.doc, ...made, etag, modifiedAt: now } }
  await releaseParts(db, seal, before.doc.extents, now)
  await putBlobState(db, seal, state)
  return state
}

async function copyOf(db: BlobWrites, work: IncrementalCopy): Promise<NewBlob> {
  const { destination, state, anew, command, stamp } = work
  const { type, length, headers, sequenceNumber, lineage } = state.doc
  const done = succeeded(newCopy(command.shown, length), stamp.now)
  return {
    ...{ type, length, headers, sequenceNumber },
    ...(anew === null ? await shared(db, work) : await committed(db, destination, anew)),
    ...(lineage === null ? {} : { lineage }),
    ...{ tier: null, tags: null, blockCount: null, isSealed: false },
    encryption: destination.encryption,
    copy: { ...done, isIncremental: true, destinationSnapshot: stamp.moment },
  }
}

type Content = Pick<NewBlob, 'id' | 'metadata' | 'extents'>

async function shared(db: BlobWrites, { destination, command }: IncrementalCopy): Promise<Content> {
  const { id, metadata, doc } = await sourceState(db, destination, command.source)
  return { id, metadata, extents: await shareParts(db, doc.extents) }
}

async function committed(
  db: BlobWrites,
  { seal }: Destination,
  { id, metadata, ...copied }: SealedAnew,
): Promise<Content> {
  return { id, metadata, extents: await commitCopied(db, seal, copied) }
}
