import { type KeyObject, createSecretKey, randomBytes } from 'node:crypto'
import { hmacSha256 } from './hmac.ts'

/** Every symmetric key here is 256 bits. */
export const KEY_BYTES = 32

/**
 * How key classes of this folder reach each other's raw bytes, and nobody else does: importing this symbol outside
 * `src/crypto` is a finding in review.
 */
export const lendRaw = Symbol('lendRaw')
/** Likewise, makes a key from raw bytes, which it overwrites. */
export const fromRaw = Symbol('fromRaw')

/** A key that another key can wrap. */
export interface Wrappable {
  [lendRaw]<T>(use: (raw: Buffer) => T): T
}

/** 256 bits of OpenSSL's DRBG in a KeyObject. */
export function freshSecretKey(): KeyObject {
  return secretKeyFrom(randomBytes(KEY_BYTES))
}

/**
 * Moves raw bytes into a KeyObject, whose copy lives outside the JavaScript heap, and overwrites them.
 * JavaScript can promise no more: the collector may have moved an earlier copy, and a KeyObject is freed, not wiped, by us.
 */
export function secretKeyFrom(raw: Buffer): KeyObject {
  try {
    if (raw.length !== KEY_BYTES) throw new TypeError(`a key has ${KEY_BYTES} bytes, not ${raw.length}`)
    return createSecretKey(raw)
  } finally {
    raw.fill(0)
  }
}

/** Lends the raw bytes for the time of one synchronous call, then overwrites them. */
export function lend<T>(key: KeyObject, use: (raw: Buffer) => T): T {
  const raw = key.export()
  try {
    return use(raw)
  } finally {
    raw.fill(0)
  }
}

/**
 * A name for a key that tells nothing of it: 128 bits of HMAC-SHA-256 (FIPS 198-1) under the key itself.
 * Also the key check that AES-GCM lacks: GCM does not commit to its key, HMAC does.
 */
export function idOfKey(key: KeyObject, label: string): string {
  return hmacSha256(key, label).toString('hex', 0, 16)
}
