import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** A file in a layer: `path` without a leading slash, `mode` 0o644 when left out. */
export interface LayerFile {
  readonly path: string
  readonly bytes: Uint8Array
  readonly mode?: number
}

/** What to put into an image; `entrypoint` and `cmd` are for one that is to be run. */
export interface ImageContents {
  readonly layers: readonly (readonly LayerFile[])[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
  readonly entrypoint?: readonly string[]
  readonly cmd?: readonly string[]
}

/** OCI image-spec v1.1, descriptor.md. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** A blob of the image, with its bytes, as a registry client pushes it. */
export interface ImagePart extends Descriptor {
  readonly bytes: Uint8Array
}

/** An image in memory. The same contents give the same bytes, and so the same digests, on every machine. */
export interface BuiltImage {
  readonly manifest: ImagePart
  readonly config: ImagePart
  readonly layers: readonly ImagePart[]
}

/** Builds an OCI image (image-spec v1.1) for linux and this machine's processor, with neither tools nor network. */
export function buildOciImage(contents: ImageContents): BuiltImage {
  const { annotations, labels, entrypoint, cmd } = contents
  const tars = contents.layers.map(writeTar)
  const layers = tars.map((tar) => part('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(tar)))
  const config = jsonPart('application/vnd.oci.image.config.v1+json', {
    created: '2020-01-01T00:00:00Z',
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'], Entrypoint: entrypoint, Cmd: cmd, Labels: labels },
    rootfs: { type: 'layers', diff_ids: tars.map(sha256) },
  })
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = jsonPart(mediaType, {
    schemaVersion: 2,
    mediaType,
    config: describe(config),
    layers: layers.map(describe),
    annotations,
  })
  return { manifest, config, layers }
}

/**
 * Writes the image as an OCI layout folder (image-spec v1.1, image-layout.md), replacing the folder's index: one image
 * a folder. `layout` is its name for skopeo and buildah.
 */
export async function writeOciLayout(
  folder: string,
  tag: string,
  contents: ImageContents,
): Promise<BuiltImage & { readonly layout: string }> {
  const image = buildOciImage(contents)
  const blobs = join(folder, 'blobs', 'sha256')
  await mkdir(blobs, { recursive: true })
  for (const { digest, bytes } of [image.manifest, image.config, ...image.layers]) {
    await writeFile(join(blobs, digest.slice('sha256:'.length)), bytes)
  }
  const entry = { ...describe(image.manifest), annotations: { 'org.opencontainers.image.ref.name': tag } }
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }))
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  return { ...image, layout: `oci:${folder}:${tag}` }
}

/**
 * A POSIX ustar archive of plain files, all of user 0 and dated 1970, with an entry for every folder on the way.
 *
 * @throws RangeError for a path that ustar cannot hold: 100 bytes of name after 155 of folders
 */
export function writeTar(files: readonly LayerFile[]): Uint8Array {
  const folders = new Set(files.flatMap(({ path }) => foldersAbove(path)))
  const blocks: Uint8Array[] = [...folders].sort().map((path) => header(path, 0o755, 0, '5'))
  for (const { path, bytes, mode = 0o644 } of files) {
    blocks.push(header(path, mode, bytes.length, '0'), bytes, new Uint8Array(-bytes.length & 511))
  }
  return Buffer.concat([...blocks, new Uint8Array(1024)])
}

function foldersAbove(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, at) => `${parts.slice(0, at + 1).join('/')}/`)
}

function header(path: string, mode: number, size: number, type: '0' | '5'): Uint8Array {
  const block = Buffer.alloc(512)
  // The name is what follows a slash, as early as leaves at most 100 bytes; what precedes it is the prefix.
  const full = Buffer.from(path)
  const cut = full.length <= 100 ? -1 : full.indexOf('/', full.length - 101)
  if ((full.length > 100 && cut < 1) || cut > 155) throw new RangeError(`too long for ustar: ${path}`)
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`
  full.copy(block, 0, cut + 1)
  block.write(octal(mode, 7) + octal(0, 7) + octal(0, 7) + octal(size, 11) + octal(0, 11), 100)
  block.write(`        ${type}`, 148)
  block.write('ustar\x0000', 257)
  if (cut > 0) full.copy(block, 345, 0, cut)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${octal(sum, 6)} `, 148)
  return block
}

function part(mediaType: string, bytes: Uint8Array): ImagePart {
  return { mediaType, digest: sha256(bytes), size: bytes.length, bytes }
}

function jsonPart(mediaType: string, value: unknown): ImagePart {
  return part(mediaType, Buffer.from(JSON.stringify(value)))
}

function describe({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size }
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
