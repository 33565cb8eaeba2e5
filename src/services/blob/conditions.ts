import { assertNotCopying } from './copy-pending.ts'
import { BlobFault } from './faults.ts'
import type { CopyDoc } from './model.ts'
import { matchesTags } from './tag-expression.ts'

/** Conditional headers (RFC 9110 section 13, and Azure's `x-ms-if-tags`). Entity tags without quotes; `*` for any. */
export interface Conditions {
  readonly ifMatch: readonly string[] | null
  readonly ifNoneMatch: readonly string[] | null
  /** Milliseconds since 1970, whole seconds. */
  readonly ifModifiedSince: number | null
  readonly ifUnmodifiedSince: number | null
  /** An expression over the blob's tags. */
  readonly ifTags: string | null
}

export const noConditions: Conditions = {
  ifMatch: null,
  ifNoneMatch: null,
  ifModifiedSince: null,
  ifUnmodifiedSince: null,
  ifTags: null,
}

export interface Conditional {
  readonly etag: string
  readonly modifiedAt: number
  readonly tags?: Readonly<Record<string, string>> | null
  readonly copy?: CopyDoc | null
}

/**
 * For writes, to what is there now; null when nothing is.
 * @throws BlobFault `condition-not-met`; `blob-already-exists` for If-None-Match: *; `copy-pending`
 */
export function assertWritable(conditions: Conditions, now: Conditional | null): void {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince, ifTags } = conditions
  if (now === null) {
    if (ifMatch !== null || ifUnmodifiedSince !== null || ifTags !== null)
      throw new BlobFault('condition-not-met', {})
    return
  }
  assertNotCopying(now)
  if (ifNoneMatch?.includes('*') === true) throw new BlobFault('blob-already-exists', {})
  const isMet =
    (ifMatch === null || matches(ifMatch, now.etag)) &&
    (ifNoneMatch === null || !matches(ifNoneMatch, now.etag)) &&
    (ifModifiedSince === null || seconds(now.modifiedAt) > ifModifiedSince) &&
    (ifUnmodifiedSince === null || seconds(now.modifiedAt) <= ifUnmodifiedSince) &&
    (ifTags === null || matchesTags(ifTags, now.tags ?? {}))
  if (!isMet) throw new BlobFault('condition-not-met', {})
}

/** For reads. @throws BlobFault `condition-not-met`, `not-modified` */
export function assertReadable(conditions: Conditions, now: Conditional): void {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince, ifTags } = conditions
  const isMet =
    (ifMatch === null || matches(ifMatch, now.etag)) &&
    (ifUnmodifiedSince === null || seconds(now.modifiedAt) <= ifUnmodifiedSince) &&
    (ifTags === null || matchesTags(ifTags, now.tags ?? {}))
  if (!isMet) throw new BlobFault('condition-not-met', {})
  // RFC 9110 section 13.2.2: the entity tag comes before the date.
  const isModified =
    ifNoneMatch === null
      ? ifModifiedSince === null || seconds(now.modifiedAt) > ifModifiedSince
      : !matches(ifNoneMatch, now.etag)
  if (!isModified) throw new BlobFault('not-modified', {})
}

function matches(etags: readonly string[], etag: string): boolean {
  return etags.includes('*') || etags.includes(etag)
}

/** As Last-Modified shows it. */
function seconds(time: number): number {
  return Math.floor(time / 1000) * 1000
}
