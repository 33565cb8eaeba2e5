import type { BlobState } from './blob-rows.ts'
import type { CopyWork } from './copy-work.ts'
import { putCopyJob, storedSource } from './copy-job.ts'
import { type NewCopy, assertTierOfCopy, copiedBlob, newCopy, sealMetadata } from './copied-blob.ts'
import { type OpenSource, type SourceDeps, openSource } from './copy-source.ts'
import type { WantedEncryption } from './encryption.ts'
import { writeParts } from './extent-map.ts'
import type { BlobPath } from './model.ts'
import { type Destination, openDestination } from './open-destination.ts'
import { zerosOf } from './pages.ts'
import { replaceBlob } from './replace-blob.ts'
import { mayShare, shareBlob } from './share-blob.ts'
import { asTarget } from './target.ts'

export interface CopyBlob extends NewCopy {
  readonly encryption: WantedEncryption
  /** Of an append blob: nothing comes behind the copy any more. */
  readonly sealsBlob: boolean
}

export type CopyDeps = SourceDeps & { readonly work: Pick<CopyWork, 'start'> }

/**
 * Copies a blob: at once where the copy can share the source's bytes, else in the background, for as long as it takes.
 * https://learn.microsoft.com/rest/api/storageservices/copy-blob
 *
 * @returns the destination, whose `copy` tells whether it is complete
 * @throws BlobFault; SourceFault; KeyringFault `key-refused`
 */
export async function copyBlob(
  deps: CopyDeps,
  { at, command }: { readonly at: BlobPath; readonly command: CopyBlob },
  signal: AbortSignal,
): Promise<BlobState> {
  const destination = await openDestination(deps, at, command.encryption, signal)
  const source = await openSource(deps, command.source, null, signal)
  try {
    assertTierOfCopy(source, command.tier, deps.stamp().now)
    return await asTarget(() =>
      mayShare(source, destination)
        ? shareBlob(deps, { destination, source }, command)
        : beginCopy(deps, { destination, source }, command),
    )
  } finally {
    // The work in the background opens it anew.
    source.close()
  }
}

/** Puts an empty blob in the destination's place, which nobody can change until the copy has ended. */
async function beginCopy(
  deps: CopyDeps,
  { destination, source }: { readonly destination: Destination; readonly source: OpenSource },
  command: CopyBlob,
): Promise<BlobState> {
  const { seal, place } = destination
  const { doc, etag } = source
  const stamp = deps.stamp()
  const copy = newCopy(command.shown, doc.length)
  const sealed = sealMetadata(destination, source, command.metadata)
  const begun = await deps.records.write(async (db) => {
    const state = await replaceBlob(db, { seal, stamp }, { place, options: command }, async (before) => {
      const made = copiedBlob({ destination, command, copy }, doc, { before, now: stamp.now })
      // A page blob has its length from the beginning, and nothing in it.
      const length = doc.type === 'PageBlob' ? doc.length : 0
      return { ...made, ...sealed, length, extents: await writeParts(db, seal, zerosOf(length)) }
    })
    const { container, name } = state
    const { sealsBlob } = command
    const job = { source: storedSource(command.source.source), etag, sealsBlob, startedAt: stamp.now }
    await putCopyJob(db, seal, { id: copy.id, container, name }, job)
    return state
  })
  deps.work.start(copy.id)
  return begun
}
