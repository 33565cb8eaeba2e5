import type { BlobWrites } from '../../store/records/blob/containers.ts'
import { replaceParts } from './extent-map.ts'
import { BlobFault } from './faults.ts'
import type { BlobDoc } from './model.ts'
import { zerosOf } from './pages.ts'
import { type SequenceAction, nextSequenceNumber } from './sequence-number.ts'
import type { ServiceSeal } from './service-seal.ts'

/** What Set Blob Properties changes of a page blob; null: leaves as it is. */
export interface PageBlobChange {
  /** A multiple of 512. What is beyond goes; what is added is zeros. */
  readonly length: number | null
  readonly sequence: SequenceAction | null
}

/**
 * Needs no customer's key: nothing is read or sealed.
 * https://learn.microsoft.com/rest/api/storageservices/set-blob-properties#remarks
 *
 * @throws BlobFault `blob-type-invalid`, `sequence-number-increment-too-large`
 */
export async function changePageBlob(
  db: BlobWrites,
  seal: ServiceSeal,
  doc: BlobDoc,
  { length, sequence, now }: PageBlobChange & { readonly now: number },
): Promise<Pick<BlobDoc, 'length' | 'extents' | 'sequenceNumber'>> {
  if (doc.type !== 'PageBlob') throw new BlobFault('blob-type-invalid', { type: doc.type })
  return {
    ...(await resized(db, seal, doc, { length: length ?? doc.length, now })),
    sequenceNumber: sequence === null ? doc.sequenceNumber : nextSequenceNumber(doc, sequence),
  }
}

async function resized(
  db: BlobWrites,
  seal: ServiceSeal,
  doc: BlobDoc,
  { length, now }: { readonly length: number; readonly now: number },
): Promise<Pick<BlobDoc, 'length' | 'extents'>> {
  const { extents } = doc
  if (length === doc.length) return { length, extents }
  const start = Math.min(length, doc.length)
  const change = { span: { start, end: doc.length }, parts: zerosOf(length - start), now }
  return { length, extents: await replaceParts(db, seal, extents, change) }
}
