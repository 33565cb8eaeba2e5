import { type Call, type Reply, type RequestHead, operation } from '../../../http/operation.ts'
import type { Bytes } from '../../../kernel/bytes.ts'
import { KIB, MIB } from '../../../kernel/units.ts'
import { type Digest, getDigest, parseDigest } from '../../../services/registry/digest.ts'
import { RegistryFault } from '../../../services/registry/faults.ts'
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../../../services/registry/manifest-document.ts'
import type {
  ManifestContent,
  ManifestPath,
  ManifestReference,
} from '../../../services/registry/manifests.ts'
import { isTag } from '../../../services/registry/names.ts'
import type { RegistryCaller } from '../../../services/registry/registry-caller.ts'
import type { RegistryContent } from '../../../services/registry/registry-content.ts'
import { etagOf, isNotModified } from '../conditions.ts'
import type { RegistryNeeds, RegistryOperation } from '../needs.ts'
import { manifestLocation, repositoryOf } from '../paths.ts'

const path = '/v2/{name+}/manifests/{reference}'
/** Clients take 4 MiB; a little more keeps their borderline cases out of trouble. */
const MAX_MANIFEST_BYTES = 4 * MIB + 64 * KIB
/** What is too large is read away up to here, so that the client sees the refusal and not a closed connection. */
const MAX_BODY_BYTES = 4 * MAX_MANIFEST_BYTES
const MAX_TAGS = 100

type ManifestCall = Call<RegistryCaller, { readonly name: string; readonly reference: string }>

/** OCI distribution-spec 1.1, "Pulling manifests", "Pushing Manifests", "Deleting tags", "Deleting Manifests". */
export function manifestOperations(content: RegistryContent): readonly RegistryOperation[] {
  return [
    operation<RegistryCaller, RegistryNeeds, typeof path>({
      id: 'GetManifest',
      method: 'GET',
      path,
      needs: { action: 'pull', repository: 'param' },
      body: { kind: 'none' },
      async run(call) {
        const at = { ...repositoryOf(call), reference: readReference(call) }
        return manifestReply(call.head, await negotiated(content, at, call))
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof path>({
      id: 'PutManifest',
      method: 'PUT',
      path,
      needs: { action: 'push', repository: 'param' },
      body: { kind: 'stream', maxBytes: MAX_BODY_BYTES },
      run: (call) => putManifest(content, call),
    }),
    operation<RegistryCaller, RegistryNeeds, typeof path>({
      id: 'DeleteManifest',
      method: 'DELETE',
      path,
      needs: { action: 'delete', repository: 'param' },
      body: { kind: 'none' },
      async run(call) {
        const at = repositoryOf(call)
        const reference = readReference(call)
        if ('tag' in reference) await content.deleteTag({ ...at, ...reference }, call.signal)
        else await content.deleteManifest({ ...at, ...reference }, call.signal)
        return { status: 202 }
      },
    }),
  ]
}

async function putManifest(content: RegistryContent, call: ManifestCall): Promise<Reply> {
  const { head, body, params } = call
  const at = repositoryOf(call)
  const byDigest = params.reference.includes(':') ? getDigest(params.reference) : null
  const tags = [...new Set(byDigest === null ? [params.reference] : head.query.getAll('tag'))]
  if (tags.length > MAX_TAGS) throw new RegistryFault('too-many-tags', { max: MAX_TAGS })
  const bad = tags.find((tag) => !isTag(tag))
  if (bad !== undefined) throw new RegistryFault('tag-invalid', { tag: bad.slice(0, 200) })
  const contentType = head.headers.get('content-type') ?? null
  const document = await readDocument(body.stream)
  const command = { ...at, digest: byDigest, tags, contentType, body: document }
  const { digest, subject } = await content.putManifest(command, call.signal)
  return {
    status: 201,
    headers: {
      location: manifestLocation(at.name, digest),
      'docker-content-digest': digest,
      ...(subject === null ? {} : { 'oci-subject': subject }),
      ...(byDigest === null || tags.length === 0 ? {} : { 'oci-tag': tags.join(', ') }),
    },
  }
}

/** @throws RegistryFault `manifest-too-large` */
async function readDocument(body: Bytes): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length <= MAX_MANIFEST_BYTES) chunks.push(chunk)
  }
  if (length > MAX_MANIFEST_BYTES)
    throw new RegistryFault('manifest-too-large', { maxBytes: MAX_MANIFEST_BYTES })
  return Buffer.concat(chunks)
}

/** @throws RegistryFault `digest-invalid`; `manifest-unknown` for what can be no tag */
function readReference({ params: { name, reference } }: Pick<ManifestCall, 'params'>): ManifestReference {
  if (reference.includes(':')) return { digest: getDigest(reference) }
  if (!isTag(reference))
    throw new RegistryFault('manifest-unknown', { name, reference: reference.slice(0, 200) })
  return { tag: reference }
}

/**
 * The stored document, whatever is accepted; only old Docker clients, which ask for a tag and know no lists, get the
 * list's image for linux/amd64 (https://distribution.github.io/distribution/spec/manifest-v2-2/).
 */
async function negotiated(
  content: RegistryContent,
  at: ManifestPath,
  { head, signal }: ManifestCall,
): Promise<ManifestContent> {
  const manifest = await content.getManifest(at, signal)
  if (manifest.mediaType !== DOCKER_LIST || 'digest' in at.reference || !acceptsImagesOnly(head))
    return manifest
  const child = manifest.children.find(({ os, architecture }) => os === 'linux' && architecture === 'amd64')
  const digest: Digest | null = parseDigest(child?.digest ?? '')
  return digest === null ? manifest : await content.getManifest({ ...at, reference: { digest } }, signal)
}

function acceptsImagesOnly({ headers }: RequestHead): boolean {
  const accepted = new Set(
    (headers.get('accept') ?? '').split(',').map((type) => type.split(';', 1)[0]?.trim() ?? ''),
  )
  const takes = (...types: readonly string[]) => types.some((type) => accepted.has(type))
  return takes(DOCKER_MANIFEST, OCI_MANIFEST) && !takes(DOCKER_LIST, OCI_INDEX, '*/*', 'application/*')
}

async function manifestReply(head: RequestHead, manifest: ManifestContent): Promise<Reply> {
  const { digest, mediaType, size } = manifest
  const headers = { 'docker-content-digest': digest, etag: etagOf(digest) }
  if (isNotModified(head, digest)) return { status: 304, headers }
  const typed = { ...headers, 'content-type': mediaType }
  // HEAD needs the length alone: the document stays sealed.
  if (head.method === 'HEAD') return { status: 200, headers: { ...typed, 'content-length': String(size) } }
  return { status: 200, headers: typed, body: await manifest.read() }
}
