import { type Reply, type RequestHead, operation } from '../../../http/operation.ts'
import { type BlobContent } from '../../../services/registry/blobs.ts'
import { getDigest } from '../../../services/registry/digest.ts'
import type { RegistryCaller } from '../../../services/registry/registry-caller.ts'
import type { RegistryContent } from '../../../services/registry/registry-content.ts'
import { etagOf, isNotModified, isRangeCurrent } from '../conditions.ts'
import type { RegistryNeeds, RegistryOperation } from '../needs.ts'
import { repositoryOf } from '../paths.ts'
import { parseRange } from '../ranges.ts'

const path = '/v2/{name+}/blobs/{digest}'

/** OCI distribution-spec 1.1, "Pulling blobs", "Deleting Blobs". */
export function blobOperations(content: RegistryContent): readonly RegistryOperation[] {
  return [
    operation<RegistryCaller, RegistryNeeds, typeof path>({
      id: 'GetBlob',
      method: 'GET',
      path,
      needs: { action: 'pull', repository: 'param' },
      body: { kind: 'none' },
      async run(call) {
        const at = { ...repositoryOf(call), digest: getDigest(call.params.digest) }
        return blobReply(call.head, await content.getBlob(at, call.signal), call.signal)
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof path>({
      id: 'DeleteBlob',
      method: 'DELETE',
      path,
      needs: { action: 'delete', repository: 'param' },
      body: { kind: 'none' },
      async run(call) {
        await content.deleteBlob(
          { ...repositoryOf(call), digest: getDigest(call.params.digest) },
          call.signal,
        )
        return { status: 202 }
      },
    }),
  ]
}

function blobReply(head: RequestHead, blob: BlobContent, signal: AbortSignal): Reply {
  const { digest, size } = blob
  const headers = {
    'docker-content-digest': digest,
    etag: etagOf(digest),
    'accept-ranges': 'bytes',
    'cache-control': 'max-age=31536000',
  }
  if (isNotModified(head, digest)) return { status: 304, headers }
  const typed = { ...headers, 'content-type': 'application/octet-stream' }
  // A range is of what GET would send (RFC 9110 section 14.2).
  const asked = head.method === 'GET' && isRangeCurrent(head, digest) ? head.headers.get('range') : undefined
  const range = parseRange(asked, size)
  if (range === null) {
    return {
      status: 200,
      headers: typed,
      body: { stream: blob.read({ start: 0, end: size }, signal), length: size },
    }
  }
  const { start, end } = range
  return {
    status: 206,
    headers: { ...typed, 'content-range': `bytes ${start}-${end - 1}/${size}` },
    body: { stream: blob.read(range, signal), length: end - start },
  }
}
