import type { BlobType } from '../../src/services/blob/model.ts'
import { type ModelLease, type Refusals, leaseState } from './blob-model-lease.ts'

/**
 * What blobs have to be, as plain as it can be said: bytes in a map. Nothing here is shared with what it judges.
 */
export interface Model {
  readonly blobs: Map<string, ModelBlob>
  /** Uncommitted blocks, by blob and id. */
  readonly uncommitted: Map<string, Map<string, Buffer>>
  isKeyAway: boolean
}

export interface ModelBlob extends Kept {
  lease: ModelLease | null
  isSealed: boolean
  readonly snapshots: (Kept & { readonly moment: string })[]
}

/** What a snapshot keeps. */
export interface Kept {
  readonly type: BlobType
  bytes: Buffer
  etag: string
  metadata: Readonly<Record<string, string>>
  contentType: string | undefined
  /** Of a block blob that came in blocks. */
  blocks: readonly (readonly [id: string, bytes: Buffer])[]
  /** Page blobs: whether each page was written. */
  pages: readonly boolean[]
}

/** What a client says of the blob as it knows it. */
export type Condition = 'none' | 'current' | 'other' | 'nothing-there' | 'not-current'

export const PAGE = 512

export function newModel(): Model {
  return { blobs: new Map(), uncommitted: new Map(), isKeyAway: false }
}

export function newKept(type: BlobType, change: Partial<Kept>): Kept {
  const bytes = Buffer.alloc(0)
  return { type, bytes, etag: '', metadata: {}, contentType: undefined, blocks: [], pages: [], ...change }
}

/** Puts `made` in the place of the base blob; snapshots and a lease that holds stay, uncommitted blocks go. */
export function replace(model: Model, name: string, made: Kept, now: number): void {
  const before = model.blobs.get(name)
  const lease = before === undefined ? null : heldLease(before, now)
  model.blobs.set(name, { ...made, lease, isSealed: false, snapshots: before?.snapshots ?? [] })
  model.uncommitted.delete(name)
}

/** After a write of what is there. */
export function touch(blob: ModelBlob, etag: string, now: number): void {
  blob.etag = etag
  blob.lease = heldLease(blob, now)
}

function heldLease({ lease }: ModelBlob, now: number): ModelLease | null {
  return ['leased', 'breaking'].includes(leaseState(lease, now)) ? lease : null
}

/** What the conditions of a write say to what is there; `makes`: it puts another blob in that place. */
export function writeRefusals(blob: Kept | undefined, condition: Condition, makes: boolean): Refusals {
  const isOther = condition === 'other' || (condition === 'current' && blob === undefined)
  if (isOther) return ['condition-not-met']
  if (blob === undefined) return []
  if (condition === 'nothing-there') return [makes ? 'blob-already-exists' : 'condition-not-met']
  return condition === 'not-current' ? ['condition-not-met'] : []
}

/** The same for a read. */
export function readRefusals(condition: Condition): Refusals {
  if (condition === 'other') return ['condition-not-met']
  if (condition === 'nothing-there') return ['condition-unsatisfiable']
  return condition === 'not-current' ? ['not-modified'] : []
}

/** Runs of pages that were written, in bytes. */
export function pageRuns({ pages }: Kept): readonly { readonly start: number; readonly end: number }[] {
  const runs: { start: number; end: number }[] = []
  pages.forEach((isWritten, index) => {
    const start = index * PAGE
    const last = runs.at(-1)
    if (!isWritten) return
    if (last?.end === start) last.end = start + PAGE
    else runs.push({ start, end: start + PAGE })
  })
  return runs
}

export function keep(blob: Kept): Kept {
  const { type, bytes, etag, metadata, contentType, blocks, pages } = blob
  return { type, bytes, etag, metadata, contentType, blocks, pages }
}
