import type { RequestHead } from '../../http/operation.ts'
import type { ContainerOptions } from '../../services/blob/change-container.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import type { ContainerDoc } from '../../services/blob/model.ts'
import { conditionsOf, leaseIdOf } from './request.ts'

/** Containers have no conditions on entity tags. @throws BlobFault `conditions-unsupported`, `header-invalid` */
export function containerOptionsOf(head: RequestHead): ContainerOptions {
  const conditions = conditionsOf(head)
  if (conditions.ifMatch !== null || conditions.ifNoneMatch !== null || conditions.ifTags !== null)
    throw new BlobFault('conditions-unsupported', {})
  return { conditions, leaseId: leaseIdOf(head) }
}

/** @throws BlobFault `header-invalid` */
export function publicAccessOf({ headers }: RequestHead): ContainerDoc['publicAccess'] {
  const name = 'x-ms-blob-public-access'
  const value = headers.get(name)?.toLowerCase()
  if (value === undefined || value === '') return 'none'
  if (value === 'container' || value === 'blob') return value
  throw new BlobFault('header-invalid', { name, value })
}

const ACCOUNT_KEY = '$account-encryption-key'

/** Name of the scope; null: the account's own key. */
export function defaultScopeOf({ headers }: RequestHead): string | null {
  const value = headers.get('x-ms-default-encryption-scope') ?? ''
  return value === '' || value === ACCOUNT_KEY ? null : value
}

export function shownScope(scopeName: string | null): string {
  return scopeName ?? ACCOUNT_KEY
}
