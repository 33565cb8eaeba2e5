import { SealFault } from './faults.ts'
import { StreamLayout } from './stream-layout.ts'
import type { TinkStream } from './tink-stream.ts'

export { SEGMENT_BYTES, sealedLength, segmentsOf } from './stream-layout.ts'

/** Seals one stream, piece by piece, in order. */
export interface StreamSealer {
  /** The first 40 bytes of the file; known at once. */
  readonly header: Uint8Array
  /**
   * Takes the next bytes of the plaintext, of any length, and keeps a reference until they are sealed: the caller must
   * not write to `chunk` again.
   * @returns the sealed bytes that are now complete, in pieces to be written one after another
   */
  push(chunk: Uint8Array): readonly Uint8Array[]
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
  return {
    header: stream.header,
    push(chunk) {
      assertOpen()
      pending.add(chunk)
      const sealed: Uint8Array[] = []
      while (pending.length > layout.capacity(index)) {
        if (index >= 2 ** 32 - 2) throw new RangeError('a stream has at most 2^32 - 1 segments')
        sealed.push(...stream.sealSegment(index, false, pending.take(layout.capacity(index))))
        index++
      }
      return sealed
    },
    finish() {
      assertOpen()
      isFinished = true
      return stream.sealSegment(index, true, pending.take(pending.length))
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
  length = 0

  add(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.length += chunk.length
  }

  /** The first `bytes` bytes, as views. */
  take(bytes: number): Uint8Array[] {
    const taken: Uint8Array[] = []
    let missing = bytes
    while (missing > 0) {
      const chunk = this.#chunks[0]
      if (chunk === undefined) throw new RangeError('fewer bytes wait than were asked for')
      if (chunk.length <= missing) this.#chunks.shift()
      else this.#chunks[0] = chunk.subarray(missing)
      taken.push(chunk.subarray(0, missing))
      missing -= Math.min(chunk.length, missing)
    }
    this.length -= bytes
    return taken
  }
}
