import { verifySecret } from '../../crypto/password.ts'
import type { Clock } from '../../kernel/clock.ts'
import { type Guid, parseGuid } from '../../kernel/guid.ts'
import type {
  ApplicationRow,
  PasswordRow,
  PrincipalRow,
} from '../../store/records/directory/directory-objects.ts'
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
export function signInWithSecret(deps: SignInDeps, { secret, ...client }: Request): SignIn {
  const { clientId } = client
  const { application, principal } = findClient(deps.memory, client)
  const password = application.passwords.find(({ verifier }) =>
    verifySecret(secret, Buffer.from(verifier, 'base64')),
  )
  if (password === undefined) throw new SignInFault('secret-wrong', { clientId })
  const now = deps.clock.now()
  if (isPast(password, now)) throw new SignInFault('secret-expired', { clientId })
  if (now.getTime() < Date.parse(password.startsAt)) throw new SignInFault('secret-wrong', { clientId })
  return { row: principal, passwordId: password.keyId }
}

/**
 * The application, and its service principal in the tenant that the client asks a token of.
 * @param client `tenant` null: the application's own
 * @throws SignInFault `tenant-unknown`, `application-unknown`, `principal-missing`
 */
export function findClient(
  memory: DirectoryMemory,
  { tenant, clientId }: Pick<Request, 'tenant' | 'clientId'>,
): { readonly application: ApplicationRow; readonly principal: PrincipalRow } {
  const appId = parseGuid(clientId)
  const application = appId === null ? null : memory.applicationByAppId(appId)
  const tenantId = tenant === null ? (application?.tenantId ?? null) : tenantOf(memory, tenant)
  const unknown = new SignInFault('application-unknown', { clientId, tenant: tenant ?? 'adfs' })
  if (application === null || tenantId === null) throw unknown
  const principal = memory.principalIn(tenantId, application.appId)
  if (principal !== null) return { application, principal }
  // In another tenant it was never let in, or is not for others: not told apart.
  if (application.tenantId !== tenantId) throw unknown
  throw new SignInFault('principal-missing', { clientId, tenant: tenantId })
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
