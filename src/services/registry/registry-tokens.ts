import { randomGuid } from '../../crypto/random.ts'
import { TokenFault } from '../../crypto/faults.ts'
import { type TokenClaims, TokenSigner, rememberingVerifier } from '../../crypto/token.ts'
import type { RecordKey } from '../../crypto/record-key.ts'
import { type Clock, unixSeconds } from '../../kernel/clock.ts'
import { type JsonObject, isJsonObject } from '../../kernel/json.ts'
import type { SecretStore } from '../../store/records/secrets/secrets.ts'
import type { RegistrySettings } from './registries.ts'
import {
  type IdentityDeps,
  type RegistryIdentity,
  identityClaims,
  identityFromClaims,
  isInForce,
  mayAct,
} from './registry-identity.ts'
import type { RegistryAction } from './registry-caller.ts'
import { type Scope, isRegistryAction } from './registry-scopes.ts'

const ISSUER = 'Azure Container Registry'
const REFRESH_SECONDS = 3 * 60 * 60
const ACCESS_SECONDS = 75 * 60
/** A client keeps its token for many requests; each is checked anew, but for its signature. */
const MAX_REMEMBERED = 4_096

/**
 * The registry's own tokens: a refresh token says who, an access token also what at most. Both are bound to the one
 * registry, and are worth nothing once the principal or password behind them is gone.
 */
export interface RegistryTokens {
  refreshToken(registry: RegistrySettings, identity: RegistryIdentity): Promise<string>
  /** Holds of `scopes` what the roles allow now; the rest is left out silently. */
  accessToken(
    registry: RegistrySettings,
    identity: RegistryIdentity,
    scopes: readonly Scope[],
  ): Promise<string>
  /** @returns null for anything but a refresh token of this registry whose principal or password is in force */
  readRefreshToken(registry: RegistrySettings, token: string): Promise<RegistryIdentity | null>
  /** @returns null likewise */
  readAccessToken(
    registry: RegistrySettings,
    token: string,
  ): Promise<{ readonly identity: RegistryIdentity; readonly scopes: readonly Scope[] } | null>
}

export interface RegistryTokenDeps extends IdentityDeps {
  readonly signer: TokenSigner
  readonly clock: Clock
}

/** The signing key survives restarts: it lies sealed among the installation's secrets. */
export async function registryTokenSigner(secrets: SecretStore, recordKey: RecordKey): Promise<TokenSigner> {
  const sealed = await secrets.getOrCreate('registry-token-signer', async () =>
    (await TokenSigner.generate()).seal(recordKey),
  )
  return TokenSigner.fromSealed(sealed, recordKey)
}

export function openRegistryTokens(deps: RegistryTokenDeps): RegistryTokens {
  const { signer, clock } = deps
  const verify = rememberingVerifier(new Map([[signer.kid, signer]]), MAX_REMEMBERED)

  async function sign(
    registry: RegistrySettings,
    grantType: string,
    seconds: number,
    claims: JsonObject,
  ): Promise<string> {
    const now = unixSeconds(clock.now())
    return signer.sign({
      jti: randomGuid(),
      iss: ISSUER,
      aud: registry.loginServer,
      iat: now,
      nbf: now,
      exp: now + seconds,
      version: '1.0',
      grant_type: grantType,
      tenant: registry.tenantId,
      registry: registry.uid,
      ...claims,
    })
  }

  async function read(registry: RegistrySettings, token: string, grantType: string) {
    const claims = claimsOf(() => verify(token, clock.now()))
    const identity = claims === null ? null : identityFromClaims(claims)
    if (
      claims?.['iss'] !== ISSUER ||
      claims['aud'] !== registry.loginServer ||
      claims['registry'] !== registry.uid ||
      claims['grant_type'] !== grantType ||
      identity === null
    ) {
      return null
    }
    return (await isInForce(deps, registry, identity)) ? { identity, claims } : null
  }

  return {
    refreshToken: (registry, identity) =>
      sign(registry, 'refresh_token', REFRESH_SECONDS, {
        sub: subjectOf(identity),
        ...identityClaims(identity),
        permissions: {
          actions: ['read', 'write', 'delete', 'metadata/read', 'metadata/write'],
          notActions: [],
        },
        roles: [],
      }),

    async accessToken(registry, identity, scopes) {
      const access = await allowedScopes(deps, registry, identity, scopes)
      return sign(registry, 'access_token', ACCESS_SECONDS, {
        sub: subjectOf(identity),
        ...identityClaims(identity),
        access: access.map((scope) => ({ type: scope.type, name: scope.name, actions: wireActions(scope) })),
      })
    },

    readRefreshToken: async (registry, token) =>
      (await read(registry, token, 'refresh_token'))?.identity ?? null,

    async readAccessToken(registry, token) {
      const found = await read(registry, token, 'access_token')
      return found === null ? null : { identity: found.identity, scopes: readScopes(found.claims['access']) }
    },
  }
}

function claimsOf(verify: () => TokenClaims): TokenClaims | null {
  try {
    return verify()
  } catch (error) {
    if (error instanceof TokenFault) return null
    throw error
  }
}

async function allowedScopes(
  deps: IdentityDeps,
  registry: RegistrySettings,
  identity: RegistryIdentity,
  scopes: readonly Scope[],
): Promise<readonly Scope[]> {
  const decided = new Map<RegistryAction, boolean>()
  for (const action of new Set(scopes.flatMap((scope) => scope.actions))) {
    decided.set(action, await mayAct(deps, registry, identity, action))
  }
  return scopes
    .map((scope) => ({ ...scope, actions: scope.actions.filter((action) => decided.get(action) === true) }))
    .filter((scope) => scope.actions.length > 0)
}

/** The catalog's one action is `*` on the wire. */
function wireActions(scope: Scope): readonly string[] {
  return scope.type === 'registry' ? ['*'] : scope.actions
}

/** From a token that we signed: what is not as we write it grants nothing. */
function readScopes(claim: unknown): readonly Scope[] {
  if (!Array.isArray(claim)) return []
  return claim.flatMap((entry: unknown): Scope[] => {
    if (!isJsonObject(entry)) return []
    const { type, name, actions } = entry
    if (typeof name !== 'string' || !Array.isArray(actions)) return []
    if (type === 'registry') return [{ type, name, actions: ['catalog'] }]
    return type === 'repository' ? [{ type, name, actions: actions.filter(isRegistryAction) }] : []
  })
}

function subjectOf(identity: RegistryIdentity): string {
  return identity.kind === 'principal' ? identity.principalId : identity.kind
}
