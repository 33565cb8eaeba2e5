import { type KeyObject, createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { sameTag } from './hmac.ts'

/** What Azure gives: 64 bytes, base64. */
const ACCOUNT_KEY_BYTES = 64

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
    return raw.length >= 32 && raw.toString('base64') === text ? new AccountKey(raw) : null
  }

  /** In time that does not depend on where the signature differs. @param signature base64 */
  verify(stringToSign: string, signature: string): boolean {
    const expected = createHmac('sha256', this.#key).update(stringToSign, 'utf8').digest()
    return sameTag(expected, Buffer.from(signature, 'base64'))
  }

  sign(stringToSign: string): string {
    return createHmac('sha256', this.#key).update(stringToSign, 'utf8').digest('base64')
  }

  toJSON(): string {
    return '[AccountKey]'
  }

  [inspect.custom](): string {
    return '[AccountKey]'
  }
}
