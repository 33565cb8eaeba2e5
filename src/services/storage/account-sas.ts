import type { Clock } from '../../kernel/clock.ts'
import { StorageAuthFault } from './auth-faults.ts'
import {
  assertInTime,
  assertPlace,
  assertWellFormed,
  hasLetter,
  mandatory,
  sasStringToSign,
  sasText,
  sasTime,
  signatureMismatch,
  signedOnly,
} from './sas.ts'
import type { StorageAccount } from './storage-account.ts'
import type { SasPermission, StorageCaller, StoragePermission } from './storage-caller.ts'
import type { SasCredential, SasParameters, StorageRequest, StorageServiceName } from './storage-request.ts'

/** As `ss` has them. */
const services: { readonly [S in StorageServiceName]: string } = { blob: 'b' }
/** As `srt` has them. */
const resources = { service: 's', container: 'c', object: 'o' } as const
/** `p` and `u` are about queues and tables there, and the letters of directories mean nothing. */
const foreignLetters: readonly SasPermission[] = ['m', 'e', 'o', 'p']

/**
 * https://learn.microsoft.com/rest/api/storageservices/create-account-sas#construct-the-signature-string
 * @param version `sv`
 */
function linesOf(version: string) {
  const scope = version >= '2020-12-06' ? (['ses'] as const) : []
  return ['account', 'sp', 'ss', 'srt', 'st', 'se', 'sip', 'spr', 'sv', ...scope, 'end'] as const
}

/** What an account SAS with these parameters is signed over. */
export function accountSasStringToSign(
  account: Pick<StorageAccount, 'name'>,
  parameters: SasParameters,
): string {
  const derived = { account: account.name, end: '' }
  return sasStringToSign(linesOf(sasText(parameters, 'sv')), parameters, derived)
}

/** @throws StorageAuthFault */
export function accountSasCaller(
  { clock }: { readonly clock: Clock },
  request: StorageRequest,
  credential: SasCredential,
): StorageCaller {
  const { account } = request
  assertWellFormed(credential)
  const stringToSign = accountSasStringToSign(account, credential.parameters)
  const signature = sasText(credential.parameters, 'sig')
  if (!account.keys.some(({ key }) => key.verify(stringToSign, signature)))
    throw signatureMismatch(stringToSign)

  const parameters = signedOnly(credential.parameters, linesOf(sasText(credential.parameters, 'sv')))
  mandatory(parameters, 'se')
  const expiresAt = sasTime(parameters, 'se') ?? clock.now()
  assertInTime({ startsAt: sasTime(parameters, 'st'), expiresAt }, clock.now())
  assertPlace(parameters, request)
  if (!mandatory(parameters, 'ss').includes(services[request.service]))
    throw new StorageAuthFault('service-mismatch', {})
  return callerOf(account, parameters)
}

function callerOf(account: StorageAccount, parameters: SasParameters): StorageCaller {
  const types = mandatory(parameters, 'srt')
  const letters = mandatory(parameters, 'sp')
  const isOfType = ({ resource }: StoragePermission) => types.includes(resources[resource])
  return {
    account,
    kind: 'account-sas',
    principal: null,
    responseHeaders: {},
    encryptionScope: parameters.get('ses') ?? null,
    permits: (permission) =>
      isOfType(permission) &&
      hasLetter(
        letters,
        permission.sas.filter((letter) => !foreignLetters.includes(letter)),
      ),
    refusal: (permission) =>
      new StorageAuthFault(isOfType(permission) ? 'permission-mismatch' : 'resource-type-mismatch', {}),
  }
}
