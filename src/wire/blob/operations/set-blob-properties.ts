import { type RequestHead, operation } from '../../../http/operation.ts'
import type { BlobHeaders } from '../../../services/blob/model.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { pageBlobChangeOf } from '../pages.ts'
import { present, stampHeaders } from '../present.ts'
import { blobHeadersOf, blobOf, conditionsOf, leaseIdOf } from '../request.ts'

/** https://learn.microsoft.com/rest/api/storageservices/set-blob-properties */
export function setBlobPropertiesOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'SetBlobProperties',
    method: 'PUT',
    path: '/{container}/{blob+}',
    query: { comp: 'properties' },
    needs: needs.writeBlob,
    body: { kind: 'none' },
    async run(call) {
      const { head } = call
      const { doc } = await blobs.setBlobProperties(
        { ...blobOf(call), moment: null },
        {
          headers: newHeadersOf(head),
          pages: pageBlobChangeOf(head),
          conditions: conditionsOf(head),
          leaseId: leaseIdOf(head),
        },
      )
      return {
        status: 200,
        headers: {
          ...stampHeaders(doc),
          ...present({ 'x-ms-blob-sequence-number': doc.sequenceNumber }),
        },
      }
    },
  })
}

const settable = [
  'x-ms-blob-cache-control',
  'x-ms-blob-content-type',
  'x-ms-blob-content-md5',
  'x-ms-blob-content-encoding',
  'x-ms-blob-content-language',
  'x-ms-blob-content-disposition',
]

/** One of them alone, even an empty one, clears all others. */
function newHeadersOf(head: RequestHead): BlobHeaders | null {
  return settable.some((name) => head.headers.has(name)) ? blobHeadersOf(head, false) : null
}
