import { MIB } from '../../kernel/units.ts'
import { beforeCommit } from '../../store/bytes/staged.ts'
import type { BlobState } from './blob-rows.ts'
import { type WantedChecksum, checksum } from './checksum.ts'
import { type NewCopy, copiedBlob, newCopy, sealMetadata, succeeded } from './copied-blob.ts'
import { type CopiedTags, tagsOfCopy } from './copied-tags.ts'
import { commitCopied, copyExtents } from './copy-extents.ts'
import { type OpenSource, type SourceDeps, openSource } from './copy-source.ts'
import type { WantedEncryption } from './encryption.ts'
import { committing } from './extents.ts'
import { BlobFault } from './faults.ts'
import type { BlobPath } from './model.ts'
import { type Destination, openDestination } from './open-destination.ts'
import { replaceBlob } from './replace-blob.ts'
import { mayShare, shareBlob } from './share-blob.ts'
import { asTarget } from './target.ts'
import { assertNotArchived } from './tier.ts'

/** What Azure copies while its client waits. */
const MAX_SYNC_BYTES = 256 * MIB

export interface CopyBlobFromUrl extends NewCopy, CopiedTags {
  readonly encryption: WantedEncryption
  /** What the client says of the source's bytes; compared before anything is committed. */
  readonly checksum: WantedChecksum
}

/**
 * Copies a block blob, blocks and all, before it answers.
 * https://learn.microsoft.com/rest/api/storageservices/copy-blob-from-url
 *
 * @throws BlobFault; SourceFault; KeyringFault `key-refused`
 */
export async function copyBlobFromUrl(
  deps: SourceDeps,
  { at, command }: { readonly at: BlobPath; readonly command: CopyBlobFromUrl },
  signal: AbortSignal,
): Promise<BlobState> {
  const destination = await openDestination(deps, at, command.encryption, signal)
  const source = await openSource(deps, command.source, null, signal)
  try {
    const { type, length } = source.doc
    if (type !== 'BlockBlob') throw new BlobFault('copy-source-type-invalid', { type })
    // Nobody waits for a rehydration.
    if (source.own !== null) assertNotArchived(source.own.state.doc, deps.stamp().now)
    if (length > MAX_SYNC_BYTES) throw new BlobFault('copy-source-too-large', { maxBytes: MAX_SYNC_BYTES })
    const whole = { ...command, tags: tagsOfCopy(source, command) }
    return await asTarget(() => copy(deps, { destination, source }, whole, signal))
  } finally {
    source.close()
  }
}

interface Ends {
  readonly destination: Destination
  readonly source: OpenSource
}

async function copy(
  deps: SourceDeps,
  ends: Ends,
  command: CopyBlobFromUrl,
  signal: AbortSignal,
): Promise<BlobState> {
  if (!mayShare(ends.source, ends.destination)) return await copyAnew(deps, ends, command, signal)
  const { md5, crc64 } = command.checksum
  if (md5 !== null || crc64 !== null) await assertChecksum(ends.source, command.checksum, signal)
  return await shareBlob(deps, ends, command)
}

async function assertChecksum(
  source: OpenSource,
  wanted: WantedChecksum,
  signal: AbortSignal,
): Promise<void> {
  const sum = checksum(wanted)
  for await (const chunk of source.read(signal)) sum.update(chunk)
  sum.assert()
}

async function copyAnew(
  deps: SourceDeps,
  { destination, source }: Ends,
  command: CopyBlobFromUrl,
  signal: AbortSignal,
): Promise<BlobState> {
  const { bytes, records } = deps
  const { seal, place, content } = destination
  const sum = checksum(command.checksum)
  const onPlain = (chunk: Uint8Array) => sum.update(chunk)
  const copied = await copyExtents(deps, { source, content }, { signal, onPlain })
  const sealed = await beforeCommit(bytes, copied.staged, async () => {
    sum.assert()
    await content.check()
    return sealMetadata(destination, source, command.metadata)
  })
  const stamp = deps.stamp()
  const { now } = stamp
  return await committing(bytes, copied.staged, () =>
    records.write((db) =>
      replaceBlob(db, { seal, stamp }, { place, options: command }, async (before) => {
        const done = succeeded(newCopy(command.shown, source.doc.length), now)
        const made = copiedBlob({ destination, command, copy: done }, source.doc, { before, now })
        return { ...made, ...sealed, extents: await commitCopied(db, seal, copied) }
      }),
    ),
  )
}
