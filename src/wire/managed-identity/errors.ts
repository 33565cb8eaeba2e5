import { HttpFault, type HttpFaults } from '../../http/faults.ts'
import type { Reply, RequestHead } from '../../http/operation.ts'
import { Outage } from '../../kernel/fault.ts'
import { DirectoryFault, SignInFault, type SignInFaults } from '../../services/directory/faults.ts'
import {
  IdentityEndpointFault,
  type IdentityEndpointFaults,
} from '../../services/directory/identity-endpoint.ts'
import { ManagedIdentityFault, type ManagedIdentityFaults } from './faults.ts'

interface IdentityError {
  readonly status: number
  readonly error: string
  readonly description: string
  readonly headers?: Readonly<Record<string, string>>
}

type Table<M> = { readonly [K in keyof M]: (facts: M[K]) => IdentityError }

const notFound = () => bad('invalid_request', 'Identity not found')

/** Whatever a client can change by asking otherwise is 400: clients repeat 404, 429 and 5xx for minutes. */
const endpoint: Table<IdentityEndpointFaults> = {
  'identity-not-found': notFound,
  'identity-ambiguous': () =>
    bad(
      'invalid_request',
      'Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request',
    ),
}

const request: Table<ManagedIdentityFaults> = {
  'metadata-header-missing': () => bad('bad_request_102', 'Required metadata header not specified'),
  'secret-wrong': () => ({
    status: 401,
    error: 'unauthorized',
    description: 'The secret header is missing or wrong.',
  }),
  'not-local': () => bad('invalid_request', 'Only requests of this machine, under its own name, are served.'),
  'resource-missing': () => bad('invalid_request', "Required query variable 'resource' is missing"),
  'identity-named-twice': () =>
    bad('invalid_request', 'Name the identity by one of client_id, object_id and msi_res_id.'),
}

const signIn: Table<SignInFaults> = {
  'resource-unknown': ({ resource, tenant }) =>
    bad(
      'invalid_resource',
      `AADSTS500011: The resource principal named ${resource.slice(0, 200).replace(/\p{Cc}/gu, ' ')} was not found in the tenant named ${tenant}.`,
    ),
  'tenant-unknown': notFound,
  'application-unknown': notFound,
  'principal-missing': notFound,
  'secret-wrong': notFound,
  'secret-expired': notFound,
}

const http: Table<HttpFaults> = {
  'path-malformed': () => bad('invalid_request', 'The path is not valid.'),
  'operation-unknown': () => bad('invalid_request', 'There is nothing at this path.'),
  'method-not-allowed': ({ allowed }) => ({
    status: 405,
    error: 'invalid_request',
    description: 'The method is not allowed here.',
    headers: { allow: allowed.join(', ') },
  }),
  'body-too-large': () => ({ status: 413, error: 'invalid_request', description: 'The body is too large.' }),
  'body-malformed': () => bad('invalid_request', 'The body could not be read.'),
  'body-aborted': () => bad('invalid_request', 'The body ended early.'),
  'body-too-slow': () => ({
    status: 408,
    error: 'invalid_request',
    description: 'The body came too slowly.',
  }),
}

/** Total. Under `/msi/` in App Service's form too, which its clients print. */
export function identityFailure(thrown: unknown, head: RequestHead): Reply {
  const { status, error, description, headers } = identityError(thrown)
  const appService = head.path.startsWith('/msi/') ? { statusCode: status, message: description } : {}
  return { status, headers: headers ?? {}, body: { error, error_description: description, ...appService } }
}

function identityError(thrown: unknown): IdentityError {
  if (thrown instanceof IdentityEndpointFault) return render(endpoint, thrown)
  if (thrown instanceof ManagedIdentityFault) return render(request, thrown)
  if (thrown instanceof SignInFault) return render(signIn, thrown)
  if (thrown instanceof HttpFault) return render(http, thrown)
  // The identity went while its token was being made.
  if (thrown instanceof DirectoryFault) return notFound()
  if (thrown instanceof Outage) {
    const headers = { 'retry-after': String(thrown.retryAfterSeconds) }
    return { status: 503, error: 'temporarily_unavailable', description: 'Try again later.', headers }
  }
  return { status: 500, error: 'server_error', description: 'There was an internal error.' }
}

function render<M extends object, K extends keyof M & string>(
  table: Table<M>,
  { code, facts }: { readonly code: K; readonly facts: M[K] },
): IdentityError {
  return table[code](facts)
}

function bad(error: string, description: string): IdentityError {
  return { status: 400, error, description }
}
