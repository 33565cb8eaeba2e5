import type { Bytes } from '../../kernel/bytes.ts'
import { beforeCommit } from '../../store/bytes/staged.ts'
import type { RegistryWrites } from '../../store/records/registry/repositories.ts'
import { growUpload, insertExtent, uploadSize } from '../../store/records/registry/uploads.ts'
import type { ContentDeps } from './content-deps.ts'
import { type StagedExtent, committing, stageExtent } from './extents.ts'
import { RegistryFault } from './faults.ts'
import { underLease } from '../keyring/lease-ended.ts'
import { openRegistry } from './registry-seal.ts'
import { type UploadPath, type UploadState, findOpenUpload } from './uploads.ts'

/** A piece of an upload as it comes in. */
export interface Chunk {
  readonly body: Bytes
  /** Content-Length; null when the client did not say. */
  readonly length: number | null
  /** Content-Range: first and last byte. Null appends wherever the upload ends. */
  readonly range: { readonly first: number; readonly last: number } | null
}

/**
 * Appends a chunk as one sealed extent: durable and committed when it resolves. A chunk that breaks off, comes out of
 * order or meets another one leaves the upload as it was.
 *
 * @throws RegistryFault `upload-unknown`, `upload-range-invalid`, `size-invalid`, `operation-disallowed`
 */
export async function appendUpload(
  deps: ContentDeps,
  path: UploadPath,
  chunk: Chunk,
  signal: AbortSignal,
): Promise<UploadState> {
  const { records, bytes, digests, clock } = deps
  const { uploadId } = path
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  const upload = await underLease(seal.lease, () => findOpenUpload(deps, seal, path))
  assertInOrder(path, chunk, upload.size)
  const digest = digests.resume(uploadId, upload.doc.algorithm, upload.size)
  const place = { owner: uploadId, start: upload.size }
  const onPlain = (plain: Uint8Array) => digest?.update(plain)
  const extent = await stageExtent(bytes, seal, place, chunk.body, { signal, onPlain })
  await beforeCommit(bytes, [extent], async () => assertWhole(chunk, extent))
  const size = upload.size + (extent?.length ?? 0)
  await committing(bytes, seal, [extent], async () => {
    await records.write(async (db) => {
      await assertStillAt(db, path, upload.size)
      if (extent !== null) await insertExtent(db, rowOf(extent, path.registry.uid))
      await growUpload(db, uploadId, size, clock.now().getTime())
    })
  })
  if (digest !== null) digests.keep(uploadId, upload.doc.algorithm, size, digest)
  return { uploadId, size }
}

/** Before a byte is read. @throws RegistryFault `upload-range-invalid`, `size-invalid` */
export function assertInOrder(path: UploadPath, { range, length }: Chunk, size: number): void {
  if (range === null) return
  if (range.first !== size || range.last < range.first)
    throw outOfOrder(path, `${range.first}-${range.last}`, size)
  if (length !== null && length !== range.last - range.first + 1) {
    throw new RegistryFault('size-invalid', {
      reason: `Content-Range ${range.first}-${range.last} does not fit Content-Length ${length}`,
    })
  }
}

/** After the body was read: a body without announced length can be held to its range only now. */
export function assertWhole({ range }: Chunk, extent: StagedExtent | null): void {
  const length = extent?.length ?? 0
  if (range === null || length === range.last - range.first + 1) return
  throw new RegistryFault('size-invalid', {
    reason: `Content-Range ${range.first}-${range.last} does not fit a body of ${length} bytes`,
  })
}

/** In the transaction: of two chunks at once the first wins, and the other one is out of order. */
export async function assertStillAt(db: RegistryWrites, path: UploadPath, size: number): Promise<void> {
  const now = await uploadSize(db, path.uploadId)
  if (now === null) throw new RegistryFault('upload-unknown', { uploadId: path.uploadId })
  if (now !== size) throw outOfOrder(path, `${size}-`, now)
}

export function rowOf(extent: StagedExtent, registry: string): StagedExtent & { readonly registry: string } {
  return { ...extent, registry }
}

function outOfOrder({ name, uploadId }: UploadPath, range: string, size: number): RegistryFault {
  return new RegistryFault('upload-range-invalid', { name, uploadId, range, size })
}
