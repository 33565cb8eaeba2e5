import type { Protocol } from '../../http/operation.ts'
import type { StorageCaller } from '../../services/storage/storage-caller.ts'
import { type BlobAuthDeps, admit } from './auth.ts'
import type { BlobWireDeps } from './deps.ts'
import { fail } from './errors.ts'
import { blobHeaders } from './headers.ts'
import type { BlobNeeds } from './needs.ts'
import { appendBlockOperation } from './operations/append-block.ts'
import { blobImmutabilityOperations } from './operations/blob-immutability.ts'
import { blobMetadataOperations } from './operations/blob-metadata.ts'
import { blobTagsOperations } from './operations/blob-tags.ts'
import { blockListOperations } from './operations/block-list.ts'
import { containerOperations } from './operations/containers.ts'
import { deleteBlobOperations, undeleteBlobOperation } from './operations/delete-blob.ts'
import { findBlobsOperations } from './operations/find-blobs.ts'
import { getBlobOperations } from './operations/get-blob.ts'
import { getPageRangesOperation } from './operations/get-page-ranges.ts'
import { leaseBlobOperation } from './operations/lease-blob.ts'
import { listBlobsOperation } from './operations/list-blobs.ts'
import { putBlobOperation, putUnknownOperation } from './operations/put-blob.ts'
import { putBlockOperation } from './operations/put-block.ts'
import { putFromUrlOperations } from './operations/put-from-url.ts'
import { putEmptyBlobOperations } from './operations/put-empty-blob.ts'
import { putPageOperation } from './operations/put-page.ts'
import { sealAppendBlobOperation } from './operations/seal-append-blob.ts'
import { setBlobExpiryOperation } from './operations/set-blob-expiry.ts'
import { setBlobPropertiesOperation } from './operations/set-blob-properties.ts'
import { setBlobTierOperation } from './operations/set-blob-tier.ts'
import { snapshotBlobOperation } from './operations/snapshot-blob.ts'

/** Blob Storage on `<account>.blob.core.<domain>`, and in path style on an address. */
export function blobProtocol(
  deps: BlobWireDeps & { readonly auth: BlobAuthDeps },
): Protocol<StorageCaller, BlobNeeds> {
  return {
    name: 'blob',
    ignoreCase: false,
    keepsPaths: true,
    operations: [
      ...containerOperations(deps),
      listBlobsOperation(deps),
      putBlockOperation(deps),
      ...putFromUrlOperations(deps),
      ...blockListOperations(deps),
      appendBlockOperation(deps),
      sealAppendBlobOperation(deps),
      putPageOperation(deps),
      getPageRangesOperation(deps),
      ...getBlobOperations(deps),
      ...deleteBlobOperations(deps),
      undeleteBlobOperation(deps),
      ...blobMetadataOperations(deps),
      setBlobPropertiesOperation(deps),
      ...blobTagsOperations(deps),
      ...findBlobsOperations(deps),
      setBlobTierOperation(deps),
      snapshotBlobOperation(deps),
      leaseBlobOperation(deps),
      ...blobImmutabilityOperations(deps),
      setBlobExpiryOperation(),
      // Behind whatever a query tells from them: among equals the first is taken.
      putBlobOperation(deps),
      ...putEmptyBlobOperations(deps),
      putUnknownOperation(),
    ],
    admit: (head, matched) => admit(deps.auth, head, matched),
    fail: (thrown, head) => fail(thrown, head, deps.endpoints),
    headers: blobHeaders,
  }
}
