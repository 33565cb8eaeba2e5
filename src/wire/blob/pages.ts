import type { RequestHead } from '../../http/operation.ts'
import type { PageBlobChange } from '../../services/blob/change-page-blob.ts'
import type { Span } from '../../services/blob/extent-map.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import { MAX_PAGE_BLOB_BYTES, PAGE_BYTES, isPageBlobLength } from '../../services/blob/pages.ts'
import {
  MAX_SEQUENCE_NUMBER,
  type SequenceAction,
  type SequenceConditions,
} from '../../services/blob/sequence-number.ts'
import { headerOf, numberOf } from './numbers.ts'

/**
 * `x-ms-range` before Range; whole pages.
 * @throws BlobFault `header-missing`, `header-invalid`
 */
export function pageSpanOf({ headers }: RequestHead): Span {
  const name = headers.has('x-ms-range') || !headers.has('range') ? 'x-ms-range' : 'Range'
  const value = headers.get(name.toLowerCase())
  if (value === undefined) throw new BlobFault('header-missing', { name })
  const found = /^bytes=(\d{1,16})-(\d{1,16})$/.exec(value.trim())
  const [start, end] = [Number(found?.[1]), Number(found?.[2]) + 1]
  const isWhole = found !== null && start % PAGE_BYTES === 0 && end % PAGE_BYTES === 0 && start < end
  if (isWhole && end <= MAX_PAGE_BLOB_BYTES) return { start, end }
  const reason = `A range of whole pages: its ends are multiples of ${PAGE_BYTES}.`
  throw new BlobFault('header-invalid', { name, value, reason })
}

/**
 * Where Get Page Ranges looks: what is of another form than `bytes=<first>-[<last>]` is ignored, as everywhere.
 * @throws BlobFault `page-range-invalid`
 */
export function listedSpanOf({ headers }: RequestHead, size: number): Span {
  const value = headers.get('x-ms-range') ?? headers.get('range')
  const found = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(value?.trim() ?? '')
  if (found === null) return { start: 0, end: size }
  const start = Number(found[1])
  const end = found[2] === '' ? size : Math.min(size, Number(found[2]) + 1)
  if (start >= end) throw new BlobFault('page-range-invalid', { size })
  return { start, end }
}

/** `x-ms-if-sequence-number-*`. @throws BlobFault `header-invalid` */
export function sequenceConditionsOf(head: RequestHead): SequenceConditions {
  const value = (comparison: string) => sequenceNumberOf(head, `x-ms-if-sequence-number-${comparison}`)
  return { atMost: value('le'), below: value('lt'), equal: value('eq') }
}

/** @returns decimal, without leading zeros; null when it was not sent. @throws BlobFault `header-invalid` */
export function sequenceNumberOf(head: RequestHead, name = 'x-ms-blob-sequence-number'): string | null {
  const value = headerOf(head, name)
  if (value === null) return null
  const number = /^\d{1,19}$/.test(value) ? BigInt(value) : MAX_SEQUENCE_NUMBER + 1n
  if (number <= MAX_SEQUENCE_NUMBER) return String(number)
  throw new BlobFault('header-invalid', { name, value, reason: 'A number from 0 to 2^63 - 1.' })
}

/** `x-ms-blob-content-length`. @returns null when it was not sent. @throws BlobFault `header-invalid` */
export function pageBlobLengthOf(head: RequestHead): number | null {
  const name = 'x-ms-blob-content-length'
  const length = numberOf(head, name)
  if (length === null || isPageBlobLength(length)) return length
  const reason = `A multiple of ${PAGE_BYTES}, 8 TiB at most.`
  throw new BlobFault('header-invalid', { name, value: String(length), reason })
}

/** What Set Blob Properties is to change of a page blob; null: nothing. @throws BlobFault `header-invalid`, `header-missing` */
export function pageBlobChangeOf(head: RequestHead): PageBlobChange | null {
  const length = pageBlobLengthOf(head)
  const sequence = sequenceActionOf(head)
  return length === null && sequence === null ? null : { length, sequence }
}

function sequenceActionOf(head: RequestHead): SequenceAction | null {
  const [name, numberName] = ['x-ms-sequence-number-action', 'x-ms-blob-sequence-number']
  const value = sequenceNumberOf(head)
  const given = headerOf(head, name)
  const action = given?.toLowerCase()
  if (given === null || action === undefined) {
    if (value === null) return null
    throw new BlobFault('header-missing', { name })
  }
  if (action === 'increment') {
    if (value === null) return { action }
    throw new BlobFault('header-invalid', { name: numberName, value, reason: 'Not with an increment.' })
  }
  if (action !== 'max' && action !== 'update') throw new BlobFault('header-invalid', { name, value: given })
  if (value === null) throw new BlobFault('header-missing', { name: numberName })
  return { action, value }
}
