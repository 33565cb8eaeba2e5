import { HttpFault, type HttpFaults } from '../../http/faults.ts'
import type { Reply } from '../../http/operation.ts'
import { type Endpoints, audienceOf, urlOf } from '../../kernel/endpoints.ts'
import { Outage } from '../../kernel/fault.ts'
import type { Caller } from '../../services/directory/caller.ts'
import {
  type TokenRefusal,
  type VaultFault,
  type VaultFaults,
  isVaultFault,
} from '../../services/vault/faults.ts'
import { refusalOf } from '../../services/vault/refusals.ts'
import { type AzureError, azureErrorReply } from '../shared/azure-error.ts'

const RECOVER_HELP = 'https://go.microsoft.com/fwlink/?linkid=2125182'
const POLICY_HELP = 'https://go.microsoft.com/fwlink/?linkid=2125287'

/** Azure's words for each refusal; statuses and codes are the service's, where the audit has them from too. */
const words: { readonly [K in keyof VaultFaults]: (facts: VaultFaults[K]) => string } = {
  'vault-not-found': ({ vault }) => `There is no vault with the name '${vault}'.`,
  'token-refused': ({ why }) => tokenWords(why),
  'forbidden-by-firewall': ({ vault, location, caller, address }) =>
    [
      'Client address is not authorized and caller is not a trusted service.',
      `Client address: ${address ?? '(none)'}`,
      `Caller: ${nameOf(caller)}`,
      `Vault: ${vault};location=${location}`,
    ].join('\r\n'),
  'forbidden-by-connection': ({ vault, location }) =>
    `Public network access is disabled and request is not from a trusted service nor via an approved private link.\r\nVault: ${vault};location=${location}`,
  'forbidden-by-policy': ({ vault, location, caller, permission }) =>
    `The user, group or application '${nameOf(caller)}' does not have keys ${permission} permission on key vault '${vault};location=${location}'. For help resolving this issue, please see ${POLICY_HELP}`,
  'forbidden-by-rbac': ({ vault, location, caller, dataAction, resource }) =>
    [
      'Caller is not authorized to perform action on resource.',
      'If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.',
      `Caller: ${nameOf(caller)}`,
      `Action: '${dataAction}'`,
      `Resource: '${resource}'`,
      'Assignment: (not found)',
      'DenyAssignmentId: null',
      "DecisionReason: 'DeniedWithNoValidRBAC'",
      `Vault: ${vault};location=${location}`,
      '',
    ].join('\r\n'),
  'key-not-found': ({ name, version }) =>
    `A key with (name/id) ${version === null ? name : `${name}/${version}`} was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command. For help resolving this issue, please see ${RECOVER_HELP}`,
  'key-to-delete-not-found': ({ name }) => `Key not found: ${name}`,
  'deleted-key-not-found': ({ name }) => `Deleted Key not found: ${name}`,
  'key-disabled': ({ operation }) => `Operation ${operation} is not allowed on a disabled key.`,
  'key-expired': ({ operation }) => `Operation ${operation} is not allowed on an expired key.`,
  'key-not-yet-valid': ({ operation }) => `Operation ${operation} is not allowed on a not yet valid key.`,
  'key-operation-forbidden': ({ operation }) => `Operation ${operation} is not permitted on this key.`,
  'purge-protected': () =>
    'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service will automatically purge it after the retention period has passed.',
  'key-is-deleted': ({ name }) =>
    `Key ${name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged.`,
  'key-type-unsupported': ({ message }) => message,
  'parameter-invalid': ({ message }) => message,
  'cipher-text-invalid': () => 'The parameter is incorrect.',
  'operation-unsupported': ({ operation }) => `Operation ${operation} is not supported by this vault.`,
}

function tokenWords(why: TokenRefusal): string {
  switch (why.kind) {
    case 'missing':
      return 'AKV10000: Request is missing a Bearer or PoP token.'
    case 'audience':
      return `AKV10022: Invalid audience. Expected ${why.expected}, found: ${why.found}.`
    case 'issuer':
      return `AKV10032: Invalid issuer. Expected one of ${why.expected}, found ${why.found}.`
    case 'signature':
      return 'AKV10046: Unable to resolve the key used for signature validation.'
    case 'expired':
      return 'Error validating token: the token has expired.'
    case 'not-yet-valid':
      return 'Error validating token: the token is not yet valid.'
    case 'malformed':
      return 'Error validating token: it cannot be read.'
    case 'principal-gone':
      return 'Error validating token: its principal does not exist any more.'
  }
}

function nameOf({ appId, principalId, issuer, identityResourceId }: Caller): string {
  const identity = identityResourceId === null ? '' : `;xms_mirid=${identityResourceId}`
  return `appid=${appId};oid=${principalId};iss=${issuer}${identity}`
}

const httpTable: { readonly [K in keyof HttpFaults]: (facts: HttpFaults[K]) => AzureError } = {
  'path-malformed': ({ reason }) => bad(400, 'BadParameter', `The request URI is malformed: ${reason}.`),
  'operation-unknown': () =>
    bad(404, 'NotFound', 'The requested URI does not name an operation of this vault.'),
  'method-not-allowed': ({ allowed }) => ({
    ...bad(405, 'MethodNotAllowed', 'The HTTP method is not allowed on this URI.'),
    headers: { allow: allowed.join(', ') },
  }),
  'body-too-large': ({ maxBytes }) =>
    bad(413, 'RequestBodyTooLarge', `The request body may have at most ${maxBytes} bytes.`),
  'body-malformed': ({ reason }) => bad(400, 'BadParameter', `The request body is malformed: ${reason}.`),
  'body-aborted': () => bad(400, 'BadParameter', 'The request body is incomplete.'),
  'body-too-slow': () => bad(408, 'RequestTimeout', 'The request body arrived too slowly.'),
}

function bad(status: number, code: string, message: string): AzureError {
  return { status, code, message }
}

/** Total: whatever was thrown, the client gets Key Vault's envelope and never our words for a bug. */
export function toReply(thrown: unknown, endpoints: Endpoints): Reply {
  if (isVaultFault(thrown)) return azureErrorReply(vaultError(thrown, endpoints))
  if (thrown instanceof HttpFault) return azureErrorReply(httpError(thrown as HttpFault))
  if (thrown instanceof Outage) {
    return azureErrorReply({
      ...bad(503, 'ServiceUnavailable', 'The service is temporarily unavailable. Please retry later.'),
      headers: { 'retry-after': String(thrown.retryAfterSeconds) },
    })
  }
  return azureErrorReply(bad(500, 'InternalServerError', 'An unexpected error occurred.'))
}

function vaultError<K extends keyof VaultFaults>(fault: VaultFault<K>, endpoints: Endpoints): AzureError {
  const { status, code, inner } = refusalOf(fault)
  const error = { status, code, message: words[fault.code](fault.facts) }
  return {
    ...error,
    ...(inner === null ? {} : { innerCode: inner }),
    ...('tenantId' in fault.facts
      ? { headers: { 'www-authenticate': challenge(endpoints, fault.facts.tenantId) } }
      : {}),
  }
}

function httpError<K extends keyof HttpFaults>(fault: HttpFault<K>): AzureError {
  return httpTable[fault.code](fault.facts)
}

/**
 * The SDKs want the vault's host to lie under `resource`, its port included, and split the values at comma and blank: so
 * no value has one, and nothing tells more of why a token was refused.
 */
function challenge(endpoints: Endpoints, tenantId: string): string {
  const authority = `${urlOf(endpoints, 'login')}/${tenantId}`
  return `Bearer authorization="${authority}", resource="${audienceOf(endpoints, 'vault')}"`
}
