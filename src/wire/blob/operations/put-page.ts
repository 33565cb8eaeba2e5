import { type Call, type Reply, operation } from '../../../http/operation.ts'
import { MIB } from '../../../kernel/units.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { headerOf } from '../numbers.ts'
import { pageSpanOf, sequenceConditionsOf } from '../pages.ts'
import { assertLength, contentChangeOf, knowsCrc64, partHeaders } from '../parts.ts'
import { blobOf, checksumOf } from '../request.ts'

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
    body: { kind: 'stream', maxBytes: MAX_PAGES_BYTES },
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

async function update({ blobs }: BlobWireDeps, call: Call<StorageCaller>): Promise<Reply> {
  const { head, body, signal } = call
  const { span, ...pages } = pagesOf(call)
  assertLength(call, MAX_PAGES_BYTES)
  if (span.end - span.start > MAX_PAGES_BYTES) {
    throw new BlobFault('body-too-large', { maxBytes: MAX_PAGES_BYTES })
  }
  const command = { ...pages, span, checksum: checksumOf(head), knowsCrc64: knowsCrc64(head) }
  const { blob, ...sums } = await blobs.putPage({ at: baseOf(call), command }, body.stream, signal)
  return { status: 201, headers: partHeaders(head, blob, sums) }
}

async function clear({ blobs }: BlobWireDeps, call: Call<StorageCaller>): Promise<Reply> {
  const { head, body, signal } = call
  if (body.length !== 0 && body.length !== null) {
    throw new BlobFault('header-invalid', { name: 'Content-Length', value: String(body.length) })
  }
  const blob = await blobs.clearPages({ at: baseOf(call), command: pagesOf(call) }, signal)
  return { status: 201, headers: partHeaders(head, blob, { contentMd5: null, contentCrc64: null }) }
}

function pagesOf(call: Call<StorageCaller>) {
  const { head } = call
  return { ...contentChangeOf(call), span: pageSpanOf(head), sequence: sequenceConditionsOf(head) }
}

function baseOf(call: Call<StorageCaller>) {
  return { ...blobOf(call), moment: null }
}
