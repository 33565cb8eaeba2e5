import { type KeyObject, createCipheriv, createDecipheriv } from 'node:crypto'

export const GCM_NONCE_BYTES = 12
export const GCM_TAG_BYTES = 16

/**
 * AES-GCM (SP 800-38D), AES-256 or, for published vectors, AES-128, with the whole 16-byte tag.
 * The only function here that takes a nonce: it stays inside this folder, and its callers derive both.
 * @returns the cipher text in as many pieces as `plain` has, then the tag: joining them would copy everything
 */
export function sealGcm(
  key: KeyObject | Uint8Array,
  nonce: Uint8Array,
  associated: Uint8Array | null,
  plain: readonly Uint8Array[],
): Uint8Array[] {
  const cipher = createCipheriv(nameFor(key), key, nonce, { authTagLength: GCM_TAG_BYTES })
  if (associated !== null) cipher.setAAD(associated)
  const pieces: Uint8Array[] = plain.map((part) => cipher.update(part))
  cipher.final()
  pieces.push(cipher.getAuthTag())
  return pieces
}

/** @returns null when the tag is wrong; what was decrypted until then is overwritten and never seen. */
export function openGcm(
  key: KeyObject | Uint8Array,
  nonce: Uint8Array,
  associated: Uint8Array | null,
  sealed: Uint8Array,
): Buffer | null {
  if (sealed.length < GCM_TAG_BYTES) return null
  const tagAt = sealed.length - GCM_TAG_BYTES
  const decipher = createDecipheriv(nameFor(key), key, nonce, { authTagLength: GCM_TAG_BYTES })
  if (associated !== null) decipher.setAAD(associated)
  decipher.setAuthTag(sealed.subarray(tagAt))
  const plain = decipher.update(sealed.subarray(0, tagAt))
  try {
    decipher.final()
    return plain
  } catch {
    // A wrong tag is all that `final` can report.
    plain.fill(0)
    return null
  }
}

function nameFor(key: KeyObject | Uint8Array): 'aes-256-gcm' | 'aes-128-gcm' {
  const bytes = key instanceof Uint8Array ? key.length : key.symmetricKeySize
  return bytes === 16 ? 'aes-128-gcm' : 'aes-256-gcm'
}
