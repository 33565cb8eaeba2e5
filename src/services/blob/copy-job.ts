import { deleteCopy, insertCopy } from '../../store/records/blob/copies.ts'
import type { BlobReads, BlobWrites } from '../../store/records/blob/containers.ts'
import { type BlobState, findBlob, putBlobState } from './blob-rows.ts'
import type { CopySource } from './copy-source.ts'
import { releaseParts } from './extent-map.ts'
import type { BlobDoc, CopyDoc, CopyJob } from './model.ts'
import type { ServiceSeal } from './service-seal.ts'
import type { Stamp } from './stamps.ts'

export function storedSource(source: CopySource): CopyJob['source'] {
  if (source.kind === 'foreign') return { kind: 'foreign', url: source.url }
  const { account, container, blob, moment, kind = null } = source.at
  return { kind: 'own', account: account.uid, container, blob, moment, momentOf: kind }
}

/** The destination of a copy. */
export interface CopyPlace {
  readonly id: string
  /** Id of the container. */
  readonly container: string
  readonly name: string
}

export async function putCopyJob(
  db: BlobWrites,
  seal: ServiceSeal,
  place: CopyPlace,
  job: CopyJob,
): Promise<void> {
  await insertCopy(db, { ...place, account: seal.account.uid, sealed: seal.copy.seal(place, job) })
}

/** @returns null when the destination is gone, or no more that of this copy */
export async function findDestination(
  db: BlobReads,
  seal: ServiceSeal,
  { id, container, name }: CopyPlace,
): Promise<BlobState | null> {
  const state = await findBlob(db, seal, { container, name, moment: null })
  const { copy = null } = state?.doc ?? {}
  return copy?.id === id && copy.status === 'pending' ? state : null
}

/** How a copy ended. */
export interface CopyOutcome {
  readonly status: 'success' | 'failed' | 'aborted'
  readonly description: string | null
  /** What the destination becomes; of one that did not succeed, nothing: it is left empty. */
  readonly change: Pick<BlobDoc, 'length' | 'extents'> & Partial<BlobDoc>
}

/** Ends a copy within the caller's transaction, and gives its destination a new entity tag. */
export async function endCopy(
  db: BlobWrites,
  seal: ServiceSeal,
  state: BlobState,
  { outcome, stamp }: { readonly outcome: CopyOutcome; readonly stamp: Stamp },
): Promise<BlobState> {
  const { doc } = state
  const { etag, now } = stamp
  const { status, description, change } = outcome
  const copy = endedCopy(doc.copy, { status, statusDescription: description, completedAt: now })
  const ended = { ...state, doc: { ...doc, ...change, copy, etag, modifiedAt: now } }
  await releaseParts(db, seal, doc.extents, now)
  await putBlobState(db, seal, ended)
  if (copy !== null) await deleteCopy(db, copy.id)
  return ended
}

function endedCopy(
  copy: CopyDoc | null,
  ended: Pick<CopyDoc, 'status' | 'statusDescription' | 'completedAt'>,
): CopyDoc | null {
  if (copy === null) return null
  return { ...copy, ...ended, copied: ended.status === 'success' ? copy.total : copy.copied }
}

export const emptied: CopyOutcome['change'] = { length: 0, extents: { parts: [] } }
