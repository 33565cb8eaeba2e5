import { atMost } from './at-most.ts'
import { type SourceDeps, type WantedSource, sourceBytes } from './copy-source.ts'
import type { Span } from './extent-map.ts'
import type { BlobPath } from './model.ts'
import { type PutPage, type WrittenPages, putPage } from './put-page.ts'

export interface PutPageFromUrl extends PutPage {
  readonly source: WantedSource
  /** Of the source; as long as the pages. */
  readonly range: Span
}

/**
 * Put Page, with pages that are read from a source. https://learn.microsoft.com/rest/api/storageservices/put-page-from-url
 *
 * @throws BlobFault; SourceFault; KeyringFault `key-refused`
 */
export async function putPageFromUrl(
  deps: SourceDeps,
  { at, command }: { readonly at: BlobPath; readonly command: PutPageFromUrl },
  signal: AbortSignal,
): Promise<WrittenPages> {
  const { range } = command
  const body = sourceBytes(deps, command.source, range, signal)
  return await putPage(
    deps,
    { at, command },
    atMost(body, range.end - range.start, 'copy-source-too-large'),
    signal,
  )
}
