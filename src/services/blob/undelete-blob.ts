import { BASE, listMoments } from '../../store/records/blob/blobs.ts'
import type { BlobDeps } from './blob-deps.ts'
import { openBlob, putBlobState } from './blob-rows.ts'
import { getContainer } from './container-rows.ts'
import { BlobFault } from './faults.ts'
import type { BlobPath } from './model.ts'
import { openService } from './service-seal.ts'
import { settleTags } from './tags.ts'

/**
 * Brings back a deleted blob with all of its deleted snapshots and versions; does nothing where nothing is deleted.
 * https://learn.microsoft.com/rest/api/storageservices/undelete-blob
 *
 * @throws BlobFault `container-not-found`, `blob-not-found`
 */
export async function undeleteBlob(
  { records, keyring }: Pick<BlobDeps, 'records' | 'keyring'>,
  { account, container: containerName, blob: name }: BlobPath,
): Promise<void> {
  const seal = await openService(keyring, account)
  await records.write(async (db) => {
    const { id: container } = await getContainer(db, seal, containerName)
    const rows = await listMoments(db, container, name)
    if (rows.length === 0) throw new BlobFault('blob-not-found', {})
    for (const row of rows.filter(({ deleted_at }) => deleted_at !== null)) {
      const state = openBlob(seal, row)
      await putBlobState(db, seal, { ...state, deletedAt: null })
      if (state.moment === BASE) await settleTags(db, seal, state, { before: null, after: state.doc.tags })
    }
  })
}
