import { type KeyObject, createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

/** Format of everything sealed by `sealUnder`: docs/format/record.md. */
export const SEAL_VERSION = 1
const SALT_BYTES = 16
const NONCE_BYTES = 12
const TAG_BYTES = 16
const versionByte = Buffer.from([SEAL_VERSION])

/** By how much a sealed record is longer than its plaintext. */
export const SEAL_OVERHEAD = 1 + SALT_BYTES + TAG_BYTES

/** What is sealed. Keys of different kinds and records never open as one another: the label enters the key derivation. */
export type SealLabel = 'record' | 'record-key' | 'mac-key' | 'extent-key'

/**
 * version ‖ salt[16] ‖ AES-256-GCM(plain) ‖ tag[16], associated data = version ‖ `associated`.
 *
 * Key and nonce are both HKDF-SHA256(key, fresh random salt, label) (RFC 5869), so each seal has a key of its own, used
 * once: the limit of 2^32 random nonces a key (SP 800-38D section 8.3) is never approached. Two salts meet with
 * probability below 2^-32 until 2^48 seals (2^96 / 2^129 = 2^-33), which no resource reaches.
 */
export function sealUnder(
  key: KeyObject,
  label: SealLabel,
  associated: Uint8Array,
  plain: Uint8Array,
): Buffer {
  const salt = randomBytes(SALT_BYTES)
  const derived = derive(key, label, salt)
  try {
    const cipher = createCipheriv('aes-256-gcm', derived.subarray(0, 32), derived.subarray(32))
    cipher.setAAD(versionByte)
    cipher.setAAD(associated)
    const body = cipher.update(plain)
    cipher.final()
    return Buffer.concat([versionByte, salt, body, cipher.getAuthTag()])
  } finally {
    derived.fill(0)
  }
}

/**
 * @returns the plaintext in memory of its own, which the caller may overwrite, or null when anything at all is wrong:
 *   what was decrypted before the tag proved wrong is overwritten.
 */
export function openUnder(
  key: KeyObject,
  label: SealLabel,
  associated: Uint8Array,
  sealed: Uint8Array,
): Buffer | null {
  if (sealed.length < SEAL_OVERHEAD || sealed[0] !== SEAL_VERSION) return null
  const tagAt = sealed.length - TAG_BYTES
  const derived = derive(key, label, sealed.subarray(1, 1 + SALT_BYTES))
  let plain: Buffer | undefined
  try {
    const decipher = createDecipheriv('aes-256-gcm', derived.subarray(0, 32), derived.subarray(32), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAAD(versionByte)
    decipher.setAAD(associated)
    decipher.setAuthTag(sealed.subarray(tagAt))
    plain = decipher.update(sealed.subarray(1 + SALT_BYTES, tagAt))
    decipher.final()
    return plain
  } catch {
    // A wrong tag is the only thing that can throw here; all failures look alike.
    plain?.fill(0)
    return null
  } finally {
    derived.fill(0)
  }
}

function derive(key: KeyObject, label: SealLabel, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, `strongroom seal 1 ${label}`, 32 + NONCE_BYTES))
}
