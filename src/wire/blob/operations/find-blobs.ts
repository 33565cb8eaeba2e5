import { type Call, type Reply, operation, queryValue } from '../../../http/operation.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { TaggedBlob } from '../../../services/blob/find-blobs.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { elementXml, xmlReply } from '../../shared/xml.ts'
import { nameXml } from '../blob-xml.ts'
import type { BlobWireDeps } from '../deps.ts'
import { maxResultsOf, readMarker, writeMarker } from '../listing.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { containerOf } from '../request.ts'
import { tagsXml } from '../tags-xml.ts'

/** https://learn.microsoft.com/rest/api/storageservices/find-blobs-by-tags and find-blobs-by-tags-container */
export function findBlobsOperations({ blobs, endpointOf }: BlobWireDeps): readonly BlobOperation[] {
  const find = async (call: Call<StorageCaller>, container: string | null): Promise<Reply> => {
    const { head, caller } = call
    const where = queryValue(head, 'where')
    if (where === undefined) throw new BlobFault('query-missing', { name: 'where' })
    const [id, name] = readMarker(head, 2) ?? []
    const { items, next } = await blobs.findBlobs(caller.account, {
      where,
      container,
      from: id === undefined || name === undefined ? null : { container: id, name },
      limit: maxResultsOf(head),
    })
    const maxResults = queryValue(head, 'maxresults')
    return xmlReply([
      'EnumerationResults',
      [
        ['Where', where],
        ...(maxResults === undefined ? [] : [['MaxResults', maxResults] as const]),
        ['Blobs', { written: items.map(taggedXml).join('') }],
        ['NextMarker', next === null ? null : writeMarker([next.container, next.name])],
      ],
      { ServiceEndpoint: endpointOf(head) },
    ])
  }
  return [
    operation<StorageCaller, BlobNeeds, '/'>({
      id: 'FindBlobsByTags',
      method: 'GET',
      path: '/',
      query: { comp: 'blobs' },
      needs: needs.findBlobs,
      body: { kind: 'none' },
      run: (call) => find(call, null),
    }),
    operation<StorageCaller, BlobNeeds, '/{container}'>({
      id: 'FindBlobsByTagsInContainer',
      method: 'GET',
      path: '/{container}',
      query: { restype: 'container', comp: 'blobs' },
      needs: needs.findBlobs,
      body: { kind: 'none' },
      run: (call) => find(call, containerOf(call).container),
    }),
  ]
}

function taggedXml({ name, container, tags }: TaggedBlob): string {
  return `<Blob>${nameXml(name)}${elementXml(['ContainerName', container])}${elementXml(tagsXml(tags))}</Blob>`
}
