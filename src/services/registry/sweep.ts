import { systemClock } from '../../kernel/clock.ts'
import type { ByteStore } from '../../store/bytes/byte-store.ts'
import { discardBytes } from '../../store/bytes/staged.ts'
import { knownRefs } from '../../store/records/all-extents.ts'
import { durableSoFar } from '../../store/records/records.ts'
import {
  deleteBlobUnlessMember,
  deleteMembership,
  isReferenced,
  markReferenced,
} from '../../store/records/registry/blobs.ts'
import {
  doomedExtents,
  forgetExtents,
  idleUploads,
  isStillIdle,
  isStillUnreferenced,
  unreferencedMembers,
} from '../../store/records/registry/garbage.ts'
import { dropEmptyRepository } from '../../store/records/registry/repositories.ts'
import { deleteExtents, deleteUpload } from '../../store/records/registry/uploads.ts'
import type { ContentDeps } from './content-deps.ts'

export interface SweepDeps extends Pick<
  ContentDeps,
  'records' | 'bytes' | 'clock' | 'digests' | 'unreferencedGraceMs'
> {
  /** The store below `bytes`. */
  readonly store: Pick<ByteStore, 'list'>
  readonly idleUploadMs: number
  /** How long the bytes of a deleted blob stay for downloads under way; their key is gone at once. */
  readonly readGraceMs: number
  /** Bytes that no row names are taken for those of a commit to come until they are this old. */
  readonly orphanAgeMs: number
}

export interface SweepReport {
  readonly uploads: number
  readonly memberships: number
  readonly blobs: number
  readonly extents: number
  readonly orphans: number
}

const ROWS_AT_ONCE = 100
const REFS_AT_ONCE = 500

/**
 * Collects what nothing needs any more, of all registries: idle uploads, blobs that no manifest names, bytes of what was
 * deleted and of what a crash left behind. Works beside pushes and pulls, in short transactions, and needs no key: each
 * transaction checks again what it deletes, so that a push that came first keeps its blobs.
 */
export async function sweep(
  deps: SweepDeps,
  { withOrphans, signal }: { readonly withOrphans: boolean; readonly signal: AbortSignal },
): Promise<SweepReport> {
  const uploads = await sweepUploads(deps, signal)
  const { memberships, blobs } = await sweepMemberships(deps, signal)
  const extents = await sweepDoomed(deps, signal)
  // The one part that walks over all that is stored.
  const orphans = withOrphans ? await sweepOrphans(deps, signal) : 0
  return { uploads, memberships, blobs, extents, orphans }
}

async function sweepUploads(
  { records, bytes, clock, digests, idleUploadMs }: SweepDeps,
  signal: AbortSignal,
): Promise<number> {
  const before = clock.now().getTime() - idleUploadMs
  let count = 0
  for (;;) {
    signal.throwIfAborted()
    const rows = await idleUploads(records.read, before, ROWS_AT_ONCE)
    if (rows.length === 0) return count
    const refs = await records.write(async (db) => {
      const freed: string[] = []
      for (const { id, repository } of rows) {
        if (!(await isStillIdle(db, id, before))) continue
        await deleteUpload(db, id)
        freed.push(...(await deleteExtents(db, id)))
        await dropEmptyRepository(db, repository)
      }
      return freed
    })
    for (const { id } of rows) digests.forget(id)
    await discardBytes(bytes, refs)
    count += rows.length
  }
}

async function sweepMemberships(
  { records, clock, unreferencedGraceMs }: SweepDeps,
  signal: AbortSignal,
): Promise<{ readonly memberships: number; readonly blobs: number }> {
  const before = clock.now().getTime() - unreferencedGraceMs
  let memberships = 0
  let blobs = 0
  for (;;) {
    signal.throwIfAborted()
    const rows = await unreferencedMembers(records.read, before, ROWS_AT_ONCE)
    if (rows.length === 0) return { memberships, blobs }
    const gone = await records.write(async (db) => {
      const now = clock.now().getTime()
      const counts = { memberships: 0, blobs: 0 }
      for (const { repository, digest_index } of rows) {
        if (!(await isStillUnreferenced(db, repository, digest_index, before))) continue
        // The mark says who is worth a look; the references themselves decide.
        if (await isReferenced(db, repository, digest_index)) {
          await markReferenced(db, repository, [digest_index])
          continue
        }
        const blob = await deleteMembership(db, repository, digest_index)
        if (blob === null) continue
        counts.memberships++
        if (await deleteBlobUnlessMember(db, blob, now)) counts.blobs++
        await dropEmptyRepository(db, repository)
      }
      return counts
    })
    memberships += gone.memberships
    blobs += gone.blobs
  }
}

async function sweepDoomed(
  { records, bytes, clock, readGraceMs }: SweepDeps,
  signal: AbortSignal,
): Promise<number> {
  const before = clock.now().getTime() - readGraceMs
  let count = 0
  for (;;) {
    signal.throwIfAborted()
    const refs = await doomedExtents(records.read, before, ROWS_AT_ONCE)
    if (refs.length === 0) return count
    await durableSoFar(records)
    // The rows go last: a crash in between leaves them, and discarding twice is no error.
    await discardBytes(bytes, refs)
    await records.write(async (db) => await forgetExtents(db, refs))
    count += refs.length
  }
}

async function sweepOrphans(
  { records, bytes, store, orphanAgeMs }: SweepDeps,
  signal: AbortSignal,
): Promise<number> {
  // The age of a file is told by the machine's clock, not by the one that tests move.
  const before = systemClock.now().getTime() - orphanAgeMs
  let count = 0
  let refs: string[] = []
  const flush = async () => {
    const known = await knownRefs(records.read, refs)
    const orphans = refs.filter((ref) => !known.has(ref))
    if (orphans.length > 0) await durableSoFar(records)
    await discardBytes(bytes, orphans)
    count += orphans.length
    refs = []
  }
  for await (const { ref, modifiedAt } of store.list()) {
    signal.throwIfAborted()
    if (modifiedAt.getTime() < before) refs.push(ref)
    if (refs.length === REFS_AT_ONCE) await flush()
  }
  await flush()
  return count
}
