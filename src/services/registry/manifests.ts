import { markUnreferenced } from '../../store/records/registry/blobs.ts'
import {
  type PulledManifest,
  deleteManifestRow,
  findManifest,
  findManifestByDigest,
  findManifestByTag,
  readManifestBody,
} from '../../store/records/registry/manifests.ts'
import {
  type RegistryReads,
  type RegistryWrites,
  findRepository,
} from '../../store/records/registry/repositories.ts'
import { deleteTagRow, findTag, tagsOf } from '../../store/records/registry/tags.ts'
import { assertUnlocked } from './attributes.ts'
import type { ContentDeps, RepositoryPath } from './content-deps.ts'
import { tellingDamage } from './damage.ts'
import type { Digest } from './digest.ts'
import { RegistryFault } from './faults.ts'
import { type ManifestDoc, type RegistrySeal, openRegistry } from './registry-seal.ts'
import { type Repository, leaveRepository, lockOf } from './repository-rows.ts'

/** A tag, or a digest. */
export type ManifestReference = { readonly tag: string } | { readonly digest: Digest }

export interface ManifestPath extends RepositoryPath {
  readonly reference: ManifestReference
}

export interface ManifestContent {
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  /** Digests and platforms of an index's entries. */
  readonly children: ManifestDoc['children']
  /** The bytes as they were pushed. */
  read(): Promise<Uint8Array>
}

/** @throws RegistryFault `manifest-unknown`, `operation-disallowed` */
export async function getManifest(
  deps: Pick<ContentDeps, 'records' | 'keyring'>,
  path: ManifestPath,
  signal: AbortSignal,
): Promise<ManifestContent> {
  const { records } = deps
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  const row = await findPulled(records.read, seal, path)
  if (row === null) throw unknown(path)
  const { repository, digestIndex: index } = row
  const key = { repository, index }
  const doc = seal.manifest.open(key, row.sealed)
  assertPullable(seal, path, row, doc)
  const { digest, mediaType, size, children } = doc
  return {
    digest,
    mediaType,
    size,
    children,
    read: () =>
      tellingDamage(async () => {
        const body = await readManifestBody(records.read, repository, index)
        // Deleted between the two statements.
        if (body === null) throw unknown(path)
        await seal.lease.check()
        return seal.openBody(key, body)
      }),
  }
}

/**
 * Deletes a manifest and its tags. What it names stays for a while, for pushes that are about to name it again.
 *
 * @throws RegistryFault `manifest-unknown`, `operation-disallowed`
 */
export async function deleteManifest(
  deps: Pick<ContentDeps, 'records' | 'keyring' | 'clock'>,
  { registry, name, digest }: RepositoryPath & { readonly digest: Digest },
  signal: AbortSignal,
): Promise<void> {
  const seal = await openRegistry(deps.keyring, registry, signal)
  const path = { registry, name, reference: { digest } }
  await deps.records.write(async (db) => {
    const repository = await findForDeletion(db, seal, path)
    const index = seal.indexOf(digest)
    const now = deps.clock.now().getTime()
    if ((await removeManifest(db, seal, repository, index, now)) === null) throw unknown(path)
    await leaveRepository(db, seal, repository, now)
  })
}

/** Takes the tag away, and nothing else. @throws RegistryFault `manifest-unknown`, `operation-disallowed` */
export async function deleteTag(
  deps: Pick<ContentDeps, 'records' | 'keyring' | 'clock'>,
  { registry, name, tag }: RepositoryPath & { readonly tag: string },
  signal: AbortSignal,
): Promise<void> {
  const seal = await openRegistry(deps.keyring, registry, signal)
  const path = { registry, name, reference: { tag } }
  await deps.records.write(async (db) => {
    const repository = await findForDeletion(db, seal, path)
    const row = await findTag(db, repository.id, tag)
    if (row === null) throw unknown(path)
    const { attributes } = seal.tag.open({ repository: repository.id, name: tag }, row.sealed)
    assertUnlocked('delete', { name, reference: tag, attributes })
    await deleteTagRow(db, repository.id, tag)
    await leaveRepository(db, seal, repository, deps.clock.now().getTime())
  })
}

export interface RemovedManifest {
  readonly digest: Digest
  readonly tags: readonly string[]
}

/** One manifest, its tags and its references; the locks of all of them count. @returns null when there is none */
export async function removeManifest(
  db: RegistryWrites,
  seal: RegistrySeal,
  { id, name }: Repository,
  index: Uint8Array,
  now: number,
): Promise<RemovedManifest | null> {
  const row = await findManifest(db, id, index)
  if (row === null) return null
  const { digest, attributes } = seal.manifest.open({ repository: id, index }, row.sealed)
  assertUnlocked('delete', { name, reference: digest, attributes })
  const tags = await tagsOf(db, id, [index])
  for (const tag of tags) {
    const doc = seal.tag.open({ repository: id, name: tag.name }, tag.sealed)
    assertUnlocked('delete', { name, reference: tag.name, attributes: doc.attributes })
    await deleteTagRow(db, id, tag.name)
  }
  await markUnreferenced(db, id, index, now)
  await deleteManifestRow(db, id, index)
  return { digest, tags: tags.map((tag) => tag.name) }
}

async function findForDeletion(
  db: RegistryWrites,
  seal: RegistrySeal,
  path: ManifestPath,
): Promise<Repository> {
  const { registry, name } = path
  const row = await findRepository(db, registry.uid, name)
  if (row === null) throw unknown(path)
  const repository = { id: row.id, name, doc: seal.repository.open({ id: row.id, name }, row.sealed) }
  assertUnlocked('delete', lockOf(repository))
  return repository
}

async function findPulled(
  db: RegistryReads,
  seal: RegistrySeal,
  { registry, name, reference }: ManifestPath,
): Promise<PulledManifest | null> {
  return 'tag' in reference
    ? await findManifestByTag(db, registry.uid, name, reference.tag)
    : await findManifestByDigest(db, registry.uid, name, seal.indexOf(reference.digest))
}

function assertPullable(
  seal: RegistrySeal,
  { name, reference }: ManifestPath,
  row: PulledManifest,
  { digest, attributes }: ManifestDoc,
): void {
  const { repository } = row
  const doc = seal.repository.open({ id: repository, name }, row.repositorySealed)
  assertUnlocked('read', lockOf({ name, doc }), { name, reference: digest, attributes })
  if (!('tag' in reference) || row.tagSealed === null) return
  const tag = seal.tag.open({ repository, name: reference.tag }, row.tagSealed)
  // The column that joined the two is only a hint.
  if (tag.digest !== digest) throw new Error(`the tag's row and its sealed digest disagree in ${repository}`)
  assertUnlocked('read', { name, reference: reference.tag, attributes: tag.attributes })
}

function unknown({ name, reference }: ManifestPath): RegistryFault {
  return new RegistryFault('manifest-unknown', {
    name,
    reference: 'tag' in reference ? reference.tag : reference.digest,
  })
}
