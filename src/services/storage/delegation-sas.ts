import type { Clock } from '../../kernel/clock.ts'
import { parseGuid } from '../../kernel/guid.ts'
import type { Access } from '../access/access.ts'
import { StorageAuthFault, authenticationFailed } from './auth-faults.ts'
import type { DelegationKeyTerms, DelegationKeys } from './delegation-keys.ts'
import { type BearerDeps, callerOfToken, rbacScopeOf, rightsPermit } from './principal.ts'
import {
  assertInTime,
  assertPlace,
  assertWellFormed,
  holdsControl,
  mandatory,
  notWellFormed,
  sasStringToSign,
  sasText,
  sasTime,
  signatureMismatch,
  signedOnly,
} from './sas.ts'
import {
  momentOf,
  resourceOf,
  responseHeadersOf,
  sasResourcePermits,
  sasResourceRefusal,
} from './sas-resource.ts'
import type { StorageCaller } from './storage-caller.ts'
import type { SasCredential, SasParameters, SignedValue, StorageRequest } from './storage-request.ts'

export interface DelegationSasDeps extends BearerDeps {
  readonly clock: Clock
  readonly access: Pick<Access, 'rightsAt'>
  readonly delegationKeys: Pick<DelegationKeys, 'find'>
}

/**
 * https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas#specify-the-signature; headers and query
 * since 2026-04-06 as the SDKs sign them.
 *
 * @param version `sv`
 */
function linesOf(version: string) {
  const since = <const L extends string>(from: string, lines: readonly L[]) => (version >= from ? lines : [])
  return [
    ...(['sp', 'st', 'se', 'resource', 'skoid', 'sktid', 'skt', 'ske', 'sks', 'skv'] as const),
    ...since('2020-02-10', ['saoid', 'suoid', 'scid']),
    ...since('2025-07-05', ['skdutid', 'sduoid']),
    ...(['sip', 'spr', 'sv', 'sr', 'moment'] as const),
    ...since('2020-12-06', ['ses']),
    ...since('2026-04-06', ['headers', 'query']),
    ...(['rscc', 'rscd', 'rsce', 'rscl', 'rsct'] as const),
  ]
}

/**
 * A SAS under a user delegation key allows what its letters say and, at each use, the roles that its issuer holds by then.
 * @throws StorageAuthFault
 */
export async function delegationSasCaller(
  deps: DelegationSasDeps,
  request: StorageRequest,
  credential: SasCredential,
): Promise<StorageCaller> {
  const { account } = request
  const terms = verified(deps, request, credential)
  const parameters = signedOnly(credential.parameters, linesOf(sasText(credential.parameters, 'sv')))
  const now = deps.clock.now()
  assertInTime(terms, now)
  mandatory(parameters, 'se')
  assertInTime({ startsAt: sasTime(parameters, 'st'), expiresAt: sasTime(parameters, 'se') ?? now }, now)
  assertPlace(parameters, request)
  // Whether that user may is for the permissions of directories and files to say, which there are none of here.
  if (sasText(parameters, 'suoid') !== '') throw new StorageAuthFault('forbidden', {})
  await assertDelegate(deps, request, { parameters, token: credential.token, terms })
  const rights = await deps.access.rightsAt(terms.principalId, rbacScopeOf(request))
  const signed = { resource: sasText(parameters, 'sr'), letters: mandatory(parameters, 'sp') }
  return {
    account,
    kind: 'delegation-sas',
    principal: { principalId: terms.principalId, tenantId: terms.tenantId },
    responseHeaders: responseHeadersOf(parameters),
    encryptionScope: parameters.get('ses') ?? null,
    permits: (permission) => sasResourcePermits(signed, permission) && rightsPermit(rights, permission),
    refusal: sasResourceRefusal,
  }
}

/** Checks the signature. @returns the terms of the key that made it */
function verified(
  { delegationKeys }: DelegationSasDeps,
  request: StorageRequest,
  credential: SasCredential,
): DelegationKeyTerms {
  assertWellFormed(credential)
  const { parameters } = credential
  const version = sasText(parameters, 'sv')
  if (version < '2018-11-09') throw notWellFormed()
  const stringToSign = sasStringToSign(linesOf(version), parameters, {
    resource: resourceOf(request, parameters),
    moment: momentOf(request, parameters),
    headers: signedValues(credential.signedHeaders, (name, value) => `${name}:${value}\n`),
    query: signedValues(credential.signedQuery, (name, value) => `\n${name}:${value}`),
  })
  const terms = termsOf(parameters)
  if (terms.tenantId !== request.account.tenantId)
    throw authenticationFailed('The tenant of the user delegation key is not that of the storage account')
  const key = delegationKeys.find(request.account, terms)
  if (!key.verify(stringToSign, sasText(parameters, 'sig'))) throw signatureMismatch(stringToSign)
  return terms
}

function termsOf(parameters: SasParameters): DelegationKeyTerms {
  const [principalId, tenantId] = [
    parseGuid(mandatory(parameters, 'skoid')),
    parseGuid(mandatory(parameters, 'sktid')),
  ]
  const [startsAt, expiresAt] = [sasTime(parameters, 'skt'), sasTime(parameters, 'ske')]
  const delegated = sasText(parameters, 'sv') >= '2025-07-05' ? sasText(parameters, 'skdutid') : ''
  const delegatedTenantId = delegated === '' ? null : parseGuid(delegated)
  const isWhole = delegated === '' || delegatedTenantId !== null
  if (principalId === null || tenantId === null || startsAt === null || expiresAt === null || !isWhole)
    throw notWellFormed()
  const service = mandatory(parameters, 'sks')
  if (service !== 'b') throw new StorageAuthFault('service-mismatch', {})
  const version = mandatory(parameters, 'skv')
  return { principalId, tenantId, startsAt, expiresAt, service, version, delegatedTenantId }
}

/**
 * A header or query that the signature names must be there, with the value that it had. What separates names and values
 * may not stand in them, or other names could give the same text.
 */
function signedValues(
  values: readonly SignedValue[],
  write: (name: string, value: string) => string,
): string {
  return values
    .map(({ name, value }) => {
      if (value === null) throw authenticationFailed(`The request does not have '${name}', which is signed`)
      if (name.includes(':') || holdsControl(value)) throw notWellFormed()
      return write(name, value)
    })
    .join('')
}

/** `sduoid`: worth something only in the hands of that user, who shows a token of his own. */
async function assertDelegate(
  deps: BearerDeps,
  request: StorageRequest,
  sas: {
    readonly parameters: SasParameters
    readonly token: string | null
    readonly terms: DelegationKeyTerms
  },
): Promise<void> {
  const wanted = sasText(sas.parameters, 'sduoid')
  if (wanted === '') return
  const { tenantId } = request.account
  if (sas.token === null) throw new StorageAuthFault('credential-missing', { tenantId })
  const delegate = await callerOfToken(deps, request, sas.token)
  const wantedTenant = sas.terms.delegatedTenantId ?? sas.terms.tenantId
  if (delegate.principalId !== parseGuid(wanted) || delegate.tenantId !== wantedTenant)
    throw authenticationFailed('The token is not that of the user for whom the signature was made')
}
