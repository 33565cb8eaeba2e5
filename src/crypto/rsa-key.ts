import { type KeyObject, createPrivateKey, createPublicKey, generateKeyPair, randomBytes } from 'node:crypto'
import { inspect, promisify } from 'node:util'
import { parseBase64url } from '../kernel/bytes.ts'
import { KeyFault } from './faults.ts'
import type { RecordKey } from './record-key.ts'
import { type RsaBits, type RsaPrivateJwk, importRsaJwk } from './rsa-jwk.ts'
import { type RsaPadding, decryptOaep, encryptOaep, maxPlainBytes } from './rsa-oaep.ts'
import { rsaPool } from './rsa-pool.ts'

export type { RsaPadding } from './rsa-oaep.ts'
export type { RsaBits, RsaPrivateJwk } from './rsa-jwk.ts'

const generatePair = promisify(generateKeyPair)

/** A software RSA key of a vault. The private half leaves only sealed. */
export class RsaKey {
  readonly #private: KeyObject
  readonly #public: KeyObject
  readonly bits: RsaBits
  /** Big-endian, without a leading zero. */
  readonly modulus: Uint8Array
  /** Big-endian, without a leading zero. */
  readonly exponent: Uint8Array

  private constructor(privateKey: KeyObject) {
    this.#private = privateKey
    this.#public = createPublicKey(privateKey)
    const { n, e } = this.#public.export({ format: 'jwk' })
    this.modulus = wholeNumber(n)
    this.exponent = wholeNumber(e)
    this.bits = (this.modulus.length * 8) as RsaBits
  }

  /** On libuv's threads: 0.1 to 3 s of one processor, the event loop stays free. FIPS 186-5 appendix A.1, e = 65537. */
  static async generate(bits: RsaBits): Promise<RsaKey> {
    const { privateKey } = await generatePair('rsa', { modulusLength: bits, publicExponent: 0x10001 })
    return new RsaKey(privateKey)
  }

  /** @throws KeyFault `bad-key` */
  static fromJwk(jwk: RsaPrivateJwk): RsaKey {
    const key = new RsaKey(importRsaJwk(jwk))
    // Pairwise consistency (SP 800-56B Rev. 2 section 6.4.1.1): composite "primes" that pass the arithmetic fail here.
    const probe = randomBytes(32)
    const opened = decryptOaep(key.#private, 'RSA-OAEP-256', encryptOaep(key.#public, 'RSA-OAEP-256', probe))
    if (opened?.equals(probe) !== true)
      throw new KeyFault('bad-key', { reason: 'the key does not open what it seals' })
    return key
  }

  /** @throws SealFault `seal-broken` */
  static fromSealed(sealed: Uint8Array, under: RecordKey, context: string): RsaKey {
    const der = under.open(context, sealed)
    try {
      return new RsaKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
    } finally {
      der.fill(0)
    }
  }

  /** PKCS #8 (RFC 5208) as a sealed record: docs/format/vault-key.md. */
  seal(under: RecordKey, context: string): Buffer {
    const der = this.#private.export({ format: 'der', type: 'pkcs8' })
    try {
      return under.seal(context, der)
    } finally {
      der.fill(0)
    }
  }

  /** On the caller's thread: 20 to 80 µs. @throws KeyFault `too-long` */
  async encrypt(padding: RsaPadding, plain: Uint8Array): Promise<Buffer> {
    const maxBytes = maxPlainBytes(padding, this.modulus.length)
    if (plain.length > maxBytes) throw new KeyFault('too-long', { maxBytes })
    return encryptOaep(this.#public, padding, plain)
  }

  /** On a worker thread. @throws KeyFault `decrypt-failed` @throws Outage when too many wait */
  async decrypt(padding: RsaPadding, cipher: Uint8Array): Promise<Buffer> {
    // The length is public, so looking at it tells nothing; OpenSSL would take a shorter one (RFC 8017 7.1.2 step 1b).
    const plain =
      cipher.length === this.modulus.length ? await rsaPool.decrypt(this.#private, padding, cipher) : null
    if (plain === null) throw new KeyFault('decrypt-failed', {})
    return plain
  }

  toJSON(): string {
    return '[RsaKey]'
  }

  [inspect.custom](): string {
    return '[RsaKey]'
  }
}

function wholeNumber(text: string | undefined): Buffer {
  const raw = text === undefined ? null : parseBase64url(text)
  if (raw === null || raw.length === 0) throw new Error('OpenSSL exported no RSA key')
  return raw
}
