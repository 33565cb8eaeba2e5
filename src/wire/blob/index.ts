import type { Protocol, Reply, RequestHead } from '../../http/operation.ts'
import type { BlobServiceSettings } from '../../services/storage/storage-account.ts'
import type { StorageCaller } from '../../services/storage/storage-caller.ts'
import { accountOf, admitTo } from './auth.ts'
import type { CopyWireDeps } from './copy-source.ts'
import { withCors } from './cors.ts'
import { fail } from './errors.ts'
import { blobHeaders, withDefaultVersion } from './headers.ts'
import { ROOT_CONTAINER } from './names.ts'
import type { BlobNeeds, BlobOperation } from './needs.ts'
import { accountInformationOperations } from './operations/account-information.ts'
import { appendBlockFromUrlOperation, appendBlockOperation } from './operations/append-block.ts'
import { blobBatchOperations } from './operations/blob-batch.ts'
import { blobImmutabilityOperations } from './operations/blob-immutability.ts'
import { blobMetadataOperations } from './operations/blob-metadata.ts'
import { blobTagsOperations } from './operations/blob-tags.ts'
import { serviceStatsOperation, servicePropertiesOperations } from './operations/blob-service.ts'
import { blockListOperations } from './operations/block-list.ts'
import { containerAclOperations } from './operations/container-acl.ts'
import { containerMetadataOperations } from './operations/container-metadata.ts'
import { containerOperations } from './operations/containers.ts'
import { copyBlobOperations } from './operations/copy-blob.ts'
import { deleteBlobOperations, undeleteBlobOperation } from './operations/delete-blob.ts'
import { findBlobsOperations } from './operations/find-blobs.ts'
import { getBlobOperations } from './operations/get-blob.ts'
import { getPageRangesOperation } from './operations/get-page-ranges.ts'
import { incrementalCopyBlobOperation } from './operations/incremental-copy-blob.ts'
import { leaseBlobOperation } from './operations/lease-blob.ts'
import { leaseContainerOperations } from './operations/lease-container.ts'
import { listBlobsOperation } from './operations/list-blobs.ts'
import { listContainersOperation } from './operations/list-containers.ts'
import { preflightOperations } from './operations/preflight.ts'
import { putBlobOperation, putUnknownOperation } from './operations/put-blob.ts'
import { putBlockOperation } from './operations/put-block.ts'
import { putFromUrlOperations } from './operations/put-from-url.ts'
import { putEmptyBlobOperations } from './operations/put-empty-blob.ts'
import { putPageFromUrlOperation, putPageOperation } from './operations/put-page.ts'
import { restoreContainerOperation } from './operations/restore-container.ts'
import { sealAppendBlobOperation } from './operations/seal-append-blob.ts'
import { setBlobExpiryOperation } from './operations/set-blob-expiry.ts'
import { setBlobPropertiesOperation } from './operations/set-blob-properties.ts'
import { setBlobTierOperation } from './operations/set-blob-tier.ts'
import { snapshotBlobOperation } from './operations/snapshot-blob.ts'
import { userDelegationKeyOperation } from './operations/user-delegation-key.ts'

/** Blob Storage on `<account>.blob.core.<domain>`, and in path style on an address. */
export function blobProtocol(deps: CopyWireDeps): Protocol<StorageCaller, BlobNeeds> {
  const blobs = blobOperations(deps)
  const settings = settingsOfRequests()
  const crossing = (head: RequestHead, reply: Reply) =>
    withCors(settings.of(head)?.corsRules ?? [], head, { reply, always: headersOf(head) })
  const versioned = (head: RequestHead) =>
    withDefaultVersion(head, settings.of(head)?.defaultServiceVersion ?? null)
  const headersOf = (head: RequestHead) => blobHeaders(versioned(head))
  return {
    name: 'blob',
    ignoreCase: false,
    keepsPaths: true,
    operations: [...serviceOperations(deps), ...blobs, ...inRootContainer(blobs)].map((operation) => ({
      ...operation,
      run: async (call) => crossing(call.head, await operation.run({ ...call, head: versioned(call.head) })),
    })),
    async admit(head, matched) {
      const account = await accountOf(deps.auth, head)
      settings.note(head, account.blobService)
      return await admitTo(deps.auth, { head, account }, matched)
    },
    fail: (thrown, head) => crossing(head, fail(thrown, head, deps.endpoints)),
    headers: headersOf,
  }
}

/**
 * What of its account's settings decides of a request's answer, refusals too: known before the caller is. Most accounts have
 * none of it.
 */
function settingsOfRequests() {
  const known = new WeakMap<RequestHead, BlobServiceSettings>()
  return {
    of: (head: RequestHead) => known.get(head),
    note(head: RequestHead, settings: BlobServiceSettings) {
      if (settings.corsRules.length > 0 || settings.defaultServiceVersion !== null) known.set(head, settings)
    },
  }
}

/** Of the account and its containers. */
function serviceOperations(deps: CopyWireDeps): readonly BlobOperation[] {
  return [
    ...servicePropertiesOperations(deps),
    serviceStatsOperation(deps),
    ...accountInformationOperations(),
    userDelegationKeyOperation(deps),
    ...preflightOperations(),
    listContainersOperation(deps),
    ...containerOperations(deps),
    ...containerMetadataOperations(deps),
    ...containerAclOperations(deps),
    ...leaseContainerOperations(deps),
    restoreContainerOperation(deps),
    listBlobsOperation(deps),
    ...findBlobsOperations(deps),
    ...blobBatchOperations(deps),
  ]
}

function blobOperations(deps: CopyWireDeps): readonly BlobOperation[] {
  return [
    putBlockOperation(deps),
    ...putFromUrlOperations(deps),
    ...blockListOperations(deps),
    appendBlockOperation(deps),
    appendBlockFromUrlOperation(deps),
    sealAppendBlobOperation(deps),
    putPageOperation(deps),
    putPageFromUrlOperation(deps),
    incrementalCopyBlobOperation(deps),
    getPageRangesOperation(deps),
    ...getBlobOperations(deps),
    undeleteBlobOperation(deps),
    ...blobMetadataOperations(deps),
    setBlobPropertiesOperation(deps),
    ...blobTagsOperations(deps),
    setBlobTierOperation(deps),
    snapshotBlobOperation(deps),
    leaseBlobOperation(deps),
    ...blobImmutabilityOperations(deps),
    setBlobExpiryOperation(),
    // Behind whatever a query tells from them: among equals the first is taken.
    ...deleteBlobOperations(deps),
    ...copyBlobOperations(deps),
    putBlobOperation(deps),
    ...putEmptyBlobOperations(deps),
    putUnknownOperation(),
  ]
}

const blobPath = '/{container}/{blob+}'

/** The same of a blob whose path names no container. */
function inRootContainer(operations: readonly BlobOperation[]): readonly BlobOperation[] {
  return operations
    .filter(({ path }) => path === blobPath)
    .map((operation) => ({
      ...operation,
      path: '/{blob}',
      run: (call) => operation.run({ ...call, params: { ...call.params, container: ROOT_CONTAINER } }),
    }))
}
