import type { DigestAlgorithm } from '../../crypto/digest.ts'
import { randomGuid } from '../../crypto/random.ts'
import { discardBytes } from '../../store/bytes/staged.ts'
import { dropEmptyRepository } from '../../store/records/registry/repositories.ts'
import {
  deleteExtents,
  deleteUpload,
  findUpload,
  insertUpload,
} from '../../store/records/registry/uploads.ts'
import { assertUnlocked } from './attributes.ts'
import type { ContentDeps, RepositoryPath } from './content-deps.ts'
import { RegistryFault } from './faults.ts'
import { type RegistrySeal, type UploadDoc, openRegistry } from './registry-seal.ts'
import { ensureRepository, lockOf } from './repository-rows.ts'

/** An open upload, and how many bytes it has. */
export interface UploadState {
  readonly uploadId: string
  readonly size: number
}

export interface UploadPath extends RepositoryPath {
  readonly uploadId: string
}

/** Opens a session. Nothing of the repository needs to exist. A session that a power cut takes back is begun anew. */
export async function startUpload(
  deps: Pick<ContentDeps, 'records' | 'keyring' | 'clock'>,
  { algorithm, ...path }: RepositoryPath & { readonly algorithm: DigestAlgorithm },
  signal: AbortSignal,
): Promise<UploadState> {
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  const uploadId = randomGuid()
  const now = deps.clock.now().getTime()
  await deps.records.write(
    async (db) => {
      const repository = await ensureRepository(db, seal, path, now)
      assertUnlocked('write', lockOf(repository))
      const key = { id: uploadId, repository: repository.id }
      const sealed = seal.upload.seal(key, { startedAt: now, algorithm })
      await insertUpload(db, { ...key, size: 0, touched_at: now, sealed })
    },
    { isFleeting: true },
  )
  return { uploadId, size: 0 }
}

/** @throws RegistryFault `upload-unknown` */
export async function getUpload(
  deps: Pick<ContentDeps, 'records' | 'keyring'>,
  path: UploadPath,
  signal: AbortSignal,
): Promise<UploadState> {
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  const { size } = await findOpenUpload(deps, seal, path)
  return { uploadId: path.uploadId, size }
}

/** @throws RegistryFault `upload-unknown` */
export async function cancelUpload(
  deps: Pick<ContentDeps, 'records' | 'keyring' | 'bytes' | 'digests'>,
  path: UploadPath,
  signal: AbortSignal,
): Promise<void> {
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  const { repository } = await findOpenUpload(deps, seal, path)
  const refs = await deps.records.write(async (db) => {
    if (!(await deleteUpload(db, path.uploadId))) throw new RegistryFault('upload-unknown', path)
    const extents = await deleteExtents(db, path.uploadId)
    await dropEmptyRepository(db, repository)
    return extents
  })
  deps.digests.forget(path.uploadId)
  await discardBytes(deps.bytes, refs)
}

export interface OpenUpload {
  readonly repository: string
  readonly size: number
  readonly doc: UploadDoc
}

/** @throws RegistryFault `upload-unknown`, `operation-disallowed` */
export async function findOpenUpload(
  { records }: Pick<ContentDeps, 'records'>,
  seal: RegistrySeal,
  { registry, name, uploadId }: UploadPath,
): Promise<OpenUpload> {
  const row = await findUpload(records.read, registry.uid, name, uploadId)
  if (row === null) throw new RegistryFault('upload-unknown', { uploadId })
  const repository = seal.repository.open({ id: row.repository, name }, row.repositorySealed)
  assertUnlocked('write', lockOf({ name, doc: repository }))
  const doc = seal.upload.open({ id: uploadId, repository: row.repository }, row.sealed)
  return { repository: row.repository, size: row.size, doc }
}
