import { DAY_MS } from '../../kernel/units.ts'
import { findContainer, findDeletedContainers, updateContainer } from '../../store/records/blob/containers.ts'
import type { BlobDeps } from './blob-deps.ts'
import { openContainer } from './container-rows.ts'
import { BlobFault } from './faults.ts'
import type { ContainerPath } from './model.ts'
import { openService } from './service-seal.ts'

/**
 * Brings back a soft-deleted container with all it held.
 * https://learn.microsoft.com/rest/api/storageservices/restore-container
 *
 * @param version which of the deleted ones of that name, as a list of containers tells it
 * @throws BlobFault `container-not-found`, `container-already-exists`
 */
export async function restoreContainer(
  { records, keyring, stamp }: Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>,
  { account, container: name }: ContainerPath,
  version: string,
): Promise<void> {
  const seal = await openService(keyring, account)
  const days = account.blobService.containerDeleteRetentionDays
  await records.write(async (db) => {
    if ((await findContainer(db, account.uid, name)) !== null)
      throw new BlobFault('container-already-exists', {})
    const { now, etag } = stamp()
    const after = days === null ? now : now - days * DAY_MS
    for (const row of await findDeletedContainers(db, account.uid, name)) {
      const { id, doc } = openContainer(seal, row)
      if (doc.deletedVersion !== version || (row.deleted_at ?? 0) <= after) continue
      const restored = { ...doc, etag, modifiedAt: now, deletedVersion: null }
      await updateContainer(db, id, { deleted_at: null, sealed: seal.container.seal({ id, name }, restored) })
      return
    }
    throw new BlobFault('container-not-found', {})
  })
}
