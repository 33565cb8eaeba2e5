import type { Protocol } from '../../http/operation.ts'
import type { StorageCaller } from '../../services/storage/storage-caller.ts'
import { type BlobAuthDeps, admit } from './auth.ts'
import type { BlobWireDeps } from './deps.ts'
import { fail } from './errors.ts'
import { blobHeaders } from './headers.ts'
import type { BlobNeeds } from './needs.ts'
import { blockListOperations } from './operations/block-list.ts'
import { containerOperations } from './operations/containers.ts'
import { deleteBlobOperation } from './operations/delete-blob.ts'
import { getBlobOperations } from './operations/get-blob.ts'
import { listBlobsOperation } from './operations/list-blobs.ts'
import { putBlobOperation, putUnknownOperation } from './operations/put-blob.ts'
import { putBlockOperation } from './operations/put-block.ts'

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
      putBlobOperation(deps),
      putUnknownOperation(),
      putBlockOperation(deps),
      ...blockListOperations(deps),
      ...getBlobOperations(deps),
      deleteBlobOperation(deps),
    ],
    admit: (head, matched) => admit(deps.auth, head, matched),
    fail: (thrown, head) => fail(thrown, head, deps.endpoints),
    headers: blobHeaders,
  }
}
