import type { BlobDeps } from './blob-deps.ts'
import { type BlobState, getBlobState, putBlobState } from './blob-rows.ts'
import { type Conditions, assertWritable } from './conditions.ts'
import { getContainer } from './container-rows.ts'
import { BlobFault } from './faults.ts'
import { assertLeaseForWrite } from './lease.ts'
import type { BlobPath } from './model.ts'
import { openService } from './service-seal.ts'

export interface SealAppendBlob {
  readonly conditions: Conditions
  readonly leaseId: string | null
  /** How long the blob has to be, in bytes; null: of any length. */
  readonly position: number | null
}

/**
 * Closes an append blob to further blocks; one that is sealed stays so. Neither ETag nor Last-Modified change.
 * https://learn.microsoft.com/rest/api/storageservices/append-blob-seal
 *
 * @throws BlobFault
 */
export async function sealAppendBlob(
  { records, keyring, stamp }: Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>,
  { account, container: name, blob }: BlobPath,
  { conditions, leaseId, position }: SealAppendBlob,
): Promise<BlobState> {
  const seal = await openService(keyring, account)
  return await records.write(async (db) => {
    const container = await getContainer(db, seal, name)
    const state = await getBlobState(db, seal, { container: container.id, name: blob, moment: null })
    const { doc } = state
    if (doc.type !== 'AppendBlob') throw new BlobFault('blob-type-invalid', { type: doc.type })
    assertWritable(conditions, doc)
    assertLeaseForWrite(doc.lease, leaseId, 'blob', stamp().now)
    if (position !== null && position !== doc.length) throw new BlobFault('append-position-not-met', {})
    const sealed = { ...state, doc: { ...doc, isSealed: true } }
    if (!doc.isSealed) await putBlobState(db, seal, sealed)
    return sealed
  })
}
