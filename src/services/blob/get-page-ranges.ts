import type { BlobReads } from '../../store/records/blob/containers.ts'
import { inSnapshot } from '../../store/records/snapshot.ts'
import type { BlobDeps } from './blob-deps.ts'
import { type BlobState, findBlob, getBlobState, placeOf } from './blob-rows.ts'
import { type Conditions, assertReadable } from './conditions.ts'
import { getContainer } from './container-rows.ts'
import { type Span, partsIn } from './extent-map.ts'
import { BlobFault } from './faults.ts'
import { assertLeaseForRead } from './lease.ts'
import { differences } from './map-diff.ts'
import type { BlobDoc, BlobPath } from './model.ts'
import { PAGE_BYTES } from './pages.ts'
import { endOf } from './parts.ts'
import { type ServiceSeal, openService } from './service-seal.ts'

export interface GetPageRanges {
  readonly conditions: Conditions
  readonly leaseId: string | null
  /** What of the blob is of interest, once its size is known. @throws BlobFault */
  spanIn(size: number): Span
  /** Where an earlier page of the list ended, in bytes; 0 for the first. */
  readonly from: number
  readonly limit: number
  /** Only what differs from that snapshot; null: all pages that were written. */
  readonly previous: string | null
}

export interface PageRange extends Span {
  readonly isCleared: boolean
}

export interface PageRanges {
  readonly doc: BlobDoc
  readonly ranges: readonly PageRange[]
  /** Where the next page begins; null: that was all. */
  readonly next: number | null
}

/**
 * Where a page blob has pages, or has other ones than a snapshot of it. Needs no customer's key.
 * https://learn.microsoft.com/rest/api/storageservices/get-page-ranges
 *
 * @throws BlobFault
 */
export async function getPageRanges(
  { records, keyring, stamp }: Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>,
  path: BlobPath,
  query: GetPageRanges,
): Promise<PageRanges> {
  const seal = await openService(keyring, path.account)
  return await inSnapshot(records.read, async (db) => {
    const container = await getContainer(db, seal, path.container)
    const state = await getBlobState(db, seal, placeOf(container, path))
    const { doc } = state
    if (doc.type !== 'PageBlob') throw new BlobFault('blob-type-invalid', { type: doc.type })
    assertReadable(query.conditions, doc)
    assertLeaseForRead(doc.lease, query.leaseId, 'blob', stamp().now)
    const wanted = wholePages(query.spanIn(doc.length))
    const span = { start: Math.max(wanted.start, query.from), end: Math.min(wanted.end, doc.length) }
    const { previous } = query
    const found =
      previous === null
        ? await writtenIn(db, seal, doc, { span, limit: query.limit + 1 })
        : await differences(db, seal, await comparedWith(db, seal, state, { previous, span }))
    return { doc, ...pageOf(found, query.limit) }
  })
}

function pageOf(found: readonly PageRange[], limit: number): Pick<PageRanges, 'ranges' | 'next'> {
  return { ranges: found.slice(0, limit), next: found[limit]?.start ?? null }
}

/** Runs of pages that were written, `limit` at most. */
async function writtenIn(
  db: BlobReads,
  seal: ServiceSeal,
  { extents }: BlobDoc,
  { span, limit }: { readonly span: Span; readonly limit: number },
): Promise<readonly PageRange[]> {
  const runs: PageRange[] = []
  if (span.start >= span.end) return runs
  for await (const parts of partsIn(db, seal, extents, span)) {
    for (const part of parts) {
      if (part.ref === null) continue
      const [start, end] = [Math.max(part.start, span.start), Math.min(endOf(part), span.end)]
      const last = runs.at(-1)
      if (last?.end === start) runs[runs.length - 1] = { ...last, end }
      else if (runs.length === limit) return runs
      else runs.push({ start, end, isCleared: false })
    }
  }
  return runs
}

/** @throws BlobFault `previous-snapshot-not-found`, `previous-snapshot-too-new`, `blob-overwritten` */
async function comparedWith(
  db: BlobReads,
  seal: ServiceSeal,
  { container, name, moment, doc }: BlobState,
  { previous, span }: { readonly previous: string; readonly span: Span },
) {
  const older = await findBlob(db, seal, { container, name, moment: previous })
  if (older?.deletedAt !== null || older.doc.kind !== 'snapshot') {
    throw new BlobFault('previous-snapshot-not-found', {})
  }
  if (doc.kind === 'snapshot' && previous > moment) throw new BlobFault('previous-snapshot-too-new', {})
  if (older.doc.lineage !== doc.lineage) throw new BlobFault('blob-overwritten', {})
  return { older: older.doc.extents, newer: doc.extents, span }
}

function wholePages({ start, end }: Span): Span {
  return { start: start - (start % PAGE_BYTES), end: Math.ceil(end / PAGE_BYTES) * PAGE_BYTES }
}
