import { sha256 } from '../../crypto/digest.ts'
import { sameSecret } from '../../crypto/password.ts'
import { type Guid, parseGuid } from '../../kernel/guid.ts'
import { hex } from '../../kernel/bytes.ts'
import { Fault } from '../../kernel/fault.ts'
import type { JsonObject } from '../../kernel/json.ts'
import type { Access } from '../access/access.ts'
import type { Directory } from '../directory/directory.ts'
import type { RegistrySettings } from './registries.ts'
import type { RegistryAction } from './registry-caller.ts'
import { roleActions } from './registry-scopes.ts'

/** Who a registry token or a Basic credential stands for. */
export type RegistryIdentity =
  | {
      readonly kind: 'principal'
      readonly principalId: Guid
      /** The client secret it signed in with; null when it came with a token of the directory. */
      readonly passwordId: Guid | null
    }
  /** The admin user; `passwordId` names the password used, so that a token dies with it. */
  | { readonly kind: 'admin'; readonly passwordId: string }
  | { readonly kind: 'anonymous' }

/** One thing that a caller wanted to do: an entry of a challenge's scope. */
export interface RegistryAccess {
  readonly type: 'repository' | 'registry'
  readonly name: string
  /** As a token's scope spells it: `pull`, `metadata_read`, `*`. */
  readonly action: string
}

/** Why a request is not admitted. What a repository holds plays no part. */
export interface RegistryAuthFaults {
  /**
   * No credential, none that holds, or a token with too little scope: 401 with a challenge for `access`. `host` is the
   * login server, `error` RFC 6750's word for what is wrong with the token that came.
   */
  unauthenticated: {
    readonly host: string
    readonly access: readonly RegistryAccess[]
    readonly error: 'invalid_token' | 'insufficient_scope' | null
  }
  /** The roles in force do not allow it, or the network rules keep the address out. */
  denied: { readonly access: readonly RegistryAccess[]; readonly reason?: string }
  /** The host names no registry. */
  'registry-unknown': { readonly host: string }
}
export class RegistryAuthFault<K extends keyof RegistryAuthFaults = keyof RegistryAuthFaults> extends Fault<
  RegistryAuthFaults,
  K
> {
  override readonly name = 'RegistryAuthFault'
}

export interface IdentityDeps {
  readonly directory: Pick<Directory, 'findPrincipal'>
  readonly access: Pick<Access, 'allows'>
  /** Of a principal's client secret. */
  readonly isPasswordInForce: (passwordId: Guid) => boolean
}

/** Whether the identity is in force and its roles allow the action now. Anonymous callers may pull where that is on. */
export async function mayAct(
  deps: IdentityDeps,
  registry: RegistrySettings,
  identity: RegistryIdentity,
  action: RegistryAction,
): Promise<boolean> {
  if (!(await isInForce(deps, registry, identity))) return false
  switch (identity.kind) {
    case 'anonymous':
      return action === 'pull' || action === 'metadata_read'
    case 'admin':
      return true
    case 'principal':
      return deps.access.allows(identity.principalId, roleActions[action], registry.resourceId)
  }
}

/** Whether the principal is still there, and the password that a token was got with. */
export async function isInForce(
  { directory, isPasswordInForce }: Omit<IdentityDeps, 'access'>,
  registry: RegistrySettings,
  identity: RegistryIdentity,
): Promise<boolean> {
  switch (identity.kind) {
    case 'anonymous':
      return registry.isAnonymousPullEnabled
    case 'admin':
      return isAdminPasswordInForce(registry, identity.passwordId)
    case 'principal':
      return (
        (identity.passwordId === null || isPasswordInForce(identity.passwordId)) &&
        (await directory.findPrincipal({ principalId: identity.principalId })) !== null
      )
  }
}

/** @returns null when the admin user is off, or name or password are wrong */
export function adminIdentity(
  registry: RegistrySettings,
  username: string,
  password: string,
): RegistryIdentity | null {
  if (registry.admin === null || username.toLowerCase() !== registry.name) return null
  const { password: first, password2: second } = registry.admin
  // Both are compared, always: the time says nothing of which one it was.
  const isFirst = sameSecret(password, first)
  const isSecond = sameSecret(password, second)
  return isFirst || isSecond
    ? { kind: 'admin', passwordId: passwordId(registry, isFirst ? first : second) }
    : null
}

function isAdminPasswordInForce(registry: RegistrySettings, id: string): boolean {
  return (
    registry.admin !== null &&
    [registry.admin.password, registry.admin.password2].some(
      (password) => passwordId(registry, password) === id,
    )
  )
}

/** Says which password it was and no more: 64 of 256 bits of a hash over a random password of 52 characters. */
function passwordId(registry: RegistrySettings, password: string): string {
  return hex(sha256(Buffer.from(`${registry.uid} ${password}`)).subarray(0, 8))
}

/** The claims that carry an identity in our tokens. */
export function identityClaims(identity: RegistryIdentity): JsonObject {
  if (identity.kind === 'principal') {
    const { principalId, passwordId } = identity
    return { kind: 'principal', oid: principalId, ...(passwordId === null ? {} : { pwd: passwordId }) }
  }
  return identity.kind === 'admin' ? { kind: 'admin', pwd: identity.passwordId } : { kind: 'anonymous' }
}

export function identityFromClaims(claims: JsonObject): RegistryIdentity | null {
  const { kind, oid, pwd } = claims
  if (kind === 'anonymous') return { kind }
  if (kind === 'admin' && typeof pwd === 'string') return { kind, passwordId: pwd }
  const principalId = kind === 'principal' && typeof oid === 'string' ? parseGuid(oid) : null
  if (principalId === null) return null
  return { kind: 'principal', principalId, passwordId: typeof pwd === 'string' ? parseGuid(pwd) : null }
}
