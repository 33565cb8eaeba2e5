import { operation } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { present, stampHeaders, writtenHeaders } from '../present.ts'
import { blobOf, conditionsOf, encryptionOf, hasMetadata, leaseIdOf, metadataOf } from '../request.ts'

/** https://learn.microsoft.com/rest/api/storageservices/snapshot-blob */
export function snapshotBlobOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'SnapshotBlob',
    method: 'PUT',
    path: '/{container}/{blob+}',
    query: { comp: 'snapshot' },
    needs: needs.createBlob,
    body: { kind: 'none' },
    async run(call) {
      const { head, signal } = call
      const command = {
        metadata: hasMetadata(head) ? metadataOf(head) : null,
        encryption: encryptionOf(call),
        conditions: conditionsOf(head),
        leaseId: leaseIdOf(head),
      }
      const at = { ...blobOf(call), moment: null }
      const { snapshot, versionId } = await blobs.snapshotBlob(at, command, signal)
      return {
        status: 201,
        headers: {
          ...stampHeaders(snapshot.doc),
          ...writtenHeaders(snapshot.doc, command.encryption.scope),
          ...present({ 'x-ms-snapshot': snapshot.moment, 'x-ms-version-id': versionId }),
        },
      }
    },
  })
}
