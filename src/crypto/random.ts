import { randomBytes as fillRandom, randomUUID } from 'node:crypto'
import { type Guid, parseGuid } from '../kernel/guid.ts'

/** A version 4 UUID (RFC 9562 section 5.4) from the operating system's generator: 122 random bits. */
export function randomGuid(): Guid {
  const guid = parseGuid(randomUUID())
  if (guid === null) throw new Error('randomUUID() returned no GUID')
  return guid
}

/** Twice `bytes` hexadecimal digits in lower case. */
export function randomHex(bytes: number): string {
  return fillRandom(bytes).toString('hex')
}

/** Bytes of OpenSSL's DRBG (SP 800-90A), which the operating system seeds. Throws rather than return weak ones. */
export function randomBytes(n: number): Buffer {
  return fillRandom(n)
}
