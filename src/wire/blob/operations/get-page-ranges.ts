import { type Call, type RequestHead, operation, queryValue } from '../../../http/operation.ts'
import { decodePath } from '../../../http/path.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { PageRange } from '../../../services/blob/get-page-ranges.ts'
import type { BlobPath } from '../../../services/blob/model.ts'
import { parseMoment } from '../../../services/blob/stamps.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { type XmlElement, xmlReply } from '../../shared/xml.ts'
import type { BlobWireDeps } from '../deps.ts'
import { versionOf } from '../headers.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { headerOf } from '../numbers.ts'
import { listedSpanOf } from '../pages.ts'
import { stampHeaders } from '../present.ts'
import { blobOf, conditionsOf, leaseIdOf } from '../request.ts'

const MAX_RESULTS = 10_000

/** https://learn.microsoft.com/rest/api/storageservices/get-page-ranges */
export function getPageRangesOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'GetPageRanges',
    method: 'GET',
    path: '/{container}/{blob+}',
    query: { comp: 'pagelist' },
    needs: needs.readBlob,
    body: { kind: 'none' },
    async run(call) {
      const { head } = call
      const at = blobOf(call)
      const { doc, ranges, next } = await blobs.getPageRanges(at, {
        conditions: conditionsOf(head),
        leaseId: leaseIdOf(head),
        spanIn: (size) => listedSpanOf(head, size),
        from: markerOf(head),
        limit: limitOf(head),
        previous: previousOf(call, at),
      })
      const marker: readonly XmlElement[] = isPaged(head) ? [['NextMarker', next]] : []
      const { status, headers, body } = xmlReply(['PageList', [...ranges.map(elementOf), ...marker]])
      const about = { ...stampHeaders(doc), 'x-ms-blob-content-length': String(doc.length) }
      return { status, headers: { ...headers, ...about }, ...(body === undefined ? {} : { body }) }
    },
  })
}

/** Both ends belong to the range. */
function elementOf({ start, end, isCleared }: PageRange): XmlElement {
  return [
    isCleared ? 'ClearRange' : 'PageRange',
    [
      ['Start', start],
      ['End', end - 1],
    ],
  ]
}

/** Older versions get all ranges at once. */
function isPaged(head: RequestHead): boolean {
  return versionOf(head) >= '2020-10-02'
}

/** @throws BlobFault `query-out-of-range` */
function limitOf(head: RequestHead): number {
  const name = 'maxresults'
  const value = queryValue(head, name) ?? ''
  if (!isPaged(head)) return Number.MAX_SAFE_INTEGER
  if (value === '') return MAX_RESULTS
  const number = /^\d{1,9}$/.test(value) ? Number(value) : 0
  if (number >= 1) return Math.min(number, MAX_RESULTS)
  throw new BlobFault('query-out-of-range', { name, value, min: '1', max: String(MAX_RESULTS) })
}

/** Opaque to clients: the offset at which to go on. @throws BlobFault `query-invalid` */
function markerOf(head: RequestHead): number {
  const name = 'marker'
  const value = queryValue(head, name) ?? ''
  if (value === '' || !isPaged(head)) return 0
  if (!/^\d{1,15}$/.test(value)) throw new BlobFault('query-invalid', { name, value })
  return Number(value)
}

/** `prevsnapshot`, or the snapshot that `x-ms-previous-snapshot-url` names. @throws BlobFault `query-invalid`, `header-invalid` */
function previousOf({ head }: Pick<Call<StorageCaller>, 'head'>, at: BlobPath): string | null {
  const [queryName, headerName] = ['prevsnapshot', 'x-ms-previous-snapshot-url']
  const value = queryValue(head, queryName)
  const url = headerOf(head, headerName)
  if (value !== undefined) {
    const moment = parseMoment(value)
    if (moment !== null && url === null) return moment
    throw new BlobFault('query-invalid', { name: queryName, value })
  }
  if (url === null) return null
  const moment = snapshotOf(url, at)
  if (moment !== null) return moment
  // The URL may bear a signature: it is not told back.
  const reason = 'The URL of a snapshot of this blob.'
  throw new BlobFault('header-invalid', { name: headerName, value: '', reason })
}

/** @returns null when it is no snapshot of that blob */
function snapshotOf(url: string, { container, blob }: BlobPath): string | null {
  const found = /^https?:\/\/[^/?#]+(\/[^?#]*)\?([^#]*)$/i.exec(url)
  if (found?.[1] === undefined) return null
  const path = decodePath(found[1], true)
  if (!path.endsWith(`/${container}/${blob}`)) return null
  return parseMoment(new URLSearchParams(found[2]).get('snapshot') ?? '')
}
