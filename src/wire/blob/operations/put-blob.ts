import { type RequestHead, operation, queryValue } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { WantedChecksum } from '../../../services/blob/checksum.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { present, stampHeaders, writtenHeaders } from '../present.ts'
import {
  blobHeadersOf,
  blobOf,
  checksumOf,
  conditionsOf,
  encryptionOf,
  leaseIdOf,
  metadataOf,
  tagsOf,
} from '../request.ts'

/** What the newest versions take in one request. */
export const MAX_PUT_BYTES = 5_000 * 1024 * 1024

/** https://learn.microsoft.com/rest/api/storageservices/put-blob */
export function putBlobOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'PutBlob',
    method: 'PUT',
    path: '/{container}/{blob+}',
    headers: { 'x-ms-blob-type': 'BlockBlob' },
    needs: needs.createBlob,
    body: { kind: 'stream', maxBytes: MAX_PUT_BYTES },
    async run(call) {
      const { head, caller, body, signal } = call
      if (body.length === null && head.headers.get('transfer-encoding') === undefined) {
        throw new BlobFault('length-missing', {})
      }
      const { blob, contentMd5 } = await blobs.putBlob(
        {
          at: { ...blobOf(call), moment: null },
          command: {
            headers: blobHeadersOf(head, true),
            metadata: metadataOf(head),
            tags: tagsOf(head),
            tier: head.headers.get('x-ms-access-tier') ?? null,
            encryption: encryptionOf(call),
            checksum: wholeChecksumOf(head),
            conditions: conditionsOf(head),
            leaseId: leaseIdOf(head),
            mayOverwrite: caller.permits(needs.writeBlob),
          },
        },
        body.stream,
        signal,
      )
      return {
        status: 201,
        headers: {
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
function wholeChecksumOf(head: RequestHead): WantedChecksum {
  const { md5, crc64 } = checksumOf(head)
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
