import { type RequestHead } from '../../http/operation.ts'
import { type AdmitDeps, type Admitted, admitted, identityOfPassword } from '../../services/registry/admit.ts'
import { isRepositoryName } from '../../services/registry/names.ts'
import { RegistryAuthFault, type RegistryAccess } from '../../services/registry/registry-identity.ts'
import type { RegistryCaller } from '../../services/registry/registry-caller.ts'
import type { Registries, RegistrySettings } from '../../services/registry/registries.ts'
import { scopesAllow } from '../../services/registry/registry-scopes.ts'
import type { RegistryNeed, RegistryNeeds, RegistryOperation } from './needs.ts'

export interface AuthDeps extends AdmitDeps {
  readonly registries: Pick<Registries, 'find'>
}

type Matched = {
  readonly operation: RegistryOperation
  readonly params: Readonly<Record<string, string>>
} | null

/**
 * Host, network rules, credential, scope, role: in that order, before any of the body. What a repository holds, or
 * whether there is one, plays no part, so nothing of it shows.
 * @throws RegistryAuthFault `registry-unknown`, `denied`, `unauthenticated`
 */
export async function admit(deps: AuthDeps, head: RequestHead, matched: Matched): Promise<RegistryCaller> {
  const registry = await reachableRegistry(deps, head)
  const need = matched?.operation.needs ?? null
  if (matched !== null && need === null) return admitted(deps, registry, { kind: 'anonymous' }, [])
  const access = need === null || need === 'credential' ? [] : accessOf(need, matched?.params ?? {}, registry)
  const caller = await authenticate(deps, registry, head, need)
  if (caller === null) {
    const error = head.headers.has('authorization') ? 'invalid_token' : null
    throw new RegistryAuthFault('unauthenticated', { host: registry.loginServer, access, error })
  }
  if (need === null || need === 'credential') return caller
  const repository = need.repository === 'param' ? (matched?.params['name'] ?? '') : null
  const isInScope = caller.scopes === null || scopesAllow(caller.scopes, need.action, repository)
  // A token with too little: the client asks for another. A role that lacks it: no token will help.
  if (!isInScope) {
    throw new RegistryAuthFault('unauthenticated', {
      host: registry.loginServer,
      access,
      error: 'insufficient_scope',
    })
  }
  if (await caller.mayByRole(need.action, repository)) return caller
  // Who has shown nothing yet may still do so: clients that pull without a credential wait to be asked for one to push.
  if (!head.headers.has('authorization'))
    throw new RegistryAuthFault('unauthenticated', { host: registry.loginServer, access, error: null })
  throw new RegistryAuthFault('denied', { access })
}

/** @throws RegistryAuthFault `registry-unknown`; `denied` when the network rules keep the address out */
export async function reachableRegistry(
  { registries }: Pick<AuthDeps, 'registries'>,
  head: RequestHead,
): Promise<RegistrySettings> {
  const registry = await registries.find(head.subject)
  if (registry === null) throw new RegistryAuthFault('registry-unknown', { host: head.authority })
  if (registry.networkRules.allows(head.remoteAddress)) return registry
  throw new RegistryAuthFault('denied', {
    access: [],
    reason: `client with IP '${head.remoteAddress}' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.`,
  })
}

/** User name and password of a Basic credential (RFC 7617); null for anything else. */
export function basicCredential(
  head: RequestHead,
): { readonly username: string; readonly password: string } | null {
  const found = /^Basic ([A-Za-z0-9+/=_-]+)$/i.exec(head.headers.get('authorization') ?? '')
  if (found?.[1] === undefined) return null
  const text = Buffer.from(found[1], 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? null : { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

async function authenticate(
  deps: AuthDeps,
  registry: RegistrySettings,
  head: RequestHead,
  need: RegistryNeeds,
): Promise<Admitted | null> {
  const authorization = head.headers.get('authorization')
  if (authorization === undefined) {
    return registry.isAnonymousPullEnabled && need !== 'credential'
      ? admitted(deps, registry, { kind: 'anonymous' }, null)
      : null
  }
  const bearer = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
  if (bearer !== undefined) {
    const found = await deps.tokens.readAccessToken(registry, bearer)
    return found === null ? null : admitted(deps, registry, found.identity, found.scopes)
  }
  const basic = basicCredential(head)
  const identity = basic === null ? null : await identityOfPassword(deps, registry, basic)
  return identity === null ? null : admitted(deps, registry, identity, null)
}

function accessOf(
  need: RegistryNeed,
  params: Readonly<Record<string, string>>,
  registry: RegistrySettings,
): readonly RegistryAccess[] {
  if (need.repository === null)
    return need.action === 'catalog' ? [{ type: 'registry', name: 'catalog', action: '*' }] : []
  const name = params['name'] ?? ''
  // No token can be asked for that, and a header could not even carry all that a path can.
  if (!isRepositoryName(name, registry)) return []
  const actions = need.action === 'push' ? ['pull', 'push'] : [need.action]
  return actions.map((action) => ({ type: 'repository', name, action }))
}
