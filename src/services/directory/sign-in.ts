import { verifySecret } from '../../crypto/password.ts'
import type { Clock } from '../../kernel/clock.ts'
import { type Guid, parseGuid } from '../../kernel/guid.ts'
import type { PasswordRow, PrincipalRow } from '../../store/records/directory/directory-objects.ts'
import type { DirectoryMemory } from './directory-memory.ts'
import { SignInFault } from './faults.ts'
import { toPrincipal } from './objects.ts'
import type { TokenEndpoint } from './token-endpoint.ts'

export interface SignInDeps {
  readonly memory: DirectoryMemory
  readonly clock: Clock
}

type Request = Parameters<TokenEndpoint['signIn']>[0]

export interface SignIn {
  readonly row: PrincipalRow
  readonly passwordId: Guid
}

/** In Entra ID's order: tenant, application, its service principal there, secret. @throws SignInFault */
export function signInWithSecret(
  { memory, clock }: SignInDeps,
  { tenant, clientId, secret }: Request,
): SignIn {
  const appId = parseGuid(clientId)
  const application = appId === null ? null : memory.applicationByAppId(appId)
  const tenantId = tenant === null ? (application?.tenantId ?? null) : tenantOf(memory, tenant)
  if (application === null || application.tenantId !== tenantId) {
    throw new SignInFault('application-unknown', { clientId, tenant: tenant ?? 'adfs' })
  }
  const principal = memory.principalByAppId(application.appId)
  if (principal === null) throw new SignInFault('principal-missing', { clientId, tenant: tenantId })
  const password = application.passwords.find(({ verifier }) =>
    verifySecret(secret, Buffer.from(verifier, 'base64')),
  )
  if (password === undefined) throw new SignInFault('secret-wrong', { clientId })
  const now = clock.now()
  if (isPast(password, now)) throw new SignInFault('secret-expired', { clientId })
  if (now.getTime() < Date.parse(password.startsAt)) throw new SignInFault('secret-wrong', { clientId })
  return { row: principal, passwordId: password.keyId }
}

export function signIn(deps: SignInDeps, request: Request): ReturnType<TokenEndpoint['signIn']> {
  const { row, passwordId } = signInWithSecret(deps, request)
  return { principal: toPrincipal(row), passwordId }
}

export function isPasswordInForce({ memory, clock }: SignInDeps, passwordId: Guid): boolean {
  const password = memory.password(passwordId)
  return password !== null && !isPast(password, clock.now())
}

function isPast({ endsAt }: PasswordRow, now: Date): boolean {
  return now.getTime() >= Date.parse(endsAt)
}

/** @throws SignInFault `tenant-unknown` */
function tenantOf(memory: DirectoryMemory, tenant: string): Guid {
  const id = parseGuid(tenant)
  if (id === null || memory.tenant(id) === null) throw new SignInFault('tenant-unknown', { tenant })
  return id
}
