import { free } from '../kernel/bytes.ts'
import { SealFault } from './faults.ts'
import { StreamLayout } from './stream-layout.ts'
import type { TinkStream } from './tink-stream.ts'

export { SEGMENT_BYTES, sealedLength, segmentsOf } from './stream-layout.ts'

/** Seals one stream, piece by piece, in order. */
export interface StreamSealer {
  /** The first 40 bytes of the file; known at once. */
  readonly header: Uint8Array
  /**
   * Takes the next bytes of the plaintext, of any length: `chunk` is given away, and freed once all of it is sealed.
   * @returns the sealed bytes that are now complete, in pieces to be written one after another; each segment is sealed when its
   *   first piece is asked for
   */
  push(chunk: Uint8Array): Iterable<Uint8Array, void>
  /** Seals what is left as the last segment (an empty one for an empty stream). Nothing may follow. */
  finish(): readonly Uint8Array[]
}

/** Opens segments of one stream in any order. */
export interface StreamOpener {
  /** @returns memory of its own. @throws SealFault `seal-broken` */
  openSegment(index: number, sealed: Uint8Array): Buffer
}

/** A segment is sealed only once a byte beyond it has come, since whether it is the last goes into its nonce. */
export function sealStream(stream: TinkStream): StreamSealer {
  const layout = new StreamLayout(0, stream.shape.segmentBytes, stream.header.length)
  const pending = new Pending()
  let index = 0
  let isFinished = false

  const assertOpen = () => {
    if (isFinished) throw new Error('this stream is finished')
  }
  const isDue = () => pending.length > layout.capacity(index)
  function* due(): Generator<Uint8Array> {
    while (isDue()) {
      if (index >= 2 ** 32 - 2) throw new RangeError('a stream has at most 2^32 - 1 segments')
      const at = index++
      yield* pending.take(layout.capacity(at), (plain) => stream.sealSegment(at, false, plain))
    }
  }
  return {
    header: stream.header,
    push(chunk) {
      assertOpen()
      pending.add(chunk)
      return due()
    },
    finish() {
      assertOpen()
      if (isDue()) throw new Error('not all that was pushed was sealed')
      isFinished = true
      const sealed = pending.take(pending.length, (plain) => stream.sealSegment(index, true, plain))
      pending.wipe()
      return sealed
    },
  }
}

/** `length` decides which segment is the last and how long each is; a wrong one does not open. */
export function openStream(stream: TinkStream, context: string, length: number): StreamOpener {
  const layout = new StreamLayout(length, stream.shape.segmentBytes, stream.header.length)
  return {
    openSegment(index, sealed) {
      if (!Number.isSafeInteger(index) || index < 0 || index >= layout.segments) {
        throw new RangeError('the stream has no such segment')
      }
      const isWhole = sealed.length === layout.fileEnd(index) - layout.fileStart(index)
      const plain = isWhole ? stream.openSegment(index, index === layout.segments - 1, sealed) : null
      if (plain === null) throw new SealFault('seal-broken', { context })
      return plain
    },
  }
}

/** Bytes that wait to be sealed, as the chunks they came in. */
class Pending {
  readonly #chunks: Uint8Array[] = []
  /** How much of the first chunk is taken. */
  #taken = 0
  /** Where bytes of several chunks are brought together: a body comes in pieces far smaller than a segment. */
  #joined: Buffer | null = null
  length = 0

  add(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.length += chunk.length
  }

  /** Lends the first `bytes` bytes for one call. */
  take<T>(bytes: number, use: (plain: Uint8Array) => T): T {
    const [first = noBytes] = this.#chunks
    const isWithinFirst = first.length - this.#taken >= bytes
    const lent = isWithinFirst ? first.subarray(this.#taken, this.#taken + bytes) : this.#join(bytes)
    const result = use(lent)
    if (isWithinFirst) this.#drop(bytes)
    return result
  }

  wipe(): void {
    if (this.#joined === null) return
    this.#joined.fill(0)
    free(this.#joined)
    this.#joined = null
  }

  #join(bytes: number): Uint8Array {
    if (this.#joined === null || this.#joined.length < bytes) this.#joined = Buffer.allocUnsafeSlow(bytes)
    let filled = 0
    while (filled < bytes) {
      const [first] = this.#chunks
      if (first === undefined) throw new RangeError('fewer bytes wait than were asked for')
      const part = first.subarray(this.#taken, this.#taken + bytes - filled)
      this.#joined.set(part, filled)
      filled += part.length
      this.#drop(part.length)
    }
    return this.#joined.subarray(0, bytes)
  }

  /** Of the first chunk. */
  #drop(bytes: number): void {
    const [first] = this.#chunks
    this.#taken += bytes
    this.length -= bytes
    if (first === undefined || this.#taken < first.length) return
    this.#chunks.shift()
    this.#taken = 0
    free(first)
  }
}

const noBytes = new Uint8Array(0)
