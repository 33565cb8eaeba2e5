import { AccountKey } from '../../crypto/account-key.ts'
import { MacKey } from '../../crypto/mac-key.ts'
import type { RecordKey } from '../../crypto/record-key.ts'
import { type Clock, unixSeconds } from '../../kernel/clock.ts'
import type { Guid } from '../../kernel/guid.ts'
import { DAY_MS, MINUTE_MS } from '../../kernel/units.ts'
import type { SecretStore } from '../../store/records/secrets/secrets.ts'
import { StorageAuthFault, authenticationFailed } from './auth-faults.ts'
import type { StorageAccount } from './storage-account.ts'
import type { StorageCaller, StoragePermission } from './storage-caller.ts'

/** What a user delegation key is for: whoever holds it signs in the name of the principal, for so long. */
export interface DelegationKeyTerms {
  readonly principalId: Guid
  readonly tenantId: Guid
  /** Whole seconds, as are all times here. */
  readonly startsAt: Date
  readonly expiresAt: Date
  /** `b` */
  readonly service: string
  /** The `x-ms-version` it was asked for with. */
  readonly version: string
  /** Tenant of who may use what is signed (`skdutid`); null when nobody is named. */
  readonly delegatedTenantId: Guid | null
}

/** https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key#response-body */
export interface DelegationKey extends DelegationKeyTerms {
  /** Base64. */
  readonly value: string
}

/**
 * User delegation keys are derived from their terms and kept nowhere: they need no room, survive restarts, and whoever
 * changes a term has another key. They end with their time, their principal, the roles he holds,
 * or all of an account's at once, when they are revoked.
 */
export interface DelegationKeys {
  issue(account: DelegatingAccount, terms: DelegationKeyTerms): DelegationKey
  find(account: DelegatingAccount, terms: DelegationKeyTerms): AccountKey
}

type DelegatingAccount = Pick<StorageAccount, 'uid' | 'delegationEpoch'>

const CONTEXT = 'storage/user-delegation-key'
const SECRET = 'storage-user-delegation'
const MAX_LIFE_MS = 7 * DAY_MS
/** Of the client's clock, as for requests that a key signs. */
const SKEW_MS = 15 * MINUTE_MS

/** The installation's secret lies sealed among its others; an account has a part in each key by its uid. */
export async function openDelegationKeys(
  secrets: SecretStore,
  recordKey: RecordKey,
): Promise<DelegationKeys> {
  const wrapped = await secrets.getOrCreate(SECRET, () =>
    Promise.resolve(recordKey.wrap(CONTEXT, MacKey.generate())),
  )
  return delegationKeys(recordKey.unwrapMacKey(CONTEXT, wrapped))
}

export function delegationKeys(secret: MacKey): DelegationKeys {
  return {
    issue: (account, terms) => ({
      ...terms,
      value: AccountKey.deriveText(secret, CONTEXT, ...partsOf(account, terms)),
    }),
    find: (account, terms) => AccountKey.derive(secret, CONTEXT, ...partsOf(account, terms)),
  }
}

function partsOf({ uid, delegationEpoch }: DelegatingAccount, terms: DelegationKeyTerms): readonly string[] {
  const times = [terms.startsAt, terms.expiresAt].map((time) => String(unixSeconds(time)))
  const { principalId, tenantId, service, version, delegatedTenantId } = terms
  return [uid, delegationEpoch, principalId, tenantId, ...times, service, version, delegatedTenantId ?? '']
}

const mayIssue: StoragePermission = {
  sas: [],
  resource: 'service',
  action: {
    name: 'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action',
    isData: false,
  },
  publicAccess: null,
}

/**
 * Get User Delegation Key: for a principal that came with a token of its own, and for nobody else.
 * @param wanted times are cut to whole seconds; `startsAt` null: now
 * @throws StorageAuthFault `authentication-failed`, `permission-mismatch`, `delegation-times-invalid`
 */
export function issueDelegationKey(
  { keys, clock }: { readonly keys: Pick<DelegationKeys, 'issue'>; readonly clock: Clock },
  caller: StorageCaller,
  wanted: {
    readonly startsAt: Date | null
    readonly expiresAt: Date
    readonly version: string
    readonly delegatedTenantId: Guid | null
  },
): DelegationKey {
  if (caller.kind !== 'principal' || caller.principal === null)
    throw authenticationFailed('Only authentication scheme Bearer is supported')
  if (!caller.permits(mayIssue)) throw caller.refusal(mayIssue)
  const now = clock.now()
  const startsAt = wholeSeconds(wanted.startsAt ?? now)
  const expiresAt = wholeSeconds(wanted.expiresAt)
  if (expiresAt <= startsAt || expiresAt <= now) throw invalidTimes('Expiry must be after Start and now')
  if (expiresAt.getTime() > now.getTime() + MAX_LIFE_MS + SKEW_MS)
    throw invalidTimes('Expiry must be within seven days from now')
  const { version, delegatedTenantId } = wanted
  const terms = { ...caller.principal, startsAt, expiresAt, service: 'b', version, delegatedTenantId }
  return keys.issue(caller.account, terms)
}

function wholeSeconds(time: Date): Date {
  return new Date(unixSeconds(time) * 1000)
}

function invalidTimes(reason: string): StorageAuthFault {
  return new StorageAuthFault('delegation-times-invalid', { reason })
}
