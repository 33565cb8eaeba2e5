import { randomBytes } from '../../crypto/random.ts'
import { base64url } from '../../kernel/bytes.ts'
import { type Clock, unixSeconds } from '../../kernel/clock.ts'
import { type Endpoints, urlOf } from '../../kernel/endpoints.ts'
import type { Guid } from '../../kernel/guid.ts'
import type { PrincipalRow } from '../../store/records/directory/directory-objects.ts'
import { TOKEN_EXCHANGE_AUDIENCE, isSameAudience } from './audiences.ts'
import type { SigningKeys } from './signing-keys.ts'
import type { IssuedToken } from './token-endpoint.ts'

/** Set on the keyring's own tokens and on no other: nothing that a client sends gets into a claim's name. */
export const RESOURCE_CLAIM = 'strongroom_resource'

/** What Entra ID gives: an hour to applications, a day to managed identities. */
const APPLICATION_SECONDS = 3_599
const IDENTITY_SECONDS = 86_399

/** How the client proved who it is, `appidacr`: a secret, or something it never shows. */
export type ClientProof = '1' | '2'

export interface TokenIssuer {
  forApplication(principal: PrincipalRow, audience: string, proof: ClientProof): Promise<IssuedToken>
  forIdentity(principal: PrincipalRow, audience: string): Promise<IssuedToken>
  /** Marked as got for `resourceId`; to the millisecond no longer than `lifetimeMs`. */
  forResource(
    principal: PrincipalRow,
    request: { readonly resourceId: string; readonly audience: string; readonly lifetimeMs: number },
  ): Promise<string>
}

/** `https://sts.windows.net/<tenant>/`, as in version 1.0 tokens: what every resource of this installation accepts. */
export function issuerOf(tenantId: Guid): string {
  return `https://sts.windows.net/${tenantId}/`
}

/**
 * `https://login.localhost:8443/<tenant>/v2.0`, as in version 2.0 tokens: of those for exchange alone, so that none of them
 * is taken for a token of version 1.0, nor the other way round.
 */
export function exchangeIssuerOf(endpoints: Endpoints, tenantId: Guid): string {
  return `${urlOf(endpoints, 'login')}/${tenantId}/v2.0`
}

/** https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference */
export function tokenIssuer({
  keys,
  clock,
  endpoints,
}: {
  readonly keys: Pick<SigningKeys, 'current'>
  readonly clock: Clock
  readonly endpoints: Endpoints
}): TokenIssuer {
  async function issue(
    principal: PrincipalRow,
    audience: string,
    { lifetimeSeconds, proof }: { readonly lifetimeSeconds: number; readonly proof: ClientProof },
  ): Promise<IssuedToken> {
    const start = unixSeconds(clock.now())
    const end = start + lifetimeSeconds
    const who = isSameAudience(audience, TOKEN_EXCHANGE_AUDIENCE)
      ? exchangeClaimsOf(principal, proof, exchangeIssuerOf(endpoints, principal.tenantId))
      : claimsOf(principal, proof)
    const claims = { ...who, aud: audience, iat: start, nbf: start, exp: end }
    return {
      token: await keys.current().sign(claims),
      audience,
      notBefore: new Date(start * 1000),
      expiresAt: new Date(end * 1000),
      lifetimeSeconds,
    }
  }

  return {
    forApplication: async (principal, audience, proof) =>
      await issue(principal, audience, { lifetimeSeconds: APPLICATION_SECONDS, proof }),
    forIdentity: async (principal, audience) =>
      await issue(principal, audience, { lifetimeSeconds: IDENTITY_SECONDS, proof: '2' }),
    forResource: async (principal, { resourceId, audience, lifetimeMs }) => {
      const now = clock.now()
      const start = unixSeconds(now)
      return await keys.current().sign({
        ...claimsOf(principal, '2'),
        aud: audience,
        iat: start,
        nbf: start,
        exp: (now.getTime() + lifetimeMs) / 1000,
        [RESOURCE_CLAIM]: resourceId,
      })
    },
  }
}

function claimsOf(principal: PrincipalRow, proof: ClientProof): Record<string, unknown> {
  const { tenantId, principalId, appId, resourceId } = principal
  const issuer = issuerOf(tenantId)
  return {
    iss: issuer,
    aio: base64url(randomBytes(24)),
    appid: appId,
    appidacr: proof,
    idp: issuer,
    idtyp: 'app',
    oid: principalId,
    sub: principalId,
    tid: tenantId,
    uti: base64url(randomBytes(16)),
    ver: '1.0',
    ...(resourceId === null ? {} : { xms_mirid: resourceId }),
  }
}

/** Version 2.0 names some claims otherwise. */
function exchangeClaimsOf(
  principal: PrincipalRow,
  proof: ClientProof,
  issuer: string,
): Record<string, unknown> {
  const { appid, appidacr, ...others } = claimsOf(principal, proof)
  return { ...others, iss: issuer, idp: issuer, azp: appid, azpacr: appidacr, ver: '2.0' }
}
