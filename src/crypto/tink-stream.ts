import {
  type KeyObject,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  randomBytes,
} from 'node:crypto'
import { SEGMENT_TAG_BYTES } from './stream-layout.ts'

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
    const derived = Buffer.from(hkdfSync(shape.hash, mainKey, salt, associated, shape.keyBytes))
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

  /** @returns the sealed segment in pieces that are to be written one after another: joining them would copy all of it. */
  sealSegment(index: number, last: boolean, plain: readonly Uint8Array[]): Uint8Array[] {
    const cipher = createCipheriv(this.#cipherName(), this.#key, this.#nonce(index, last))
    const pieces: Uint8Array[] = plain.map((part) => cipher.update(part))
    cipher.final()
    pieces.push(cipher.getAuthTag())
    return pieces
  }

  /** @returns null when the tag is wrong; what was decrypted until then is overwritten. */
  openSegment(index: number, last: boolean, sealed: Uint8Array): Buffer | null {
    if (sealed.length < SEGMENT_TAG_BYTES) return null
    const tagAt = sealed.length - SEGMENT_TAG_BYTES
    const decipher = createDecipheriv(this.#cipherName(), this.#key, this.#nonce(index, last), {
      authTagLength: SEGMENT_TAG_BYTES,
    })
    decipher.setAuthTag(sealed.subarray(tagAt))
    const plain = decipher.update(sealed.subarray(0, tagAt))
    try {
      decipher.final()
      return plain
    } catch {
      // A wrong tag is the only thing that `final` can report.
      plain.fill(0)
      return null
    }
  }

  #cipherName(): 'aes-256-gcm' | 'aes-128-gcm' {
    return this.shape.keyBytes === 32 ? 'aes-256-gcm' : 'aes-128-gcm'
  }

  #nonce(index: number, last: boolean): Buffer {
    const nonce = Buffer.allocUnsafe(PREFIX_BYTES + 5)
    this.#prefix.copy(nonce)
    nonce.writeUInt32BE(index, PREFIX_BYTES)
    nonce[PREFIX_BYTES + 4] = last ? 1 : 0
    return nonce
  }
}
