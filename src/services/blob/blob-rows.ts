import {
  BASE,
  type BlobRow,
  findBlobRow,
  findBlobWithin,
  findWholeBlob,
  putBlobRow,
} from '../../store/records/blob/blobs.ts'
import type { BlobReads, BlobWrites } from '../../store/records/blob/containers.ts'
import type { BlobExtentRow } from '../../store/records/blob/extents.ts'
import { type ContainerState, getContainer, openContainer } from './container-rows.ts'
import { soleExtent } from './extent-map.ts'
import { BlobFault } from './faults.ts'
import type { BlobDoc, BlobPath } from './model.ts'
import type { ServiceSeal } from './service-seal.ts'

/** A blob, a snapshot or a version as it is stored. */
export interface BlobState {
  readonly container: string
  readonly name: string
  readonly moment: string
  /** What its metadata is bound to. */
  readonly id: string
  readonly deletedAt: number | null
  readonly doc: BlobDoc
  readonly metadata: Uint8Array | null
}

interface BlobPlace {
  readonly container: string
  readonly name: string
  /** Null: the base blob. */
  readonly moment: string | null
}

/** Deleted ones too. */
export async function findBlob(
  db: BlobReads,
  seal: ServiceSeal,
  place: BlobPlace,
): Promise<BlobState | null> {
  const row = await findBlobRow(db, { ...place, moment: place.moment ?? BASE })
  return row === null ? null : openBlob(seal, row)
}

/** @throws BlobFault `blob-not-found`, also for a deleted one */
export async function getBlobState(
  db: BlobReads,
  seal: ServiceSeal,
  place: BlobPlace & Pick<BlobPath, 'kind'>,
): Promise<BlobState> {
  const found = await findNamed(db, seal, place)
  if (found === null || found.deletedAt !== null) throw new BlobFault('blob-not-found', {})
  return found
}

/** What a read begins with. `extent`: of a base blob that has just one, its row. @throws BlobFault `container-not-found`, `blob-not-found` */
export async function getBlobForRead(
  db: BlobReads,
  seal: ServiceSeal,
  at: BlobPath,
): Promise<{ readonly state: BlobState; readonly extent: BlobExtentRow | null }> {
  const { container: name, blob, moment } = at
  if (moment !== null) {
    const container = await getContainer(db, seal, name)
    return { state: await getBlobState(db, seal, placeOf(container, at)), extent: null }
  }
  const found = await findWholeBlob(db, { account: seal.account.uid, container: name, name: blob })
  if (found === null) throw new BlobFault('container-not-found', {})
  // For the proof that name and id belong together.
  openContainer(seal, found.container)
  const state = found.blob === null ? null : openBlob(seal, found.blob)
  if (state === null || state.deletedAt !== null) throw new BlobFault('blob-not-found', {})
  return { state, extent: found.extent }
}

/** A container and what is there under the name, deleted ones too. @throws BlobFault `container-not-found` */
export async function getPlace(
  db: BlobReads,
  seal: ServiceSeal,
  { container: name, blob }: Pick<BlobPath, 'container' | 'blob'>,
): Promise<{ readonly container: ContainerState; readonly there: BlobState | null }> {
  const found = await findBlobWithin(db, { account: seal.account.uid, container: name, name: blob })
  if (found === null) throw new BlobFault('container-not-found', {})
  const container = openContainer(seal, found.container)
  return { container, there: found.blob === null ? null : openBlob(seal, found.blob) }
}

/** Deleted ones too. The version that is current stands in the base blob's row. */
export async function findNamed(
  db: BlobReads,
  seal: ServiceSeal,
  { kind, ...place }: BlobPlace & Pick<BlobPath, 'kind'>,
): Promise<BlobState | null> {
  const found = await findBlob(db, seal, place)
  if (place.moment === null) return found
  if (found !== null) return kind === undefined || found.doc.kind === kind ? found : null
  const base = kind === 'snapshot' ? null : await findBlob(db, seal, { ...place, moment: null })
  return base?.doc.versionId === place.moment ? base : null
}

/** Where the rows have what the path names. */
export function placeOf(
  { id }: { readonly id: string },
  { blob, moment, kind }: Pick<BlobPath, 'blob' | 'moment' | 'kind'>,
): BlobPlace & Pick<BlobPath, 'kind'> {
  return { container: id, name: blob, moment, ...(kind === undefined ? {} : { kind }) }
}

export function openBlob(seal: ServiceSeal, row: BlobRow): BlobState {
  return stateOf(row, seal.blob.open(row, row.sealed))
}

/** One of many. */
export function openBlobInPassing(seal: ServiceSeal, row: BlobRow): BlobState {
  return stateOf(row, seal.blob.openInPassing(row, row.sealed))
}

function stateOf(row: BlobRow, doc: BlobDoc): BlobState {
  if (doc.hasMetadata !== (row.metadata !== null)) throw new BlobFault('content-damaged', {})
  const { container, name, moment, id, deleted_at, metadata } = row
  return { container, name, moment, id, deletedAt: deleted_at, doc, metadata }
}

/** Puts the row in its place, over what stands there. */
export async function putBlobState(db: BlobWrites, seal: ServiceSeal, state: BlobState): Promise<void> {
  const { container, name, moment, id, deletedAt, metadata } = state
  const doc = { ...state.doc, hasMetadata: metadata !== null }
  await putBlobRow(db, {
    container,
    name,
    moment,
    id,
    extent: soleExtent(doc.extents),
    deleted_at: deletedAt,
    sealed: seal.blob.seal({ container, name, moment, id }, doc),
    metadata,
  })
}
