import { base64url, parseBase64url } from '../kernel/bytes.ts'
import { type JsonObject, isJsonObject } from '../kernel/json.ts'
import { KIB } from '../kernel/units.ts'
import { sha256 } from './digest.ts'
import { TokenFault } from './faults.ts'
import type { PublicTokenKey, TokenSigner } from './token-key.ts'

export { PublicTokenKey, TokenSigner } from './token-key.ts'

/** What a token may measure at most; looked at before anything is parsed. */
export const MAX_TOKEN_BYTES = 16 * KIB
/** By how much a token's `nbf` may lie ahead of our clock. */
const SKEW_SECONDS = 300

export type TokenKeys = ReadonlyMap<string, TokenSigner | PublicTokenKey>

/** A token that is genuine and in force. Issuer and audience are for the caller to check. */
export interface TokenClaims extends JsonObject {
  readonly exp: number
  readonly nbf: number
}

/**
 * The claims of a token that one of `keys` signed and that is valid at `now`: `exp` to the second, `nbf` with 300 s of skew.
 * @throws TokenFault
 */
export async function verifyToken(token: string, keys: TokenKeys, now: Date): Promise<TokenClaims> {
  const claims = genuineClaims(token, keys)
  assertInForce(claims, now)
  return claims
}

/**
 * Does what `verifyToken` does, but checks the signature of a token once and remembers it under the token's SHA-256; its
 * times are checked each time.
 * @param keys do not change: a key that goes would live on in what is remembered
 * @param max how many tokens are remembered; those not used longest are forgotten
 */
export function rememberingVerifier(keys: TokenKeys, max: number): (token: string, now: Date) => TokenClaims {
  /** In the order of last use. */
  const remembered = new Map<string, TokenClaims>()
  return (token, now) => {
    if (token.length > MAX_TOKEN_BYTES) throw malformed()
    const digest = sha256(Buffer.from(token)).toString('latin1')
    const claims = remembered.get(digest) ?? genuineClaims(token, keys)
    remembered.delete(digest)
    assertInForce(claims, now)
    remembered.set(digest, claims)
    const oldest = remembered.size > max ? remembered.keys().next() : null
    if (oldest?.done === false) remembered.delete(oldest.value)
    return claims
  }
}

function genuineClaims(token: string, keys: TokenKeys): TokenClaims {
  const claims = parseObject(verifyJws(token, keys))
  const { exp, nbf } = claims
  if (!isTime(exp) || !isTime(nbf)) throw malformed()
  return { ...claims, exp, nbf }
}

function assertInForce({ exp, nbf }: TokenClaims, now: Date): void {
  const seconds = now.getTime() / 1000
  if (seconds >= exp) throw new TokenFault('token-expired', { expiredAt: new Date(exp * 1000) })
  if (seconds + SKEW_SECONDS < nbf) throw new TokenFault('token-not-yet-valid', {})
}

/**
 * The payload of a compact JWS (RFC 7515 section 5.2). The algorithm is ours, not the token's: RS256 or nothing
 * (RFC 8725 sections 3.1 and 3.2); the key is found by `kid` in our own set, never in the header.
 * @throws TokenFault `token-malformed`, `token-algorithm`, `token-signature`
 */
export function verifyJws(token: string, keys: TokenKeys): Buffer {
  if (token.length > MAX_TOKEN_BYTES) throw malformed()
  const [head, body, tail, ...rest] = token.split('.')
  if (head === undefined || body === undefined || tail === undefined || rest.length > 0) throw malformed()
  const { alg, kid, crit, b64 } = parseObject(decode(head))
  if (typeof alg !== 'string' || crit !== undefined || b64 !== undefined) throw malformed()
  if (alg !== 'RS256') throw new TokenFault('token-algorithm', { alg: alg.slice(0, 32) })
  if (kid !== undefined && typeof kid !== 'string') throw malformed()
  const payload = decode(body)
  const signature = decode(tail)
  const key = kid === undefined ? undefined : keys.get(kid)
  // What was signed is the text itself, up to the second dot.
  const signed = Buffer.from(token.slice(0, head.length + 1 + body.length), 'latin1')
  if (key?.verifies(signed, signature) !== true) {
    throw new TokenFault('token-signature', kid === undefined ? {} : { kid: kid.slice(0, 128) })
  }
  return payload
}

function decode(text: string): Buffer {
  const raw = parseBase64url(text)
  // One token has one spelling: the bits that its last character has to spare are zero (RFC 4648 section 3.5).
  if (raw === null || base64url(raw) !== text) throw malformed()
  return raw
}

function parseObject(raw: Buffer): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(raw.toString('utf8'))
  } catch {
    // What the parser says quotes the token.
    throw malformed()
  }
  if (!isJsonObject(value)) throw malformed()
  return value
}

/** A NumericDate (RFC 7519 section 2) that a Date can hold. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= 8.64e12
}

function malformed(): TokenFault {
  return new TokenFault('token-malformed', {})
}
