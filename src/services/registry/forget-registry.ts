import { deleteBlobUnlessMember, deleteMembership } from '../../store/records/registry/blobs.ts'
import { deleteTagsOf, doomExtents, someContent } from '../../store/records/registry/garbage.ts'
import { deleteManifestRow } from '../../store/records/registry/manifests.ts'
import { anyRepository, dropEmptyRepository } from '../../store/records/registry/repositories.ts'
import { deleteUpload } from '../../store/records/registry/uploads.ts'
import type { ContentDeps } from './content-deps.ts'

const ROWS_AT_ONCE = 200

/**
 * Drops all rows of a registry that is being deleted; its bytes follow with the next sweeps. Needs no key, heeds no lock,
 * may be repeated.
 */
export async function forgetRegistry(
  { records, clock }: Pick<ContentDeps, 'records' | 'clock'>,
  registry: string,
): Promise<void> {
  for (;;) {
    const repository = await anyRepository(records.read, registry)
    if (repository === null) return
    await records.write(async (db) => {
      const now = clock.now().getTime()
      const { manifests, members, uploads } = await someContent(db, repository, ROWS_AT_ONCE)
      await deleteTagsOf(db, repository, manifests)
      for (const index of manifests) await deleteManifestRow(db, repository, index)
      for (const index of members) {
        const blob = await deleteMembership(db, repository, index)
        if (blob !== null) await deleteBlobUnlessMember(db, blob, now)
      }
      for (const id of uploads) {
        await deleteUpload(db, id)
        await doomExtents(db, id, now)
      }
      await dropEmptyRepository(db, repository)
    })
  }
}
