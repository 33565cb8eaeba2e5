import { operation } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { containerOptionsOf } from '../container-request.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { metadataHeaders, stampHeaders } from '../present.ts'
import { containerOf, leaseIdOf, metadataOf } from '../request.ts'

const path = '/{container}'
const query = { restype: 'container', comp: 'metadata' }

/** https://learn.microsoft.com/rest/api/storageservices/get-container-metadata and set-container-metadata */
export function containerMetadataOperations({ blobs }: BlobWireDeps): readonly BlobOperation[] {
  return [
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'GetContainerMetadata',
      method: 'GET',
      path,
      query,
      needs: needs.readContainer,
      body: { kind: 'none' },
      async run(call) {
        const { doc } = await blobs.getContainerProperties(containerOf(call), leaseIdOf(call.head))
        return { status: 200, headers: { ...stampHeaders(doc), ...metadataHeaders(doc.metadata) } }
      },
    }),
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'SetContainerMetadata',
      method: 'PUT',
      path,
      query,
      needs: needs.writeContainer,
      body: { kind: 'none' },
      async run(call) {
        const { head } = call
        const command = { ...containerOptionsOf(head), metadata: metadataOf(head) }
        const { doc } = await blobs.setContainerMetadata(containerOf(call), command)
        return { status: 200, headers: stampHeaders(doc) }
      },
    }),
  ]
}
