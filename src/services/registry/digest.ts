import type { DigestAlgorithm } from '../../crypto/digest.ts'
import { RegistryFault } from './faults.ts'

/** A checked digest (OCI image-spec, descriptor, section Digests): `sha256:` or `sha512:` and lower-case hex. */
export type Digest = string & { readonly __brand: 'Digest' }

const registered = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/
const grammar = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+$/

/** @returns null for anything but a whole SHA-256 or SHA-512 digest */
export function parseDigest(text: string): Digest | null {
  return registered.test(text) ? (text as Digest) : null
}

/** @throws RegistryFault `digest-invalid`, which says what is wrong with it */
export function getDigest(text: string): Digest {
  const digest = parseDigest(text)
  if (digest !== null) return digest
  const algorithm = text.split(':', 1)[0] ?? ''
  const reason =
    grammar.test(text) && algorithm !== 'sha256' && algorithm !== 'sha512'
      ? 'the algorithm is not supported: use sha256 or sha512'
      : 'it is not a digest'
  throw new RegistryFault('digest-invalid', { digest: text.slice(0, 200), reason })
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256'
}

export function digestOf(algorithm: DigestAlgorithm, hex: string): Digest {
  return `${algorithm}:${hex}` as Digest
}
