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
 * For writes, to what is there now; null when nothing is. Of an entity tag and a date the tag decides.
 * https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations
 *
 * @throws BlobFault `condition-not-met`, `conditions-conflicting`, `copy-pending`
 */
export function assertWritable(conditions: Conditions, now: Conditional | null): void {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince, ifTags } = conditions
  assertTogether(conditions)
  if (now === null) {
    if (ifMatch !== null || ifTags !== null) throw new BlobFault('condition-not-met', {})
    return
  }
  assertNotCopying(now)
  const isMet =
    (ifMatch === null ? !isModified(now, ifUnmodifiedSince) : matches(ifMatch, now.etag)) &&
    (ifNoneMatch === null
      ? ifModifiedSince === null || isModified(now, ifModifiedSince)
      : !matches(ifNoneMatch, now.etag)) &&
    (ifTags === null || matchesTags(ifTags, now.tags ?? {}))
  if (!isMet) throw new BlobFault('condition-not-met', {})
}

/** The same for what makes a blob. @throws BlobFault also `blob-already-exists`, for If-None-Match: * */
export function assertReplaceable(conditions: Conditions, now: Conditional | null): void {
  if (now !== null && conditions.ifNoneMatch?.includes('*') === true) {
    assertNotCopying(now)
    throw new BlobFault('blob-already-exists', {})
  }
  assertWritable(conditions, now)
}

/** One condition with one entity tag, or a tag and the date that goes with it. */
function assertTogether({ ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince }: Conditions): void {
  const isOfMatch = ifMatch !== null || ifUnmodifiedSince !== null
  const isOfNoneMatch = ifNoneMatch !== null || ifModifiedSince !== null
  const isOneTag = (ifMatch ?? ifNoneMatch ?? []).length <= 1
  if ((isOfMatch && isOfNoneMatch) || !isOneTag) throw new BlobFault('conditions-conflicting', {})
}

/** For reads, which may give several. @throws BlobFault `condition-not-met`, `not-modified`, `condition-unsatisfiable` */
export function assertReadable(conditions: Conditions, now: Conditional): void {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince, ifTags } = conditions
  // What is read is there: nothing could meet it.
  if (ifNoneMatch?.includes('*') === true) throw new BlobFault('condition-unsatisfiable', {})
  const isMet =
    (ifMatch === null || matches(ifMatch, now.etag)) &&
    !isModified(now, ifUnmodifiedSince) &&
    (ifTags === null || matchesTags(ifTags, now.tags ?? {}))
  if (!isMet) throw new BlobFault('condition-not-met', {})
  const isAsked = ifNoneMatch !== null || ifModifiedSince !== null
  // Other than RFC 9110 says, either of them is enough.
  const isNews = (ifNoneMatch !== null && !matches(ifNoneMatch, now.etag)) || isModified(now, ifModifiedSince)
  if (isAsked && !isNews) throw new BlobFault('not-modified', {})
}

/** After that time, as Last-Modified shows it. */
function isModified({ modifiedAt }: Conditional, since: number | null): boolean {
  return since !== null && Math.floor(modifiedAt / 1000) * 1000 > since
}

function matches(etags: readonly string[], etag: string): boolean {
  return etags.includes('*') || etags.includes(etag)
}
