import type { Bytes } from '../../kernel/bytes.ts'
import { beforeCommit } from '../../store/bytes/staged.ts'
import type { BlobWrites } from '../../store/records/blob/containers.ts'
import type { BlobDeps } from './blob-deps.ts'
import type { BlobState } from './blob-rows.ts'
import { type ContentChange, type OpenForChange, changeContent, openForChange } from './change-content.ts'
import type { WantedChecksum } from './checksum.ts'
import { type Span, replaceParts } from './extent-map.ts'
import { type StagedExtent, commitExtent, committing, partOf, stageExtent } from './extents.ts'
import { BlobFault } from './faults.ts'
import type { BlobDoc, BlobPath } from './model.ts'
import { zerosOf } from './pages.ts'
import { type SequenceConditions, assertSequence } from './sequence-number.ts'
import type { Stamp } from './stamps.ts'
import { type ToldSums, toldChecksum } from './told-checksum.ts'

export interface ClearPages extends ContentChange {
  /** Whole pages. */
  readonly span: Span
  readonly sequence: SequenceConditions
}

export interface PutPage extends ClearPages {
  readonly checksum: WantedChecksum
  /** Whether the client's version has CRC-64. */
  readonly knowsCrc64: boolean
}

export interface WrittenPages extends ToldSums {
  readonly blob: BlobState
}

const type = 'PageBlob'

/**
 * Writes pages in place: durable, and visible as a whole, once it resolves.
 * https://learn.microsoft.com/rest/api/storageservices/put-page
 *
 * @throws BlobFault; KeyringFault `key-refused`
 */
export async function putPage(
  deps: BlobDeps,
  { at, command }: { readonly at: BlobPath; readonly command: PutPage },
  body: Bytes,
  signal: AbortSignal,
): Promise<WrittenPages> {
  const open = await openForPages(deps, at, command, signal)
  const sum = toldChecksum(command.checksum, command)
  const onPlain = (chunk: Uint8Array) => sum.update(chunk)
  const staged = await stageExtent(deps.bytes, open.content, body, { signal, onPlain })
  await beforeCommit(deps.bytes, [staged], async () => {
    assertFits(command.span, staged)
    sum.assert()
  })
  const stamp = deps.stamp()
  const blob = await committing(deps.bytes, [staged], () =>
    deps.records.write((db) => replacePages(db, open, { at, command, staged, stamp })),
  )
  return { blob, ...sum.told() }
}

/**
 * Clears pages: they read as zeros, and their bytes are given back. Needs the customer's key, as Put Page does in all.
 * @throws BlobFault; KeyringFault `key-refused`
 */
export async function clearPages(
  deps: BlobDeps,
  { at, command }: { readonly at: BlobPath; readonly command: ClearPages },
  signal: AbortSignal,
): Promise<BlobState> {
  const open = await openForPages(deps, at, command, signal)
  const stamp = deps.stamp()
  return await deps.records.write((db) => replacePages(db, open, { at, command, staged: null, stamp }))
}

async function openForPages(
  deps: BlobDeps,
  at: BlobPath,
  command: ClearPages,
  signal: AbortSignal,
): Promise<OpenForChange> {
  const assert = (doc: BlobDoc) => assertPages(doc, command)
  return await openForChange(deps, at, { type, options: command }, { assert, signal })
}

interface Replaced {
  readonly at: BlobPath
  readonly command: ClearPages
  /** Null: zeros. */
  readonly staged: StagedExtent | null
  readonly stamp: Stamp
}

async function replacePages(
  db: BlobWrites,
  open: OpenForChange,
  { at, command, staged, stamp }: Replaced,
): Promise<BlobState> {
  const { span } = command
  return await changeContent(db, open, { at, stamp, type, options: command }, async (doc) => {
    assertPages(doc, command)
    if (staged !== null) await commitExtent(db, at.account.uid, staged)
    const parts = staged === null ? zerosOf(span.end - span.start) : [partOf(staged)]
    return { extents: await replaceParts(db, open.seal, doc.extents, { span, parts, now: stamp.now }) }
  })
}

/** @throws BlobFault `page-range-invalid`, `sequence-number-not-met` */
function assertPages(doc: BlobDoc, { span, sequence }: ClearPages): void {
  assertSequence(doc, sequence)
  if (span.end > doc.length) throw new BlobFault('page-range-invalid', { size: doc.length })
}

/** @throws BlobFault `header-invalid` */
function assertFits({ start, end }: Span, staged: StagedExtent | null): void {
  const length = staged?.length ?? 0
  if (length === end - start) return
  const [value, reason] = [`bytes=${start}-${end - 1}`, `What came for it has ${length} bytes.`]
  throw new BlobFault('header-invalid', { name: 'x-ms-range', value, reason })
}
