import type { Bytes } from '../../kernel/bytes.ts'
import { MIB } from '../../kernel/units.ts'
import { beforeCommit } from '../../store/bytes/staged.ts'
import type { BlobDeps } from './blob-deps.ts'
import type { BlobState } from './blob-rows.ts'
import { type WantedChecksum, md5Checksum } from './checksum.ts'
import type { WantedEncryption } from './encryption.ts'
import { writeParts } from './extent-map.ts'
import { commitExtent, committing, partOf, stageExtent } from './extents.ts'
import type { BlobHeaders, BlobPath, Metadata, TierDoc } from './model.ts'
import { type Destination, openDestination } from './open-destination.ts'
import { type NewBlob, type ReplaceOptions, newBlobId, replaceBlob } from './replace-blob.ts'
import { tierAt } from './tier.ts'

/** What the newest versions take as one blob in one request. */
export const MAX_WHOLE_BYTES = 5_000 * MIB

/** What a client says of a new block blob. */
export interface NewBlockBlob extends ReplaceOptions, Pick<NewBlob, 'immutability' | 'hasLegalHold'> {
  readonly headers: BlobHeaders
  readonly metadata: Metadata
  readonly tags: Readonly<Record<string, string>> | null
  readonly tier: TierDoc['name'] | null
}

export interface PutBlob extends NewBlockBlob {
  readonly encryption: WantedEncryption
  /** What the client says of the body; compared before anything is committed. */
  readonly checksum: WantedChecksum
}

export interface PutResult {
  readonly blob: BlobState
  /** Base64 MD5 of the body. */
  readonly contentMd5: string
}

/**
 * Replaces the blob by a block blob with that body.
 *
 * Bytes become durable first, the commit makes them visible: a crash in between leaves garbage for the sweeper, never a
 * half-written blob. https://learn.microsoft.com/rest/api/storageservices/put-blob
 *
 * @throws BlobFault; KeyringFault `key-refused`
 */
export async function putBlob(
  deps: BlobDeps,
  { at, command }: { readonly at: BlobPath; readonly command: PutBlob },
  body: Bytes,
  signal: AbortSignal,
): Promise<PutResult> {
  const destination = await openDestination(deps, at, command.encryption, signal)
  return await putWhole(deps, { destination, command }, body, signal)
}

/** The same once its destination is open. */
export async function putWhole(
  deps: BlobDeps,
  { destination, command }: { readonly destination: Destination; readonly command: PutBlob },
  body: Bytes,
  signal: AbortSignal,
): Promise<PutResult> {
  const { records, bytes } = deps
  const { seal, place, content } = destination
  const sum = md5Checksum(command.checksum)
  const staged = await stageExtent(bytes, content, body, { signal, onPlain: (chunk) => sum.update(chunk) })
  const id = newBlobId()
  const metadata = await beforeCommit(bytes, [staged], async () => {
    sum.assert()
    await content.check()
    return content.sealMetadata(id, command.metadata)
  })
  const contentMd5 = sum.md5()
  const stamp = deps.stamp()
  const blob = await committing(bytes, [staged], () =>
    records.write((db) =>
      replaceBlob(db, { seal, stamp }, { place, options: command }, async (before) => {
        if (staged !== null) await commitExtent(db, seal.account.uid, staged)
        return {
          ...plainBlockBlob,
          ...givenOf(command, destination, { before, now: stamp.now }),
          id,
          metadata,
          length: staged?.length ?? 0,
          headers: { contentMd5, ...command.headers },
          extents: await writeParts(db, seal, staged === null ? [] : [partOf(staged)]),
        }
      }),
    ),
  )
  return { blob, contentMd5 }
}

/** What of a block blob that was not copied is always the same. */
export const plainBlockBlob = {
  type: 'BlockBlob',
  copy: null,
  sequenceNumber: null,
  blockCount: null,
  isSealed: false,
} as const satisfies Partial<NewBlob>

/** What of a new blob is as the client said. */
export function givenOf(
  { headers, tags, tier, immutability, hasLegalHold }: Omit<NewBlockBlob, keyof ReplaceOptions>,
  { seal, encryption }: Pick<Destination, 'seal' | 'encryption'>,
  { before, now }: Overwriting,
) {
  return {
    headers,
    tags,
    encryption,
    tier: tierOf(tier, seal.account.accessTier, { before, now }),
    ...(immutability === undefined ? {} : { immutability }),
    ...(hasLegalHold === undefined ? {} : { hasLegalHold }),
  }
}

interface Overwriting {
  readonly before: BlobState | null
  readonly now: number
}

/** The tier that was asked for, or the one that what is overwritten was set to (but Archive), or the account's. */
export function tierOf(wanted: string | null, standard: string, { before, now }: Overwriting): TierDoc {
  const kept = wanted === null ? tierAt(before?.doc.tier ?? null, now) : null
  if (kept !== null && !kept.isInferred && kept.name !== 'Archive') return kept
  return { name: wanted ?? standard, isInferred: wanted === null, changedAt: now, rehydration: null }
}
