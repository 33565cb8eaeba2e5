import { SECOND_MS } from '../../src/kernel/units.ts'
import type { BlobGraces } from '../support/blob-sweep.ts'
import type { ContentTimes } from '../../src/services/registry/registry-content.ts'

/** So short that the test's own images are collected while it runs, and longer than any one of its pushes. */
export const COLLECTION: ContentTimes = {
  unreferencedGraceMs: 6 * SECOND_MS,
  idleUploadMs: 4 * SECOND_MS,
  readGraceMs: 2 * SECOND_MS,
  orphanAgeMs: 6 * SECOND_MS,
}
/** Blobs' own. */
export const BLOB_GRACES: BlobGraces = { readGraceMs: 2 * SECOND_MS, blockGraceMs: 8 * SECOND_MS }
export const SWEEP_MS = 100
