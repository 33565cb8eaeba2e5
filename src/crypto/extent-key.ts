import type { KeyObject } from 'node:crypto'
import { inspect } from 'node:util'
import { utf8 } from './encoding.ts'
import { SealFault } from './faults.ts'
import { type Wrappable, freshSecretKey, fromRaw, lend, lendRaw, secretKeyFrom } from './key-material.ts'
import { type StreamOpener, type StreamSealer, openStream, sealStream } from './stream.ts'
import { SEGMENT_BYTES, assertSegmentBytes } from './stream-layout.ts'
import { TinkStream } from './tink-stream.ts'

/** First byte of every stream's associated data: docs/format/stream.md. */
const STREAM_VERSION = 1

/**
 * The AES-256 key of one extent. One that was generated seals one stream; one that was unwrapped only opens.
 * The random salt in the header would keep a second stream safe too: sealing once is the second lock.
 */
export class ExtentKey implements Wrappable {
  readonly #key: KeyObject
  #maySeal: boolean

  private constructor(key: KeyObject, maySeal: boolean) {
    this.#key = key
    this.#maySeal = maySeal
  }

  static generate(): ExtentKey {
    return new ExtentKey(freshSecretKey(), true)
  }

  static [fromRaw](raw: Buffer): ExtentKey {
    return new ExtentKey(secretKeyFrom(raw), false)
  }

  /** Begins the only stream that this key seals. Throws on the second call: that is a bug, not a fault. */
  sealer(extentId: string, segmentBytes: number = SEGMENT_BYTES): StreamSealer {
    assertSegmentBytes(segmentBytes)
    if (!this.#maySeal) throw new Error('this extent key has sealed already, or was unwrapped to open')
    this.#maySeal = false
    return sealStream(TinkStream.begin(shapeOf(segmentBytes), this.#key, associatedData(extentId)))
  }

  /**
   * @param header the stream's first 40 bytes
   * @param length unsealed bytes of the whole stream, from the record that binds them
   * @throws SealFault `seal-broken` when the header is not one
   */
  opener(
    extentId: string,
    header: Uint8Array,
    length: number,
    segmentBytes: number = SEGMENT_BYTES,
  ): StreamOpener {
    assertSegmentBytes(segmentBytes)
    const stream = TinkStream.resume(shapeOf(segmentBytes), this.#key, associatedData(extentId), header)
    if (stream === null) throw new SealFault('seal-broken', { context: extentId })
    return openStream(stream, extentId, length)
  }

  [lendRaw]<T>(use: (raw: Buffer) => T): T {
    return lend(this.#key, use)
  }

  toJSON(): string {
    return '[ExtentKey]'
  }

  [inspect.custom](): string {
    return '[ExtentKey]'
  }
}

function associatedData(extentId: string): Buffer {
  return Buffer.concat([Buffer.from([STREAM_VERSION]), utf8(extentId)])
}

function shapeOf(segmentBytes: number) {
  return { hash: 'sha256', keyBytes: 32, segmentBytes } as const
}
