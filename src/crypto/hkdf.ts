import { type KeyObject, hkdfSync } from 'node:crypto'

/** HKDF, extract and expand (RFC 5869). SHA-1 is for Tink's published vector alone. */
export function hkdf(
  hash: 'sha256' | 'sha1',
  key: KeyObject,
  salt: Uint8Array,
  info: Uint8Array,
  bytes: number,
): Buffer {
  return Buffer.from(hkdfSync(hash, key, salt, info, bytes))
}
