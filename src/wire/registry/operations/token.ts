import { type Call, type Reply, operation } from '../../../http/operation.ts'
import { KIB } from '../../../kernel/units.ts'
import { identityOfDirectoryToken, identityOfPassword } from '../../../services/registry/admit.ts'
import type { RegistryCaller } from '../../../services/registry/registry-caller.ts'
import { RegistryAuthFault, type RegistryIdentity } from '../../../services/registry/registry-identity.ts'
import { parseScopes } from '../../../services/registry/registry-scopes.ts'
import type { RegistrySettings } from '../../../services/registry/registries.ts'
import { type AuthDeps, basicCredential, reachableRegistry } from '../auth.ts'
import type { RegistryNeeds, RegistryOperation } from '../needs.ts'

const form = { kind: 'form', maxBytes: 64 * KIB } as const

/**
 * The registry's token endpoints. https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md,
 * https://distribution.github.io/distribution/spec/auth/token/
 */
export function tokenOperations(deps: AuthDeps): readonly RegistryOperation[] {
  return [
    operation<RegistryCaller, RegistryNeeds, '/oauth2/exchange'>({
      id: 'ExchangeToken',
      method: 'POST',
      path: '/oauth2/exchange',
      needs: null,
      body: form,
      run: (call) => exchange(deps, call),
    }),
    operation<RegistryCaller, RegistryNeeds, '/oauth2/token'>({
      id: 'GetToken',
      method: 'GET',
      path: '/oauth2/token',
      needs: null,
      body: { kind: 'none' },
      run: (call) => tokenByGet(deps, call),
    }),
    operation<RegistryCaller, RegistryNeeds, '/oauth2/token'>({
      id: 'PostToken',
      method: 'POST',
      path: '/oauth2/token',
      needs: null,
      body: form,
      run: (call) => tokenByPost(deps, call),
    }),
  ]
}

/** A token of the directory for a refresh token of this registry. */
async function exchange(deps: AuthDeps, { head, body }: Call<unknown>): Promise<Reply> {
  const registry = await reachableRegistry(deps, head)
  const grant = body.form.get('grant_type') ?? ''
  if (grant === 'refresh_token') return await sameRefreshToken(deps, registry, body.form)
  const identity =
    grant === 'access_token' || grant === 'access_token_refresh_token'
      ? await identityOfDirectoryToken(deps, registry, body.form.get('access_token') ?? '')
      : null
  if (identity === null) throw unauthenticated(registry)
  return { status: 200, body: { refresh_token: await deps.tokens.refreshToken(registry, identity) } }
}

/** Nobody draws a refresh token out beyond its end: who holds one that is in force gets it back. */
async function sameRefreshToken(
  { tokens }: AuthDeps,
  registry: RegistrySettings,
  form: URLSearchParams,
): Promise<Reply> {
  const token = form.get('refresh_token') ?? ''
  if ((await tokens.readRefreshToken(registry, token)) === null) throw unauthenticated(registry)
  return { status: 200, body: { refresh_token: token } }
}

async function tokenByGet(deps: AuthDeps, { head }: Call<unknown>): Promise<Reply> {
  const registry = await reachableRegistry(deps, head)
  const basic = basicCredential(head)
  const identity =
    basic === null
      ? anonymous(registry, head.headers.has('authorization'))
      : await identityOfPassword(deps, registry, basic)
  return accessToken(deps, registry, identity, head.query.getAll('scope'))
}

async function tokenByPost(deps: AuthDeps, { head, body }: Call<unknown>): Promise<Reply> {
  const registry = await reachableRegistry(deps, head)
  const grant = body.form.get('grant_type') ?? ''
  const refreshToken = body.form.get('refresh_token') ?? ''
  const username = body.form.get('username') ?? ''
  const password = body.form.get('password') ?? ''
  let identity: RegistryIdentity | null = null
  if (grant === 'refresh_token') identity = await deps.tokens.readRefreshToken(registry, refreshToken)
  // The SDK's anonymous mode: a password grant without one.
  else if (grant === 'password' && username === '' && refreshToken === '')
    identity = anonymous(registry, false)
  else if (grant === 'password') identity = await identityOfPassword(deps, registry, { username, password })
  return accessToken(deps, registry, identity, body.form.getAll('scope'))
}

async function accessToken(
  deps: AuthDeps,
  registry: RegistrySettings,
  identity: RegistryIdentity | null,
  scopes: readonly string[],
): Promise<Reply> {
  if (identity === null) throw unauthenticated(registry)
  const token = await deps.tokens.accessToken(registry, identity, parseScopes(scopes))
  return { status: 200, headers: { 'cache-control': 'no-store' }, body: { access_token: token } }
}

function anonymous(registry: RegistrySettings, hasCredential: boolean): RegistryIdentity | null {
  return registry.isAnonymousPullEnabled && !hasCredential ? { kind: 'anonymous' } : null
}

function unauthenticated(registry: RegistrySettings): RegistryAuthFault<'unauthenticated'> {
  return new RegistryAuthFault('unauthenticated', { host: registry.loginServer, access: [], error: null })
}
