import { abortCopy } from './abort-copy.ts'
import { copyBlob } from './copy-blob.ts'
import { copyBlobFromUrl } from './copy-blob-from-url.ts'
import type { SourceDeps } from './copy-source.ts'
import type { CopyWork } from './copy-work.ts'
import { putBlobFromUrl } from './put-blob-from-url.ts'
import { putBlockFromUrl } from './put-block-from-url.ts'

type Bound<F> = F extends (deps: never, ...rest: infer R) => infer T ? (...rest: R) => T : never

/** Blobs and blocks whose bytes come from another blob, or from another server. */
export interface CopiedBlobs {
  readonly copyBlob: Bound<typeof copyBlob>
  readonly copyBlobFromUrl: Bound<typeof copyBlobFromUrl>
  readonly abortCopy: Bound<typeof abortCopy>
  readonly putBlobFromUrl: Bound<typeof putBlobFromUrl>
  readonly putBlockFromUrl: Bound<typeof putBlockFromUrl>
}

export function copiedBlobs(deps: SourceDeps & { readonly work: CopyWork }): CopiedBlobs {
  return {
    copyBlob: (copy, signal) => copyBlob(deps, copy, signal),
    copyBlobFromUrl: (copy, signal) => copyBlobFromUrl(deps, copy, signal),
    async abortCopy(path, command) {
      await abortCopy(deps, path, command)
      deps.work.stop(command.copyId.toLowerCase())
    },
    putBlobFromUrl: (put, signal) => putBlobFromUrl(deps, put, signal),
    putBlockFromUrl: (put, signal) => putBlockFromUrl(deps, put, signal),
  }
}
