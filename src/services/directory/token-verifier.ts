import { sha256 } from '../../crypto/digest.ts'
import { type TokenClaims, MAX_TOKEN_BYTES, verifyToken } from '../../crypto/token.ts'
import { TokenFault, type TokenFaults } from '../../crypto/faults.ts'
import type { Clock } from '../../kernel/clock.ts'
import { type Guid, parseGuid } from '../../kernel/guid.ts'
import { isSameAudience } from './audiences.ts'
import type { Caller } from './caller.ts'
import type { DirectoryMemory } from './directory-memory.ts'
import { DirectoryFault } from './faults.ts'
import type { SigningKeys } from './signing-keys.ts'
import { RESOURCE_CLAIM, issuerOf } from './token-issuer.ts'

/** What a token of ours says, once its signature has been checked. */
interface Verified {
  readonly tenantId: Guid
  readonly principalId: Guid
  readonly appId: Guid
  readonly issuer: string
  readonly audience: string
  readonly trustedForResource: string | null
  readonly notBeforeMs: number
  readonly expiresAt: Date
}

export interface TokenVerifier {
  authenticate(token: string, audiences: readonly string[]): Promise<Caller>
}

const MAX_REMEMBERED = 4_096
const SKEW_MS = 300_000

/**
 * Verifies the directory's own tokens. A signature is checked once for each token, and remembered under the token's
 * SHA-256; times, audience and the principal are checked each time.
 */
export function tokenVerifier({
  keys,
  memory,
  clock,
}: {
  readonly keys: Pick<SigningKeys, 'all'>
  readonly memory: Pick<DirectoryMemory, 'principal' | 'tenant'>
  readonly clock: Clock
}): TokenVerifier {
  /** In the order of last use. */
  const remembered = new Map<string, Verified>()

  async function verified(token: string): Promise<Verified> {
    if (token.length > MAX_TOKEN_BYTES) throw new DirectoryFault('token-malformed', {})
    const digest = sha256(Buffer.from(token)).toString('base64')
    const known = remembered.get(digest)
    if (known !== undefined) {
      remembered.delete(digest)
      remembered.set(digest, known)
      return known
    }
    const read = await readToken(token)
    remembered.set(digest, read)
    if (remembered.size > MAX_REMEMBERED) {
      const oldest = remembered.keys().next()
      if (oldest.done !== true) remembered.delete(oldest.value)
    }
    return read
  }

  async function readToken(token: string): Promise<Verified> {
    try {
      return readClaims(await verifyToken(token, keys.all(), clock.now()))
    } catch (error) {
      if (error instanceof TokenFault) throw asDirectoryFault(error)
      throw error
    }
  }

  return {
    async authenticate(token, audiences) {
      const claims = await verified(token)
      const now = clock.now().getTime()
      if (now >= claims.expiresAt.getTime()) {
        throw new DirectoryFault('token-expired', { expiredAt: claims.expiresAt })
      }
      if (now + SKEW_MS < claims.notBeforeMs) throw new DirectoryFault('token-not-yet-valid', {})
      const { tenantId, principalId, appId, issuer, audience, trustedForResource, expiresAt } = claims
      if (memory.tenant(tenantId) === null) throw new DirectoryFault('token-issuer', { issuer })
      if (!audiences.some((accepted) => isSameAudience(accepted, audience))) {
        throw new DirectoryFault('token-audience', { audience, accepted: audiences })
      }
      const principal = memory.principal(principalId)
      if (principal?.appId !== appId || principal.tenantId !== tenantId) {
        throw new DirectoryFault('principal-gone', { principalId })
      }
      const { kind, resourceId } = principal
      const identityResourceId = kind === 'managedIdentity' ? resourceId : null
      return { tenantId, principalId, appId, kind, issuer, identityResourceId, trustedForResource, expiresAt }
    },
  }
}

function readClaims(claims: TokenClaims): Verified {
  const { iss, aud, oid, appid, tid, exp, nbf, [RESOURCE_CLAIM]: marked } = claims
  const [tenantId, principalId, appId] = [tid, oid, appid].map((id) =>
    typeof id === 'string' ? parseGuid(id) : null,
  )
  if (!tenantId || !principalId || !appId || typeof iss !== 'string' || typeof aud !== 'string') {
    throw new DirectoryFault('token-malformed', {})
  }
  if (iss !== issuerOf(tenantId)) throw new DirectoryFault('token-issuer', { issuer: iss })
  return {
    tenantId,
    principalId,
    appId,
    issuer: iss,
    audience: aud,
    trustedForResource: typeof marked === 'string' ? marked : null,
    notBeforeMs: nbf * 1000,
    expiresAt: new Date(exp * 1000),
  }
}

const faults: { readonly [K in keyof TokenFaults]: (facts: TokenFaults[K]) => DirectoryFault } = {
  'token-malformed': () => new DirectoryFault('token-malformed', {}),
  'token-signature': () => new DirectoryFault('token-signature', {}),
  'token-algorithm': ({ alg }) => new DirectoryFault('token-algorithm', { alg }),
  'token-expired': (facts) => new DirectoryFault('token-expired', facts),
  'token-not-yet-valid': () => new DirectoryFault('token-not-yet-valid', {}),
}

function asDirectoryFault<K extends keyof TokenFaults>({ code, facts }: TokenFault<K>): DirectoryFault {
  return faults[code](facts)
}
