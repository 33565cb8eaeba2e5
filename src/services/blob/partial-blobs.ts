import { appendBlock } from './append-block.ts'
import { appendBlockFromUrl } from './append-block-from-url.ts'
import type { BlobDeps } from './blob-deps.ts'
import type { SourceDeps } from './copy-source.ts'
import { getPageRanges } from './get-page-ranges.ts'
import { incrementalCopyBlob } from './incremental-copy-blob.ts'
import { putEmptyBlob } from './put-empty-blob.ts'
import { putPageFromUrl } from './put-page-from-url.ts'
import { clearPages, putPage } from './put-page.ts'
import { sealAppendBlob } from './seal-append-blob.ts'

type Bound<F> = F extends (deps: never, ...rest: infer R) => infer T ? (...rest: R) => T : never

/** Append blobs and page blobs: made empty, and written in parts. */
export interface PartialBlobs {
  readonly putEmptyBlob: Bound<typeof putEmptyBlob>
  readonly sealAppendBlob: Bound<typeof sealAppendBlob>
  readonly clearPages: Bound<typeof clearPages>
  readonly getPageRanges: Bound<typeof getPageRanges>
}

/** Those whose bytes come from another blob. */
export interface PartsFromUrls {
  readonly appendBlockFromUrl: Bound<typeof appendBlockFromUrl>
  readonly putPageFromUrl: Bound<typeof putPageFromUrl>
  readonly incrementalCopyBlob: Bound<typeof incrementalCopyBlob>
}

/** Those that take a body. */
export interface PartWrites {
  readonly appendBlock: Bound<typeof appendBlock>
  readonly putPage: Bound<typeof putPage>
}

export function partialBlobs(deps: BlobDeps): PartialBlobs {
  return {
    putEmptyBlob: (put, signal) => putEmptyBlob(deps, put, signal),
    sealAppendBlob: (path, command) => sealAppendBlob(deps, path, command),
    clearPages: (put, signal) => clearPages(deps, put, signal),
    getPageRanges: (path, query) => getPageRanges(deps, path, query),
  }
}

export function partsFromUrls(deps: SourceDeps): PartsFromUrls {
  return {
    appendBlockFromUrl: (put, signal) => appendBlockFromUrl(deps, put, signal),
    putPageFromUrl: (put, signal) => putPageFromUrl(deps, put, signal),
    incrementalCopyBlob: (copy, signal) => incrementalCopyBlob(deps, copy, signal),
  }
}

export function partWrites(deps: BlobDeps): PartWrites {
  return {
    appendBlock: (put, body, signal) => appendBlock(deps, put, body, signal),
    putPage: (put, body, signal) => putPage(deps, put, body, signal),
  }
}
