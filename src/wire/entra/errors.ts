import { HttpFault, type HttpFaults } from '../../http/faults.ts'
import type { Reply, RequestHead } from '../../http/operation.ts'
import { type Clock, azureTime } from '../../kernel/clock.ts'
import { Outage } from '../../kernel/fault.ts'
import {
  FederationFault,
  type FederationFaults,
  SignInFault,
  type SignInFaults,
} from '../../services/directory/faults.ts'
import { correlationIdOf } from './correlation.ts'
import { EntraFault, type EntraFaults } from './faults.ts'

/** https://learn.microsoft.com/entra/identity-platform/reference-error-codes */
interface EntraError {
  readonly status: number
  /** RFC 6749 section 5.2, or Entra ID's own. */
  readonly error: string
  /** The number behind AADSTS. */
  readonly code: number
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

type Table<M> = { readonly [K in keyof M]: (facts: M[K]) => EntraError }

/** A wrong secret is 401, not 400: MSAL keeps a 400 on disk and would go on failing after the secret was mended. */
const signIn: Table<SignInFaults> = {
  'tenant-unknown': ({ tenant }) => unknownTenant('invalid_request', tenant),
  'application-unknown': ({ clientId, tenant }) => ({
    status: 400,
    error: 'unauthorized_client',
    code: 700016,
    message: `Application with identifier '${shown(clientId)}' was not found in the directory '${shown(tenant)}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.`,
  }),
  'principal-missing': ({ clientId, tenant }) => ({
    status: 400,
    error: 'unauthorized_client',
    code: 7000229,
    message: `The client application '${shown(clientId)}' is missing service principal in the tenant '${tenant}'.`,
  }),
  'secret-wrong': ({ clientId }) => ({
    status: 401,
    error: 'invalid_client',
    code: 7000215,
    message: `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${shown(clientId)}'.`,
  }),
  'secret-expired': ({ clientId }) => ({
    status: 401,
    error: 'invalid_client',
    code: 7000222,
    message: `The provided client secret keys for app '${shown(clientId)}' are expired. Create new keys for your app, or consider using certificate credentials for added security.`,
  }),
  'resource-unknown': ({ resource, tenant }) => ({
    status: 400,
    error: 'invalid_resource',
    code: 500011,
    message: `The resource principal named ${shown(resource)} was not found in the tenant named ${tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.`,
  }),
}

const FEDERATION_HELP = 'https://learn.microsoft.com/entra/workload-id/workload-identity-federation'
const checkCredential = `Check your federated identity credential Subject, Audience and Issuer against the presented assertion. ${FEDERATION_HELP}`
const unmatchedCodes = { issuer: 700211, audience: 700212, subject: 700213 } as const

const federation: Table<FederationFaults> = {
  'assertion-malformed': () => ({
    status: 400,
    error: 'invalid_request',
    code: 50027,
    message: 'JWT token is invalid or malformed.',
  }),
  'assertion-signature': () => ({
    status: 401,
    error: 'invalid_client',
    code: 700027,
    message:
      'The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]',
  }),
  'assertion-time': ({ now, expiresAt }) => ({
    status: 401,
    error: 'invalid_client',
    code: 700024,
    message: `Client assertion is not within its valid time range. Current time: ${azureTime(now)}${expiresAt === null ? '' : `, expiry time of assertion ${azureTime(expiresAt)}`}.`,
  }),
  'federation-absent': ({ clientId, displayName }) => ({
    status: 401,
    error: 'invalid_client',
    code: 70025,
    message: `The client '${shown(clientId)}'(${shown(displayName)}) has no configured federated identity credentials.`,
  }),
  'federation-unmatched': ({ member, presented }) => ({
    status: 401,
    error: 'invalid_client',
    code: unmatchedCodes[member],
    message: `No matching federated identity record found for presented assertion ${member} '${shown(presented)}'. ${checkCredential}`,
  }),
  'federation-case': ({ presented }) => ({
    status: 401,
    error: 'invalid_client',
    code: 7002138,
    message: `No matching federated identity record found for presented assertion subject '${shown(presented)}'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison. ${checkCredential}`,
  }),
  'federation-by-application': () => ({
    status: 401,
    error: 'invalid_client',
    code: 700222,
    message: 'AAD-issued tokens may not be used for federated identity flows.',
  }),
}

const request: Table<EntraFaults> = {
  'parameter-missing': ({ parameter }) => ({
    status: 400,
    error: 'invalid_request',
    code: 900144,
    message: `The request body must contain the following parameter: '${parameter}'.`,
  }),
  'parameter-repeated': ({ parameter }) => ({
    status: 400,
    error: 'invalid_request',
    code: 9000411,
    message: `The request is not properly formatted. The parameter '${parameter}' is duplicated.`,
  }),
  'grant-unsupported': ({ grantType }) => ({
    status: 400,
    error: 'unsupported_grant_type',
    code: 70003,
    message: `The app requested an unsupported grant type '${shown(grantType)}'.`,
  }),
  'credential-missing': () => ({
    status: 401,
    error: 'invalid_client',
    code: 7000216,
    message: `'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.`,
  }),
  'assertion-type-unknown': () => ({
    status: 400,
    error: 'invalid_request',
    code: 90023,
    message:
      "The parameter 'client_assertion_type' is not 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'.",
  }),
  'scope-invalid': ({ scope }) => ({
    status: 400,
    error: 'invalid_scope',
    code: 70011,
    message: `The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope ${shown(scope)} is not valid.`,
  }),
  'discovery-tenant-unknown': ({ tenant }) => unknownTenant('invalid_tenant', tenant),
  'instance-unknown': () => ({
    status: 400,
    error: 'invalid_instance',
    code: 50049,
    message: 'Unknown or invalid instance.',
  }),
}

const http: Table<HttpFaults> = {
  'path-malformed': () => unservable(400),
  'operation-unknown': () => unservable(404),
  'method-not-allowed': ({ allowed }) => ({
    status: 405,
    error: 'invalid_request',
    code: 900561,
    message: `The endpoint only accepts ${allowed.join(', ')} requests.`,
    headers: { allow: allowed.join(', ') },
  }),
  'body-too-large': () => unservable(413),
  'body-malformed': () => unservable(400),
  'body-aborted': () => unservable(400),
  'body-too-slow': () => unservable(408),
}

/** Total: whatever was thrown, in Entra ID's form. */
export function entraFailure(
  { clock }: { readonly clock: Clock },
  thrown: unknown,
  head: RequestHead,
): Reply {
  const { status, error, code, message, headers } = entraError(thrown)
  const correlationId = correlationIdOf(head)
  const timestamp = `${clock.now().toISOString().slice(0, 19).replace('T', ' ')}Z`
  const description = [
    `AADSTS${code}: ${message}`,
    `Trace ID: ${head.requestId}`,
    `Correlation ID: ${correlationId}`,
    `Timestamp: ${timestamp}`,
  ]
  return {
    status,
    headers: headers ?? {},
    body: {
      error,
      error_description: description.join('\r\n'),
      error_codes: [code],
      timestamp,
      trace_id: head.requestId,
      correlation_id: correlationId,
    },
  }
}

function entraError(thrown: unknown): EntraError {
  if (thrown instanceof SignInFault) return render(signIn, thrown)
  if (thrown instanceof FederationFault) return render(federation, thrown)
  if (thrown instanceof EntraFault) return render(request, thrown)
  if (thrown instanceof HttpFault) return render(http, thrown)
  if (thrown instanceof Outage) {
    return {
      status: 503,
      error: 'temporarily_unavailable',
      code: 90033,
      message: 'A transient error has occurred. Please try again.',
      headers: { 'retry-after': String(thrown.retryAfterSeconds) },
    }
  }
  return { status: 500, error: 'server_error', code: 50000, message: 'There was an error issuing a token.' }
}

function render<M extends object, K extends keyof M & string>(
  table: Table<M>,
  { code, facts }: { readonly code: K; readonly facts: M[K] },
): EntraError {
  return table[code](facts)
}

function unknownTenant(error: string, tenant: string): EntraError {
  return {
    status: 400,
    error,
    code: 90002,
    message: `Tenant '${shown(tenant)}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.`,
  }
}

function unservable(status: number): EntraError {
  return {
    status,
    error: 'invalid_request',
    code: 90023,
    message: 'The authentication service request is not valid.',
  }
}

/** What a client sent, short enough for an error and without what would play tricks on a terminal. */
function shown(text: string): string {
  return text.slice(0, 200).replace(/\p{Cc}/gu, ' ')
}
