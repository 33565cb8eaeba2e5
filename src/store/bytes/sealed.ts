import type { ExtentKey } from '../../crypto/extent-key.ts'
import { SEGMENT_BYTES, type StreamOpener, sealedLength, segmentsOf } from '../../crypto/stream.ts'
import { type Bytes, free } from '../../kernel/bytes.ts'
import { ByteFault, type ByteRange, type BytesRef, type ByteStore } from './byte-store.ts'
import { RecentHeaders } from './recent-headers.ts'

/** Says, by throwing, that the key may not be used any more. */
export interface KeyGuard {
  check(): void | Promise<void>
}

export interface SealedWriteOptions {
  readonly signal: AbortSignal
  readonly guard: KeyGuard
  /** Sees every unsealed chunk once, in order: for hashing. Must not keep it. */
  readonly onPlain?: (chunk: Uint8Array) => void
}

export interface SealedReadOptions {
  readonly signal: AbortSignal
  readonly guard: KeyGuard
}

/** Extents: bytes that are sealed on their way into a store and opened on their way out. */
export interface SealedBytes {
  /**
   * Seals `body` under a key of its own, once; the guard is asked before each segment. A chunk must not be changed once
   * it was yielded. Durable when it resolves, otherwise nothing stays behind.
   *
   * @returns both lengths; the unsealed one is to be bound into the record of the extent
   */
  write(
    key: ExtentKey,
    ref: BytesRef,
    body: Bytes,
    options: SealedWriteOptions,
  ): Promise<{ readonly length: number; readonly sealedLength: number }>
  /**
   * Yields the unsealed bytes of `range`, a segment at a time, each proven before it is yielded and opened only after the
   * guard agreed. Faults come from the iteration.
   *
   * @param length of the whole extent, unsealed, from its record
   * @throws SealFault `seal-broken`; ByteFault `bytes-missing`, `bytes-truncated`; RangeError outside 0..length
   */
  read(key: ExtentKey, ref: BytesRef, length: number, range: ByteRange, options: SealedReadOptions): Bytes
  discard(ref: BytesRef): Promise<void>
  /** The same with a second, independent layer around the first, under a key of its own: for one extent. */
  within(outer: ExtentKey): Pick<SealedBytes, 'write' | 'read'>
}

const HEADER_BYTES = 40
const MAX_HEADERS = 16_384

export function sealedBytes(store: ByteStore): SealedBytes {
  const headers = new RecentHeaders(MAX_HEADERS)
  const bytes: SealedBytes = {
    async write(key, ref, body, options) {
      const tally = { length: 0 }
      const written = await store.write(ref, seal(key, ref, body, tally, options), options)
      return { length: tally.length, sealedLength: written.length }
    },
    read: (key, ref, length, range, options) => open(store, headers, key, { ref, length }, range, options),
    async discard(ref) {
      headers.forget(ref)
      await store.discard(ref)
    },
    within: (outer) => ({
      async write(key, ref, body, options) {
        const tally = { length: 0 }
        const inner = seal(key, ref, body, tally, options)
        const { signal, guard } = options
        const { sealedLength: stored } = await bytes.write(outer, ref, inner, { signal, guard })
        return { length: tally.length, sealedLength: stored }
      },
      read(key, ref, length, range, options) {
        const layer = layerBelow({ store, bytes }, outer, sealedLength(length), options)
        return open(layer, new RecentHeaders(1), key, { ref, length }, range, options)
      },
    }),
  }
  return bytes
}

/** What the inner layer takes for its store: the outer one, opened. */
function layerBelow(
  { store, bytes }: { readonly store: ByteStore; readonly bytes: SealedBytes },
  outer: ExtentKey,
  innerLength: number,
  options: SealedReadOptions,
): Pick<ByteStore, 'read' | 'length'> {
  return {
    read: (ref, range) => bytes.read(outer, ref, innerLength, range, options),
    async length(ref) {
      const stored = await store.length(ref)
      return stored === null || stored !== sealedLength(innerLength) ? stored : innerLength
    },
  }
}

async function* seal(
  key: ExtentKey,
  ref: BytesRef,
  body: Bytes,
  tally: { length: number },
  { guard, onPlain }: SealedWriteOptions,
): AsyncGenerator<Uint8Array> {
  await guard.check()
  const sealer = key.sealer(ref)
  yield sealer.header
  for await (const chunk of body) {
    onPlain?.(chunk)
    tally.length += chunk.length
    const answer = guard.check()
    if (answer !== undefined) await answer
    for (const piece of sealer.push(chunk)) {
      yield piece
      const again = guard.check()
      if (again !== undefined) await again
    }
  }
  await guard.check()
  yield* sealer.finish()
}

interface Extent {
  readonly ref: BytesRef
  readonly length: number
}

async function* open(
  store: Pick<ByteStore, 'read' | 'length'>,
  headers: RecentHeaders,
  key: ExtentKey,
  { ref, length }: Extent,
  range: ByteRange,
  { signal, guard }: SealedReadOptions,
): AsyncGenerator<Uint8Array> {
  const { first, last, fileStart, fileEnd, skip } = segmentsOf(range, length)
  let header = headers.find(ref, length)
  // The first segment follows the header: both come with one read, which then is aligned to segments, too.
  const withHeader = first === 0
  const pieces = new Pieces(store.read(ref, { start: withHeader ? 0 : fileStart, end: fileEnd }, { signal }))
  try {
    if (header === null) {
      await assertLength(store, ref, length)
      header = withHeader ? await pieces.take(HEADER_BYTES) : await readHeader(store, ref, signal)
      headers.remember(ref, length, header)
    } else if (withHeader) {
      await pieces.take(HEADER_BYTES)
    }
    const opener: StreamOpener = key.opener(ref, header, length)
    let drop = skip
    let missing = range.end - range.start
    for (let index = first; index <= last; index++) {
      const fileLeft = fileEnd - (index === 0 ? HEADER_BYTES : index * SEGMENT_BYTES)
      const sealed = await pieces.take(Math.min(fileLeft, SEGMENT_BYTES - (index === 0 ? HEADER_BYTES : 0)))
      const answer = guard.check()
      if (answer !== undefined) await answer
      const plain = opener.openSegment(index, sealed)
      const wanted = plain.subarray(drop, drop + missing)
      drop = 0
      missing -= wanted.length
      if (wanted.length > 0) yield wanted
    }
  } finally {
    await pieces.close()
  }
}

/** Truncated and extended files are refused here; within the range the segments' tags do the rest. */
async function assertLength(store: Pick<ByteStore, 'length'>, ref: BytesRef, length: number): Promise<void> {
  const stored = await store.length(ref)
  if (stored === null) throw new ByteFault('bytes-missing', { ref })
  if (stored !== sealedLength(length)) throw new ByteFault('bytes-truncated', { ref })
}

async function readHeader(
  store: Pick<ByteStore, 'read'>,
  ref: BytesRef,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const pieces = new Pieces(store.read(ref, { start: 0, end: HEADER_BYTES }, { signal }))
  try {
    return Uint8Array.from(await pieces.take(HEADER_BYTES))
  } finally {
    await pieces.close()
  }
}

/**
 * Cuts a body into pieces of the lengths that are asked for; views where a piece lies within one chunk, which are good
 * until the next piece is taken.
 */
class Pieces {
  readonly #chunks: AsyncIterator<Uint8Array>
  /** The chunk in hand, whole; of it, what has not been taken. */
  #source: Uint8Array = new Uint8Array(0)
  #chunk = this.#source

  constructor(body: Bytes) {
    this.#chunks = body[Symbol.asyncIterator]()
  }

  async take(bytes: number): Promise<Uint8Array> {
    if (this.#chunk.length === 0) await this.#advance()
    if (this.#chunk.length >= bytes) return this.#cut(bytes)
    const whole = Buffer.allocUnsafe(bytes)
    let filled = 0
    while (filled < bytes) {
      if (this.#chunk.length === 0) await this.#advance()
      const part = this.#cut(Math.min(this.#chunk.length, bytes - filled))
      whole.set(part, filled)
      filled += part.length
    }
    return whole
  }

  async close(): Promise<void> {
    free(this.#source)
    await this.#chunks.return?.()
  }

  #cut(bytes: number): Uint8Array {
    const part = this.#chunk.subarray(0, bytes)
    this.#chunk = this.#chunk.subarray(bytes)
    return part
  }

  async #advance(): Promise<void> {
    free(this.#source)
    const next = await this.#chunks.next()
    if (next.done === true) throw new Error('the byte store yielded fewer bytes than it was asked for')
    this.#source = this.#chunk = next.value
  }
}
