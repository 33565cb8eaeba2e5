import { type Call, type Reply, type RequestHead, operation } from '../../../http/operation.ts'
import { MIB } from '../../../kernel/units.ts'
import type { AppendedBlock } from '../../../services/blob/append-block.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { MAX_STRUCTURE_BYTES } from '../../shared/structured-body.ts'
import { announcedContentOf } from '../content.ts'
import { sourceRangeOf } from '../copy-headers.ts'
import { type CopyWireDeps, namedSource } from '../copy-source.ts'
import type { BlobWireDeps } from '../deps.ts'
import { versionOf } from '../headers.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { numberOf } from '../numbers.ts'
import { contentChangeOf, knowsCrc64, partHeaders } from '../parts.ts'
import { blobOf, sourceChecksumOf } from '../request.ts'

/** What the newest versions take as one block. */
const MAX_BLOCK_BYTES = 100 * MIB

/** https://learn.microsoft.com/rest/api/storageservices/append-block */
export function appendBlockOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'AppendBlock',
    method: 'PUT',
    path: '/{container}/{blob+}',
    query: { comp: 'appendblock' },
    needs: needs.appendBlob,
    body: { kind: 'stream', maxBytes: MAX_BLOCK_BYTES + MAX_STRUCTURE_BYTES },
    async run(call) {
      const { head, signal } = call
      const { stream, checksum, headers } = announcedContentOf(call, maxBlockBytes(head))
      const command = { ...appendOf(call), checksum }
      const at = { ...blobOf(call), moment: null }
      return appendedReply(head, await blobs.appendBlock({ at, command }, stream, signal), headers)
    },
  })
}

/** https://learn.microsoft.com/rest/api/storageservices/append-block-from-url */
export function appendBlockFromUrlOperation(deps: CopyWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'AppendBlockFromURL',
    method: 'PUT',
    path: '/{container}/{blob+}',
    query: { comp: 'appendblock' },
    headers: { 'x-ms-copy-source': true },
    needs: needs.appendBlob,
    body: { kind: 'raw', maxBytes: 0 },
    async run(call) {
      const { head, signal } = call
      const command = {
        ...appendOf(call),
        checksum: sourceChecksumOf(head),
        range: sourceRangeOf(head),
        maxBlockBytes: maxBlockBytes(head),
        source: await namedSource(deps, call, { sharesCredential: false, readsTags: false }),
      }
      const at = { ...blobOf(call), moment: null }
      return appendedReply(head, await deps.blobs.appendBlockFromUrl({ at, command }, signal))
    },
  })
}

/** https://learn.microsoft.com/rest/api/storageservices/append-block#remarks */
function maxBlockBytes(head: RequestHead): number {
  return versionOf(head) >= '2022-11-02' ? MAX_BLOCK_BYTES : 4 * MIB
}

/** @throws BlobFault `header-invalid` */
function appendOf(call: Pick<Call<StorageCaller>, 'head' | 'caller'>) {
  const { head } = call
  return {
    ...contentChangeOf(call),
    position: numberOf(head, 'x-ms-blob-condition-appendpos'),
    maxBytes: numberOf(head, 'x-ms-blob-condition-maxsize'),
    knowsCrc64: knowsCrc64(head),
  }
}

function appendedReply(
  head: RequestHead,
  { blob, offset, ...sums }: AppendedBlock,
  others: Readonly<Record<string, string>> = {},
): Reply {
  return {
    status: 201,
    headers: { ...others, ...partHeaders(head, blob, sums), 'x-ms-blob-append-offset': String(offset) },
  }
}
