import { ExtentKey } from '../../crypto/extent-key.ts'
import { type Bytes, free } from '../../kernel/bytes.ts'
import { KIB } from '../../kernel/units.ts'
import { beginningOf } from '../../store/bytes/beginning.ts'
import { type BytesRef, newBytesRef } from '../../store/bytes/byte-store.ts'
import type { SealedBytes } from '../../store/bytes/sealed.ts'
import {
  MAX_INLINE_BYTES,
  type Staged,
  beforeCommit,
  committing as commitStaged,
} from '../../store/bytes/staged.ts'
import type { BlobReads, BlobWrites } from '../../store/records/blob/containers.ts'
import type { DataRecords } from '../../store/records/data-db.ts'
import { type BlobExtentRow, findBlobExtents, insertBlobExtent } from '../../store/records/blob/extents.ts'
import type { ContentSeal } from './content-seal.ts'
import type { PlacedPart, Span } from './extent-map.ts'
import { BlobFault } from './faults.ts'
import type { Part } from './model.ts'

/** Sealed bytes that no row names yet: durable in the byte store, or about to go into the row itself. */
export interface StagedExtent extends BlobExtentRow {
  readonly length: number
}

interface StageOptions {
  readonly signal: AbortSignal
  readonly onPlain?: (chunk: Uint8Array) => void
}

/** Seals `body` as one extent. Nothing stays behind when it fails. @returns null for an empty body */
export async function stageExtent(
  bytes: SealedBytes,
  seal: ContentSeal,
  body: Bytes,
  { signal, onPlain }: StageOptions,
): Promise<StagedExtent | null> {
  const beginning = await beginningOf(body, MAX_INLINE_BYTES)
  const ref = newBytesRef()
  if ('whole' in beginning) {
    const { whole } = beginning
    const { length } = whole
    if (length === 0) return null
    onPlain?.(whole)
    await seal.check()
    const sealed = seal.sealBody(ref, whole)
    free(whole)
    return { ref, length, is_inline: 1, outer: null, sealed }
  }
  const key = ExtentKey.generate()
  const outerKey = seal.outer === null ? null : ExtentKey.generate()
  const into = outerKey === null ? bytes : bytes.within(outerKey)
  const guard = { check: () => seal.check() }
  const { length } = await into.write(key, ref, beginning.longer, {
    signal,
    guard,
    ...(onPlain === undefined ? {} : { onPlain }),
  })
  return await beforeCommit(bytes, [{ ref, is_inline: 0 }], async () => {
    // The stream may have ended just before its lease.
    await seal.check()
    const outer = outerKey === null ? null : (seal.outer?.wrapKey(ref, outerKey) ?? null)
    return { ref, length, is_inline: 0, outer, sealed: seal.wrapExtentKey({ extentId: ref, length }, key) }
  })
}

/** Makes a staged extent a row that `uses` things name. */
export async function commitExtent(
  db: BlobWrites,
  account: string,
  extent: StagedExtent,
  uses = 1,
): Promise<void> {
  await insertBlobExtent(db, { ...extent, account, uses })
}

export function partOf({ ref, length }: Pick<StagedExtent, 'ref' | 'length'>, block?: string): Part {
  return { ref, at: 0, length, ...(block === undefined ? {} : { block }) }
}

/** As `committing` of the byte store: a refusal is a BlobFault. */
export function committing<T>(
  bytes: SealedBytes,
  staged: readonly Staged[],
  commit: () => Promise<T>,
): Promise<T> {
  return commitStaged(bytes, staged, { commit, isRefusal: (error) => error instanceof BlobFault })
}

/** Extents that are looked up together. */
const PARTS_AT_ONCE = 64
const MAX_ZEROS = 64 * KIB
const zeros = new Uint8Array(MAX_ZEROS + 1)

/** Yields the bytes of `span` of what the parts hold. @throws BlobFault `content-damaged` when they do not hold it whole */
export async function* readExtents(
  { records, bytes }: { readonly records: Pick<DataRecords, 'read'>; readonly bytes: SealedBytes },
  seal: ContentSeal,
  {
    parts,
    span,
    signal,
    known = null,
  }: {
    readonly parts: readonly PlacedPart[]
    readonly span: Span
    readonly signal: AbortSignal
    /** A row that need not be looked up. */
    readonly known?: BlobExtentRow | null
  },
): AsyncGenerator<Uint8Array> {
  let at = span.start
  for (let index = 0; index < parts.length; index += PARTS_AT_ONCE) {
    const some = parts.slice(index, index + PARTS_AT_ONCE)
    const rows = await extentsOf(records.read, some, known)
    for (const part of some) {
      if (part.start > at || part.start + part.length <= at) throw new BlobFault('content-damaged', {})
      const end = Math.min(span.end, part.start + part.length)
      const within = { start: part.at + at - part.start, end: part.at + end - part.start }
      const row = part.ref === null ? null : rows.get(part.ref)
      if (row === undefined) throw new BlobFault('content-damaged', {})
      if (row === null) yield* zeroBytes(end - at)
      else yield* readExtent(bytes, seal, row, { span: within, signal })
      at = end
    }
  }
  if (at < span.end) throw new BlobFault('content-damaged', {})
}

async function extentsOf(
  db: BlobReads,
  parts: readonly PlacedPart[],
  known: BlobExtentRow | null,
): Promise<ReadonlyMap<string, BlobExtentRow>> {
  if (known !== null && parts.every(({ ref }) => ref === known.ref)) return new Map([[known.ref, known]])
  return await findBlobExtents(db, [...new Set(parts.flatMap(({ ref }) => ref ?? []))])
}

async function* readExtent(
  bytes: SealedBytes,
  seal: ContentSeal,
  { ref, length, is_inline, outer, sealed }: BlobExtentRow,
  { span, signal }: { readonly span: Span; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  await seal.check()
  if (is_inline === 1) {
    yield seal.openBody(ref, sealed).subarray(span.start, span.end)
    return
  }
  const key = seal.unwrapExtentKey({ extentId: ref, length }, sealed)
  // Taken away from the row, or put there: then the one layer does not open as two, nor two as one.
  const from = outer === null || seal.outer === null ? bytes : bytes.within(seal.outer.unwrapKey(ref, outer))
  yield* from.read(key, ref as BytesRef, length, span, { signal, guard: { check: () => seal.check() } })
}

function* zeroBytes(length: number): Generator<Uint8Array> {
  // A view of something larger: whoever takes it cannot free it.
  for (let left = length; left > 0; left -= MAX_ZEROS) yield zeros.subarray(0, Math.min(left, MAX_ZEROS))
}
