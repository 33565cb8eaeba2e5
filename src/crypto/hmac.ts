import { type KeyObject, createHmac, timingSafeEqual } from 'node:crypto'

/** HMAC-SHA-256 (RFC 2104, FIPS 198-1) of the parts one after another, without their borders. */
export function hmacSha256(key: KeyObject | Uint8Array, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const hmac = createHmac('sha256', key)
  for (const part of parts) hmac.update(part)
  return hmac.digest()
}

/** In time that does not depend on where they differ; the length of a tag is no secret. */
export function sameTag(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
