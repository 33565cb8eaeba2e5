import { type RequestHead, operation, queryValue } from '../../../http/operation.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import { leaseStateOf } from '../../../services/blob/lease.ts'
import type { BlobMarker, ListBlobs, ListedBlob } from '../../../services/blob/list-blobs.ts'
import type { BlobView } from '../../../services/blob/model.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { type XmlElement, xmlReply } from '../../shared/xml.ts'
import type { BlobWireDeps } from '../deps.ts'
import { httpDate } from '../headers.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { containerOf } from '../request.ts'

const MAX_RESULTS = 5_000

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
      const { head, signal } = call
      const at = containerOf(call)
      const include = includesOf(head)
      const query: ListBlobs = {
        prefix: queryValue(head, 'prefix') ?? '',
        delimiter: queryValue(head, 'delimiter') ?? null,
        from: markerOf(head),
        limit: maxResultsOf(head),
        include: {
          snapshots: include.has('snapshots'),
          versions: include.has('versions'),
          deleted: include.has('deleted'),
          metadata: include.has('metadata'),
        },
      }
      const { items, next } = await blobs.listBlobs(at, query, signal)
      const now = clock.now().getTime()
      const results: XmlElement = [
        'EnumerationResults',
        [
          ...echoed(head),
          ['Blobs', items.map((item) => entryOf(item, now))],
          ['NextMarker', next === null ? null : writeMarker(next)],
        ],
        { ServiceEndpoint: endpointOf(head), ContainerName: at.container },
      ]
      return xmlReply(results)
    },
  })
}

function echoed(head: RequestHead): readonly XmlElement[] {
  return (['Prefix', 'Marker', 'MaxResults', 'Delimiter'] as const).flatMap((name): readonly XmlElement[] => {
    const value = queryValue(head, name)
    return value === undefined ? [] : [[name, value]]
  })
}

function entryOf(item: ListedBlob, now: number): XmlElement {
  if ('prefix' in item) return ['BlobPrefix', [['Name', item.prefix]]]
  const { blob } = item
  return [
    'Blob',
    [
      ['Name', blob.name],
      ...(blob.snapshot === null ? [] : [['Snapshot', blob.snapshot] as const]),
      ['Properties', propertiesOf(blob, now)],
    ],
  ]
}

function propertiesOf({ doc, scopeName }: BlobView, now: number): readonly XmlElement[] {
  const { headers, tier, lease } = doc
  const state = leaseStateOf(lease, now)
  const values: readonly (readonly [string, string | number | boolean | null | undefined])[] = [
    ['Creation-Time', httpDate(doc.createdAt)],
    ['Last-Modified', httpDate(doc.modifiedAt)],
    ['Etag', doc.etag],
    ['Content-Length', doc.length],
    ['Content-Type', headers.contentType ?? 'application/octet-stream'],
    ['Content-Encoding', headers.contentEncoding ?? ''],
    ['Content-Language', headers.contentLanguage ?? ''],
    ['Content-CRC64', ''],
    ['Content-MD5', headers.contentMd5 ?? ''],
    ['Cache-Control', headers.cacheControl ?? ''],
    ['Content-Disposition', headers.contentDisposition ?? ''],
    ['x-ms-blob-sequence-number', doc.type === 'PageBlob' ? doc.sequenceNumber : undefined],
    ['BlobType', doc.type],
    ['AccessTier', tier?.name],
    ['AccessTierInferred', tier?.isInferred === true ? true : undefined],
    ['LeaseStatus', state === 'leased' || state === 'breaking' ? 'locked' : 'unlocked'],
    ['LeaseState', state],
    ['ServerEncrypted', true],
    ['CustomerProvidedKeySha256', doc.encryption.keySha256 ?? undefined],
    ['EncryptionScope', scopeName ?? undefined],
  ]
  return values.flatMap(([name, value]): readonly XmlElement[] =>
    value === undefined ? [] : [[name, value]],
  )
}

function includesOf(head: RequestHead): ReadonlySet<string> {
  const value = queryValue(head, 'include') ?? ''
  return new Set(value.split(',').map((one) => one.trim().toLowerCase()))
}

/** @throws BlobFault `query-out-of-range` */
export function maxResultsOf(head: RequestHead): number {
  const value = queryValue(head, 'maxresults')
  if (value === undefined || value === '') return MAX_RESULTS
  const number = /^\d{1,9}$/.test(value) ? Number(value) : 0
  if (number < 1)
    throw new BlobFault('query-out-of-range', {
      name: 'maxresults',
      value,
      min: '1',
      max: String(MAX_RESULTS),
    })
  return Math.min(number, MAX_RESULTS)
}

/** Opaque to clients; of a name and a moment. */
function writeMarker({ name, moment }: BlobMarker): string {
  return Buffer.from(JSON.stringify([name, moment])).toString('base64url')
}

/** @throws BlobFault `query-invalid` */
function markerOf(head: RequestHead): BlobMarker {
  const value = queryValue(head, 'marker')
  if (value === undefined || value === '') return { name: '', moment: '' }
  try {
    const [name, moment] = JSON.parse(Buffer.from(value, 'base64url').toString()) as readonly unknown[]
    if (typeof name === 'string' && typeof moment === 'string') return { name, moment }
  } catch {
    // Not one of ours: refused below.
  }
  throw new BlobFault('query-invalid', { name: 'marker', value })
}
