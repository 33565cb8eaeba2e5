import { HttpFault, type HttpFaults } from '../../http/faults.ts'
import { type Endpoints, audienceOf, urlOf } from '../../kernel/endpoints.ts'
import { Outage } from '../../kernel/fault.ts'
import { AccessFault, type AccessFaults } from '../../services/access/faults.ts'
import { DirectoryFault, type DirectoryFaults } from '../../services/directory/faults.ts'
import { refusalOf } from '../../services/resources/faults.ts'
import type { AzureError } from '../shared/azure-error.ts'
import { MissingToken } from './auth.ts'

type Table<F> = { readonly [K in keyof F]: (facts: F[K]) => AzureError }

const http: Table<HttpFaults> = {
  'path-malformed': ({ reason }) =>
    error(400, 'InvalidRequestUri', `The request path is not valid: ${reason}.`),
  'operation-unknown': () => error(404, 'NotFound', 'The resource manager has nothing at that path.'),
  'method-not-allowed': ({ allowed }) => ({
    ...error(405, 'MethodNotAllowed', 'That path does not take this method.'),
    headers: { allow: allowed.join(', ') },
  }),
  'body-too-large': ({ maxBytes }) =>
    error(
      413,
      'RequestContentTooLarge',
      `The request content is larger than the maximum of ${maxBytes} bytes.`,
    ),
  'body-malformed': ({ reason }) =>
    error(
      400,
      'InvalidRequestContent',
      `The request content was invalid and could not be deserialized: '${reason}'.`,
    ),
  'body-aborted': () => error(400, 'RequestAborted', 'The request ended before its body did.'),
  'body-too-slow': () => error(408, 'RequestTimeout', 'The request body arrived too slowly.'),
}

const access: Table<AccessFaults> = {
  denied: ({ principalId, action, scope }) =>
    error(
      403,
      'AuthorizationFailed',
      `The client '${principalId}' with object id '${principalId}' does not have authorization to perform action '${action}' over scope '${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
    ),
  'role-unknown': ({ roleId }) =>
    error(
      404,
      'RoleDefinitionDoesNotExist',
      `The specified role definition with ID '${roleId}' does not exist.`,
    ),
  'principal-unknown': ({ principalId, tenantId }) =>
    error(
      400,
      'PrincipalNotFound',
      `Principal ${principalId.replaceAll('-', '')} does not exist in the directory ${tenantId}.`,
    ),
  'assignment-exists': ({ name }) =>
    error(
      409,
      'RoleAssignmentExists',
      `The role assignment already exists. The ID of the conflicting role assignment is ${name.replaceAll('-', '')}.`,
    ),
  'assignment-fixed': () =>
    error(
      400,
      'RoleAssignmentUpdateNotPermitted',
      'Tenant ID, application ID, principal ID, and scope are not allowed to be updated.',
    ),
  'assignment-not-found': ({ name }) =>
    error(404, 'RoleAssignmentNotFound', `The role assignment '${name}' is not found.`),
}

const token = (endpoints: Endpoints): Table<DirectoryFaults> => ({
  'token-malformed': () => invalidToken('The access token is invalid.'),
  'token-signature': () => invalidToken('The access token is invalid.'),
  'token-algorithm': () => invalidToken('The access token is invalid.'),
  'token-not-yet-valid': () => invalidToken('The access token is not valid yet.'),
  'token-issuer': ({ issuer }) =>
    error(
      401,
      'InvalidAuthenticationTokenTenant',
      `The access token is from the wrong issuer '${issuer}'. It must match a tenant of this installation.`,
    ),
  'token-audience': ({ audience }) =>
    error(
      401,
      'InvalidAuthenticationTokenAudience',
      `The access token has been obtained from wrong audience or resource '${audience}'. It should exactly match (including forward slash) with one of the allowed audiences '${audienceOf(endpoints, 'management')}/'.`,
    ),
  'token-expired': ({ expiredAt }) =>
    error(
      401,
      'ExpiredAuthenticationToken',
      `The access token expiry UTC time '${expiredAt.toISOString()}' is earlier than current UTC time.`,
    ),
  'principal-gone': () => invalidToken('The principal of the access token does not exist any more.'),
})

/** Any thrown value in ARM's words. A bug keeps its own to itself. */
export function toArmError(endpoints: Endpoints, thrown: unknown): AzureError {
  const refusal = refusalOf(thrown)
  if (refusal !== null) return refusal
  if (thrown instanceof DirectoryFault)
    return challenged(endpoints, signInError(endpoints, thrown as DirectoryFault))
  if (thrown instanceof AccessFault) return render(access, thrown as AccessFault)
  if (thrown instanceof HttpFault) return render(http, thrown as HttpFault)
  if (thrown instanceof Outage) {
    const why = thrown.detail === null ? '' : ` ${thrown.detail}`
    return {
      ...error(503, 'ServiceUnavailable', `The service cannot answer now. Please try again.${why}`),
      headers: { 'retry-after': String(thrown.retryAfterSeconds) },
    }
  }
  return error(500, 'InternalServerError', 'The server encountered an unexpected condition.')
}

function signInError(endpoints: Endpoints, fault: DirectoryFault): AzureError {
  return fault instanceof MissingToken
    ? error(401, 'AuthenticationFailed', "Authentication failed. The 'Authorization' header is missing.")
    : render(token(endpoints), fault)
}

/** Where a client signs in. https://learn.microsoft.com/rest/api/azure/#authenticate */
function challenged(endpoints: Endpoints, refusal: AzureError): AzureError {
  const uri = `${urlOf(endpoints, 'login')}/organizations`
  const challenge = `Bearer authorization_uri="${uri}", error="invalid_token", error_description="${refusal.code}"`
  return { ...refusal, headers: { 'www-authenticate': challenge } }
}

function render<F extends object, K extends keyof F & string>(
  table: Table<F>,
  { code, facts }: { readonly code: K; readonly facts: F[K] },
): AzureError {
  return table[code](facts)
}

function invalidToken(message: string): AzureError {
  return error(401, 'InvalidAuthenticationToken', message)
}

function error(status: number, code: string, message: string): AzureError {
  return { status, code, message }
}
