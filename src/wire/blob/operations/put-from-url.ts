import { operation } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { blockIdOf } from '../blocks.ts'
import { copiesPropertiesOf, copiesTagsOf, sourceRangeOf } from '../copy-headers.ts'
import { type CopyWireDeps, namedSource } from '../copy-source.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { blockBlobTierOf, newBlobOf } from '../new-blob.ts'
import { knowsCrc64 } from '../parts.ts'
import { present, stampHeaders, writtenHeaders } from '../present.ts'
import { blobHeadersOf, blobOf, encryptionOf, leaseIdOf, sourceChecksumOf } from '../request.ts'

const path = '/{container}/{blob+}'
const noBody = { kind: 'raw', maxBytes: 0 } as const

export function putFromUrlOperations(deps: CopyWireDeps): readonly BlobOperation[] {
  return [putBlockFromUrlOperation(deps), putBlobFromUrlOperation(deps)]
}

/** https://learn.microsoft.com/rest/api/storageservices/put-block-from-url */
function putBlockFromUrlOperation(deps: CopyWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, typeof path>({
    id: 'PutBlockFromURL',
    method: 'PUT',
    path,
    query: { comp: 'block' },
    headers: { 'x-ms-copy-source': true },
    needs: needs.writeBlob,
    body: noBody,
    async run(call) {
      const { head, signal } = call
      const command = {
        block: blockIdOf(head),
        leaseId: leaseIdOf(head),
        encryption: encryptionOf(call),
        checksum: sourceChecksumOf(head),
        knowsCrc64: knowsCrc64(head),
        range: sourceRangeOf(head),
        source: await namedSource(deps, call, { sharesCredential: false, readsTags: false }),
      }
      const written = await deps.blobs.putBlockFromUrl(
        { at: { ...blobOf(call), moment: null }, command },
        signal,
      )
      return {
        status: 201,
        headers: {
          ...writtenHeaders(written, head.headers.get('x-ms-encryption-scope') ?? null),
          ...present({ 'content-md5': written.contentMd5, 'x-ms-content-crc64': written.contentCrc64 }),
        },
      }
    },
  })
}

/** https://learn.microsoft.com/rest/api/storageservices/put-blob-from-url */
function putBlobFromUrlOperation(deps: CopyWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, typeof path>({
    id: 'PutBlobFromURL',
    method: 'PUT',
    path,
    headers: { 'x-ms-copy-source': true, 'x-ms-blob-type': 'BlockBlob' },
    needs: needs.createBlob,
    body: noBody,
    async run(call) {
      const { head, signal } = call
      const copiesTags = copiesTagsOf(head)
      const command = {
        headers: blobHeadersOf(head, false),
        ...newBlobOf(call),
        tier: blockBlobTierOf(head),
        encryption: encryptionOf(call),
        copiesTags,
        copiesProperties: copiesPropertiesOf(head),
        checksum: sourceChecksumOf(head),
        source: await namedSource(deps, call, { sharesCredential: false, readsTags: copiesTags }),
      }
      const at = { ...blobOf(call), moment: null }
      const { blob, contentMd5 } = await deps.blobs.putBlobFromUrl({ at, command }, signal)
      return {
        status: 201,
        headers: {
          ...stampHeaders(blob.doc),
          ...writtenHeaders(blob.doc, head.headers.get('x-ms-encryption-scope') ?? null),
          ...present({ 'content-md5': contentMd5, 'x-ms-version-id': blob.doc.versionId }),
        },
      }
    },
  })
}
