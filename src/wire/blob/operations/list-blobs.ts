import { type RequestHead, operation, queryValue } from '../../../http/operation.ts'
import type { ListedBlob } from '../../../services/blob/list-blobs.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { type XmlElement, xmlReply } from '../../shared/xml.ts'
import { listedXml } from '../blob-xml.ts'
import type { BlobWireDeps } from '../deps.ts'
import { listQueryOf, shownOf, writeMarker } from '../listing.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { containerOf } from '../request.ts'

/** https://learn.microsoft.com/rest/api/storageservices/list-blobs */
export function listBlobsOperation({ blobs, clock, endpointOf }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}'>({
    id: 'ListBlobs',
    method: 'GET',
    path: '/{container}',
    query: { restype: 'container', comp: 'list' },
    needs: needs.listBlobs,
    body: { kind: 'none' },
    async run(call) {
      const { head, caller, signal } = call
      const at = containerOf(call)
      const query = listQueryOf(head)
      const shown = shownOf(head)
      if (shown.tags && !caller.permits(needs.listTags)) throw caller.refusal(needs.listTags)
      const showing = {
        shown,
        now: clock.now().getTime(),
        retentionDays: at.account.blobService.deleteRetentionDays,
      }
      const show = (some: readonly ListedBlob[]) => some.map((item) => listedXml(item, showing)).join('')
      const { parts, next } = await blobs.listBlobs(at, { query, show }, signal)
      return xmlReply([
        'EnumerationResults',
        [
          ...echoed(head),
          ['Blobs', { written: parts.join('') }],
          ['NextMarker', next === null ? null : writeMarker([next.name, next.moment])],
        ],
        { ServiceEndpoint: endpointOf(head), ContainerName: at.container },
      ])
    },
  })
}

function echoed(head: RequestHead): readonly XmlElement[] {
  return (['Prefix', 'Marker', 'MaxResults', 'Delimiter'] as const).flatMap((name): readonly XmlElement[] => {
    const value = queryValue(head, name)
    return value === undefined ? [] : [[name, value]]
  })
}
