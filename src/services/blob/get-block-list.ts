import { findLastBlock, listBlocks } from '../../store/records/blob/blocks.ts'
import type { BlobReads } from '../../store/records/blob/containers.ts'
import type { BlobDeps } from './blob-deps.ts'
import { type BlobState, findNamed, placeOf } from './blob-rows.ts'
import { type Conditions, assertReadable } from './conditions.ts'
import { getContainer } from './container-rows.ts'
import { readParts } from './extent-map.ts'
import { BlobFault } from './faults.ts'
import { assertLeaseForRead } from './lease.ts'
import type { BlobPath } from './model.ts'
import { openBlockInPassing } from './put-block.ts'
import { type ServiceSeal, openService } from './service-seal.ts'

export interface GetBlockList {
  readonly kind: 'committed' | 'uncommitted' | 'all'
  readonly conditions: Conditions
  readonly leaseId: string | null
}

export interface Block {
  /** Base64. */
  readonly id: string
  readonly length: number
}

export interface BlockList {
  /** Null: nothing of the blob is committed. */
  readonly blob: Pick<BlobState['doc'], 'etag' | 'modifiedAt' | 'length'> | null
  /** In the blob's order; null: not asked for. */
  readonly committed: readonly Block[] | null
  /** In the order of ids; null: not asked for. */
  readonly uncommitted: readonly Block[] | null
}

/** https://learn.microsoft.com/rest/api/storageservices/get-block-list. Needs no customer's key. */
export async function getBlockList(
  { records, keyring, stamp }: Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>,
  at: BlobPath,
  { kind, conditions, leaseId }: GetBlockList,
): Promise<BlockList> {
  const { account, blob, moment } = at
  const seal = await openService(keyring, account)
  const db = records.read
  const container = await getContainer(db, seal, at.container)
  const place = { container: container.id, name: blob }
  const found = await findNamed(db, seal, placeOf(container, at))
  const state = found?.deletedAt === null ? found : null
  if (state === null && (moment !== null || (await findLastBlock(db, place)) === null)) {
    throw new BlobFault('blob-not-found', {})
  }
  if (state !== null) {
    const { doc } = state
    if (doc.type !== 'BlockBlob') throw new BlobFault('blob-type-invalid', { type: doc.type })
    assertReadable(conditions, doc)
  }
  assertLeaseForRead(state?.doc.lease ?? null, leaseId, 'blob', stamp().now)
  return {
    blob: state?.doc ?? null,
    committed: kind === 'uncommitted' ? null : await committedBlocks(db, seal, state),
    uncommitted: kind === 'committed' ? null : await uncommittedBlocks(db, seal, { ...place, moment }),
  }
}

/** None of a blob that came whole. */
async function committedBlocks(
  db: BlobReads,
  seal: ServiceSeal,
  state: BlobState | null,
): Promise<readonly Block[]> {
  const parts = state === null ? [] : await readParts(db, seal, state.doc.extents)
  return parts.flatMap(({ block, length }) => (block === undefined ? [] : [{ id: block, length }]))
}

/** None of a snapshot or a version. */
async function uncommittedBlocks(
  db: BlobReads,
  seal: ServiceSeal,
  {
    container,
    name,
    moment,
  }: { readonly container: string; readonly name: string; readonly moment: string | null },
): Promise<readonly Block[]> {
  if (moment !== null) return []
  const rows = await listBlocks(db, { container, name })
  return rows.map((row) => ({
    id: row.block,
    length: openBlockInPassing(seal, { container, name }, row).length,
  }))
}
