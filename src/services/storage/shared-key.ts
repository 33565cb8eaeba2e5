import type { Clock } from '../../kernel/clock.ts'
import { MINUTE_MS } from '../../kernel/units.ts'
import { StorageAuthFault, authenticationFailed } from './auth-faults.ts'
import type { StorageCaller } from './storage-caller.ts'
import type { SharedKeyCredential, StorageRequest } from './storage-request.ts'

/** https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key#specifying-the-date-header */
const MAX_SKEW_MS = 15 * MINUTE_MS
/** IMF-fixdate (RFC 9110 section 5.6.7): the one form of the three that is still made. */
const dateShape = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** Who signs with one of the account's keys owns the account. @throws StorageAuthFault `authentication-failed` */
export function sharedKeyCaller(
  { clock }: { readonly clock: Clock },
  { account }: StorageRequest,
  { accountName, signature, stringsToSign, date }: SharedKeyCredential,
): StorageCaller {
  assertRecent(date, clock.now())
  const isSigned = stringsToSign.some((text) => account.keys.some(({ key }) => key.verify(text, signature)))
  if (accountName !== account.name || !isSigned) {
    throw authenticationFailed(
      `The MAC signature found in the HTTP request '${signature}' is not the same as any computed signature. Server used following string to sign: '${stringsToSign[0] ?? ''}'.`,
    )
  }
  return {
    account,
    kind: 'shared-key',
    principal: null,
    responseHeaders: {},
    encryptionScope: null,
    permits: () => true,
    refusal: () => new StorageAuthFault('forbidden', {}),
  }
}

function assertRecent(date: string | null, now: Date): void {
  const time = date !== null && dateShape.test(date) ? Date.parse(date) : NaN
  if (date === null || Number.isNaN(time))
    throw authenticationFailed('The Date header in the request is incorrect.')
  if (time < now.getTime() - MAX_SKEW_MS) throw authenticationFailed(`Request date header too old: '${date}'`)
  if (time > now.getTime() + MAX_SKEW_MS)
    throw authenticationFailed(`Request date header too far in the future: '${date}'`)
}
