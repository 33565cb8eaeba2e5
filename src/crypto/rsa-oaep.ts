import { type KeyObject, constants, privateDecrypt, publicEncrypt } from 'node:crypto'

/** Key Vault's names: OAEP (RFC 8017 section 7.1) with SHA-1 or SHA-256, for the label and for MGF1 alike. */
export type RsaPadding = 'RSA-OAEP' | 'RSA-OAEP-256'

const hashOf = { 'RSA-OAEP': 'sha1', 'RSA-OAEP-256': 'sha256' } as const
const hashBytes = { 'RSA-OAEP': 20, 'RSA-OAEP-256': 32 } as const

/** The longest message under a modulus of `modulusBytes`: RFC 8017 section 7.1.1, step 1b. */
export function maxPlainBytes(padding: RsaPadding, modulusBytes: number): number {
  return modulusBytes - 2 * hashBytes[padding] - 2
}

export function encryptOaep(key: KeyObject, padding: RsaPadding, plain: Uint8Array): Buffer {
  return publicEncrypt(optionsOf(key, padding), plain)
}

/** OpenSSL removes the padding in constant time. @returns null for every failure alike */
export function decryptOaep(key: KeyObject, padding: RsaPadding, cipher: Uint8Array): Buffer | null {
  try {
    return privateDecrypt(optionsOf(key, padding), cipher)
  } catch {
    // Whatever OpenSSL has to say about a cipher text would be an oracle.
    return null
  }
}

function optionsOf(key: KeyObject, padding: RsaPadding) {
  return { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hashOf[padding] }
}
