import type { RequestHead } from '../../http/operation.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import type { StorageAccounts } from '../../services/storage/storage-account.ts'
import type { StorageCaller } from '../../services/storage/storage-caller.ts'
import type { StorageAdmission } from '../shared/storage-auth/admission.ts'
import type { BlobNeeds } from './needs.ts'

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
