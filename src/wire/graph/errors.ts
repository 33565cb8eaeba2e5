import { HttpFault, type HttpFaults } from '../../http/faults.ts'
import { type Reply, type RequestHead } from '../../http/operation.ts'
import { type Endpoints, urlOf } from '../../kernel/endpoints.ts'
import { Outage } from '../../kernel/fault.ts'
import {
  DirectoryFault,
  type DirectoryFaults,
  DirectoryObjectFault,
  type DirectoryObjectFaults,
} from '../../services/directory/faults.ts'
import { type AzureError, azureErrorReply } from '../shared/azure-error.ts'
import { GraphFault, type GraphFaults } from './faults.ts'

type Table<M> = { readonly [K in keyof M]: (facts: M[K]) => AzureError }

const tokens: Table<DirectoryFaults> = {
  'token-malformed': () => unauthorized('CompactToken parsing failed.'),
  'token-signature': () => unauthorized('Access token validation failure. Invalid signature.'),
  'token-algorithm': () => unauthorized('Access token validation failure. Invalid algorithm.'),
  'token-expired': () => unauthorized('Lifetime validation failed, the token is expired.'),
  'token-not-yet-valid': () => unauthorized('Lifetime validation failed, the token is not valid yet.'),
  'token-issuer': () => unauthorized('Access token validation failure. Invalid issuer.'),
  'token-audience': () => unauthorized('Access token validation failure. Invalid audience.'),
  'principal-gone': () => unauthorized('The identity of the calling application could not be established.'),
}

const objects: Table<DirectoryObjectFaults> = {
  'not-administrator': () => ({
    status: 403,
    code: 'Authorization_RequestDenied',
    message: 'Insufficient privileges to complete the operation.',
  }),
  'object-not-found': ({ id }) => ({
    status: 404,
    code: 'Request_ResourceNotFound',
    message: `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  }),
  // az waits for these words, and tries again, while a new application spreads in Entra ID.
  'application-not-found': ({ appId }) =>
    badRequest(
      `The appId '${appId}' of the service principal does not reference a valid application object.`,
    ),
  'password-not-found': ({ keyId }) => badRequest(`No password credential found with keyId '${keyId}'.`),
  'principal-exists': ({ appId }) => ({
    status: 409,
    code: 'Request_MultipleObjectsWithSameKeyValue',
    message: `The service principal cannot be created, updated, or restored because the service principal name ${appId} is already in use.`,
  }),
  'managed-identity': () => ({
    status: 403,
    code: 'Authorization_RequestDenied',
    message: 'A managed identity is changed through the resource that it belongs to.',
  }),
  'last-administrator': () =>
    badRequest(
      'The last administrator of the tenant cannot be deleted: nobody could change the directory any more.',
    ),
  'property-invalid': ({ property, reason }) => invalidProperty(property, reason),
  'application-in-use': ({ appId }) =>
    badRequest(
      `Other tenants have service principals of the application ${appId}: they must be deleted there before it can be kept to its own tenant.`,
    ),
  'application-elsewhere': () => ({
    status: 403,
    code: 'Authorization_RequestDenied',
    message:
      'The credentials of this service principal are kept with its application, which is registered in another tenant.',
  }),
  'credential-invalid': ({ property, value, reason }) =>
    invalidCredential(`The value '${shown(value)}' of ${property} is not valid: ${reason}.`),
  'credential-exists': ({ name }) => ({
    status: 409,
    code: 'Request_MultipleObjectsWithSameKeyValue',
    message: `FederatedIdentityCredential with name ${name} already exists.`,
  }),
  'credential-repeated': ({ issuer, subject }) =>
    invalidCredential(
      `The combination of issuer and subject must be unique for the application. Issuer ${issuer} and Subject: ${subject} already exist.`,
    ),
  'credentials-too-many': ({ max }) =>
    invalidCredential(`An application has ${max} federated identity credentials at most.`),
}

const requests: Table<GraphFaults> = {
  'token-missing': () => unauthorized('Access token is empty.'),
  'object-id-invalid': ({ id }) => badRequest(`Invalid object identifier '${id.slice(0, 100)}'.`),
  'filter-unsupported': () => ({
    status: 400,
    code: 'Request_UnsupportedQuery',
    message: 'Unsupported or invalid query filter clause specified.',
  }),
  'page-invalid': ({ option }) => badRequest(`Invalid value specified for the query option '${option}'.`),
  'property-unsupported': ({ property, reason }) => invalidProperty(property, reason),
  'not-delegated': () => ({
    status: 400,
    code: 'BadRequest',
    message: '/me request is only valid with delegated authentication flow.',
  }),
}

const http: Table<HttpFaults> = {
  'path-malformed': ({ reason }) => badRequest(`The path is not valid: ${reason}.`),
  'operation-unknown': () => badRequest('Resource not found for the segment.'),
  'method-not-allowed': ({ allowed }) => ({
    status: 405,
    code: 'Request_BadRequest',
    message: 'Specified HTTP method is not allowed for the request target.',
    headers: { allow: allowed.join(', ') },
  }),
  'body-too-large': ({ maxBytes }) => ({
    status: 413,
    code: 'Request_EntityTooLarge',
    message: `The request body is larger than ${maxBytes} bytes.`,
  }),
  'body-malformed': ({ reason }) => badRequest(`The request body could not be read: ${reason}.`),
  'body-aborted': () => badRequest('The request body ended early.'),
  'body-too-slow': () => ({
    status: 408,
    code: 'RequestTimeout',
    message: 'The request body came too slowly.',
  }),
}

/** Total: whatever was thrown, in Graph's form. https://learn.microsoft.com/graph/errors */
export function graphFailure(endpoints: Endpoints, thrown: unknown, head: RequestHead): Reply {
  const error = graphError(thrown)
  const challenge =
    error.status === 401
      ? {
          'www-authenticate': `Bearer realm="", authorization_uri="${urlOf(endpoints, 'login')}/common/oauth2/authorize"`,
        }
      : {}
  return azureErrorReply({
    ...error,
    headers: { ...challenge, ...error.headers },
    members: { innerError: { 'request-id': head.requestId, 'client-request-id': clientRequestId(head) } },
  })
}

export function clientRequestId(head: RequestHead): string {
  const sent = head.headers.get('client-request-id') ?? ''
  return /^[\w-]{1,64}$/.test(sent) ? sent : head.requestId
}

function graphError(thrown: unknown): AzureError {
  if (thrown instanceof DirectoryFault) return render(tokens, thrown)
  if (thrown instanceof DirectoryObjectFault) return render(objects, thrown)
  if (thrown instanceof GraphFault) return render(requests, thrown)
  if (thrown instanceof HttpFault) return render(http, thrown)
  if (thrown instanceof Outage) {
    return {
      status: 503,
      code: 'serviceNotAvailable',
      message: 'The service is temporarily unavailable. Try again later.',
      headers: { 'retry-after': String(thrown.retryAfterSeconds) },
    }
  }
  return { status: 500, code: 'generalException', message: 'There was an internal server error.' }
}

function render<M extends object, K extends keyof M & string>(
  table: Table<M>,
  { code, facts }: { readonly code: K; readonly facts: M[K] },
): AzureError {
  return table[code](facts)
}

function unauthorized(message: string): AzureError {
  return { status: 401, code: 'InvalidAuthenticationToken', message }
}

function badRequest(message: string): AzureError {
  return { status: 400, code: 'Request_BadRequest', message }
}

function invalidCredential(message: string): AzureError {
  return { status: 400, code: 'InvalidFederatedIdentityCredentialValue', message }
}

/** What a client sent, short enough for an error and without what would play tricks on a terminal. */
function shown(text: string): string {
  return text.slice(0, 200).replace(/\p{Cc}/gu, ' ')
}

function invalidProperty(property: string, reason: string): AzureError {
  return badRequest(`Invalid value specified for property '${property}' of resource: ${reason}.`)
}
