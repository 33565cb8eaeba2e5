import { type Call, type Reply, type RequestHead, operation } from '../../../http/operation.ts'
import { MIB } from '../../../kernel/units.ts'
import type { Span } from '../../../services/blob/extent-map.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { MAX_STRUCTURE_BYTES } from '../../shared/structured-body.ts'
import { announcedContentOf } from '../content.ts'
import { sourceRangeOf } from '../copy-headers.ts'
import { type CopyWireDeps, namedSource } from '../copy-source.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { headerOf } from '../numbers.ts'
import { pageSpanOf, sequenceConditionsOf } from '../pages.ts'
import { contentChangeOf, knowsCrc64, partHeaders } from '../parts.ts'
import { blobOf, sourceChecksumOf } from '../request.ts'

/** What is written at once; more may be cleared. */
const MAX_PAGES_BYTES = 4 * MIB

/** https://learn.microsoft.com/rest/api/storageservices/put-page */
export function putPageOperation(deps: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'PutPage',
    method: 'PUT',
    path: '/{container}/{blob+}',
    query: { comp: 'page' },
    needs: needs.writeBlob,
    body: { kind: 'stream', maxBytes: MAX_PAGES_BYTES + MAX_STRUCTURE_BYTES },
    async run(call) {
      const name = 'x-ms-page-write'
      const value = headerOf(call.head, name)
      if (value === null) throw new BlobFault('header-missing', { name })
      const action = value.toLowerCase()
      if (action === 'update') return await update(deps, call)
      if (action === 'clear') return await clear(deps, call)
      throw new BlobFault('header-invalid', { name, value })
    },
  })
}

/** https://learn.microsoft.com/rest/api/storageservices/put-page-from-url */
export function putPageFromUrlOperation(deps: CopyWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}/{blob+}'>({
    id: 'PutPageFromURL',
    method: 'PUT',
    path: '/{container}/{blob+}',
    query: { comp: 'page' },
    headers: { 'x-ms-copy-source': true },
    needs: needs.writeBlob,
    body: { kind: 'raw', maxBytes: 0 },
    async run(call) {
      const { head, signal } = call
      const { span, ...pages } = pagesOf(call)
      assertPagesLength(span)
      const command = {
        ...pages,
        span,
        range: sourcePagesOf(head, span),
        checksum: sourceChecksumOf(head),
        knowsCrc64: knowsCrc64(head),
        source: await namedSource(deps, call, { sharesCredential: false, readsTags: false }),
      }
      const { blob, ...sums } = await deps.blobs.putPageFromUrl({ at: baseOf(call), command }, signal)
      return { status: 201, headers: partHeaders(head, blob, sums) }
    },
  })
}

/** `x-ms-source-range`: as long as the pages. @throws BlobFault `header-missing`, `header-invalid` */
function sourcePagesOf(head: RequestHead, span: Span): Span {
  const name = 'x-ms-source-range'
  const range = sourceRangeOf(head)
  if (range === null) throw new BlobFault('header-missing', { name })
  if (range.end - range.start === span.end - span.start) return range
  const value = headerOf(head, name) ?? ''
  throw new BlobFault('header-invalid', { name, value, reason: 'It has to be as long as x-ms-range.' })
}

async function update({ blobs }: BlobWireDeps, call: Call<StorageCaller>): Promise<Reply> {
  const { head, signal } = call
  const { span, ...pages } = pagesOf(call)
  const { stream, checksum, headers } = announcedContentOf(call, MAX_PAGES_BYTES)
  assertPagesLength(span)
  const command = { ...pages, span, checksum, knowsCrc64: knowsCrc64(head) }
  const { blob, ...sums } = await blobs.putPage({ at: baseOf(call), command }, stream, signal)
  return { status: 201, headers: { ...headers, ...partHeaders(head, blob, sums) } }
}

async function clear({ blobs }: BlobWireDeps, call: Call<StorageCaller>): Promise<Reply> {
  const { head, body, signal } = call
  if (body.length !== 0 && body.length !== null) {
    throw new BlobFault('header-invalid', { name: 'Content-Length', value: String(body.length) })
  }
  const blob = await blobs.clearPages({ at: baseOf(call), command: pagesOf(call) }, signal)
  return { status: 201, headers: partHeaders(head, blob, { contentMd5: null, contentCrc64: null }) }
}

/** @throws BlobFault `body-too-large` */
function assertPagesLength({ start, end }: Span): void {
  if (end - start > MAX_PAGES_BYTES) throw new BlobFault('body-too-large', { maxBytes: MAX_PAGES_BYTES })
}

function pagesOf(call: Call<StorageCaller>) {
  const { head } = call
  return { ...contentChangeOf(call), span: pageSpanOf(head), sequence: sequenceConditionsOf(head) }
}

function baseOf(call: Call<StorageCaller>) {
  return { ...blobOf(call), moment: null }
}
