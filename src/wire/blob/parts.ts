import type { Call, RequestHead } from '../../http/operation.ts'
import type { BlobState } from '../../services/blob/blob-rows.ts'
import type { ContentChange } from '../../services/blob/change-content.ts'
import type { ToldSums } from '../../services/blob/told-checksum.ts'
import type { StorageCaller } from '../../services/storage/storage-caller.ts'
import { versionOf } from './headers.ts'
import { headerOf } from './numbers.ts'
import { present, stampHeaders, writtenHeaders } from './present.ts'
import { conditionsOf, encryptionOf, leaseIdOf } from './request.ts'

type PartCall = Pick<Call<StorageCaller>, 'head' | 'caller'>

/** What every write to a part of an append blob or a page blob may ask for. */
export function contentChangeOf(call: PartCall): ContentChange {
  const { head } = call
  return { conditions: conditionsOf(head), leaseId: leaseIdOf(head), encryption: encryptionOf(call) }
}

/** Whether the client's version has `x-ms-content-crc64`. */
export function knowsCrc64(head: RequestHead): boolean {
  return versionOf(head) >= '2019-02-02'
}

/** What the answer to any of these writes tells. */
export function partHeaders(
  head: RequestHead,
  { doc }: Pick<BlobState, 'doc'>,
  { contentMd5, contentCrc64 }: ToldSums,
): Readonly<Record<string, string>> {
  return {
    ...stampHeaders(doc),
    ...writtenHeaders(doc, headerOf(head, 'x-ms-encryption-scope')),
    ...present({
      'content-md5': contentMd5,
      'x-ms-content-crc64': contentCrc64,
      'x-ms-blob-sequence-number': doc.sequenceNumber,
      'x-ms-blob-committed-block-count': doc.blockCount,
    }),
  }
}
