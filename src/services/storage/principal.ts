import { type Endpoints, STORAGE_AUDIENCE, urlOf } from '../../kernel/endpoints.ts'
import type { Access, Rights } from '../access/access.ts'
import type { Caller } from '../directory/caller.ts'
import type { Directory } from '../directory/directory.ts'
import { DirectoryFault, type DirectoryFaults } from '../directory/faults.ts'
import { StorageAuthFault, authenticationFailed } from './auth-faults.ts'
import type { StorageCaller, StoragePermission } from './storage-caller.ts'
import type { StorageRequest } from './storage-request.ts'

export interface BearerDeps {
  readonly directory: Pick<Directory, 'authenticate'>
  readonly endpoints: Endpoints
}

/** Azure's words, which its SDKs' users search for. */
const details: { readonly [K in keyof DirectoryFaults]: string } = {
  'token-malformed': 'Authentication scheme Bearer is not supported in this form.',
  'token-signature': 'Signature validation failed. Signature verification failed.',
  'token-algorithm': 'Signature validation failed. Signature verification failed.',
  'token-expired': 'Lifetime validation failed. The token is expired.',
  'token-not-yet-valid': 'Lifetime validation failed. The token is not yet valid.',
  'token-issuer': 'Issuer validation failed. Issuer did not match.',
  'token-audience': 'Audience validation failed. Audience did not match.',
  'principal-gone': 'The principal of the token does not exist any more.',
}

/** Whose token it is, of whatever tenant. @throws StorageAuthFault `token-refused`, `authentication-failed` */
export async function callerOfToken(
  { directory, endpoints }: BearerDeps,
  { account, service, tlsVersion }: StorageRequest,
  token: string,
): Promise<Caller> {
  if (tlsVersion === null)
    throw authenticationFailed('Authentication scheme Bearer is not supported over http')
  const audiences = [STORAGE_AUDIENCE, urlOf(endpoints, `${account.name}.${service}.core`)]
  const refused = (detail: string) =>
    new StorageAuthFault('token-refused', { tenantId: account.tenantId, detail })
  try {
    const caller = await directory.authenticate(token, audiences)
    // Such a token opens vaults, and nothing else.
    if (caller.trustedForResource !== null) throw refused(details['token-audience'])
    return caller
  } catch (error) {
    if (error instanceof DirectoryFault) throw refused(details[(error as DirectoryFault).code])
    throw error
  }
}

/** @throws StorageAuthFault `token-refused`, `authentication-failed` */
export async function principalCaller(
  deps: BearerDeps & { readonly access: Pick<Access, 'rightsAt'> },
  request: StorageRequest,
  token: string,
): Promise<StorageCaller> {
  const { account } = request
  const { principalId, tenantId } = await callerOfToken(deps, request, token)
  if (tenantId !== account.tenantId) {
    throw new StorageAuthFault('token-refused', {
      tenantId: account.tenantId,
      detail: details['token-issuer'],
    })
  }
  const rights = await deps.access.rightsAt(principalId, rbacScopeOf(request))
  return {
    account,
    kind: 'principal',
    principal: { principalId, tenantId },
    responseHeaders: {},
    encryptionScope: null,
    permits: (permission) => rightsPermit(rights, permission),
    refusal: () => new StorageAuthFault('permission-mismatch', {}),
  }
}

/** Where the roles are asked for: Azure knows no scope below a container. */
export function rbacScopeOf({ account, container }: StorageRequest): string {
  const service = `${account.resourceId}/blobServices/default`
  return container === null ? service : `${service}/containers/${container}`
}

export function rightsPermit(rights: Rights, { action }: StoragePermission): boolean {
  if (action === null) return false
  return action.isData ? rights.allowsData(action.name) : rights.allows(action.name)
}
