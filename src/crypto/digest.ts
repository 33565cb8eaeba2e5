import { type Hash, createHash } from 'node:crypto'

/** What OCI image-spec 1.1 registers: content is addressed by these and nothing weaker. */
export type DigestAlgorithm = 'sha256' | 'sha512'

/**
 * SHA-256 (FIPS 180-4) of the parts one after another.
 * The borders between parts are not part of the digest: where they matter, write lengths, or use `MacKey`.
 */
export function sha256(...parts: readonly Uint8Array[]): Buffer {
  return digest('sha256', parts)
}

/** SHA-1, for a certificate's `x5t` only (RFC 7517 section 4.8): a name there, never a security boundary. */
export function sha1(...parts: readonly Uint8Array[]): Buffer {
  return digest('sha1', parts)
}

/** MD5 over bytes that arrive in pieces: Content-MD5 (RFC 1864), which tells damage in transit and is no security boundary. */
export function startMd5(): { update(chunk: Uint8Array): void; digestBase64(): string } {
  const hash = createHash('md5')
  return { update: (chunk) => void hash.update(chunk), digestBase64: () => hash.copy().digest('base64') }
}

/** A digest over bytes that arrive in pieces, such as an upload. */
export interface RunningDigest {
  update(chunk: Uint8Array): void
  /** Lower-case hexadecimal. The state stays usable: more may follow. */
  digestHex(): string
  /** An independent state at the same position. */
  copy(): RunningDigest
}

export function startDigest(algorithm: DigestAlgorithm): RunningDigest {
  return runningDigest(createHash(algorithm))
}

function runningDigest(hash: Hash): RunningDigest {
  return {
    update: (chunk) => void hash.update(chunk),
    digestHex: () => hash.copy().digest('hex'),
    copy: () => runningDigest(hash.copy()),
  }
}

function digest(algorithm: 'sha1' | 'sha256', parts: readonly Uint8Array[]): Buffer {
  const hash = createHash(algorithm)
  for (const part of parts) hash.update(part)
  return hash.digest()
}
