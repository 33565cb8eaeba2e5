import { ExtentKey } from '../../crypto/extent-key.ts'
import type { Bytes } from '../../kernel/bytes.ts'
import { type BytesRef, newBytesRef } from '../../store/bytes/byte-store.ts'
import type { SealedBytes } from '../../store/bytes/sealed.ts'
import type { ExtentRow } from '../../store/records/registry/uploads.ts'
import { RegistryFault } from './faults.ts'
import { underLease } from '../keyring/lease-ended.ts'
import type { ExtentPlace, RegistrySeal } from './registry-seal.ts'

/** Sealed bytes that are durable and that no row names yet. */
export interface StagedExtent extends ExtentPlace {
  readonly sealed: Uint8Array
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
  const filled = await unlessEmpty(body)
  if (filled === null) return null
  const key = ExtentKey.generate()
  const ref = newBytesRef()
  const { length } = await bytes.write(key, ref, filled, { signal, guard: guardOf(seal), onPlain })
  const place = { owner, ref, start, length }
  return await beforeCommit(bytes, [place], async () => {
    // The stream may have ended just before its lease.
    await seal.lease.check()
    return { ...place, sealed: seal.sealExtent(place, key) }
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
    const key = seal.openExtent(place, row.sealed)
    yield* bytes.read(key, place.ref, row.length, part, { signal, guard: guardOf(seal) })
    at = row.start + part.end
  }
  if (at < range.end) throw new Error(`the extents of ${owner} end at ${at}, before ${range.end}`)
}

/** Runs what comes between staging and commit: whatever fails there, nothing was committed, and the bytes may go. */
export async function beforeCommit<T>(
  bytes: SealedBytes,
  staged: readonly (Pick<ExtentPlace, 'ref'> | null)[],
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step()
  } catch (error) {
    await discardBytes(bytes, refsOf(staged))
    throw error
  }
}

/**
 * Runs the commit that makes staged extents reachable. Only a refusal proves that nothing was committed: after any
 * other failure a row may point at the bytes, and the sweeper decides.
 */
export async function committing<T>(
  bytes: SealedBytes,
  { lease }: RegistrySeal,
  staged: readonly (Pick<ExtentPlace, 'ref'> | null)[],
  commit: () => Promise<T>,
): Promise<T> {
  try {
    return await underLease(lease, commit)
  } catch (error) {
    if (error instanceof RegistryFault) await discardBytes(bytes, refsOf(staged))
    throw error
  }
}

function refsOf(staged: readonly (Pick<ExtentPlace, 'ref'> | null)[]): readonly string[] {
  return staged.flatMap((extent) => extent?.ref ?? [])
}

/** Frees what no row names any more. */
export async function discardBytes(bytes: SealedBytes, refs: readonly string[]): Promise<void> {
  // What cannot be discarded now is an orphan, which the sweeper finds.
  await Promise.allSettled(refs.map(async (ref) => await bytes.discard(ref as BytesRef)))
}

function guardOf({ lease }: RegistrySeal): { check(): void | Promise<void> } {
  return { check: () => lease.check() }
}

/** The same bytes; null when there are none. An empty chunk counts as nothing. */
async function unlessEmpty(body: Bytes): Promise<Bytes | null> {
  const chunks = body[Symbol.asyncIterator]()
  for (;;) {
    const first = await chunks.next()
    if (first.done === true) return null
    if (first.value.length > 0) return startingWith(first.value, chunks)
  }
}

function startingWith(first: Uint8Array, rest: AsyncIterator<Uint8Array>): Bytes {
  let isFirst = true
  const chunks: AsyncIterator<Uint8Array> = {
    next() {
      if (!isFirst) return rest.next()
      isFirst = false
      return Promise.resolve({ done: false, value: first })
    },
    return: async () => (await rest.return?.()) ?? { done: true, value: undefined },
  }
  return { [Symbol.asyncIterator]: () => chunks }
}
