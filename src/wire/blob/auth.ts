import type { RequestHead } from '../../http/operation.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import type { StorageAccount, StorageAccounts } from '../../services/storage/storage-account.ts'
import type { StorageCaller } from '../../services/storage/storage-caller.ts'
import type { BlobNeeds } from './needs.ts'

/** Who a request comes from, by whatever credential it has. */
export interface StorageAdmission {
  admit(
    head: RequestHead,
    request: {
      readonly account: StorageAccount
      readonly service: 'blob'
      readonly container: string | null
      readonly blob: string | null
    },
  ): Promise<StorageCaller>
  /** @throws StorageAuthFault in the words that fit the credential */
  assertPermitted(caller: StorageCaller, needs: NonNullable<BlobNeeds>): void
}

export interface BlobAuthDeps {
  readonly accounts: Pick<StorageAccounts, 'find'>
  readonly admission: StorageAdmission
}

export async function admit(
  { accounts, admission }: BlobAuthDeps,
  head: RequestHead,
  matched: {
    readonly operation: { readonly needs: BlobNeeds }
    readonly params: Readonly<Record<string, string>>
  } | null,
): Promise<StorageCaller> {
  const account = await accounts.find(head.subject)
  if (account === null) throw new BlobFault('account-not-found', {})
  const { container = null, blob = null } = matched?.params ?? {}
  const caller = await admission.admit(head, { account, service: 'blob', container, blob })
  if (matched !== null && matched.operation.needs !== null) {
    admission.assertPermitted(caller, matched.operation.needs)
  }
  return caller
}
