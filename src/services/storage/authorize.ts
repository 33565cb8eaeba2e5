import { isInRanges } from '../../kernel/ip-range.ts'
import { accountSasCaller } from './account-sas.ts'
import { anonymousCaller } from './anonymous.ts'
import { StorageAuthFault } from './auth-faults.ts'
import { type DelegationSasDeps, delegationSasCaller } from './delegation-sas.ts'
import { principalCaller } from './principal.ts'
import { type ServiceSasDeps, serviceSasCaller } from './service-sas.ts'
import { sharedKeyCaller } from './shared-key.ts'
import type { StorageAccount } from './storage-account.ts'
import type { StorageCaller, StoragePermission } from './storage-caller.ts'
import type { SasCredential, StorageRequest } from './storage-request.ts'

export type AuthorizeDeps = ServiceSasDeps & DelegationSasDeps

/**
 * Who sends a request of the data plane: transport and network rules first, so that nobody behind them learns anything,
 * then the credential. What he may do is asked of the caller, operation by operation.
 *
 * @throws StorageAuthFault
 */
export async function authorize(deps: AuthorizeDeps, request: StorageRequest): Promise<StorageCaller> {
  const { account, credential } = request
  assertTransport(request)
  assertNetwork(request)
  switch (credential.kind) {
    case 'anonymous':
      return anonymousCaller(deps, request)
    case 'malformed':
      throw new StorageAuthFault('authorization-malformed', {})
    case 'bearer':
      return principalCaller(deps, request, credential.token)
    case 'shared-key':
      assertKeysAllowed(account)
      return sharedKeyCaller(deps, request, credential)
    case 'sas':
      return sasCaller(deps, request, credential)
  }
}

/** @throws StorageAuthFault in the words that fit the caller's credential */
export function assertPermitted(caller: StorageCaller, permission: StoragePermission): void {
  if (!caller.permits(permission)) throw caller.refusal(permission)
}

function sasCaller(
  deps: AuthorizeDeps,
  request: StorageRequest,
  credential: SasCredential,
): StorageCaller | Promise<StorageCaller> {
  const { parameters } = credential
  if (parameters.has('skoid')) return delegationSasCaller(deps, request, credential)
  assertKeysAllowed(request.account)
  if (parameters.has('ss') || parameters.has('srt')) return accountSasCaller(deps, request, credential)
  return serviceSasCaller(deps, request, credential)
}

/** A signature under an account key is key-based too. */
function assertKeysAllowed({ allowsSharedKey }: StorageAccount): void {
  if (!allowsSharedKey) throw new StorageAuthFault('key-authentication-not-permitted', {})
}

/** As OpenSSL names them: in the order of their age. */
const tlsNames: { readonly [V in StorageAccount['minimumTlsVersion']]: string } = {
  TLS1_0: 'TLSv1',
  TLS1_1: 'TLSv1.1',
  TLS1_2: 'TLSv1.2',
  TLS1_3: 'TLSv1.3',
}

function assertTransport({ account, tlsVersion }: StorageRequest): void {
  if (tlsVersion === null) {
    if (account.isHttpsOnly) throw new StorageAuthFault('https-required', {})
  } else if (tlsVersion < tlsNames[account.minimumTlsVersion]) {
    throw new StorageAuthFault('tls-version-not-permitted', {})
  }
}

function assertNetwork({ account: { network }, remoteAddress }: StorageRequest): void {
  const isAllowed =
    network.isPublic && (network.defaultAction === 'Allow' || isInRanges(remoteAddress, network.ipRules))
  if (!isAllowed) throw new StorageAuthFault('forbidden', {})
}
