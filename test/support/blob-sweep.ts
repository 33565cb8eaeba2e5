import { systemClock } from '../../src/kernel/clock.ts'
import type { Services } from '../../src/server/services.ts'
import type { Stores } from '../../src/server/stores.ts'
import { stamps } from '../../src/services/blob/stamps.ts'
import { type BlobSweepDeps, sweepBlobs } from '../../src/services/blob/sweep.ts'
import { STORAGE_ACCOUNT_TYPE } from '../../src/services/storage/storage-account.ts'
import { readAccount } from '../../src/services/storage/storage-accounts.ts'
import { sealedBytes } from '../../src/store/bytes/sealed.ts'

export type BlobGraces = Pick<BlobSweepDeps, 'readGraceMs' | 'blockGraceMs'>

/** The sweeper of Blob Storage, with less patience than the server's own. */
export function blobSweeper(
  stores: Pick<Stores, 'data' | 'bytes'>,
  { keyring, resourceStore }: Pick<Services, 'keyring' | 'resourceStore'>,
  graces: BlobGraces,
): () => Promise<unknown> {
  const deps: BlobSweepDeps = {
    ...graces,
    records: stores.data,
    bytes: sealedBytes(stores.bytes),
    keyring,
    clock: systemClock,
    stamp: stamps(systemClock),
    listAccounts: async () => (await resourceStore.listByType(STORAGE_ACCOUNT_TYPE)).map(readAccount),
  }
  return () => sweepBlobs(deps, new AbortController().signal)
}
