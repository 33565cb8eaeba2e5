import {
  type KeyObject,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  sign as signRaw,
  verify as verifyRaw,
} from 'node:crypto'
import { inspect, promisify } from 'node:util'
import { base64url } from '../kernel/bytes.ts'
import { selfSignedDer } from './certificate.ts'
import { sha1 } from './digest.ts'
import { uint32 } from './encoding.ts'
import { KeyFault } from './faults.ts'
import type { RecordKey } from './record-key.ts'

const generatePair = promisify(generateKeyPair)
const signAsync = promisify<string, Buffer, KeyObject, Buffer>(signRaw)
const CONTEXT = 'token signing key'

/** One key of a key set (RFC 7517), as Entra ID publishes them. */
export interface TokenJwk {
  readonly kty: 'RSA'
  readonly use: 'sig'
  readonly kid: string
  readonly x5t: string
  readonly n: string
  readonly e: string
  readonly x5c: readonly [string]
}

/** A member of somebody's key set. */
export interface PublicTokenJwk extends Pick<TokenJwk, 'kid' | 'n' | 'e'> {
  readonly use?: string
  readonly alg?: string
  readonly key_ops?: readonly string[]
}

/** The public half of a token signing key, ours or another machine's. RS256 only: RFC 7518 section 3.3. */
export class PublicTokenKey {
  readonly #key: KeyObject
  readonly kid: string

  private constructor(kid: string, key: KeyObject) {
    this.kid = kid
    this.#key = key
  }

  /** @throws KeyFault `bad-key` for anything but RS256, RSA of 2048 bits or more and an exponent above 1 (RFC 8725 section 3.1) */
  static fromJwk({ kid, n, e, use, alg, key_ops }: PublicTokenJwk): PublicTokenKey {
    if ((use ?? 'sig') !== 'sig' || (alg ?? 'RS256') !== 'RS256' || key_ops?.includes('verify') === false) {
      throw new KeyFault('bad-key', { reason: 'the key is meant for something else' })
    }
    try {
      const key = createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' })
      const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
      if (modulusLength >= 2048 && publicExponent >= 3n) return new PublicTokenKey(kid, key)
    } catch {
      // Falls through: a set with a key that is none is refused like one with a short key.
    }
    throw new KeyFault('bad-key', { reason: 'a token key is RSA of 2048 bits or more' })
  }

  /** Whether `signature` is this key's RSASSA-PKCS1-v1_5 signature with SHA-256 over `data`. */
  verifies(data: Uint8Array, signature: Uint8Array): boolean {
    return verifyRaw('sha256', data, this.#key, signature)
  }

  toJSON(): string {
    return '[PublicTokenKey]'
  }

  [inspect.custom](): string {
    return '[PublicTokenKey]'
  }
}

/** Signs tokens. RSA-2048 as Entra ID's, with a certificate that carries the public key. */
export class TokenSigner {
  readonly #private: KeyObject
  readonly #public: PublicTokenKey
  readonly #certificate: Buffer
  readonly jwk: TokenJwk

  private constructor(privateKey: KeyObject, certificate: Buffer) {
    this.#private = privateKey
    this.#certificate = certificate
    const { n = '', e = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
    const x5t = base64url(sha1(certificate))
    this.jwk = { kty: 'RSA', use: 'sig', kid: x5t, x5t, n, e, x5c: [certificate.toString('base64')] }
    this.#public = PublicTokenKey.fromJwk(this.jwk)
  }

  static async generate(): Promise<TokenSigner> {
    const { privateKey, publicKey } = await generatePair('rsa', { modulusLength: 2048 })
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
    const keys = {
      privateKey: privateKey.toCryptoKey(algorithm, false, ['sign']),
      publicKey: publicKey.toCryptoKey(algorithm, true, ['verify']),
    }
    // NOTE: not our Clock: nobody checks these dates, and a clock that a test moved must not make odd ones.
    return new TokenSigner(privateKey, await selfSignedDer('Strongroom token signing', keys, new Date()))
  }

  /** uint32be length ‖ PKCS #8 ‖ certificate, as a sealed record: docs/format/vault-key.md. */
  seal(under: RecordKey): Buffer {
    const der = this.#private.export({ format: 'der', type: 'pkcs8' })
    const plain = Buffer.concat([uint32(der.length), der, this.#certificate])
    try {
      return under.seal(CONTEXT, plain)
    } finally {
      der.fill(0)
      plain.fill(0)
    }
  }

  /** @throws SealFault `seal-broken` */
  static async fromSealed(sealed: Uint8Array, under: RecordKey): Promise<TokenSigner> {
    const plain = under.open(CONTEXT, sealed)
    try {
      const keyEnd = 4 + plain.readUInt32BE(0)
      const key = createPrivateKey({ key: plain.subarray(4, keyEnd), format: 'der', type: 'pkcs8' })
      return new TokenSigner(key, Buffer.from(plain.subarray(keyEnd)))
    } finally {
      plain.fill(0)
    }
  }

  get kid(): string {
    return this.jwk.kid
  }

  /** A JWS in compact form (RFC 7515 section 7.1) over `claims`, signed on libuv's threads. */
  async sign(claims: Readonly<Record<string, unknown>>): Promise<string> {
    const header = { typ: 'JWT', alg: 'RS256', x5t: this.jwk.x5t, kid: this.kid }
    const input = `${encode(header)}.${encode(claims)}`
    const signature = await signAsync('sha256', Buffer.from(input), this.#private)
    return `${input}.${base64url(signature)}`
  }

  verifies(data: Uint8Array, signature: Uint8Array): boolean {
    return this.#public.verifies(data, signature)
  }

  toJSON(): string {
    return '[TokenSigner]'
  }

  [inspect.custom](): string {
    return '[TokenSigner]'
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
