import { secretVerifier, verifySecret } from '../../crypto/password.ts'
import { Fault } from '../../kernel/fault.ts'
import { parseGuid } from '../../kernel/guid.ts'
import type { Directory, Principal } from './directory.ts'
import type { IssuedToken, TokenEndpoint } from './token-endpoint.ts'

export interface IdentityEndpointFaults {
  /** None of that description, or not one that this endpoint may serve: not told apart. */
  'identity-not-found': Readonly<Record<string, never>>
  /** Several may be served and none is named. */
  'identity-ambiguous': Readonly<Record<string, never>>
}
export class IdentityEndpointFault<
  K extends keyof IdentityEndpointFaults = keyof IdentityEndpointFaults,
> extends Fault<IdentityEndpointFaults, K> {
  override readonly name = 'IdentityEndpointFault'
}

/** Which identity a request is about; the names are the protocol's. */
export type IdentityChoice =
  | { readonly by: 'client_id' | 'object_id' | 'msi_res_id'; readonly value: string }
  /** The only one. */
  | null

export interface IdentityEndpoint {
  /** Whether `secret` is the one that `IDENTITY_HEADER` tells; in time that does not depend on where they differ. */
  isSecret(secret: string): boolean
  /** @throws IdentityEndpointFault; SignInFault `resource-unknown` */
  token(
    choice: IdentityChoice,
    resource: string,
  ): Promise<{ readonly issued: IssuedToken; readonly identity: Principal }>
}

/**
 * Hands out tokens of the identities that the operator named, and of no other.
 *
 * @param deps `allowed`: principal ids, or ARM ids of user-assigned identities or of the resources that system-assigned
 *   ones live with; they may come into being later. `secret`: generated, new at each start
 */
export function identityEndpoint({
  directory,
  allowed,
  secret,
}: {
  readonly directory: Pick<Directory, 'findPrincipal'> & Pick<TokenEndpoint, 'identityToken'>
  readonly allowed: readonly string[]
  readonly secret: string
}): IdentityEndpoint {
  const verifier = secretVerifier(secret)

  async function served(): Promise<readonly Principal[]> {
    const found = await Promise.all(
      allowed.map(async (name) => {
        const principalId = parseGuid(name)
        return await directory.findPrincipal(principalId === null ? { resourceId: name } : { principalId })
      }),
    )
    return found.flatMap((principal) => (principal?.kind === 'managedIdentity' ? [principal] : []))
  }

  async function choose(choice: IdentityChoice): Promise<Principal> {
    const candidates = await served()
    if (choice === null && allowed.length > 1) throw new IdentityEndpointFault('identity-ambiguous', {})
    const found = candidates.find((principal) => choice === null || isChosen(principal, choice))
    if (found === undefined) throw new IdentityEndpointFault('identity-not-found', {})
    return found
  }

  return {
    isSecret: (candidate) => verifySecret(candidate, verifier),
    async token(choice, resource) {
      const identity = await choose(choice)
      const issued = await directory.identityToken({ principalId: identity.principalId, resource })
      return { issued, identity }
    },
  }
}

function isChosen(principal: Principal, { by, value }: NonNullable<IdentityChoice>): boolean {
  const wanted = value.toLowerCase()
  if (by === 'client_id') return principal.appId === wanted
  if (by === 'object_id') return principal.principalId === wanted
  return principal.resourceId?.toLowerCase() === wanted
}
