import type { Bytes } from '../../kernel/bytes.ts'
import type { BlobDeps } from './blob-deps.ts'
import type { BlobState } from './blob-rows.ts'
import { getContainer } from './container-rows.ts'
import { openContent } from './content-seal.ts'
import { type WantedEncryption, encryptionOfNew } from './encryption.ts'
import { writeParts } from './extent-map.ts'
import { beforeCommit, commitExtent, committing, partOf, stageExtent } from './extents.ts'
import { type WantedChecksum, md5Checksum } from './checksum.ts'
import type { BlobHeaders, BlobPath, Metadata, TierDoc } from './model.ts'
import { type ReplaceOptions, newBlobId, replaceBlob } from './replace-blob.ts'
import { openService } from './service-seal.ts'

export interface PutBlob extends ReplaceOptions {
  readonly headers: BlobHeaders
  readonly metadata: Metadata
  readonly tags: Readonly<Record<string, string>> | null
  readonly tier: TierDoc['name'] | null
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
  const { records, bytes, keyring } = deps
  const { account } = at
  const seal = await openService(keyring, account)
  const container = await getContainer(records.read, seal, at.container)
  const encryption = await encryptionOfNew(deps, account, container.doc, command.encryption)
  const content = await openContent(
    deps,
    account,
    { encryption, customerKey: command.encryption.customerKey },
    signal,
  )
  const sum = md5Checksum(command.checksum)
  const staged = await stageExtent(bytes, content, body, { signal, onPlain: (chunk) => sum.update(chunk) })
  const id = newBlobId()
  const metadata = await beforeCommit(bytes, [staged], async () => {
    sum.assert()
    await content.check()
    return content.sealMetadata(id, command.metadata)
  })
  const contentMd5 = sum.md5()
  const headers = { contentMd5, ...command.headers }
  const stamp = deps.stamp()
  const place = { containerId: container.id, container: at.container, blob: at.blob }
  const blob = await committing(bytes, [staged], () =>
    records.write((db) =>
      replaceBlob(db, { seal, stamp }, { place, options: command }, async () => {
        if (staged !== null) await commitExtent(db, account.uid, staged)
        return {
          type: 'BlockBlob',
          id,
          metadata,
          length: staged?.length ?? 0,
          headers,
          encryption,
          extents: await writeParts(db, seal, staged === null ? [] : [partOf(staged)]),
          tier: tierOf(command.tier, account.accessTier, stamp.now),
          tags: command.tags,
          copy: null,
          sequenceNumber: null,
          blockCount: null,
          isSealed: false,
        }
      }),
    ),
  )
  return { blob, contentMd5 }
}

/** The tier that was asked for, or the account's. */
export function tierOf(wanted: string | null, standard: string, now: number): TierDoc {
  return { name: wanted ?? standard, isInferred: wanted === null, changedAt: now, rehydration: null }
}
