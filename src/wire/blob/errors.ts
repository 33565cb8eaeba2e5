import { HttpFault, type HttpFaults } from '../../http/faults.ts'
import type { Reply, RequestHead } from '../../http/operation.ts'
import { Outage } from '../../kernel/fault.ts'
import { azureTime } from '../../kernel/clock.ts'
import { SourceFault } from '../../services/blob/copy-source.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import { KeyringFault, type KeyringFaults } from '../../services/keyring/keyring.ts'
import type { RefusalCause } from '../../services/keyring/ports.ts'
import { StorageAuthFault } from '../../services/storage/auth-faults.ts'
import type { Endpoints } from '../../kernel/endpoints.ts'
import { isAnonymous } from '../shared/storage-auth/credential.ts'
import { storageAuthError } from '../shared/storage-auth/errors.ts'
import { StructuredBodyFault, type StructuredBodyFaults } from '../shared/structured-body.ts'
import { type XmlElement, writeXml } from '../shared/xml.ts'
import { blobErrors } from './blob-errors.ts'
import { type Table, type WireError, copySourceError, error } from './wire-error.ts'

const tokenCauses: ReadonlySet<RefusalCause> = new Set(['identity-gone', 'token-refused'])

/** The three codes of the customer's key: common-rest-api-error-codes. The cause is told, so that it can be mended. */
const keys: Table<KeyringFaults> = {
  'key-refused': ({ keyId, identity, cause, message }) => ({
    ...keyRefusal(cause),
    details: { KeyId: keyId, Identity: identity, Cause: cause, Reason: message },
  }),
  'key-id-invalid': ({ reason }) => ({ ...keyRefusal('key-not-found'), details: { Reason: reason } }),
  'key-unfit': ({ missing }) => ({ ...keyRefusal('key-not-found'), details: { Reason: missing.join('; ') } }),
  'wrapping-refused': () =>
    error(
      500,
      'InternalError',
      "The record of the account's key is damaged or does not belong to it: restore it from a backup.",
    ),
}

function keyRefusal(cause: RefusalCause): WireError {
  if (cause === 'vault-not-found') {
    return error(403, 'KeyVaultVaultNotFound', 'The key vault is not found for encryption.')
  }
  if (tokenCauses.has(cause)) {
    return error(
      403,
      'KeyVaultAccessTokenCannotBeAcquired',
      'The access token for the key vault cannot be acquired with the identity of this account.',
    )
  }
  return error(
    403,
    'KeyVaultEncryptionKeyNotFound',
    'The key vault key is not found to unwrap the encryption key.',
  )
}

const transport: Table<HttpFaults> = {
  'path-malformed': ({ reason }) =>
    error(400, 'InvalidUri', 'The requested URI does not represent any resource on the server.', {
      Reason: reason,
    }),
  'operation-unknown': () =>
    error(400, 'InvalidUri', 'The requested URI does not represent any resource on the server.'),
  'method-not-allowed': ({ allowed }) => ({
    ...error(405, 'UnsupportedHttpVerb', "The resource doesn't support specified Http Verb."),
    headers: { allow: allowed.join(', ') },
  }),
  'body-too-large': ({ maxBytes }) =>
    error(
      413,
      'RequestBodyTooLarge',
      'The request body is too large and exceeds the maximum permissible limit.',
      { MaxLimit: String(maxBytes) },
    ),
  'body-malformed': ({ reason }) =>
    error(400, 'InvalidInput', 'One of the request inputs is not valid.', { Reason: reason }),
  'body-aborted': () => error(400, 'IncompleteBody', 'The request body ended before its announced length.'),
  'body-too-slow': () =>
    error(408, 'OperationTimedOut', 'The operation could not be completed within the permitted time.'),
}

const structuredBodies: Table<StructuredBodyFaults> = {
  malformed: ({ reason }) =>
    error(400, 'InvalidInput', 'One of the request inputs is not valid.', {
      Reason: `Structured body: ${reason}`,
    }),
  mismatch: blobErrors['crc64-mismatch'],
}

/** Total: whatever was thrown, an error in the protocol's form and none of our words for a bug. */
export function fail(thrown: unknown, head: RequestHead, endpoints: Endpoints): Reply {
  const { status, code, message, details, headers } = render(thrown, endpoints)
  // Whose key it is, and why it does not open, is nothing for the public.
  const isTold = !(thrown instanceof KeyringFault && isAnonymous(head))
  const always = { 'x-ms-error-code': code, ...headers }
  if (status === 304) return { status, headers: always }
  const text = `${message}\nRequestId:${head.requestId}\nTime:${azureTime(new Date())}`
  const root: XmlElement = [
    'Error',
    [
      ['Code', code],
      ['Message', text],
      ...Object.entries((isTold ? details : null) ?? {}).map(([name, value]): XmlElement => [name, value]),
    ],
  ]
  return {
    status,
    headers: { ...always, 'content-type': 'application/xml' },
    // The byte order mark is Azure's own.
    body: Buffer.from(`\ufeff${writeXml(root)}`),
  }
}

/** Total. */
export function render(thrown: unknown, endpoints: Endpoints): WireError {
  if (thrown instanceof BlobFault) return from(blobErrors, thrown)
  if (thrown instanceof SourceFault) return copySourceError(render(thrown.facts.refusal, endpoints))
  if (thrown instanceof KeyringFault) return from(keys, thrown)
  if (isAuthFault(thrown)) return authError(thrown, endpoints)
  if (thrown instanceof HttpFault) return from(transport, thrown)
  if (thrown instanceof StructuredBodyFault) return from(structuredBodies, thrown)
  if (thrown instanceof Outage) {
    return {
      ...error(
        503,
        'ServerBusy',
        'The server is currently unable to receive requests. Please retry your request.',
      ),
      headers: { 'retry-after': String(Math.ceil(thrown.retryAfterSeconds)) },
    }
  }
  return error(500, 'InternalError', 'The server encountered an internal error. Please retry the request.')
}

function isAuthFault(thrown: unknown): thrown is StorageAuthFault {
  return thrown instanceof StorageAuthFault
}

function authError(fault: StorageAuthFault, endpoints: Endpoints): WireError {
  const { detail, ...error } = storageAuthError(fault, endpoints)
  return detail === undefined ? error : { ...error, details: { AuthenticationErrorDetail: detail } }
}

function from<F extends object, K extends keyof F>(
  table: Table<F>,
  fault: { readonly code: K; readonly facts: F[K] },
): WireError {
  return table[fault.code](fault.facts)
}
