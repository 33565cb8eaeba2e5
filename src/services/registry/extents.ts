import { ExtentKey } from '../../crypto/extent-key.ts'
import type { Bytes } from '../../kernel/bytes.ts'
import { beginningOf } from '../../store/bytes/beginning.ts'
import { type BytesRef, newBytesRef } from '../../store/bytes/byte-store.ts'
import type { SealedBytes } from '../../store/bytes/sealed.ts'
import {
  MAX_INLINE_BYTES,
  type Staged,
  beforeCommit,
  committing as commitStaged,
} from '../../store/bytes/staged.ts'
import type { ExtentRow } from '../../store/records/registry/uploads.ts'
import { RegistryFault } from './faults.ts'
import { underLease } from '../keyring/lease-ended.ts'
import type { ExtentPlace, RegistrySeal } from './registry-seal.ts'

/** Sealed bytes that no row names yet: durable in the byte store, or about to go into the row itself. */
export interface StagedExtent extends ExtentPlace {
  readonly sealed: Uint8Array
  readonly is_inline: number
}

interface StageOptions {
  readonly signal: AbortSignal
  readonly onPlain: (chunk: Uint8Array) => void
}

/** Seals `body` as one extent of `owner`. Nothing stays behind when it fails. @returns null for an empty body */
export async function stageExtent(
  bytes: SealedBytes,
  seal: RegistrySeal,
  { owner, start }: { readonly owner: string; readonly start: number },
  body: Bytes,
  { signal, onPlain }: StageOptions,
): Promise<StagedExtent | null> {
  const beginning = await beginningOf(body, MAX_INLINE_BYTES)
  const ref = newBytesRef()
  if ('whole' in beginning) {
    const { length } = beginning.whole
    if (length === 0) return null
    onPlain(beginning.whole)
    await seal.lease.check()
    const place = { owner, ref, start, length }
    return { ...place, is_inline: 1, sealed: seal.sealShort(place, beginning.whole) }
  }
  const key = ExtentKey.generate()
  const options = { signal, guard: guardOf(seal), onPlain }
  const { length } = await bytes.write(key, ref, beginning.longer, options)
  const place = { owner, ref, start, length }
  return await beforeCommit(bytes, [{ ref, is_inline: 0 }], async () => {
    // The stream may have ended just before its lease.
    await seal.lease.check()
    return { ...place, is_inline: 0, sealed: seal.sealExtent(place, key) }
  })
}

/** Yields the bytes of `range` of what the rows hold together. @throws SealFault, ByteFault when they do not hold it whole */
export async function* readExtents(
  bytes: SealedBytes,
  seal: RegistrySeal,
  owner: string,
  {
    rows,
    range,
    signal,
  }: {
    readonly rows: readonly ExtentRow[]
    readonly range: { readonly start: number; readonly end: number }
    readonly signal: AbortSignal
  },
): AsyncGenerator<Uint8Array> {
  let at = range.start
  for (const row of rows) {
    if (at >= range.end) return
    if (row.start > at || row.start + row.length <= at) break
    const place = { owner, ref: row.ref as BytesRef, start: row.start, length: row.length }
    const part = { start: at - row.start, end: Math.min(range.end, row.start + row.length) - row.start }
    await seal.lease.check()
    if (row.is_inline === 1) yield seal.openShort(place, row.sealed).subarray(part.start, part.end)
    else {
      const key = seal.openExtent(place, row.sealed)
      yield* bytes.read(key, place.ref, row.length, part, { signal, guard: guardOf(seal) })
    }
    at = row.start + part.end
  }
  if (at < range.end) throw new Error(`the extents of ${owner} end at ${at}, before ${range.end}`)
}

/** As `committing` of the byte store, under the lease: a refusal is a RegistryFault. */
export function committing<T>(
  bytes: SealedBytes,
  { lease }: RegistrySeal,
  staged: readonly Staged[],
  commit: () => Promise<T>,
): Promise<T> {
  return commitStaged(bytes, staged, {
    commit: () => underLease(lease, commit),
    isRefusal: (error) => error instanceof RegistryFault,
  })
}

function guardOf({ lease }: RegistrySeal): { check(): void | Promise<void> } {
  return { check: () => lease.check() }
}
