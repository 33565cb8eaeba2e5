import { StorageAuthFault } from './auth-faults.ts'
import type { ContainerAccess, StorageCaller } from './storage-caller.ts'
import type { StorageRequest } from './storage-request.ts'

/** Since then clients understand the challenge of a 401. */
const CHALLENGED_SINCE = '2019-12-12'

/** What the container makes public, where the account lets it. Whether there is such a container does not show. */
export async function anonymousCaller(
  { containers }: { readonly containers: ContainerAccess },
  request: StorageRequest,
): Promise<StorageCaller> {
  const { account, container, apiVersion } = request
  const isAsked = account.allowsBlobPublicAccess && container !== null
  const found = isAsked ? await containers.find(account, container) : null
  const access = found?.publicAccess ?? 'none'
  return {
    account,
    kind: 'anonymous',
    principal: null,
    responseHeaders: {},
    encryptionScope: null,
    permits: ({ publicAccess }) =>
      publicAccess !== null && (access === 'container' || (access === 'blob' && publicAccess === 'blob')),
    refusal() {
      if (!account.allowsBlobPublicAccess) return new StorageAuthFault('public-access-not-permitted', {})
      if (apiVersion === null || apiVersion < CHALLENGED_SINCE) return new StorageAuthFault('not-public', {})
      return new StorageAuthFault('credential-missing', { tenantId: account.tenantId })
    },
  }
}
