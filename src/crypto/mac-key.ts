import { type KeyObject, createHmac, timingSafeEqual } from 'node:crypto'
import { inspect } from 'node:util'
import { prefixed, uint32 } from './encoding.ts'
import { type Wrappable, freshSecretKey, fromRaw, lend, lendRaw, secretKeyFrom } from './key-material.ts'

/**
 * HMAC-SHA-256 (RFC 2104, FIPS 198-1) under a key of its own: tags, and keyed hashes that an index may hold without
 * letting who reads the index test guesses.
 *
 * The context and every part go in with their lengths, so ('a', 'bc') and ('ab', 'c') have different tags.
 */
export class MacKey implements Wrappable {
  readonly #key: KeyObject

  private constructor(key: KeyObject) {
    this.#key = key
  }

  static generate(): MacKey {
    return new MacKey(freshSecretKey())
  }

  /** Takes 32 bytes and overwrites them. */
  static fromBytes(raw: Buffer): MacKey {
    return new MacKey(secretKeyFrom(raw))
  }

  static [fromRaw](raw: Buffer): MacKey {
    return MacKey.fromBytes(raw)
  }

  /** 32 bytes: HMAC over uint32be length ‖ bytes of the context and of each part in turn. */
  mac(context: string, ...parts: readonly Uint8Array[]): Buffer {
    const mac = createHmac('sha256', this.#key).update(prefixed(context))
    for (const part of parts) mac.update(uint32(part.length)).update(part)
    return mac.digest()
  }

  /** In time that does not depend on where they differ. False for a tag that is not whole. */
  verify(tag: Uint8Array, context: string, ...parts: readonly Uint8Array[]): boolean {
    const expected = this.mac(context, ...parts)
    return tag.length === expected.length && timingSafeEqual(tag, expected)
  }

  [lendRaw]<T>(use: (raw: Buffer) => T): T {
    return lend(this.#key, use)
  }

  toJSON(): string {
    return '[MacKey]'
  }

  [inspect.custom](): string {
    return '[MacKey]'
  }
}
