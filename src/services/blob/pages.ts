import { GIB } from '../../kernel/units.ts'
import type { Part } from './model.ts'

/** What page blobs are written, cleared and measured in. */
export const PAGE_BYTES = 512
export const MAX_PAGE_BLOB_BYTES = 8 * 1024 * GIB

/** Pages that were never written. */
export function zerosOf(length: number): readonly Part[] {
  return length === 0 ? [] : [{ ref: null, at: 0, length }]
}

/** Whether a page blob may be so long. */
export function isPageBlobLength(bytes: number): boolean {
  return bytes % PAGE_BYTES === 0 && bytes <= MAX_PAGE_BLOB_BYTES
}
