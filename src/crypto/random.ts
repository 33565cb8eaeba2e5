import { randomBytes as fillRandom, randomFillSync, randomUUID } from 'node:crypto'
import { type Guid, parseGuid } from '../kernel/guid.ts'

/** A version 4 UUID (RFC 9562 section 5.4) from the operating system's generator: 122 random bits. */
export function randomGuid(): Guid {
  const guid = parseGuid(randomUUID())
  if (guid === null) throw new Error('randomUUID() returned no GUID')
  return guid
}

/** Twice `bytes` hexadecimal digits in lower case: a name, not a secret. */
export function randomHex(bytes: number): string {
  return next(bytes).toString('hex')
}

/** For what is stored or sent in clear. In memory of its own. */
export function randomSalt(bytes: number): Buffer {
  return Buffer.from(next(bytes))
}

/**
 * Fetched ahead, as `randomUUID` does: asking the generator takes several times as long as what it is asked for. For bytes that
 * are no secrets alone, since they lie in memory until they are used; each is used once.
 */
const ahead = Buffer.alloc(4096)
let used = ahead.length

/** @returns a view that is good until it was read: not to be kept */
function next(bytes: number): Buffer {
  if (bytes > ahead.length) return fillRandom(bytes)
  if (used + bytes > ahead.length) {
    randomFillSync(ahead)
    used = 0
  }
  used += bytes
  return ahead.subarray(used - bytes, used)
}

/** Bytes of OpenSSL's DRBG (SP 800-90A), which the operating system seeds. Throws rather than return weak ones. */
export function randomBytes(n: number): Buffer {
  return fillRandom(n)
}
