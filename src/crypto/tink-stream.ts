import { type KeyObject, createSecretKey, randomBytes } from 'node:crypto'
import { openGcm, sealGcm } from './aes-gcm.ts'
import { hkdf } from './hkdf.ts'

const PREFIX_BYTES = 7

/** The parameters of Tink's key type. Ours are SHA-256 and 32; the others exist so that published vectors can be run. */
export interface TinkShape {
  readonly hash: 'sha1' | 'sha256'
  readonly keyBytes: 16 | 32
  readonly segmentBytes: number
}

/**
 * One stream of Tink's AES-GCM-HKDF streaming AEAD: its derived key, its nonce prefix, its segments.
 *
 * header = length byte ‖ salt[keyBytes] ‖ prefix[7]; key = HKDF(main key, salt, associated data) (RFC 5869);
 * segment i = AES-GCM under nonce prefix ‖ uint32be(i) ‖ last flag, no associated data of its own.
 *
 * Why it is safe: the key is used for this stream alone, so the counter makes every nonce unique (SP 800-38D section
 * 8.2.1, deterministic construction); the counter binds each segment to its place and the flag to the end, so moved,
 * dropped and appended segments do not open (nOAE, Hoang-Reyhanitabar-Rogaway-Vizar, CRYPTO 2015; proof for this
 * construction: Hoang-Shen, CCS 2020).
 */
export class TinkStream {
  readonly shape: TinkShape
  readonly header: Buffer
  readonly #key: KeyObject
  readonly #prefix: Buffer

  private constructor(shape: TinkShape, mainKey: KeyObject, associated: Uint8Array, header: Buffer) {
    this.shape = shape
    this.header = header
    const salt = header.subarray(1, 1 + shape.keyBytes)
    const derived = hkdf(shape.hash, mainKey, salt, associated, shape.keyBytes)
    try {
      this.#key = createSecretKey(derived)
    } finally {
      derived.fill(0)
    }
    this.#prefix = header.subarray(1 + shape.keyBytes)
  }

  /** A new stream with a random salt and prefix. */
  static begin(shape: TinkShape, mainKey: KeyObject, associated: Uint8Array): TinkStream {
    const random = randomBytes(shape.keyBytes + PREFIX_BYTES)
    const header = Buffer.concat([Buffer.from([1 + random.length]), random])
    return new TinkStream(shape, mainKey, associated, header)
  }

  /** An existing stream. @returns null when `header` is not a header of this shape. */
  static resume(
    shape: TinkShape,
    mainKey: KeyObject,
    associated: Uint8Array,
    header: Uint8Array,
  ): TinkStream | null {
    const bytes = 1 + shape.keyBytes + PREFIX_BYTES
    if (header.length !== bytes || header[0] !== bytes) return null
    return new TinkStream(shape, mainKey, associated, Buffer.from(header))
  }

  /** @returns the sealed segment in pieces that are to be written one after another. */
  sealSegment(index: number, last: boolean, plain: Uint8Array): Uint8Array[] {
    return sealGcm(this.#key, this.#nonce(index, last), null, [plain])
  }

  /** @returns null when the tag is wrong. */
  openSegment(index: number, last: boolean, sealed: Uint8Array): Buffer | null {
    return openGcm(this.#key, this.#nonce(index, last), null, sealed)
  }

  #nonce(index: number, last: boolean): Buffer {
    const nonce = Buffer.allocUnsafe(PREFIX_BYTES + 5)
    this.#prefix.copy(nonce)
    nonce.writeUInt32BE(index, PREFIX_BYTES)
    nonce[PREFIX_BYTES + 4] = last ? 1 : 0
    return nonce
  }
}
