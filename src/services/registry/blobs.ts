import type { Bytes } from '../../kernel/bytes.ts'
import {
  deleteBlobUnlessMember,
  deleteMembership,
  findMember,
  putMembership,
  touchMembership,
} from '../../store/records/registry/blobs.ts'
import { listReferring } from '../../store/records/registry/manifests.ts'
import {
  type RegistryReads,
  type RegistryWrites,
  dropEmptyRepository,
  findRepository,
} from '../../store/records/registry/repositories.ts'
import { extentsOf } from '../../store/records/registry/uploads.ts'
import { assertUnlocked } from './attributes.ts'
import type { ContentDeps, RepositoryPath } from './content-deps.ts'
import { tellingDamageIn } from './damage.ts'
import type { Digest } from './digest.ts'
import { readExtents } from './extents.ts'
import { RegistryFault } from './faults.ts'
import { isRepositoryName } from './names.ts'
import { type RegistrySeal, openRegistry } from './registry-seal.ts'
import { ensureRepository, lockOf } from './repository-rows.ts'

export interface BlobPath extends RepositoryPath {
  readonly digest: Digest
}

export interface BlobContent {
  readonly digest: Digest
  readonly size: number
  /** Half-open, within `size`. Each segment is opened only while the key's lease lives. */
  read(range: { readonly start: number; readonly end: number }, signal: AbortSignal): Bytes
}

/**
 * A blob that is a member of the repository: pushed or mounted there. Who was told that an unreferenced blob exists may
 * rely on it for a while, so that a push under way never meets the collection.
 *
 * @throws RegistryFault `blob-unknown`, `operation-disallowed`
 */
export async function getBlob(
  deps: Pick<ContentDeps, 'records' | 'bytes' | 'keyring' | 'clock' | 'unreferencedGraceMs'>,
  path: BlobPath,
  signal: AbortSignal,
): Promise<BlobContent> {
  const { records, bytes, clock } = deps
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  const member = await findMemberBlob(records.read, seal, path)
  if (member === null) throw new RegistryFault('blob-unknown', { digest: path.digest })
  const now = clock.now().getTime()
  if (member.unreferencedAt !== null && member.unreferencedAt < now - deps.unreferencedGraceMs / 2) {
    const { repository, index } = member
    const isThere = await records.write(async (db) => await touchMembership(db, repository, index, now))
    if (!isThere) throw new RegistryFault('blob-unknown', { digest: path.digest })
  }
  return {
    digest: path.digest,
    size: member.size,
    async *read(range, reading) {
      const rows = await extentsOf(records.read, member.blob, range)
      // Deleted between the two statements.
      if (rows.length === 0 && range.end > range.start) {
        throw new RegistryFault('blob-unknown', { digest: path.digest })
      }
      yield* tellingDamageIn(readExtents(bytes, seal, member.blob, { rows, range, signal: reading }))
    },
  }
}

/**
 * Makes a blob of `from` a member of the repository too. Whether the caller may pull from there was asked before.
 *
 * @returns false when `from` has no such blob to give: nobody learns more than that
 */
export async function mountBlob(
  deps: Pick<ContentDeps, 'records' | 'keyring' | 'clock'>,
  { from, ...path }: BlobPath & { readonly from: string },
  signal: AbortSignal,
): Promise<boolean> {
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  if (!isRepositoryName(from, path.registry)) return false
  const source = { ...path, name: from }
  return await deps.records.write(async (db) => {
    const member = await findMemberBlob(db, seal, source).catch(nullIfLocked)
    if (member === null) return false
    const now = deps.clock.now().getTime()
    const repository = await ensureRepository(db, seal, path, now)
    assertUnlocked('write', lockOf(repository))
    const { blob, index } = member
    const sealed = seal.membership.seal({ repository: repository.id, index }, { blob })
    await putMembership(db, { repository: repository.id, digest_index: index, blob, sealed }, now)
    return true
  })
}

/**
 * Takes the blob from this repository at once; from the registry with its last membership. A blob that a locked
 * manifest names stays.
 *
 * @throws RegistryFault `blob-unknown`, `operation-disallowed`
 */
export async function deleteBlob(
  deps: Pick<ContentDeps, 'records' | 'keyring' | 'clock'>,
  { registry, name, digest }: BlobPath,
  signal: AbortSignal,
): Promise<void> {
  const seal = await openRegistry(deps.keyring, registry, signal)
  await deps.records.write(async (db) => {
    const row = await findRepository(db, registry.uid, name)
    if (row === null) throw new RegistryFault('blob-unknown', { digest })
    const doc = seal.repository.open({ id: row.id, name }, row.sealed)
    const index = seal.indexOf(digest)
    const blob = await deleteMembership(db, row.id, index)
    if (blob === null) throw new RegistryFault('blob-unknown', { digest })
    assertUnlocked('delete', lockOf({ name, doc }))
    await assertNoLockedUser(db, seal, { repository: row.id, name, index })
    await deleteBlobUnlessMember(db, blob, deps.clock.now().getTime())
    await dropEmptyRepository(db, row.id)
  })
}

interface MemberBlob {
  readonly repository: string
  readonly index: Uint8Array
  readonly unreferencedAt: number | null
  readonly blob: string
  readonly size: number
}

/** @throws RegistryFault `operation-disallowed` when the repository may not be read */
async function findMemberBlob(
  db: RegistryReads,
  seal: RegistrySeal,
  { registry, name, digest }: BlobPath,
): Promise<MemberBlob | null> {
  const index = seal.indexOf(digest)
  const row = await findMember(db, registry.uid, name, index)
  if (row === null) return null
  const { repository, blob, unreferencedAt } = row
  const doc = seal.repository.open({ id: repository, name }, row.repositorySealed)
  // The sealed documents decide, not the columns that led to them.
  const membership = seal.membership.open({ repository, index }, row.membershipSealed)
  const { size } = seal.blob.open({ id: membership.blob, index }, row.blobSealed)
  assertUnlocked('read', lockOf({ name, doc }))
  return { repository, index, unreferencedAt, blob, size }
}

const MANIFESTS_AT_ONCE = 200

async function assertNoLockedUser(
  db: RegistryWrites,
  seal: RegistrySeal,
  {
    repository,
    name,
    index,
  }: { readonly repository: string; readonly name: string; readonly index: Uint8Array },
): Promise<void> {
  let after: Uint8Array = new Uint8Array(0)
  for (;;) {
    const rows = await listReferring(db, repository, {
      kind: 'blob',
      target: index,
      after,
      limit: MANIFESTS_AT_ONCE,
    })
    for (const row of rows) {
      const doc = seal.manifest.open({ repository, index: row.digest_index }, row.sealed)
      assertUnlocked('delete', { name, reference: doc.digest, attributes: doc.attributes })
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < MANIFESTS_AT_ONCE) return
    after = last.digest_index
  }
}

function nullIfLocked(error: unknown): null {
  // A source that may not be read is for the mount a source without the blob.
  if (error instanceof RegistryFault && error.code === 'operation-disallowed') return null
  throw error
}
