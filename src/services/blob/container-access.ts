import { findContainer } from '../../store/records/blob/containers.ts'
import type { ContainerAccess, StoredAccessPolicy } from '../storage/storage-caller.ts'
import type { BlobDeps } from './blob-deps.ts'
import { openContainer } from './container-rows.ts'
import type { PolicyDoc } from './model.ts'
import { openService } from './service-seal.ts'

/** Public access and stored access policies, for whoever decides who may do what. Works while the customer has revoked. */
export function containerAccess({
  records,
  keyring,
}: Pick<BlobDeps, 'records' | 'keyring'>): ContainerAccess {
  return {
    async find(account, container) {
      const row = await findContainer(records.read, account.uid, container)
      if (row === null) return null
      const { doc } = openContainer(await openService(keyring, account), row)
      return { publicAccess: doc.publicAccess, policies: doc.policies.map(policyOf) }
    },
  }
}

function policyOf({ id, start, expiry, permission }: PolicyDoc): StoredAccessPolicy {
  const time = (text: string | null) => (text === null ? null : new Date(text))
  return { id, startsAt: time(start), expiresAt: time(expiry), permissions: permission }
}
