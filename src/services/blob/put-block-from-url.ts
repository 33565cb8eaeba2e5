import { type SourceDeps, type WantedSource, sourceBytes } from './copy-source.ts'
import type { Span } from './extent-map.ts'
import type { BlobPath } from './model.ts'
import { type BlockResult, MAX_BLOCK_BYTES, type PutBlock, putBlock } from './put-block.ts'
import { atMost } from './at-most.ts'

export interface PutBlockFromUrl extends PutBlock {
  readonly source: WantedSource
  /** Of the source; null: all of it. */
  readonly range: Span | null
}

/**
 * Put Block, with a body that is read from a source. https://learn.microsoft.com/rest/api/storageservices/put-block-from-url
 *
 * @throws BlobFault; SourceFault; KeyringFault `key-refused`
 */
export async function putBlockFromUrl(
  deps: SourceDeps,
  { at, command }: { readonly at: BlobPath; readonly command: PutBlockFromUrl },
  signal: AbortSignal,
): Promise<BlockResult> {
  const body = sourceBytes(deps, command.source, command.range, signal)
  return await putBlock(deps, { at, command }, atMost(body, MAX_BLOCK_BYTES, 'copy-source-too-large'), signal)
}
