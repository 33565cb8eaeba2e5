import { deleteBlobUnlessMember, deleteMembership } from '../../store/records/registry/blobs.ts'
import { someContent } from '../../store/records/registry/garbage.ts'
import { listManifests } from '../../store/records/registry/manifests.ts'
import { tagsOf } from '../../store/records/registry/tags.ts'
import { assertUnlocked } from './attributes.ts'
import type { ContentDeps, RepositoryPath } from './content-deps.ts'
import { type RemovedManifest, removeManifest } from './manifests.ts'
import { type RegistrySeal, openRegistry } from './registry-seal.ts'
import { type Repository, getRepository, leaveRepository, lockOf } from './repository-rows.ts'

const ROWS_AT_ONCE = 100

/**
 * Deletes all manifests, tags and blobs of a repository, piece by piece, so that others are not kept waiting. Nothing
 * is deleted when anything in it is locked at the beginning. Repeatable after a failure.
 *
 * @throws RegistryFault `name-unknown`, `operation-disallowed`
 */
export async function deleteRepository(
  deps: Pick<ContentDeps, 'records' | 'keyring' | 'clock'>,
  path: RepositoryPath,
  signal: AbortSignal,
): Promise<readonly RemovedManifest[]> {
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  const repository = await getRepository(deps.records.read, seal, path)
  await assertNothingLocked(deps, seal, repository)
  const removed: RemovedManifest[] = []
  for (;;) {
    signal.throwIfAborted()
    await seal.lease.check()
    const batch = await deps.records.write(async (db) => await removeSome(db, seal, repository, deps.clock))
    removed.push(...batch.removed)
    if (batch.isEmpty) return removed
  }
}

type Writes = Parameters<typeof removeManifest>[0]

async function removeSome(
  db: Writes,
  seal: RegistrySeal,
  repository: Repository,
  clock: ContentDeps['clock'],
): Promise<{ readonly removed: readonly RemovedManifest[]; readonly isEmpty: boolean }> {
  const now = clock.now().getTime()
  const { manifests, members } = await someContent(db, repository.id, ROWS_AT_ONCE)
  const removed: RemovedManifest[] = []
  for (const index of manifests) {
    const one = await removeManifest(db, seal, repository, index, now)
    if (one !== null) removed.push(one)
  }
  if (manifests.length < ROWS_AT_ONCE) {
    for (const index of members) {
      const blob = await deleteMembership(db, repository.id, index)
      if (blob !== null) await deleteBlobUnlessMember(db, blob, now)
    }
  }
  const isEmpty = manifests.length < ROWS_AT_ONCE && members.length < ROWS_AT_ONCE
  if (isEmpty) await leaveRepository(db, seal, repository, now)
  return { removed, isEmpty }
}

async function assertNothingLocked(
  { records }: Pick<ContentDeps, 'records'>,
  seal: RegistrySeal,
  repository: Repository,
): Promise<void> {
  const { id, name } = repository
  assertUnlocked('delete', lockOf(repository))
  let after: Parameters<typeof listManifests>[2]['after'] = null
  for (;;) {
    const rows = await listManifests(records.read, id, { order: 'key', after, limit: ROWS_AT_ONCE })
    for (const { digest_index: index, sealed } of rows) {
      const { digest, attributes } = seal.manifest.open({ repository: id, index }, sealed)
      assertUnlocked('delete', { name, reference: digest, attributes })
    }
    const indexes = rows.map((row) => row.digest_index)
    for (const tag of await tagsOf(records.read, id, indexes)) {
      const { attributes } = seal.tag.open({ repository: id, name: tag.name }, tag.sealed)
      assertUnlocked('delete', { name, reference: tag.name, attributes })
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < ROWS_AT_ONCE) return
    after = { digestIndex: last.digest_index, updatedAt: last.updated_at }
  }
}
