import { type KeyObject, createSecretKey, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { hmacSha256, sameTag } from './hmac.ts'
import type { MacKey } from './mac-key.ts'

/** What Azure gives: 64 bytes, base64. */
const ACCOUNT_KEY_BYTES = 64
/** Below the length of the hash's output a key is weaker than the hash (RFC 2104 section 3). */
const MIN_KEY_BYTES = 32

/** A storage account's key: signs Shared Key requests and shared access signatures (HMAC-SHA-256, base64). */
export class AccountKey {
  readonly #key: KeyObject

  private constructor(raw: Buffer) {
    this.#key = createSecretKey(raw)
    raw.fill(0)
  }

  /** @returns base64 of 64 fresh bytes: to be sealed by whoever keeps it */
  static generateText(): string {
    return randomBytes(ACCOUNT_KEY_BYTES).toString('base64')
  }

  /** @returns null for what is no key: too short for HMAC-SHA-256, or not base64 */
  static parse(text: string): AccountKey | null {
    const raw = Buffer.from(text, 'base64')
    return raw.length >= MIN_KEY_BYTES && raw.toString('base64') === text ? new AccountKey(raw) : null
  }

  /**
   * A key that is kept nowhere, for whom the parts name: HMAC-SHA-256 under `secret` is a pseudo-random function
   * (RFC 2104), so one such key tells nothing of another, nor of the secret. The same parts give the same key.
   */
  static derive(secret: MacKey, context: string, ...parts: readonly string[]): AccountKey {
    return new AccountKey(derivedBytes(secret, context, parts))
  }

  /** The text of `derive`, base64 of 32 bytes: for him to whom the key is issued. */
  static deriveText(secret: MacKey, context: string, ...parts: readonly string[]): string {
    const raw = derivedBytes(secret, context, parts)
    const text = raw.toString('base64')
    raw.fill(0)
    return text
  }

  /**
   * In time that does not depend on where the signature differs.
   * @param signature base64 with its padding; what only decodes to the right bytes is refused
   */
  verify(stringToSign: string, signature: string): boolean {
    return sameTag(Buffer.from(this.sign(stringToSign)), Buffer.from(signature))
  }

  /** Base64. */
  sign(stringToSign: string): string {
    return hmacSha256(this.#key, stringToSign).toString('base64')
  }

  toJSON(): string {
    return '[AccountKey]'
  }

  [inspect.custom](): string {
    return '[AccountKey]'
  }
}

function derivedBytes(secret: MacKey, context: string, parts: readonly string[]): Buffer {
  return secret.mac(context, ...parts.map((part) => Buffer.from(part, 'utf8')))
}
