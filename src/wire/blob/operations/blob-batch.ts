import { compileOperations } from '../../../http/match.ts'
import { type Call, type Reply, type RequestHead, operation } from '../../../http/operation.ts'
import { decodePath } from '../../../http/path.ts'
import { Fault, Outage } from '../../../kernel/fault.ts'
import { MIB } from '../../../kernel/units.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { type BlobAuthDeps, admitTo } from '../auth.ts'
import { type BatchedReply, type BatchedRequest, boundaryOf, readBatch, writeBatch } from '../batch.ts'
import type { BlobWireDeps } from '../deps.ts'
import { fail } from '../errors.ts'
import { blobHeaders } from '../headers.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { deleteBlobOperations } from './delete-blob.ts'
import { setBlobTierOperation } from './set-blob-tier.ts'

const MAX_BYTES = 4 * MIB

type BatchDeps = BlobWireDeps & { readonly auth: Pick<BlobAuthDeps, 'admission'> }

/** https://learn.microsoft.com/rest/api/storageservices/blob-batch: Delete Blob and Set Blob Tier, each with a credential of its own */
export function blobBatchOperations(deps: BatchDeps): readonly BlobOperation[] {
  const run = runBatch(deps)
  const whole = {
    id: 'BlobBatch',
    method: 'POST',
    path: '/',
    needs: needs.batch,
    body: { kind: 'raw', maxBytes: MAX_BYTES },
    run: (call: Call<StorageCaller>) => run(call, null),
  } as const
  return [
    operation<StorageCaller, BlobNeeds, '/'>({ ...whole, query: { comp: 'batch' } }),
    // In path style the SDK for JavaScript takes the account's name for a container's.
    operation<StorageCaller, BlobNeeds, '/'>({ ...whole, query: { comp: 'batch', restype: 'container' } }),
    operation<StorageCaller, BlobNeeds, '/{container}'>({
      id: 'BlobBatchInContainer',
      method: 'POST',
      path: '/{container}',
      query: { restype: 'container', comp: 'batch' },
      needs: needs.batch,
      body: { kind: 'raw', maxBytes: MAX_BYTES },
      run: (call) => run(call, call.params.container),
    }),
  ]
}

function runBatch(deps: BatchDeps) {
  const matcher = compileOperations<StorageCaller, BlobNeeds>({
    operations: [...deleteBlobOperations(deps), setBlobTierOperation(deps)],
    ignoreCase: false,
    keepsPaths: true,
  })
  const one = async (
    call: Call<StorageCaller>,
    container: string | null,
    request: BatchedRequest,
  ): Promise<Reply> => {
    try {
      const head = headOf(call.head, request)
      const matched = matcher.match(head)
      if (matched === null)
        throw new BlobFault('batch-invalid', { reason: 'it deletes no blob, and sets no tier' })
      const { params } = matched
      if (container !== null && params['container'] !== container)
        throw new BlobFault('batch-invalid', { reason: 'the blob is in another container' })
      const caller = await admitTo(deps.auth, { head, account: call.caller.account }, matched)
      return await matched.operation.run({ ...call, head, params, caller })
    } catch (error) {
      // A bug is told of as one: with the batch as a whole.
      if (!(error instanceof Fault || error instanceof Outage)) throw error
      return fail(error, call.head, deps.endpoints)
    }
  }
  return async (call: Call<StorageCaller>, container: string | null): Promise<Reply> => {
    const { head, body } = call
    const requests = readBatch(body.raw, boundaryOf(head.headers.get('content-type')))
    const boundary = `batchresponse_${head.requestId}`
    const replies = await Promise.all(
      requests.map(async (request): Promise<BatchedReply> => {
        const { body: answer, ...reply } = await one(call, container, request)
        const headers = { ...blobHeaders(head), ...reply.headers }
        const shown = { status: reply.status, headers }
        const { contentId } = request
        return { contentId, reply: answer instanceof Uint8Array ? { ...shown, body: answer } : shown }
      }),
    )
    return {
      status: 202,
      headers: { 'content-type': `multipart/mixed; boundary=${boundary}` },
      body: writeBatch(replies, boundary),
    }
  }
}

/** As if it had come on its own. @throws HttpFault `path-malformed`, BlobFault `batch-invalid` for another account's */
function headOf(parent: RequestHead, { method, target, rawHeaders }: BatchedRequest): RequestHead {
  const split = target.indexOf('?')
  const path = split < 0 ? target : target.slice(0, split)
  const headers = new Map<string, string>()
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    const known = headers.get(name)
    const value = rawHeaders[index + 1] ?? ''
    headers.set(name, known === undefined ? value : `${known}, ${value}`)
  }
  // Nobody signs that there is no body; whether he signs the zero depends on a version that stands with the batch alone.
  if (headers.get('content-length') === '0') headers.delete('content-length')
  return {
    ...parent,
    method,
    path: decodePath(pathBelowAccount(parent, path), true),
    query: new URLSearchParams(split < 0 ? '' : target.slice(split)),
    target,
    headers,
    rawHeaders,
  }
}

/** In path style, without the account in front. */
function pathBelowAccount({ target, path, subject }: RequestHead, own: string): string {
  const [parentPath = ''] = target.split('?', 1)
  if (decodePath(parentPath, true) === path) return own
  const prefix = `/${subject}/`
  if (!own.startsWith(prefix))
    throw new BlobFault('batch-invalid', { reason: 'the blob is in another account' })
  return own.slice(prefix.length - 1)
}
