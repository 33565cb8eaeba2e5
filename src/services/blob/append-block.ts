import type { Bytes } from '../../kernel/bytes.ts'
import { beforeCommit } from '../../store/bytes/staged.ts'
import type { BlobWrites } from '../../store/records/blob/containers.ts'
import type { BlobDeps } from './blob-deps.ts'
import type { BlobState } from './blob-rows.ts'
import { type ContentChange, type OpenForChange, changeContent, openForChange } from './change-content.ts'
import type { WantedChecksum } from './checksum.ts'
import { replaceParts } from './extent-map.ts'
import { type StagedExtent, commitExtent, committing, partOf, stageExtent } from './extents.ts'
import { BlobFault } from './faults.ts'
import type { BlobDoc, BlobPath } from './model.ts'
import type { Stamp } from './stamps.ts'
import { type ToldSums, toldChecksum } from './told-checksum.ts'

const MAX_APPENDED_BLOCKS = 50_000

export interface AppendBlock extends ContentChange {
  /** Where the block has to begin, in bytes; null: wherever the blob ends. */
  readonly position: number | null
  /** Bytes that the blob may have with it; null: any. */
  readonly maxBytes: number | null
  readonly checksum: WantedChecksum
  /** Whether the client's version has CRC-64. */
  readonly knowsCrc64: boolean
}

export interface AppendedBlock extends ToldSums {
  readonly blob: BlobState
  /** Where the block begins, in bytes. */
  readonly offset: number
}

/**
 * Puts a block at the end of an append blob: durable, and visible as a whole, once it resolves.
 * https://learn.microsoft.com/rest/api/storageservices/append-block
 *
 * @throws BlobFault; KeyringFault `key-refused`
 */
export async function appendBlock(
  deps: BlobDeps,
  { at, command }: { readonly at: BlobPath; readonly command: AppendBlock },
  body: Bytes,
  signal: AbortSignal,
): Promise<AppendedBlock> {
  const type = 'AppendBlob'
  const assert = (doc: BlobDoc) => assertAppendable(doc, command, 0)
  const open = await openForChange(deps, at, { type, options: command }, { assert, signal })
  const sum = toldChecksum(command.checksum, command)
  const onPlain = (chunk: Uint8Array) => sum.update(chunk)
  const staged = await stageExtent(deps.bytes, open.content, body, { signal, onPlain })
  if (staged === null) throw new BlobFault('header-invalid', { name: 'Content-Length', value: '0' })
  await beforeCommit(deps.bytes, [staged], async () => sum.assert())
  const stamp = deps.stamp()
  const blob = await committing(deps.bytes, [staged], () =>
    deps.records.write((db) => append(db, open, { at, command, staged, stamp })),
  )
  return { blob, offset: blob.doc.length - staged.length, ...sum.told() }
}

interface Appended {
  readonly at: BlobPath
  readonly command: AppendBlock
  readonly staged: StagedExtent
  readonly stamp: Stamp
}

async function append(
  db: BlobWrites,
  open: OpenForChange,
  { at, command, staged, stamp }: Appended,
): Promise<BlobState> {
  return await changeContent(db, open, { at, stamp, type: 'AppendBlob', options: command }, async (doc) => {
    assertAppendable(doc, command, staged.length)
    await commitExtent(db, at.account.uid, staged)
    const { length, extents, blockCount } = doc
    const span = { start: length, end: length }
    return {
      length: length + staged.length,
      blockCount: (blockCount ?? 0) + 1,
      extents: await replaceParts(db, open.seal, extents, { span, parts: [partOf(staged)], now: stamp.now }),
    }
  })
}

/** @throws BlobFault `blob-sealed`, `append-position-not-met`, `max-blob-size-not-met`, `block-count-exceeded` */
function assertAppendable(
  { isSealed, length, blockCount }: BlobDoc,
  { position, maxBytes }: Pick<AppendBlock, 'position' | 'maxBytes'>,
  bytes: number,
): void {
  if (isSealed) throw new BlobFault('blob-sealed', {})
  if (position !== null && position !== length) throw new BlobFault('append-position-not-met', {})
  if (maxBytes !== null && length + bytes > maxBytes) throw new BlobFault('max-blob-size-not-met', {})
  if ((blockCount ?? 0) >= MAX_APPENDED_BLOCKS) {
    throw new BlobFault('block-count-exceeded', { about: 'committed', max: MAX_APPENDED_BLOCKS })
  }
}
