import { type Endpoints, urlOf } from '../../../kernel/endpoints.ts'
import type { StorageAuthFault, StorageAuthFaults } from '../../../services/storage/auth-faults.ts'

/** A refusal as every storage service words it; each writes it in a form of its own. */
export interface StorageAuthError {
  readonly status: number
  readonly code: string
  readonly message: string
  /** `AuthenticationErrorDetail` */
  readonly detail?: string
  readonly headers?: Readonly<Record<string, string>>
}

type Table = {
  readonly [K in keyof StorageAuthFaults]: (
    facts: StorageAuthFaults[K],
    endpoints: Endpoints,
  ) => StorageAuthError
}

const FAILED =
  'Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.'
const CHALLENGED =
  'Server failed to authenticate the request. Please refer to the information in the www-authenticate header.'
const FORBIDDEN = 'This request is not authorized to perform this operation'

/** https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes */
const table: Table = {
  'authentication-failed': ({ detail }) => ({ ...error(403, 'AuthenticationFailed', FAILED), detail }),
  'authorization-malformed': () =>
    error(
      400,
      'InvalidAuthenticationInfo',
      'The authentication information was not provided in the correct format. Verify the value of Authorization header.',
    ),
  'token-refused': ({ tenantId, detail }, endpoints) => ({
    ...error(401, 'InvalidAuthenticationInfo', CHALLENGED),
    detail,
    headers: challenge(endpoints, tenantId),
  }),
  'credential-missing': ({ tenantId }, endpoints) => ({
    ...error(401, 'NoAuthenticationInformation', CHALLENGED),
    headers: challenge(endpoints, tenantId),
  }),
  'not-public': () => error(404, 'ResourceNotFound', 'The specified resource does not exist.'),
  'public-access-not-permitted': () =>
    error(409, 'PublicAccessNotPermitted', 'Public access is not permitted on this storage account.'),
  forbidden: () => error(403, 'AuthorizationFailure', `${FORBIDDEN}.`),
  'permission-mismatch': () =>
    error(403, 'AuthorizationPermissionMismatch', `${FORBIDDEN} using this permission.`),
  'protocol-mismatch': () => error(403, 'AuthorizationProtocolMismatch', `${FORBIDDEN} using this protocol.`),
  'source-ip-mismatch': ({ address }) =>
    error(403, 'AuthorizationSourceIPMismatch', `${FORBIDDEN} using this source IP ${address}.`),
  'service-mismatch': () => error(403, 'AuthorizationServiceMismatch', `${FORBIDDEN} using this service.`),
  'resource-type-mismatch': () =>
    error(403, 'AuthorizationResourceTypeMismatch', `${FORBIDDEN} using this resource type.`),
  'key-authentication-not-permitted': () =>
    error(
      403,
      'KeyBasedAuthenticationNotPermitted',
      'Key based authentication is not permitted on this storage account.',
    ),
  'https-required': () =>
    error(400, 'AccountRequiresHttps', 'The account being accessed does not support http.'),
  'tls-version-not-permitted': () =>
    error(
      400,
      'TlsVersionNotPermitted',
      'The TLS version of the connection is not permitted on this storage account.',
    ),
  'delegation-times-invalid': ({ reason }) =>
    error(
      400,
      'InvalidXmlNodeValue',
      `The value for one of the XML nodes is not in the correct format: ${reason}.`,
    ),
}

export function storageAuthError(fault: StorageAuthFault, endpoints: Endpoints): StorageAuthError {
  return worded(fault, endpoints)
}

function worded<K extends keyof StorageAuthFaults>(
  { code, facts }: StorageAuthFault<K>,
  endpoints: Endpoints,
): StorageAuthError {
  return table[code](facts, endpoints)
}

function error(status: number, code: string, message: string): StorageAuthError {
  return { status, code, message }
}

/** As the SDKs split it: at the blank, without quotes. */
function challenge(endpoints: Endpoints, tenantId: string): Readonly<Record<string, string>> {
  const authority = `${urlOf(endpoints, 'login')}/${tenantId}/oauth2/authorize`
  return {
    'www-authenticate': `Bearer authorization_uri=${authority} resource_id=https://storage.azure.com`,
  }
}
