import { operation } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { type CopyWireDeps, namedSource } from '../copy-source.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { present, stampHeaders } from '../present.ts'
import { blobOf, conditionsOf } from '../request.ts'

/** https://learn.microsoft.com/rest/api/storageservices/incremental-copy-blob */
export function incrementalCopyBlobOperation(deps: CopyWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'IncrementalCopyBlob',
    method: 'PUT',
    path: '/{container}/{blob+}',
    query: { comp: 'incrementalcopy' },
    headers: { 'x-ms-copy-source': true },
    needs: needs.writeBlob,
    body: { kind: 'raw', maxBytes: 0 },
    async run(call) {
      const { head, signal } = call
      const { shown, ...source } = await namedSource(deps, call, { sharesCredential: true, readsTags: false })
      const command = { source, shown, conditions: conditionsOf(head) }
      const at = { ...blobOf(call), moment: null }
      const { doc } = await deps.blobs.incrementalCopyBlob({ at, command }, signal)
      return {
        status: 202,
        headers: {
          ...stampHeaders(doc),
          ...present({ 'x-ms-copy-id': doc.copy?.id, 'x-ms-copy-status': doc.copy?.status }),
        },
      }
    },
  })
}
