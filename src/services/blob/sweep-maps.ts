import { doomedMapNodes } from '../../store/records/blob/map-nodes.ts'
import type { StorageAccount } from '../storage/storage-account.ts'
import type { BlobDeps } from './blob-deps.ts'
import { dissolveNode } from './map-node.ts'
import { openService } from './service-seal.ts'

/** Each may release more than a hundred extents. */
const NODES_AT_ONCE = 16

/**
 * Takes apart the maps that no blob names any more, level by level: their extents are doomed from now on, unless something
 * else names them. However large the map, only short transactions. Needs no customer's key.
 *
 * @param before milliseconds since 1970: of what was doomed since, reads may be under way
 * @returns how many nodes went
 */
export async function sweepMaps(
  { records, keyring, stamp }: Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>,
  account: StorageAccount,
  { before, signal }: { readonly before: number; readonly signal: AbortSignal },
): Promise<number> {
  let count = 0
  for (;;) {
    signal.throwIfAborted()
    const some = await doomedMapNodes(records.read, account.uid, { before, limit: NODES_AT_ONCE })
    if (some.length === 0) return count
    const seal = await openService(keyring, account)
    const { now } = stamp()
    count += await records.write(async (db) => {
      // Once more, on the state that is changed: what is doomed stays so, but another sweep may have come first.
      const rows = await doomedMapNodes(db, account.uid, { before, limit: NODES_AT_ONCE })
      for (const row of rows) await dissolveNode({ db, seal, now }, row)
      return rows.length
    })
  }
}
