import { HttpFault, type HttpFaults } from '../../http/faults.ts'
import type { Reply, RequestHead } from '../../http/operation.ts'
import { Outage } from '../../kernel/fault.ts'
import type { Json } from '../../kernel/json.ts'
import { KeyringFault, type KeyringFaults } from '../../services/keyring/keyring.ts'
import type { RefusalCause } from '../../services/keyring/ports.ts'
import { RegistryFault, type RegistryFaults } from '../../services/registry/faults.ts'
import {
  type RegistryAccess,
  RegistryAuthFault,
  type RegistryAuthFaults,
} from '../../services/registry/registry-identity.ts'
import { uploadLocation } from './paths.ts'
import { uploadedRange } from './ranges.ts'

/** OCI distribution-spec 1.1, "Error Codes". */
interface WireError {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly detail?: Json
  readonly headers?: Readonly<Record<string, string>>
}

type Table<F extends object> = { readonly [K in keyof F]: (facts: F[K]) => WireError }

const DISALLOWED =
  'The operation is disallowed on this registry, repository or image. View troubleshooting steps at https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation'

const content: Table<RegistryFaults> = {
  'name-invalid': ({ name }) => error(400, 'NAME_INVALID', 'invalid repository name', { name }),
  'name-unknown': ({ name }) => error(404, 'NAME_UNKNOWN', `repository "${name}" is not found`, { name }),
  'tag-invalid': ({ tag }) => error(400, 'MANIFEST_INVALID', 'invalid tag', { tag }),
  'too-many-tags': ({ max }) =>
    error(414, 'MANIFEST_INVALID', `a manifest takes at most ${max} tags at a time`),
  'digest-invalid': ({ digest, reason }) =>
    error(400, 'DIGEST_INVALID', `provided digest did not match uploaded content, or is invalid: ${reason}`, {
      digest,
    }),
  'manifest-unknown': ({ name, reference }) =>
    error(404, 'MANIFEST_UNKNOWN', `manifest ${reference} is not found`, { Name: name, Revision: reference }),
  'manifest-invalid': ({ reason }) =>
    error(400, 'MANIFEST_INVALID', `manifest invalid: ${reason}`, { reason }),
  'manifest-too-large': ({ maxBytes }) =>
    error(413, 'SIZE_INVALID', `the manifest is larger than ${maxBytes} bytes`),
  'manifest-blob-unknown': ({ digests }) =>
    error(400, 'MANIFEST_BLOB_UNKNOWN', 'manifest references blobs that the repository does not have', {
      digests: digests.slice(0, 100),
    }),
  'blob-unknown': ({ digest }) => ({
    ...error(404, 'BLOB_UNKNOWN', 'blob unknown to registry', digest),
    headers: { 'cache-control': 'no-cache' },
  }),
  'upload-unknown': ({ uploadId }) =>
    error(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry', {
      uploadId: uploadId.slice(0, 100),
    }),
  'upload-invalid': ({ reason }) => error(400, 'BLOB_UPLOAD_INVALID', `blob upload invalid: ${reason}`),
  'upload-range-invalid': ({ name, uploadId, range, size }) => ({
    ...error(416, 'BLOB_UPLOAD_RANGE_INVALID', 'the chunk does not begin where the upload ends', {
      Range: range,
      Reason: `out of order chunk: content range should start at ${size}`,
    }),
    headers: {
      location: uploadLocation(name, uploadId),
      range: uploadedRange(size),
      'docker-upload-uuid': uploadId,
    },
  }),
  'size-invalid': ({ reason }) =>
    error(400, 'SIZE_INVALID', `provided length did not match content length: ${reason}`),
  'range-not-satisfiable': ({ size }) => ({
    ...error(416, 'SIZE_INVALID', `the range does not lie within the blob's ${size} bytes`),
    headers: { 'content-range': `bytes */${size}` },
  }),
  'page-size-invalid': ({ n }) =>
    error(400, 'PAGINATION_NUMBER_INVALID', 'invalid number of results requested', { n }),
  'attributes-invalid': ({ reason }) => error(400, 'UNSUPPORTED', `invalid attributes: ${reason}`),
  'operation-disallowed': ({ name, reference }) => ({
    ...error(405, 'UNSUPPORTED', DISALLOWED, { name, reference }),
    headers: { allow: 'GET, HEAD' },
  }),
  // No 404: the content was not deleted, and a copy from a backup brings it back.
  'content-damaged': () =>
    error(
      503,
      'UNKNOWN',
      'What the registry has stored of this is damaged or missing: restore it from a backup, or delete it and push it again.',
    ),
}

const admission: Table<RegistryAuthFaults> = {
  unauthenticated: ({ host, access, error: reason }) => ({
    ...error(
      401,
      'UNAUTHORIZED',
      'authentication required, visit https://aka.ms/acr/authorization for more information.',
      access.length === 0 ? null : detailOf(access),
    ),
    headers: { 'www-authenticate': challenge(host, access, reason) },
  }),
  denied: ({ access, reason }) =>
    error(403, 'DENIED', reason ?? 'requested access to the resource is denied', detailOf(access)),
  'registry-unknown': ({ host }) =>
    error(404, 'NAME_UNKNOWN', `registry "${host.slice(0, 255)}" is not found`),
}

const keys: Table<KeyringFaults> = {
  'key-refused': ({ keyId, identity, cause, message }) =>
    error(
      403,
      'DENIED',
      `The registry's data is blocked: its customer-managed key '${keyId}' does not open for identity '${identity}' (${cause}). ${remedies[cause]} Access returns by itself. For more information, please visit 'https://aka.ms/acr/cmk'.`,
      { keyId, identity, cause, message },
    ),
  'key-id-invalid': ({ keyId, reason }) =>
    error(403, 'DENIED', `The registry's data is blocked: its customer-managed key has no valid id.`, {
      keyId,
      reason,
    }),
  'key-unfit': ({ keyId, missing }) =>
    error(403, 'DENIED', `The registry's data is blocked: its customer-managed key '${keyId}' is unfit.`, {
      keyId,
      missing: [...missing],
    }),
  'wrapping-refused': () =>
    error(
      500,
      'UNKNOWN',
      `The record of the registry's key is damaged or does not belong to it: restore it from a backup.`,
    ),
}

const permission = 'Give the identity the Get, Wrap Key and Unwrap Key permissions on the key.'
/** What whoever holds the key does to bring the data back. */
const remedies: { readonly [C in RefusalCause]: string } = {
  'key-not-found': 'Recover the key, or restore it from a backup.',
  'key-disabled': 'Enable the key version.',
  'key-operation-forbidden': 'Permit wrapKey and unwrapKey among the operations of the key.',
  'permission-missing': permission,
  firewall: 'Let the registry pass the firewall of the vault (trusted services).',
  'vault-not-found': 'Recover the vault.',
  'identity-gone': 'Assign the identity to the registry again, or rotate the key to another identity.',
  'token-refused': permission,
  'wrapping-damaged': 'Restore the record of the wrapped key from a backup.',
  'key-not-valid-now': 'Move the activation or expiry date of the key.',
}

const transport: Table<HttpFaults> = {
  'path-malformed': ({ reason }) => error(400, 'NAME_INVALID', `invalid path: ${reason}`),
  'operation-unknown': () => error(404, 'UNSUPPORTED', 'the registry has no such operation'),
  'method-not-allowed': ({ allowed }) => ({
    ...error(405, 'UNSUPPORTED', 'The operation is unsupported.'),
    headers: {
      allow: [...new Set(allowed.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))].join(
        ', ',
      ),
    },
  }),
  'body-too-large': ({ maxBytes }) => error(413, 'SIZE_INVALID', `the body is larger than ${maxBytes} bytes`),
  'body-malformed': ({ reason }) => error(400, 'UNSUPPORTED', `invalid body: ${reason}`),
  'body-aborted': () => error(400, 'SIZE_INVALID', 'the body ended before its announced length'),
  'body-too-slow': () => error(408, 'SIZE_INVALID', 'the body came too slowly'),
}

/** Total: whatever was thrown, an error in the protocol's form and none of our words for a bug. */
export function fail(thrown: unknown, _head: RequestHead): Reply {
  const { status, code, message, detail, headers } = render(thrown)
  const entry = { code, message, ...(detail === undefined ? {} : { detail }) }
  return { status, ...(headers === undefined ? {} : { headers }), body: { errors: [entry] } }
}

function render(thrown: unknown): WireError {
  if (thrown instanceof RegistryFault) return from(content, thrown)
  if (thrown instanceof RegistryAuthFault) return from(admission, thrown)
  if (thrown instanceof KeyringFault) return from(keys, thrown)
  if (thrown instanceof HttpFault) return from(transport, thrown)
  if (thrown instanceof Outage) {
    return {
      ...error(503, 'UNKNOWN', 'the registry cannot answer just now; try again'),
      headers: { 'retry-after': String(Math.ceil(thrown.retryAfterSeconds)) },
    }
  }
  return error(500, 'UNKNOWN', 'unknown error')
}

function from<F extends object, K extends keyof F>(
  table: Table<F>,
  fault: { readonly code: K; readonly facts: F[K] },
): WireError {
  return table[fault.code](fault.facts)
}

function error(status: number, code: string, message: string, detail?: Json): WireError {
  return { status, code, message, ...(detail === undefined ? {} : { detail }) }
}

/** https://distribution.github.io/distribution/spec/auth/token/; clients need `service` and `scope`. */
function challenge(host: string, access: readonly RegistryAccess[], error: string | null): string {
  const byName = new Map<string, string[]>()
  for (const { type, name, action } of access) {
    const key = `${type}:${name}`
    byName.set(key, [...(byName.get(key) ?? []), action])
  }
  const scope = [...byName].map(([key, actions]) => `${key}:${actions.join(',')}`).join(' ')
  const parts = [
    `realm="https://${host}/oauth2/token"`,
    `service="${host}"`,
    ...(scope === '' ? [] : [`scope="${scope}"`]),
    ...(error === null ? [] : [`error="${error}"`]),
  ]
  return `Bearer ${parts.join(',')}`
}

function detailOf(access: readonly RegistryAccess[]): Json {
  return access.map(({ type, name, action }) => ({ Type: type, Name: name, Action: action }))
}
