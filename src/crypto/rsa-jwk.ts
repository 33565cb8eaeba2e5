import { type KeyObject, createPrivateKey } from 'node:crypto'
import { base64url, parseBase64url } from '../kernel/bytes.ts'
import { KeyFault } from './faults.ts'

export type RsaBits = 2048 | 3072 | 4096

/** RFC 7518 section 6.3: base64url of big-endian unsigned integers. All eight are needed (section 6.3.2). */
export interface RsaPrivateJwk {
  readonly n: string
  readonly e: string
  readonly d: string
  readonly p: string
  readonly q: string
  readonly dp: string
  readonly dq: string
  readonly qi: string
}

/**
 * OpenSSL takes any numbers for a key, and a key whose numbers do not belong together leaks its factors when it is used
 * (Bellcore attack). So everything that can be checked without testing primality is: SP 800-56B Rev. 2 section 6.4.1.4.
 * That the primes are primes shows when what the public key encrypts opens again (`RsaKey.fromJwk` tries it).
 * @throws KeyFault `bad-key`
 */
export function importRsaJwk(jwk: RsaPrivateJwk): KeyObject {
  const n = integer(jwk.n, 'n', 512)
  const bits = bitLength(n)
  if (!isRsaBits(bits)) throw bad('the modulus must have 2048, 3072 or 4096 bits')
  const bytes = bits / 8
  const e = integer(jwk.e, 'e', bytes)
  const d = integer(jwk.d, 'd', bytes)
  const p = integer(jwk.p, 'p', bytes / 2)
  const q = integer(jwk.q, 'q', bytes / 2)
  checkNumbers({ bits, n, e, d, p, q })
  const p1 = p - 1n
  const q1 = q - 1n
  const crt = [
    [integer(jwk.dp, 'dp', bytes / 2), d % p1, 'dp'],
    [integer(jwk.dq, 'dq', bytes / 2), d % q1, 'dq'],
  ] as const
  for (const [given, wanted, name] of crt) if (given !== wanted) throw bad(`${name} does not belong to d`)
  const qi = integer(jwk.qi, 'qi', bytes / 2)
  if (qi >= p || (qi * q) % p !== 1n) throw bad('qi is not the inverse of q modulo p')
  const numbers = { n, e, d, p, q, dp: d % p1, dq: d % q1, qi }
  const members = Object.entries(numbers).map(([name, value]) => [name, base64url(toBytes(value))])
  try {
    const key = { kty: 'RSA', ...(Object.fromEntries(members) as Record<string, string>) }
    return createPrivateKey({ key, format: 'jwk' })
  } catch {
    throw bad('the numbers make no key')
  }
}

interface Numbers {
  readonly bits: number
  readonly n: bigint
  readonly e: bigint
  readonly d: bigint
  readonly p: bigint
  readonly q: bigint
}

function checkNumbers({ bits, n, e, d, p, q }: Numbers): void {
  if (e % 2n === 0n || e < 3n || e > 2n ** 32n) throw bad('the public exponent must be odd, from 3 to 2^32')
  if (p * q !== n) throw bad('p times q is not n')
  if (p === q) throw bad('p and q are the same')
  if (bitLength(p) !== bits / 2 || bitLength(q) !== bits / 2) throw bad('p and q must be half as long as n')
  // FIPS 186-5 appendix A.1.1: close primes are found by Fermat's method, a short d by Wiener's and its successors.
  if (bitLength(p > q ? p - q : q - p) <= bits / 2 - 100) throw bad('p and q are too close to each other')
  if (bitLength(d) <= bits / 2) throw bad('d is too short')
  if (d >= n) throw bad('d is too long')
  if ((e * d) % (p - 1n) !== 1n || (e * d) % (q - 1n) !== 1n) throw bad('d does not belong to e, p and q')
}

/** Leading zero bytes are tolerated (Java and .NET write them), more than `maxBytes` after them are not. */
function integer(text: unknown, name: string, maxBytes: number): bigint {
  const raw = typeof text === 'string' && text.length <= 2 * 512 ? parseBase64url(text) : null
  if (raw === null) throw bad(`${name} is not base64url`)
  const start = raw.findIndex((byte) => byte !== 0)
  if (start < 0) throw bad(`${name} is missing or zero`)
  if (raw.length - start > maxBytes) throw bad(`${name} is too long`)
  const value = BigInt(`0x${raw.toString('hex')}`)
  raw.fill(0)
  return value
}

function bitLength(value: bigint): number {
  return value.toString(2).length
}

function toBytes(value: bigint): Buffer {
  const digits = value.toString(16)
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
}

function isRsaBits(bits: number): bits is RsaBits {
  return bits === 2048 || bits === 3072 || bits === 4096
}

function bad(reason: string): KeyFault {
  return new KeyFault('bad-key', { reason })
}
