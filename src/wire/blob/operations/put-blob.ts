import { type RequestHead, operation, queryValue } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { WantedChecksum } from '../../../services/blob/checksum.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import { MAX_WHOLE_BYTES } from '../../../services/blob/put-blob.ts'
import { MAX_STRUCTURE_BYTES } from '../../shared/structured-body.ts'
import { contentOf } from '../content.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { blockBlobTierOf, newBlobOf } from '../new-blob.ts'
import { present, stampHeaders, writtenHeaders } from '../present.ts'
import { blobHeadersOf, blobOf, encryptionOf } from '../request.ts'

/** https://learn.microsoft.com/rest/api/storageservices/put-blob */
export function putBlobOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'PutBlob',
    method: 'PUT',
    path: '/{container}/{blob+}',
    headers: { 'x-ms-blob-type': 'BlockBlob' },
    needs: needs.createBlob,
    body: { kind: 'stream', maxBytes: MAX_WHOLE_BYTES + MAX_STRUCTURE_BYTES },
    async run(call) {
      const { head, signal } = call
      const content = contentOf(call, MAX_WHOLE_BYTES)
      const { blob, contentMd5 } = await blobs.putBlob(
        {
          at: { ...blobOf(call), moment: null },
          command: {
            headers: blobHeadersOf(head, true),
            ...newBlobOf(call),
            tier: blockBlobTierOf(head),
            encryption: encryptionOf(call),
            checksum: wholeChecksumOf(head, content.checksum),
          },
        },
        content.stream,
        signal,
      )
      return {
        status: 201,
        headers: {
          ...content.headers,
          ...stampHeaders(blob.doc),
          ...writtenHeaders(blob.doc, head.headers.get('x-ms-encryption-scope') ?? null),
          ...present({
            'content-md5': contentMd5,
            'x-ms-content-crc64': head.headers.get('x-ms-content-crc64'),
            'x-ms-version-id': blob.doc.versionId,
          }),
        },
      }
    },
  })
}

/** The MD5 to be stored is checked as well: of a blob that comes whole, both mean the same. */
function wholeChecksumOf(head: RequestHead, { md5, crc64 }: WantedChecksum): WantedChecksum {
  return { md5: md5 ?? blobHeadersOf(head, false).contentMd5 ?? null, crc64 }
}

/** What is no other operation on a blob, and does not say what kind of blob it puts. */
export function putUnknownOperation(): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'PutUnknown',
    method: 'PUT',
    path: '/{container}/{blob+}',
    needs: needs.createBlob,
    body: { kind: 'none' },
    run: ({ head }) => Promise.reject(unknownPut(head)),
  })
}

function unknownPut(head: RequestHead): BlobFault {
  const comp = queryValue(head, 'comp')
  if (comp !== undefined) return new BlobFault('query-invalid', { name: 'comp', value: comp })
  const name = 'x-ms-blob-type'
  const value = head.headers.get(name)
  return value === undefined
    ? new BlobFault('header-missing', { name })
    : new BlobFault('header-invalid', { name, value })
}
