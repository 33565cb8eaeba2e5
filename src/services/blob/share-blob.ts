import type { BlobWrites } from '../../store/records/blob/containers.ts'
import { type BlobState, getBlobState, placeOf } from './blob-rows.ts'
import { assertReadable } from './conditions.ts'
import { getContainer } from './container-rows.ts'
import { type NewCopy, copiedBlob, newCopy, sealMetadata, succeeded } from './copied-blob.ts'
import { type OpenSource, type SourceDeps, type WantedSource, telling } from './copy-source.ts'
import { isSameEncryption } from './encryption.ts'
import { shareParts } from './extent-map.ts'
import { BlobFault } from './faults.ts'
import type { Destination } from './open-destination.ts'
import { replaceBlob } from './replace-blob.ts'

/** Whether a copy may name the source's own extents: in the same account, under the same key. */
export function mayShare({ own }: OpenSource, { seal, encryption }: Destination): boolean {
  if (own === null || own.seal.account.uid !== seal.account.uid) return false
  return isSameEncryption(own.state.doc.encryption, encryption)
}

/**
 * Copies without moving a byte: the new blob names the source's extents as well.
 * @throws SourceFault; BlobFault
 */
export async function shareBlob(
  deps: SourceDeps,
  { destination, source }: { readonly destination: Destination; readonly source: OpenSource },
  command: NewCopy & { readonly sealsBlob?: boolean },
): Promise<BlobState> {
  const { seal, place } = destination
  const stamp = deps.stamp()
  const given =
    Object.keys(command.metadata).length === 0 ? null : sealMetadata(destination, source, command.metadata)
  return await deps.records.write((db) =>
    replaceBlob(db, { seal, stamp }, { place, options: command }, async (before) => {
      const { doc, id, metadata } = await sourceState(db, destination, command.source)
      const copy = succeeded(newCopy(command.shown, doc.length), stamp.now)
      const made = copiedBlob({ destination, command, copy }, doc, { before, now: stamp.now })
      const isSealed = doc.type === 'AppendBlob' && command.sealsBlob === true
      // Sealed under the same key, metadata goes along with the id that it is bound to.
      return { ...made, isSealed, ...(given ?? { id, metadata }), extents: await shareParts(db, doc.extents) }
    }),
  )
}

/** As it is within the transaction: what it named before may be on its way out. */
export async function sourceState(
  db: BlobWrites,
  { seal, encryption }: Destination,
  { source, conditions }: WantedSource,
): Promise<BlobState> {
  if (source.kind === 'foreign') throw new Error('what another server serves cannot be shared')
  const { at } = source
  return await telling(async () => {
    const state = await getBlobState(db, seal, placeOf(await getContainer(db, seal, at.container), at))
    assertReadable(conditions, state.doc)
    // Replaced meanwhile, by one under another key.
    if (!isSameEncryption(state.doc.encryption, encryption)) throw new BlobFault('condition-not-met', {})
    return state
  })
}
