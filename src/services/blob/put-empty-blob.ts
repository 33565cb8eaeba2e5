import type { BlobDeps } from './blob-deps.ts'
import type { BlobState } from './blob-rows.ts'
import type { WantedEncryption } from './encryption.ts'
import type { BlobDoc, BlobHeaders, BlobPath, Metadata } from './model.ts'
import { openDestination } from './open-destination.ts'
import { type NewBlob, type ReplaceOptions, newBlobId, replaceBlob } from './replace-blob.ts'
import { pageTierOf } from './page-tier.ts'
import { zerosOf } from './pages.ts'

export interface PutEmptyBlob extends ReplaceOptions, Pick<NewBlob, 'immutability' | 'hasLegalHold'> {
  readonly blob:
    | { readonly type: 'AppendBlob' }
    | {
        readonly type: 'PageBlob'
        /** A multiple of 512: all zeros. */
        readonly length: number
        /** Decimal. */
        readonly sequenceNumber: string
        /** `P10`; null: none asked for. */
        readonly tier: string | null
      }
  readonly headers: BlobHeaders
  readonly metadata: Metadata
  readonly tags: BlobDoc['tags']
  readonly encryption: WantedEncryption
}

/**
 * Replaces the blob by an append blob without blocks, or a page blob without pages. Writes no bytes, and needs the customer's key
 * all the same: nothing could ever be put into it without. https://learn.microsoft.com/rest/api/storageservices/put-blob
 *
 * @throws BlobFault; KeyringFault `key-refused`
 */
export async function putEmptyBlob(
  deps: BlobDeps,
  { at, command }: { readonly at: BlobPath; readonly command: PutEmptyBlob },
  signal: AbortSignal,
): Promise<BlobState> {
  const { seal, place, encryption, content } = await openDestination(deps, at, command.encryption, signal)
  const id = newBlobId()
  const metadata = content.sealMetadata(id, command.metadata)
  const stamp = deps.stamp()
  const { headers, tags, immutability, hasLegalHold } = command
  const made = {
    ...{ id, metadata, headers, tags, encryption, copy: null, isSealed: false },
    ...(immutability === undefined ? {} : { immutability }),
    ...(hasLegalHold === undefined ? {} : { hasLegalHold }),
    ...emptyOf(command.blob, at, stamp.now),
  }
  return await deps.records.write((db) =>
    replaceBlob(db, { seal, stamp }, { place, options: command }, async () => made),
  )
}

function emptyOf(
  blob: PutEmptyBlob['blob'],
  { account }: BlobPath,
  now: number,
): Pick<NewBlob, 'type' | 'length' | 'extents' | 'tier' | 'sequenceNumber' | 'blockCount'> {
  const { type } = blob
  if (type === 'AppendBlob') {
    return { type, length: 0, extents: { parts: [] }, tier: null, sequenceNumber: null, blockCount: 0 }
  }
  const { length, sequenceNumber } = blob
  const tier = pageTierOf(account, { length, wanted: blob.tier }, now)
  return { type, length, extents: { parts: zerosOf(length) }, tier, sequenceNumber, blockCount: null }
}
