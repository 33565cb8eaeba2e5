import { type Call, operation } from '../../../http/operation.ts'
import { MIB } from '../../../kernel/units.ts'
import { md5Checksum } from '../../../services/blob/checksum.ts'
import type { Block, BlockList } from '../../../services/blob/get-block-list.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { type XmlElement, writeXml } from '../../shared/xml.ts'
import { blockListOf, blockListTypeOf } from '../blocks.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { blockBlobTierOf, newBlobOf } from '../new-blob.ts'
import { present, stampHeaders, writtenHeaders } from '../present.ts'
import { blobHeadersOf, blobOf, checksumOf, conditionsOf, encryptionOf, leaseIdOf } from '../request.ts'

const path = '/{container}/{blob+}'
const query = { comp: 'blocklist' }
/** 50,000 elements of the longest names and ids, and room for white space. */
const MAX_LIST_BYTES = 8 * MIB

export function blockListOperations(deps: BlobWireDeps): readonly BlobOperation[] {
  return [putBlockListOperation(deps), getBlockListOperation(deps)]
}

/** https://learn.microsoft.com/rest/api/storageservices/put-block-list */
function putBlockListOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, typeof path>({
    id: 'PutBlockList',
    method: 'PUT',
    path,
    query,
    needs: needs.createBlob,
    body: { kind: 'raw', maxBytes: MAX_LIST_BYTES },
    async run(call) {
      const { head, body, signal } = call
      const sum = md5Checksum(checksumOf(head))
      sum.update(body.raw)
      sum.assert()
      const { doc } = await blobs.putBlockList(
        { ...blobOf(call), moment: null },
        {
          blocks: blockListOf(body.raw),
          headers: blobHeadersOf(head, false),
          ...newBlobOf(call),
          tier: blockBlobTierOf(head),
          encryption: encryptionOf(call),
        },
        signal,
      )
      return {
        status: 201,
        headers: {
          ...stampHeaders(doc),
          ...writtenHeaders(doc, head.headers.get('x-ms-encryption-scope') ?? null),
          ...present({ 'content-md5': sum.md5(), 'x-ms-version-id': doc.versionId }),
        },
      }
    },
  })
}

/** https://learn.microsoft.com/rest/api/storageservices/get-block-list */
function getBlockListOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, typeof path>({
    id: 'GetBlockList',
    method: 'GET',
    path,
    query,
    needs: needs.readBlob,
    body: { kind: 'none' },
    async run(call) {
      const list = await blobs.getBlockList(blobOf(call), {
        kind: kindOf(call),
        conditions: conditionsOf(call.head),
        leaseId: leaseIdOf(call.head),
      })
      return {
        status: 200,
        headers: {
          ...(list.blob === null ? {} : stampHeaders(list.blob)),
          'x-ms-blob-content-length': String(list.blob?.length ?? 0),
          'content-type': 'application/xml',
        },
        body: Buffer.from(writeXml(['BlockList', listsOf(list)])),
      }
    },
  })
}

/** What is not committed is not public. @throws StorageAuthFault */
function kindOf({ head, caller }: Pick<Call<StorageCaller>, 'head' | 'caller'>) {
  const kind = blockListTypeOf(head)
  if (caller.kind === 'anonymous' && kind !== 'committed') throw caller.refusal(needs.readBlob)
  return kind
}

function listsOf({ committed, uncommitted }: BlockList): readonly XmlElement[] {
  const lists = { CommittedBlocks: committed, UncommittedBlocks: uncommitted }
  return Object.entries(lists).flatMap(([name, blocks]): readonly XmlElement[] =>
    blocks === null ? [] : [[name, blocks.map(elementOf)]],
  )
}

function elementOf({ id, length }: Block): XmlElement {
  return [
    'Block',
    [
      ['Name', id],
      ['Size', length],
    ],
  ]
}
