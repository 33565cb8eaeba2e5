import type { Directory } from '../directory/directory.ts'
import type { TokenEndpoint } from '../directory/token-endpoint.ts'
import { DirectoryFault, SignInFault } from '../directory/faults.ts'
import { CONTAINER_REGISTRY_AUDIENCE } from '../../kernel/endpoints.ts'
import { parseGuid } from '../../kernel/guid.ts'
import type { RegistryCaller } from './registry-caller.ts'
import { type IdentityDeps, type RegistryIdentity, adminIdentity, mayAct } from './registry-identity.ts'
import { type Scope, scopesAllow } from './registry-scopes.ts'
import type { RegistryTokens } from './registry-tokens.ts'
import type { RegistrySettings } from './registries.ts'

/** The user name that comes with a refresh token as the password, as `az acr login` hands it to docker. */
const TOKEN_USER = '00000000-0000-0000-0000-000000000000'

export interface AdmitDeps extends IdentityDeps {
  readonly directory: Directory
  readonly signIn: Pick<TokenEndpoint, 'signIn'>
  readonly tokens: RegistryTokens
  /** Audience of tokens for the resource manager. */
  readonly managementAudience: string
}

/** What a caller of the data plane has shown, and thereby may ask for. */
export interface Admitted extends RegistryCaller {
  /** Whether the credential itself limits what may be done; a token does, a password doesn't. */
  readonly scopes: readonly Scope[] | null
  /** Whether the roles in force allow it, whatever the token's scopes. */
  readonly mayByRole: RegistryCaller['may']
}

/** Who holds this user name and password: admin user, refresh token, or a principal with its client secret. @returns null when nobody does */
export async function identityOfPassword(
  deps: AdmitDeps,
  registry: RegistrySettings,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<RegistryIdentity | null> {
  if (username === TOKEN_USER) return deps.tokens.readRefreshToken(registry, password)
  const admin = adminIdentity(registry, username, password)
  if (admin !== null || parseGuid(username) === null) return admin
  try {
    const signedIn = deps.signIn.signIn({ tenant: registry.tenantId, clientId: username, secret: password })
    return { kind: 'principal', principalId: signedIn.principal.principalId, passwordId: signedIn.passwordId }
  } catch (error) {
    if (error instanceof SignInFault) return null
    throw error
  }
}

/** Who holds this token of the directory. @returns null when it does not verify, or is for another tenant or audience */
export async function identityOfDirectoryToken(
  deps: AdmitDeps,
  registry: RegistrySettings,
  token: string,
): Promise<RegistryIdentity | null> {
  const audiences = registry.takesManagementTokens
    ? [deps.managementAudience, CONTAINER_REGISTRY_AUDIENCE]
    : [CONTAINER_REGISTRY_AUDIENCE]
  try {
    const caller = await deps.directory.authenticate(token, audiences)
    if (caller.tenantId !== registry.tenantId || caller.trustedForResource !== null) return null
    return { kind: 'principal', principalId: caller.principalId, passwordId: null }
  } catch (error) {
    if (error instanceof DirectoryFault) return null
    throw error
  }
}

export function admitted(
  deps: IdentityDeps,
  registry: RegistrySettings,
  identity: RegistryIdentity,
  scopes: readonly Scope[] | null,
): Admitted {
  const mayByRole: RegistryCaller['may'] = (action) => mayAct(deps, registry, identity, action)
  return {
    registry,
    principal:
      identity.kind === 'principal' ? identity.principalId : identity.kind === 'admin' ? registry.name : null,
    scopes,
    mayByRole,
    may: async (action, repository) =>
      (scopes === null || scopesAllow(scopes, action, repository)) && (await mayByRole(action, repository)),
  }
}
