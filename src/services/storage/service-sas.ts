import type { Clock } from '../../kernel/clock.ts'
import { authenticationFailed } from './auth-faults.ts'
import {
  assertInTime,
  assertPlace,
  assertWellFormed,
  mandatory,
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
import type { ContainerAccess, StorageCaller, StoredAccessPolicy } from './storage-caller.ts'
import type { SasCredential, SasParameters, StorageRequest } from './storage-request.ts'

export interface ServiceSasDeps {
  readonly clock: Clock
  readonly containers: ContainerAccess
}

/**
 * https://learn.microsoft.com/rest/api/storageservices/create-service-sas#version-2020-12-06-and-later
 * @param version `sv`
 */
function linesOf(version: string) {
  const resource = version >= '2018-11-09' ? (['sr', 'moment'] as const) : []
  const scope = version >= '2020-12-06' ? (['ses'] as const) : []
  const head = ['sp', 'st', 'se', 'resource', 'si', 'sip', 'spr', 'sv'] as const
  return [...head, ...resource, ...scope, 'rscc', 'rscd', 'rsce', 'rscl', 'rsct'] as const
}

/** What a service SAS with these parameters is signed over. @param derived the resource, and its snapshot or version */
export function serviceSasStringToSign(
  parameters: SasParameters,
  derived: { readonly resource: string; readonly moment: string },
): string {
  return sasStringToSign(linesOf(sasText(parameters, 'sv')), parameters, derived)
}

/** @throws StorageAuthFault */
export async function serviceSasCaller(
  { clock, containers }: ServiceSasDeps,
  request: StorageRequest,
  credential: SasCredential,
): Promise<StorageCaller> {
  const { account } = request
  assertWellFormed(credential)
  const stringToSign = serviceSasStringToSign(credential.parameters, {
    resource: resourceOf(request, credential.parameters),
    moment: momentOf(request, credential.parameters),
  })
  const signature = sasText(credential.parameters, 'sig')
  if (!account.keys.some(({ key }) => key.verify(stringToSign, signature)))
    throw signatureMismatch(stringToSign)

  const parameters = signedOnly(credential.parameters, linesOf(sasText(credential.parameters, 'sv')))
  const terms = termsOf(parameters, await policyOf(containers, request, parameters))
  assertInTime(terms, clock.now())
  assertPlace(parameters, request)
  const signed = { resource: sasText(credential.parameters, 'sr'), letters: terms.permissions }
  return {
    account,
    kind: 'service-sas',
    principal: null,
    responseHeaders: responseHeadersOf(parameters),
    encryptionScope: parameters.get('ses') ?? null,
    permits: (permission) => sasResourcePermits(signed, permission),
    refusal: sasResourceRefusal,
  }
}

interface Terms {
  readonly startsAt: Date | null
  readonly expiresAt: Date
  readonly permissions: string
}

/** @returns null when the signature names none. @throws StorageAuthFault `authentication-failed` */
async function policyOf(
  containers: ContainerAccess,
  { account, container }: StorageRequest,
  parameters: SasParameters,
): Promise<StoredAccessPolicy | null> {
  const id = sasText(parameters, 'si')
  if (id === '') return null
  const found = container === null ? null : await containers.find(account, container)
  const policy = found?.policies.find((each) => each.id === id)
  if (policy === undefined)
    throw authenticationFailed('SAS identifier cannot be found for specified signed identifier')
  return policy
}

/**
 * Each term stands in the signature or in the stored policy, never in both.
 * https://learn.microsoft.com/rest/api/storageservices/define-stored-access-policy
 */
function termsOf(parameters: SasParameters, policy: StoredAccessPolicy | null): Terms {
  if (policy !== null) {
    const both = [
      [policy.startsAt, 'st'],
      [policy.expiresAt, 'se'],
      [policy.permissions, 'sp'],
    ] as const
    if (both.some(([kept, name]) => kept !== null && kept !== '' && sasText(parameters, name) !== '')) {
      throw authenticationFailed(
        'Access policy fields can be associated with signature or SAS identifier but not both',
      )
    }
  }
  const permissions = policy?.permissions ?? ''
  const expiresAt = policy?.expiresAt ?? sasTime(parameters, 'se')
  if (expiresAt === null) throw authenticationFailed('se is mandatory. Cannot be empty')
  return {
    startsAt: policy?.startsAt ?? sasTime(parameters, 'st'),
    expiresAt,
    permissions: permissions === '' ? mandatory(parameters, 'sp') : permissions,
  }
}
