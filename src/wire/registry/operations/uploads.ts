import { type Body, type Call, type Reply, operation } from '../../../http/operation.ts'
import { GIB } from '../../../kernel/units.ts'
import type { Chunk } from '../../../services/registry/append-upload.ts'
import { type Digest, getDigest } from '../../../services/registry/digest.ts'
import { RegistryFault } from '../../../services/registry/faults.ts'
import type { RegistryCaller } from '../../../services/registry/registry-caller.ts'
import type { RegistryContent } from '../../../services/registry/registry-content.ts'
import type { UploadPath, UploadState } from '../../../services/registry/uploads.ts'
import type { RegistryNeeds, RegistryOperation } from '../needs.ts'
import { blobLocation, repositoryOf, uploadLocation } from '../paths.ts'
import { parseContentRange, uploadedRange } from '../ranges.ts'

const collection = '/v2/{name+}/blobs/uploads'
const path = '/v2/{name+}/blobs/uploads/{uploadId}'
const needs = { action: 'push', repository: 'param' } as const
const body = { kind: 'stream', maxBytes: 200 * GIB } as const

type UploadCall = Call<RegistryCaller, { readonly name: string; readonly uploadId: string }>

/** OCI distribution-spec 1.1, "Pushing blobs", "Mounting a blob from another repository". */
export function uploadOperations(content: RegistryContent): readonly RegistryOperation[] {
  return [
    operation<RegistryCaller, RegistryNeeds, typeof collection>({
      id: 'StartUpload',
      method: 'POST',
      path: collection,
      needs,
      body,
      run: (call) => startUpload(content, call),
    }),
    operation<RegistryCaller, RegistryNeeds, typeof path>({
      id: 'GetUpload',
      method: 'GET',
      path,
      needs: { action: 'pull', repository: 'param' },
      body: { kind: 'none' },
      async run(call) {
        const at = uploadOf(call)
        return sessionReply(204, at.name, await content.getUpload(at, call.signal))
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof path>({
      id: 'AppendUpload',
      method: 'PATCH',
      path,
      needs,
      body,
      async run(call) {
        const at = uploadOf(call)
        return sessionReply(202, at.name, await content.appendUpload(at, chunkOf(call), call.signal))
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof path>({
      id: 'FinishUpload',
      method: 'PUT',
      path,
      needs,
      body,
      async run(call) {
        const at = uploadOf(call)
        const digest = getDigest(call.head.query.get('digest') ?? '')
        await content.finishUpload({ ...at, digest }, chunkOf(call), call.signal)
        return blobReply(at.name, digest)
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof path>({
      id: 'CancelUpload',
      method: 'DELETE',
      path,
      needs,
      body: { kind: 'none' },
      async run(call) {
        await content.cancelUpload(uploadOf(call), call.signal)
        return { status: 204 }
      },
    }),
  ]
}

async function startUpload(
  content: RegistryContent,
  call: Call<RegistryCaller, { readonly name: string }>,
): Promise<Reply> {
  const at = repositoryOf(call)
  const { query } = call.head
  const mount = query.get('mount')
  const from = query.get('from')
  if (mount !== null) {
    const digest = getDigest(mount)
    const mayMount = from !== null && (await call.caller.may('pull', from))
    // No answer tells a source that may not be read from one that has no such blob.
    const isMounted = mayMount && (await content.mountBlob({ ...at, digest, from }, call.signal))
    if (isMounted) return blobReply(at.name, digest)
  }
  const whole = query.get('digest')
  if (mount === null && whole !== null) {
    const digest = getDigest(whole)
    await content.putBlob({ ...at, digest }, chunkOf(call), call.signal)
    return blobReply(at.name, digest)
  }
  const algorithm = hintedAlgorithm(query.get('digest-algorithm'))
  return sessionReply(202, at.name, await content.startUpload({ ...at, algorithm }, call.signal))
}

/** Which digest the client will ask for. Not asked: the one that nearly all do. */
function hintedAlgorithm(hint: string | null): 'sha256' | 'sha512' {
  if (hint === null || hint === 'sha256') return 'sha256'
  if (hint === 'sha512') return 'sha512'
  throw new RegistryFault('digest-invalid', {
    digest: hint.slice(0, 200),
    reason: 'the algorithm is not supported: use sha256 or sha512',
  })
}

function uploadOf(call: Pick<UploadCall, 'caller' | 'params'>): UploadPath {
  return { ...repositoryOf(call), uploadId: call.params.uploadId }
}

function chunkOf({
  head,
  body: { stream, length },
}: {
  readonly head: UploadCall['head']
  readonly body: Pick<Body, 'stream' | 'length'>
}): Chunk {
  return { body: stream, length, range: parseContentRange(head.headers.get('content-range')) }
}

function sessionReply(status: number, name: string, { uploadId, size }: UploadState): Reply {
  return {
    status,
    headers: {
      location: uploadLocation(name, uploadId),
      range: uploadedRange(size),
      'docker-upload-uuid': uploadId,
    },
  }
}

function blobReply(name: string, digest: Digest): Reply {
  return { status: 201, headers: { location: blobLocation(name, digest), 'docker-content-digest': digest } }
}
