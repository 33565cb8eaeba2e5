import { type RequestHead, queryValue } from '../../../http/operation.ts'
import { type AuthorizeDeps, assertPermitted, authorize } from '../../../services/storage/authorize.ts'
import type { StorageAccount } from '../../../services/storage/storage-account.ts'
import type { StorageCaller, StoragePermission } from '../../../services/storage/storage-caller.ts'
import type { StorageServiceName } from '../../../services/storage/storage-request.ts'
import { readCredential } from './credential.ts'

/** What a request is about, as its protocol has read it from the path. */
export interface Addressed {
  readonly account: StorageAccount
  readonly service: StorageServiceName
  /** Decoded; null for the service as a whole. */
  readonly container: string | null
  readonly blob: string | null
}

/** Admits to the data plane of every storage service: by key, signature or token, or without any. */
export interface StorageAdmission {
  /** @throws StorageAuthFault */
  admit(head: RequestHead, request: Addressed): Promise<StorageCaller>
  /** @throws StorageAuthFault in the words that fit the caller's credential */
  assertPermitted(caller: StorageCaller, permission: StoragePermission): void
}

export function storageAdmission(deps: AuthorizeDeps): StorageAdmission {
  return {
    admit: (head, addressed) =>
      authorize(deps, {
        ...addressed,
        snapshot: queryValue(head, 'snapshot') ?? null,
        versionId: queryValue(head, 'versionid') ?? null,
        apiVersion: head.headers.get('x-ms-version') ?? null,
        remoteAddress: head.remoteAddress,
        tlsVersion: head.tlsVersion,
        credential: readCredential(head, addressed.account.name),
      }),
    assertPermitted,
  }
}
