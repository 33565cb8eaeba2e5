import { type RunningDigest, startDigest } from '../../crypto/digest.ts'
import { randomGuid } from '../../crypto/random.ts'
import { beforeCommit, discardBytes, filesOf } from '../../store/bytes/staged.ts'
import { findBlobId, insertBlob, putMembership } from '../../store/records/registry/blobs.ts'
import type { RegistryWrites } from '../../store/records/registry/repositories.ts'
import { deleteExtents, deleteUpload, extentsOf, insertExtent } from '../../store/records/registry/uploads.ts'
import { type Chunk, assertInOrder, assertStillAt, assertWhole, rowOf } from './append-upload.ts'
import { assertUnlocked } from './attributes.ts'
import type { ContentDeps, RepositoryPath } from './content-deps.ts'
import { type Digest, algorithmOf, digestOf } from './digest.ts'
import { type StagedExtent, committing, readExtents, stageExtent } from './extents.ts'
import { RegistryFault } from './faults.ts'
import { underLease } from '../keyring/lease-ended.ts'
import { type RegistrySeal, openRegistry } from './registry-seal.ts'
import { ensureRepository, lockOf } from './repository-rows.ts'
import { type UploadPath, findOpenUpload } from './uploads.ts'

/**
 * Closes an upload, with its last chunk if there is one: the blob exists, and is a member of the repository, when it
 * resolves. Content that the registry has already is kept once. After a refusal the upload is as it was.
 *
 * @throws RegistryFault `digest-invalid`, `upload-unknown`, `upload-range-invalid`, `size-invalid`, `operation-disallowed`
 */
export async function finishUpload(
  deps: ContentDeps,
  { digest, ...path }: UploadPath & { readonly digest: Digest },
  chunk: Chunk,
  signal: AbortSignal,
): Promise<void> {
  const { records, bytes, digests } = deps
  const { uploadId } = path
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  const upload = await underLease(seal.lease, () => findOpenUpload(deps, seal, path))
  assertInOrder(path, chunk, upload.size)
  const live = digests.resume(uploadId, algorithmOf(digest), upload.size)
  const place = { owner: uploadId, start: upload.size }
  const onPlain = (plain: Uint8Array) => live?.update(plain)
  const last = await stageExtent(bytes, seal, place, chunk.body, { signal, onPlain })
  const size = upload.size + (last?.length ?? 0)
  await beforeCommit(bytes, [last], async () => {
    assertWhole(chunk, last)
    assertDigest(digest, live ?? (await hashAgain(deps, seal, uploadId, { digest, last, size, signal })))
    // Hashing a large upload again may take longer than a lease lives.
    await seal.lease.check()
  })
  const blob = { id: uploadId, digest, size, last }
  const refs = await committing(bytes, seal, [last], async () => {
    return await records.write(async (db) => {
      await assertStillAt(db, path, upload.size)
      await deleteUpload(db, uploadId)
      return await commitBlob(
        db,
        seal,
        path.registry.uid,
        upload.repository,
        blob,
        deps.clock.now().getTime(),
      )
    })
  })
  digests.forget(uploadId)
  await discardBytes(bytes, refs)
}

/** A blob in one request, without a session. @throws as `finishUpload` */
export async function putBlob(
  deps: ContentDeps,
  { digest, ...path }: RepositoryPath & { readonly digest: Digest },
  chunk: Chunk,
  signal: AbortSignal,
): Promise<void> {
  const { records, bytes, clock } = deps
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  const id = randomGuid()
  const live = startDigest(algorithmOf(digest))
  const onPlain = (plain: Uint8Array) => live.update(plain)
  const last = await stageExtent(bytes, seal, { owner: id, start: 0 }, chunk.body, { signal, onPlain })
  await beforeCommit(bytes, [last], async () => {
    assertWhole(chunk, last)
    assertDigest(digest, live)
  })
  const blob = { id, digest, size: last?.length ?? 0, last }
  const refs = await committing(bytes, seal, [last], async () => {
    return await records.write(async (db) => {
      const now = clock.now().getTime()
      const repository = await ensureRepository(db, seal, path, now)
      assertUnlocked('write', lockOf(repository))
      return await commitBlob(db, seal, path.registry.uid, repository.id, blob, now)
    })
  })
  await discardBytes(bytes, refs)
}

interface CompleteBlob {
  /** Of the upload that it is, and that its extents belong to. */
  readonly id: string
  readonly digest: Digest
  readonly size: number
  /** Staged, and not among the upload's rows. */
  readonly last: StagedExtent | null
}

/** @returns refs whose bytes nothing names after the commit */
async function commitBlob(
  db: RegistryWrites,
  seal: RegistrySeal,
  registry: string,
  repository: string,
  { id, digest, size, last }: CompleteBlob,
  now: number,
): Promise<readonly string[]> {
  const index = seal.indexOf(digest)
  const known = await findBlobId(db, registry, index)
  const blob = known ?? id
  let refs: readonly string[] = []
  if (known === null) {
    await insertBlob(db, {
      id,
      registry,
      digest_index: index,
      size,
      sealed: seal.blob.seal({ id, index }, { digest, size }),
    })
    if (last !== null) await insertExtent(db, rowOf(last, registry))
  } else {
    refs = [...(await deleteExtents(db, id)), ...filesOf([last])]
  }
  const sealed = seal.membership.seal({ repository, index }, { blob })
  await putMembership(db, { repository, digest_index: index, blob, sealed }, now)
  return refs
}

function assertDigest(wanted: Digest, actual: RunningDigest): void {
  const found = digestOf(algorithmOf(wanted), actual.digestHex())
  if (found === wanted) return
  throw new RegistryFault('digest-invalid', { digest: wanted, reason: `the content has digest ${found}` })
}

/** After a restart, or for an algorithm that was not expected: the bytes are opened and read once more. */
async function hashAgain(
  { records, bytes }: Pick<ContentDeps, 'records' | 'bytes'>,
  seal: RegistrySeal,
  owner: string,
  {
    digest,
    last,
    size,
    signal,
  }: {
    readonly digest: Digest
    readonly last: StagedExtent | null
    readonly size: number
    readonly signal: AbortSignal
  },
): Promise<RunningDigest> {
  const running = startDigest(algorithmOf(digest))
  const range = { start: 0, end: size }
  const rows = [...(await extentsOf(records.read, owner, range)), ...(last === null ? [] : [last])]
  for await (const chunk of readExtents(bytes, seal, owner, { rows, range, signal })) running.update(chunk)
  return running
}
