import { type Call, type Reply, type RequestHead, operation } from '../../../http/operation.ts'
import { type Bytes, collect } from '../../../kernel/bytes.ts'
import type { BlobContent } from '../../../services/blob/get-blob.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { structuredBody } from '../../shared/structured-body.ts'
import { hasOtherChecksum, isStructured, structuredHeaders } from '../content.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { blobPropertyHeaders, present } from '../present.ts'
import { checksumHeader, rangeChecksumOf } from '../range-checksum.ts'
import { rangeOf } from '../ranges.ts'
import { blobOf, conditionsOf, customerKeyOf, leaseIdOf } from '../request.ts'

const path = '/{container}/{blob+}'

/** https://learn.microsoft.com/rest/api/storageservices/get-blob and get-blob-properties */
export function getBlobOperations({ blobs, clock }: BlobWireDeps): readonly BlobOperation[] {
  const found = async (call: Call<StorageCaller>): Promise<BlobContent> => {
    const { head, signal } = call
    const command = {
      conditions: conditionsOf(head),
      leaseId: leaseIdOf(head),
      customerKey: customerKeyOf(head, ''),
    }
    return await blobs.getBlob(blobOf(call), command, signal)
  }
  const headersOf = (call: Call<StorageCaller>, content: BlobContent) => ({
    ...blobPropertyHeaders(content.view, clock.now().getTime()),
    ...call.caller.responseHeaders,
  })
  return [
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'GetBlob',
      method: 'GET',
      path,
      needs: needs.readBlob,
      body: { kind: 'none' },
      async run(call) {
        const content = await found(call)
        return await contentReply(call, content, headersOf(call, content))
      },
    }),
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'GetBlobProperties',
      method: 'HEAD',
      path,
      needs: needs.readBlob,
      body: { kind: 'none' },
      async run(call) {
        const content = await found(call)
        const length = content.view.doc.length
        return { status: 200, headers: { ...headersOf(call, content), 'content-length': String(length) } }
      },
    }),
  ]
}

async function contentReply(
  { head, signal }: Call<StorageCaller>,
  content: BlobContent,
  headers: Readonly<Record<string, string>>,
): Promise<Reply> {
  const { doc } = content.view
  const { length } = doc
  const range = rangeOf(head, doc)
  const wanted = rangeChecksumOf(head, range)
  if (range === null) {
    return {
      status: 200,
      ...shaped(head, headers, { stream: content.read({ start: 0, end: length }, signal), length }),
    }
  }
  const { start, end } = range
  const { 'content-md5': wholeMd5, ...others } = headers
  const rangeHeaders = {
    ...others,
    ...present({ 'x-ms-blob-content-md5': wholeMd5 }),
    'content-range': `bytes ${start}-${end - 1}/${length}`,
  }
  const bytes = content.read(range, signal)
  if (wanted === null) {
    return { status: 206, ...shaped(head, rangeHeaders, { stream: bytes, length: end - start }) }
  }
  if (isStructured(head)) throw hasOtherChecksum()
  const known = await collect(bytes)
  return { status: 206, headers: { ...rangeHeaders, ...checksumHeader(wanted, known) }, body: known }
}

/** As it is, or as a structured body where the client wants one. */
function shaped(
  head: RequestHead,
  headers: Readonly<Record<string, string>>,
  body: { readonly stream: Bytes; readonly length: number },
): Pick<Reply, 'headers' | 'body'> {
  if (!isStructured(head)) return { headers, body }
  return {
    headers: { ...headers, ...structuredHeaders(body.length) },
    body: structuredBody(body.stream, body.length),
  }
}
