import type { KeyObject } from 'node:crypto'
import { inspect } from 'node:util'
import { prefixed, uint32 } from './encoding.ts'
import { hmacSha256, sameTag } from './hmac.ts'
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
    return hmacSha256(this.#key, prefixed(context), ...parts.flatMap((part) => [uint32(part.length), part]))
  }

  /** In time that does not depend on where they differ. False for a tag that is not whole. */
  verify(tag: Uint8Array, context: string, ...parts: readonly Uint8Array[]): boolean {
    return sameTag(tag, this.mac(context, ...parts))
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
