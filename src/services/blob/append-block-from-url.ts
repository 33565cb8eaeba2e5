import { type AppendBlock, type AppendedBlock, appendBlock } from './append-block.ts'
import { atMost } from './at-most.ts'
import { type SourceDeps, type WantedSource, sourceBytes } from './copy-source.ts'
import type { Span } from './extent-map.ts'
import type { BlobPath } from './model.ts'

export interface AppendBlockFromUrl extends AppendBlock {
  readonly source: WantedSource
  /** Of the source; null: all of it. */
  readonly range: Span | null
  /** What the client's version takes as one block. */
  readonly maxBlockBytes: number
}

/**
 * Append Block, with a body that is read from a source. https://learn.microsoft.com/rest/api/storageservices/append-block-from-url
 *
 * @throws BlobFault; SourceFault; KeyringFault `key-refused`
 */
export async function appendBlockFromUrl(
  deps: SourceDeps,
  { at, command }: { readonly at: BlobPath; readonly command: AppendBlockFromUrl },
  signal: AbortSignal,
): Promise<AppendedBlock> {
  const body = sourceBytes(deps, command.source, command.range, signal)
  return await appendBlock(
    deps,
    { at, command },
    atMost(body, command.maxBlockBytes, 'copy-source-too-large'),
    signal,
  )
}
