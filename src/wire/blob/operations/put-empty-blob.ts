import { type Call, operation } from '../../../http/operation.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { PutEmptyBlob } from '../../../services/blob/put-empty-blob.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { newBlobOf } from '../new-blob.ts'
import { headerOf } from '../numbers.ts'
import { pageBlobLengthOf, sequenceNumberOf } from '../pages.ts'
import { present, stampHeaders, writtenHeaders } from '../present.ts'
import { blobHeadersOf, blobOf, encryptionOf } from '../request.ts'

type EmptyBlob = PutEmptyBlob['blob']

/** https://learn.microsoft.com/rest/api/storageservices/put-blob, of append blobs and page blobs. */
export function putEmptyBlobOperations({ blobs }: BlobWireDeps): readonly BlobOperation[] {
  const put = (type: EmptyBlob['type']) =>
    operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
      id: 'PutBlob',
      method: 'PUT',
      path: '/{container}/{blob+}',
      headers: { 'x-ms-blob-type': type },
      needs: needs.createBlob,
      // Its bytes come later, with operations of their own.
      body: { kind: 'raw', maxBytes: 0 },
      async run(call) {
        const { doc } = await blobs.putEmptyBlob(commandOf(call, type), call.signal)
        return {
          status: 201,
          headers: {
            ...stampHeaders(doc),
            ...writtenHeaders(doc, headerOf(call.head, 'x-ms-encryption-scope')),
            ...present({ 'x-ms-version-id': doc.versionId }),
          },
        }
      },
    })
  return [put('AppendBlob'), put('PageBlob')]
}

function commandOf(call: Call<StorageCaller>, type: EmptyBlob['type']) {
  const { head } = call
  return {
    at: { ...blobOf(call), moment: null },
    command: {
      blob: type === 'AppendBlob' ? { type } : pageBlobOf(call),
      headers: blobHeadersOf(head, true),
      ...newBlobOf(call),
      encryption: encryptionOf(call),
    },
  }
}

function pageBlobOf({ head }: Call<StorageCaller>): EmptyBlob {
  const length = pageBlobLengthOf(head)
  if (length === null) throw new BlobFault('header-missing', { name: 'x-ms-blob-content-length' })
  const sequenceNumber = sequenceNumberOf(head) ?? '0'
  return { type: 'PageBlob', length, sequenceNumber, tier: headerOf(head, 'x-ms-access-tier') }
}
