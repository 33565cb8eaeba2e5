import { type CopiedTags, tagsOfCopy } from './copied-tags.ts'
import { type OpenSource, type SourceDeps, type WantedSource, openSource } from './copy-source.ts'
import { BlobFault } from './faults.ts'
import type { BlobPath } from './model.ts'
import { openDestination } from './open-destination.ts'
import { MAX_WHOLE_BYTES, type PutBlob, type PutResult, putWhole } from './put-blob.ts'
import { asTarget } from './target.ts'

export interface PutBlobFromUrl extends PutBlob, CopiedTags {
  readonly source: WantedSource
  /** Whether HTTP headers, and metadata if none is given, are those of the source where they are not given. */
  readonly copiesProperties: boolean
}

/**
 * Put Blob, with a body that is read from a source. https://learn.microsoft.com/rest/api/storageservices/put-blob-from-url
 *
 * @throws BlobFault; SourceFault; KeyringFault `key-refused`
 */
export async function putBlobFromUrl(
  deps: SourceDeps,
  { at, command }: { readonly at: BlobPath; readonly command: PutBlobFromUrl },
  signal: AbortSignal,
): Promise<PutResult> {
  const destination = await openDestination(deps, at, command.encryption, signal)
  const source = await openSource(deps, command.source, null, signal)
  try {
    if (source.doc.length > MAX_WHOLE_BYTES) {
      throw new BlobFault('copy-source-too-large', { maxBytes: MAX_WHOLE_BYTES })
    }
    const whole = { ...command, ...propertiesOf(source, command), tags: tagsOfCopy(source, command) }
    return await asTarget(() => putWhole(deps, { destination, command: whole }, source.read(signal), signal))
  } finally {
    source.close()
  }
}

/** The MD5 of what is read is computed anew. */
function propertiesOf({ doc, metadata }: OpenSource, { copiesProperties, ...given }: PutBlobFromUrl) {
  if (!copiesProperties) return { headers: given.headers, metadata: given.metadata }
  const { contentMd5: _, ...headers } = doc.headers
  return {
    headers: { ...headers, ...given.headers },
    metadata: Object.keys(given.metadata).length === 0 ? metadata : given.metadata,
  }
}
