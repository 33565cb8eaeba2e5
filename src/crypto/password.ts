import { randomBytes, randomInt } from 'node:crypto'
import { hmacSha256, sameTag } from './hmac.ts'

const VERSION = 1
const SALT_BYTES = 16
const alphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/**
 * A client secret as Entra ID makes them: 40 characters, `8Q~` from the fourth on, so that secret scanners find a leaked
 * one. 37 characters of 64 carry 222 random bits.
 */
export function generateSecret(): string {
  const alphabet = `${alphanumeric}~.`
  return `${pick(alphanumeric, 3)}8Q~${pick(alphabet, 34)}`
}

/** A registry's admin password as Azure makes them: 52 characters with `+ACR` inside; 285 random bits. */
export function generateAdminPassword(): string {
  return `${pick(alphanumeric, 42)}+ACR${pick(alphanumeric, 6)}`
}

/**
 * What is stored of a secret: version ‖ salt[16] ‖ HMAC-SHA-256(salt, secret).
 *
 * For generated secrets only. They hold more than 200 random bits, so guessing is hopeless at any speed and a slow hash
 * (SP 800-63B section 3.1.1.2 asks for one where people choose) would only help who floods the sign-in; the salt keeps
 * equal secrets from being seen. A secret that a person chose must not come here: there is no way to import one.
 */
export function secretVerifier(secret: string): Uint8Array {
  const salt = randomBytes(SALT_BYTES)
  return Buffer.concat([Buffer.from([VERSION]), salt, hmacSha256(salt, secret)])
}

/** In time that does not depend on where they differ. False for a verifier of another version or length. */
export function verifySecret(secret: string, verifier: Uint8Array): boolean {
  if (verifier.length !== 1 + SALT_BYTES + 32 || verifier[0] !== VERSION) return false
  const salt = verifier.subarray(1, 1 + SALT_BYTES)
  return sameTag(hmacSha256(salt, secret), verifier.subarray(1 + SALT_BYTES))
}

/**
 * Whether two secrets are the same, for those that must be shown again and so are kept sealed instead of hashed.
 * Compares MACs under a key made for this one comparison, so that neither length nor first difference shows in the time.
 */
export function sameSecret(given: string, expected: string): boolean {
  const once = randomBytes(32)
  return sameTag(hmacSha256(once, given), hmacSha256(once, expected))
}

/** `randomInt` draws without modulo bias. */
function pick(alphabet: string, count: number): string {
  let text = ''
  for (let i = 0; i < count; i++) text += alphabet.charAt(randomInt(alphabet.length))
  return text
}
