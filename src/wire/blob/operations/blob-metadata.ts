import { type Call, type Reply, operation } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { metadataHeaders, present, stampHeaders, writtenHeaders } from '../present.ts'
import { blobOf, conditionsOf, customerKeyOf, encryptionOf, leaseIdOf, metadataOf } from '../request.ts'

const path = '/{container}/{blob+}'
const query = { comp: 'metadata' }

/** https://learn.microsoft.com/rest/api/storageservices/get-blob-metadata and set-blob-metadata */
export function blobMetadataOperations({ blobs }: BlobWireDeps): readonly BlobOperation[] {
  const read = async (call: Call<StorageCaller>): Promise<Reply> => {
    const { head, signal } = call
    const command = {
      conditions: conditionsOf(head),
      leaseId: leaseIdOf(head),
      customerKey: customerKeyOf(head, ''),
    }
    const { view } = await blobs.getBlob(blobOf(call), command, signal)
    return { status: 200, headers: { ...stampHeaders(view.doc), ...metadataHeaders(view.metadata) } }
  }
  const reading = { path, query, needs: needs.readBlob, body: { kind: 'none' }, run: read } as const
  return [
    operation<StorageCaller, BlobNeeds, typeof path>({ id: 'GetBlobMetadata', method: 'GET', ...reading }),
    operation<StorageCaller, BlobNeeds, typeof path>({ id: 'GetBlobMetadata', method: 'HEAD', ...reading }),
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'SetBlobMetadata',
      method: 'PUT',
      path,
      query,
      needs: needs.writeBlob,
      body: { kind: 'none' },
      async run(call) {
        const { head, signal } = call
        const command = {
          metadata: metadataOf(head),
          encryption: encryptionOf(call),
          conditions: conditionsOf(head),
          leaseId: leaseIdOf(head),
        }
        const at = { ...blobOf(call), moment: null }
        const { doc } = await blobs.setBlobMetadata(at, command, signal)
        return {
          status: 200,
          headers: {
            ...stampHeaders(doc),
            ...writtenHeaders(doc, command.encryption.scope),
            ...present({ 'x-ms-version-id': doc.versionId }),
          },
        }
      },
    }),
  ]
}
