import { isJsonObject } from '../../kernel/json.ts'
import { type Digest, parseDigest } from './digest.ts'
import { RegistryFault } from './faults.ts'

/** What the registry reads in a manifest; the document itself is kept as it came, unknown fields and all. */
export interface ManifestDocument {
  readonly mediaType: string
  readonly isIndex: boolean
  /** Null for an index. */
  readonly config: Descriptor | null
  /** Layers, or the blobs of an artifact. */
  readonly layers: readonly Descriptor[]
  /** Entries of an index. */
  readonly manifests: readonly Descriptor[]
  readonly subject: Descriptor | null
  /** Its own, else its config's type; null for an index without one. */
  readonly artifactType: string | null
  readonly annotations: Readonly<Record<string, string>> | null
}

export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly platform: { readonly architecture: string; readonly os: string } | null
}

export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
/** Of OCI's release candidates only, but clients have pushed it. */
const OCI_ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json'

const indexTypes: ReadonlySet<string> = new Set([OCI_INDEX, DOCKER_LIST])
const mediaTypes: ReadonlySet<string> = new Set([...indexTypes, OCI_MANIFEST, DOCKER_MANIFEST, OCI_ARTIFACT])
const mediaTypeGrammar = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/
/** How many blobs and manifests one document may name. */
const MAX_DESCRIPTORS = 10_000

/** Layers that a registry need not have (OCI image-spec, layer.md, "Non-Distributable Layers"; Docker's foreign layers). */
export function isForeignLayer({ mediaType }: Descriptor): boolean {
  return (
    mediaType.startsWith('application/vnd.oci.image.layer.nondistributable.') ||
    mediaType.startsWith('application/vnd.docker.image.rootfs.foreign.')
  )
}

/**
 * OCI image-spec 1.1 (manifest.md, image-index.md), Docker image manifest version 2 schema 2.
 *
 * @param contentType of the request, with or without parameters; null when there was none
 * @throws RegistryFault `manifest-invalid`
 */
export function parseManifest(body: Uint8Array, contentType: string | null): ManifestDocument {
  const json = parseObject(body)
  const mediaType = mediaTypeOf(json['mediaType'], contentType)
  if (json['schemaVersion'] !== 2) throw invalid('schemaVersion must be 2')
  const isIndex = indexTypes.has(mediaType)
  // A document that reads as both kinds means different things to different clients (CVE-2021-41190).
  const foreignField = (isIndex ? ['config', 'layers', 'fsLayers'] : ['manifests', 'fsLayers']).find(
    (field) => json[field] !== undefined,
  )
  if (foreignField !== undefined)
    throw invalid(`a document of type ${mediaType} has no field ${foreignField}`)
  const isArtifact = mediaType === OCI_ARTIFACT
  const config = isIndex || isArtifact ? null : descriptor(json['config'], 'config')
  const layers = isIndex
    ? []
    : descriptors(json[isArtifact ? 'blobs' : 'layers'], isArtifact ? 'blobs' : 'layers')
  const manifests = isIndex ? descriptors(json['manifests'], 'manifests') : []
  const artifactType = optionalMediaType(json['artifactType'], 'artifactType')
  return {
    mediaType,
    isIndex,
    config,
    layers,
    manifests,
    subject: isNothing(json['subject']) ? null : descriptor(json['subject'], 'subject'),
    artifactType: artifactType ?? config?.mediaType ?? null,
    annotations: annotations(json['annotations']),
  }
}

type JsonFields = Readonly<Record<string, unknown>>

function parseObject(body: Uint8Array): JsonFields {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body))
  } catch {
    // The parser's message repeats the document.
    throw invalid('it is not JSON in UTF-8')
  }
  if (!isJsonObject(json)) throw invalid('it is not a JSON object')
  return json
}

function mediaTypeOf(field: unknown, contentType: string | null): string {
  if (!isNothing(field) && typeof field !== 'string') throw invalid('mediaType is not a string')
  const stated = typeof field === 'string' ? field : null
  const sent = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? null
  const announced = sent === '' ? null : sent
  const mediaType = announced ?? stated
  if (mediaType === null) throw invalid('neither Content-Type nor mediaType says what it is')
  if (stated !== null && stated !== mediaType) {
    throw invalid(`mediaType ${stated.slice(0, 200)} does not match Content-Type ${mediaType.slice(0, 200)}`)
  }
  if (!mediaTypes.has(mediaType))
    throw invalid(`manifests of type ${mediaType.slice(0, 200)} are not supported`)
  return mediaType
}

function descriptors(value: unknown, field: string): readonly Descriptor[] {
  if (isNothing(value)) return []
  if (!Array.isArray(value)) throw invalid(`${field} is not a list`)
  if (value.length > MAX_DESCRIPTORS) throw invalid(`${field} has more than ${MAX_DESCRIPTORS} entries`)
  return value.map((entry, at) => descriptor(entry, `${field}[${at}]`))
}

function descriptor(value: unknown, field: string): Descriptor {
  if (!isJsonObject(value)) throw invalid(`${field} is not a descriptor`)
  const fields = value as JsonFields
  const mediaType = optionalMediaType(fields['mediaType'], `${field}.mediaType`)
  if (mediaType === null) throw invalid(`${field} has no mediaType`)
  const digest = typeof fields['digest'] === 'string' ? parseDigest(fields['digest']) : null
  if (digest === null) throw invalid(`${field}.digest is not a SHA-256 or SHA-512 digest`)
  const size = fields['size']
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`${field}.size is not a length`)
  }
  if (fields['data'] !== undefined && typeof fields['data'] !== 'string')
    throw invalid(`${field}.data is not base64`)
  annotations(fields['annotations'])
  return { mediaType, digest, size, platform: platform(fields['platform']) }
}

function platform(value: unknown): Descriptor['platform'] {
  if (!isJsonObject(value)) return null
  const { architecture, os } = value as JsonFields
  return typeof architecture === 'string' && typeof os === 'string' ? { architecture, os } : null
}

function optionalMediaType(value: unknown, field: string): string | null {
  if (isNothing(value) || value === '') return null
  if (typeof value !== 'string' || !mediaTypeGrammar.test(value))
    throw invalid(`${field} is not a media type`)
  return value
}

function annotations(value: unknown): Readonly<Record<string, string>> | null {
  if (isNothing(value)) return null
  if (!isJsonObject(value) || Object.values(value).some((text) => typeof text !== 'string')) {
    throw invalid('annotations are not a map of strings')
  }
  return value as Readonly<Record<string, string>>
}

/** Go's encoders write null for what is empty. */
function isNothing(value: unknown): value is undefined | null {
  return value === undefined || value === null
}

function invalid(reason: string): RegistryFault {
  return new RegistryFault('manifest-invalid', { reason })
}
