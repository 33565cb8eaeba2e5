import type { SourceDeps } from './copy-source.ts'
import { putBlobFromUrl } from './put-blob-from-url.ts'
import { putBlockFromUrl } from './put-block-from-url.ts'

type Bound<F> = F extends (deps: never, ...rest: infer R) => infer T ? (...rest: R) => T : never

/** Blobs and blocks whose bytes come from another blob, or from another server. */
export interface CopiedBlobs {
  readonly putBlobFromUrl: Bound<typeof putBlobFromUrl>
  readonly putBlockFromUrl: Bound<typeof putBlockFromUrl>
}

export function copiedBlobs(deps: SourceDeps): CopiedBlobs {
  return {
    putBlobFromUrl: (put, signal) => putBlobFromUrl(deps, put, signal),
    putBlockFromUrl: (put, signal) => putBlockFromUrl(deps, put, signal),
  }
}
