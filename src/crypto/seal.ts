import type { KeyObject } from 'node:crypto'
import { free } from '../kernel/bytes.ts'
import { GCM_NONCE_BYTES, GCM_TAG_BYTES, openGcm, sealGcm } from './aes-gcm.ts'
import { hkdf } from './hkdf.ts'
import { KEY_BYTES } from './key-material.ts'
import { randomSalt } from './random.ts'

/** Format of everything sealed by `sealUnder`: docs/format/record.md. */
const SEAL_VERSION = 1
const SALT_BYTES = 16
const versionByte = Buffer.from([SEAL_VERSION])

/** By how much a sealed record is longer than its plaintext. */
const SEAL_OVERHEAD = 1 + SALT_BYTES + GCM_TAG_BYTES

/** What is sealed. Keys of different kinds and records never open as one another: the label enters the key derivation. */
export type SealLabel = 'record' | 'record-key' | 'mac-key' | 'extent-key'

const infoOf = (label: SealLabel) => Buffer.from(`strongroom seal 1 ${label}`)
const infos: { readonly [L in SealLabel]: Buffer } = {
  record: infoOf('record'),
  'record-key': infoOf('record-key'),
  'mac-key': infoOf('mac-key'),
  'extent-key': infoOf('extent-key'),
}

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
  const salt = randomSalt(SALT_BYTES)
  const body = withDerived(key, label, salt, (own, nonce) => sealGcm(own, nonce, bound(associated), [plain]))
  const sealed = Buffer.concat([versionByte, salt, ...body])
  for (const piece of body) free(piece)
  return sealed
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
  const salt = sealed.subarray(1, 1 + SALT_BYTES)
  const body = sealed.subarray(1 + SALT_BYTES)
  return withDerived(key, label, salt, (own, nonce) => openGcm(own, nonce, bound(associated), body))
}

/** Lends the key and nonce of one seal, and overwrites them. */
function withDerived<T>(
  key: KeyObject,
  label: SealLabel,
  salt: Uint8Array,
  use: (own: Buffer, nonce: Buffer) => T,
): T {
  const derived = hkdf('sha256', key, salt, infos[label], KEY_BYTES + GCM_NONCE_BYTES)
  try {
    return use(derived.subarray(0, KEY_BYTES), derived.subarray(KEY_BYTES))
  } finally {
    derived.fill(0)
  }
}

function bound(associated: Uint8Array): Buffer {
  return Buffer.concat([versionByte, associated])
}
