import { collect } from '../../kernel/bytes.ts'
import { isJsonObject } from '../../kernel/json.ts'
import { KIB } from '../../kernel/units.ts'
import { type BlobContent, getBlob } from './blobs.ts'
import type { ContentDeps, RepositoryPath } from './content-deps.ts'
import { RegistryFault } from './faults.ts'
import type { ManifestDocument } from './manifest-document.ts'

/** For which machine an image is, as its config says. */
export interface ImagePlatform {
  readonly architecture: string | null
  readonly os: string | null
}

const unknown: ImagePlatform = { architecture: null, os: null }
const configTypes: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
])
const MAX_CONFIG_BYTES = 512 * KIB

/** Reads the config of an image that is being pushed. What is missing or no image's config says nothing. */
export async function imagePlatform(
  deps: Pick<ContentDeps, 'records' | 'bytes' | 'keyring' | 'clock' | 'unreferencedGraceMs'>,
  path: RepositoryPath,
  { config }: Pick<ManifestDocument, 'config'>,
  signal: AbortSignal,
): Promise<ImagePlatform> {
  if (config === null || !configTypes.has(config.mediaType)) return unknown
  const blob = await findConfig(deps, { ...path, digest: config.digest }, signal)
  if (blob === null || blob.size > MAX_CONFIG_BYTES) return unknown
  const text = (await collect(blob.read({ start: 0, end: blob.size }, signal))).toString('utf8')
  const { architecture, os } = parseConfig(text)
  return {
    architecture: typeof architecture === 'string' ? architecture : null,
    os: typeof os === 'string' ? os : null,
  }
}

async function findConfig(
  deps: Parameters<typeof imagePlatform>[0],
  path: Parameters<typeof getBlob>[1],
  signal: AbortSignal,
): Promise<BlobContent | null> {
  try {
    return await getBlob(deps, path, signal)
  } catch (error) {
    // A config that is not there is the push's own refusal, a little later and with all that is missing.
    if (error instanceof RegistryFault) return null
    throw error
  }
}

function parseConfig(text: string): { readonly architecture?: unknown; readonly os?: unknown } {
  try {
    const json: unknown = JSON.parse(text)
    return isJsonObject(json) ? json : {}
  } catch {
    // Blobs are opaque: a config need not be JSON.
    return {}
  }
}
