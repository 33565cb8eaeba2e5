import { type Call, operation, queryValue } from '../../../http/operation.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { BlobDoc } from '../../../services/blob/model.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { copiesTagsOf, sealsBlobOf } from '../copy-headers.ts'
import { type CopyWireDeps, type SourceReader, namedSource } from '../copy-source.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { newBlobOf } from '../new-blob.ts'
import { present, stampHeaders, writtenHeaders } from '../present.ts'
import { blobOf, encryptionOf, guidOf, leaseIdOf, sourceChecksumOf } from '../request.ts'

const path = '/{container}/{blob+}'
const noBody = { kind: 'raw', maxBytes: 0 } as const

export function copyBlobOperations(deps: CopyWireDeps): readonly BlobOperation[] {
  return [copyBlobOperation(deps), copyBlobFromUrlOperation(deps), abortCopyOperation(deps)]
}

/** https://learn.microsoft.com/rest/api/storageservices/copy-blob */
function copyBlobOperation(deps: CopyWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, typeof path>({
    id: 'CopyBlob',
    method: 'PUT',
    path,
    headers: { 'x-ms-copy-source': true },
    needs: needs.createBlob,
    body: noBody,
    async run(call) {
      const command = {
        ...(await newCopyOf(deps, call, { sharesCredential: true, readsTags: false })),
        // A scope comes with the signature alone.
        encryption: { scope: call.caller.encryptionScope, customerKey: null },
        sealsBlob: sealsBlobOf(call.head),
      }
      const { doc } = await deps.blobs.copyBlob({ at: destinationOf(call), command }, call.signal)
      return { status: 202, headers: copyHeaders(doc) }
    },
  })
}

/** https://learn.microsoft.com/rest/api/storageservices/copy-blob-from-url */
function copyBlobFromUrlOperation(deps: CopyWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, typeof path>({
    id: 'CopyBlobFromURL',
    method: 'PUT',
    path,
    headers: { 'x-ms-copy-source': true, 'x-ms-requires-sync': 'true' },
    needs: needs.createBlob,
    body: noBody,
    async run(call) {
      const { head } = call
      const copiesTags = copiesTagsOf(head)
      const checksum = sourceChecksumOf(head)
      const command = {
        ...(await newCopyOf(deps, call, { sharesCredential: false, readsTags: copiesTags })),
        encryption: encryptionOf(call),
        copiesTags,
        checksum,
      }
      const { doc } = await deps.blobs.copyBlobFromUrl({ at: destinationOf(call), command }, call.signal)
      return {
        status: 202,
        headers: {
          ...copyHeaders(doc),
          ...writtenHeaders(doc, head.headers.get('x-ms-encryption-scope') ?? null),
          ...present({ 'content-md5': checksum.md5, 'x-ms-content-crc64': checksum.crc64 }),
        },
      }
    },
  })
}

/** https://learn.microsoft.com/rest/api/storageservices/abort-copy-blob */
function abortCopyOperation({ blobs }: CopyWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, typeof path>({
    id: 'AbortCopyBlob',
    method: 'PUT',
    path,
    query: { comp: 'copy', copyid: true },
    headers: { 'x-ms-copy-action': 'abort' },
    needs: needs.writeBlob,
    body: noBody,
    async run(call) {
      const copyId = copyIdOf(call)
      await blobs.abortCopy(destinationOf(call), { copyId, leaseId: leaseIdOf(call.head) })
      return { status: 204 }
    },
  })
}

async function newCopyOf(deps: CopyWireDeps, call: Call<StorageCaller>, reader: SourceReader) {
  const { shown, ...source } = await namedSource(deps, call, reader)
  const tier = call.head.headers.get('x-ms-access-tier') ?? null
  return { ...newBlobOf(call), source, shown, tier }
}

function destinationOf(call: Call<StorageCaller>) {
  return { ...blobOf(call), moment: null }
}

/** @throws BlobFault `query-invalid` */
function copyIdOf({ head }: Call<StorageCaller>): string {
  const value = queryValue(head, 'copyid') ?? ''
  try {
    return guidOf('copyid', value)
  } catch (error) {
    throw error instanceof BlobFault ? new BlobFault('query-invalid', { name: 'copyid', value }) : error
  }
}

function copyHeaders(doc: BlobDoc) {
  return {
    ...stampHeaders(doc),
    ...present({
      'x-ms-copy-id': doc.copy?.id,
      'x-ms-copy-status': doc.copy?.status,
      'x-ms-version-id': doc.versionId,
    }),
  }
}
