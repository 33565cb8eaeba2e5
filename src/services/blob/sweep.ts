import type { Clock } from '../../kernel/clock.ts'
import { DAY_MS } from '../../kernel/units.ts'
import { discardBytes, filesOf } from '../../store/bytes/staged.ts'
import { BASE, type BlobRow, findBlobRow, someBlobRows } from '../../store/records/blob/blobs.ts'
import { deleteBlocks } from '../../store/records/blob/blocks.ts'
import type { BlobWrites } from '../../store/records/blob/containers.ts'
import { releaseExtents } from '../../store/records/blob/extents.ts'
import {
  blobsWithOldBlocks,
  deletedBlobs,
  deletedContainers,
  doomContainer,
  doomedBlobExtents,
  dropContainer,
  dropSomeOfAccount,
  forgetBlobExtents,
  someBlocks,
} from '../../store/records/blob/garbage.ts'
import { durableSoFar } from '../../store/records/records.ts'
import type { StorageAccount } from '../storage/storage-account.ts'
import type { BlobDeps } from './blob-deps.ts'
import { openBlob } from './blob-rows.ts'
import { type ServiceSeal, openService } from './service-seal.ts'
import { sweepMaps } from './sweep-maps.ts'
import { settleTags } from './tags.ts'
import { purgeState } from './versions.ts'

export interface BlobSweepDeps extends Pick<BlobDeps, 'records' | 'bytes' | 'keyring' | 'stamp'> {
  readonly clock: Clock
  readonly listAccounts: () => Promise<readonly StorageAccount[]>
  /** How long bytes stay that nothing names any more: longer than downloads take. */
  readonly readGraceMs: number
  /** How long blocks wait for a block list. Azure: a week. */
  readonly blockGraceMs: number
}

export interface BlobSweepReport {
  readonly containers: number
  readonly blobs: number
  readonly blocks: number
  readonly extents: number
}

const ROWS_AT_ONCE = 100

/**
 * Collects what nothing needs any more: deleted containers and blobs whose time to come back is over, blocks that nobody
 * committed, bytes that nothing names. In short transactions beside everything else; needs no customer's key.
 */
export async function sweepBlobs(deps: BlobSweepDeps, signal: AbortSignal): Promise<BlobSweepReport> {
  let [containers, blobs] = [0, 0]
  for (const account of await deps.listAccounts()) {
    containers += await sweepContainers(deps, account, signal)
    blobs += await sweepDeleted(deps, account, signal)
    await sweepMaps(deps, account, { before: deps.clock.now().getTime() - deps.readGraceMs, signal })
  }
  const blocks = await sweepBlocks(deps, signal)
  return { containers, blobs, blocks, extents: await sweepDoomed(deps, signal) }
}

/** Drops all rows of an account that is gone; its bytes follow with the next sweeps. Needs no key, may be repeated. */
export async function discardAccount(
  { records, clock }: Pick<BlobSweepDeps, 'records' | 'clock'>,
  account: string,
): Promise<void> {
  const drop = async (db: BlobWrites) =>
    await dropSomeOfAccount(db, account, { now: clock.now().getTime(), limit: ROWS_AT_ONCE })
  while (await records.write(drop));
}

async function sweepContainers(
  { records, keyring, clock }: BlobSweepDeps,
  account: StorageAccount,
  signal: AbortSignal,
): Promise<number> {
  const before = expired(clock, account.blobService.containerDeleteRetentionDays)
  let count = 0
  for (;;) {
    const [container] = await deletedContainers(records.read, account.uid, before, 1)
    if (container === undefined) return count
    const seal = await openService(keyring, account)
    const purge = async (db: BlobWrites) => {
      // Restored meanwhile: then it stays. Nobody restores one whose blobs have begun to go.
      if (!(await doomContainer(db, container.id, before))) return false
      return await purgeSome(db, seal, container.id, clock.now().getTime())
    }
    do signal.throwIfAborted()
    while (await records.write(purge))
    count++
  }
}

/** @returns whether there is more to do */
async function purgeSome(
  db: BlobWrites,
  seal: ServiceSeal,
  container: string,
  now: number,
): Promise<boolean> {
  const rows = await someBlobRows(db, container, ROWS_AT_ONCE)
  for (const row of rows) await drop(db, seal, row, now)
  const blocks = await someBlocks(db, container, ROWS_AT_ONCE)
  for (const blob of blocks) await releaseExtents(db, await deleteBlocks(db, blob), now)
  if (rows.length > 0 || blocks.length > 0) return true
  await dropContainer(db, container)
  return false
}

async function sweepDeleted(
  { records, keyring, clock }: BlobSweepDeps,
  account: StorageAccount,
  signal: AbortSignal,
): Promise<number> {
  const before = expired(clock, account.blobService.deleteRetentionDays)
  let count = 0
  for (;;) {
    signal.throwIfAborted()
    const rows = await deletedBlobs(records.read, account.uid, before, ROWS_AT_ONCE)
    if (rows.length === 0) return count
    const seal = await openService(keyring, account)
    await records.write(async (db) => {
      for (const row of rows) {
        // Undeleted meanwhile, or written over: then it is another row.
        const now = await findBlobRow(db, row)
        if (now?.id === row.id && now.deleted_at === row.deleted_at)
          await drop(db, seal, now, clock.now().getTime())
      }
    })
    count += rows.length
  }
}

async function drop(db: BlobWrites, seal: ServiceSeal, row: BlobRow, now: number): Promise<void> {
  const state = openBlob(seal, row)
  // Of a deleted container; a deleted blob is in no index.
  if (state.moment === BASE && state.deletedAt === null)
    await settleTags(db, seal, state, { before: state.doc.tags, after: null })
  await purgeState(db, seal, state, now)
}

async function sweepBlocks(
  { records, clock, blockGraceMs }: BlobSweepDeps,
  signal: AbortSignal,
): Promise<number> {
  let count = 0
  for (;;) {
    signal.throwIfAborted()
    const now = clock.now().getTime()
    const rows = await blobsWithOldBlocks(records.read, now - blockGraceMs, ROWS_AT_ONCE)
    if (rows.length === 0) return count
    await records.write(async (db) => {
      for (const blob of rows) await releaseExtents(db, await deleteBlocks(db, blob), now)
    })
    count += rows.length
  }
}

async function sweepDoomed(
  { records, bytes, clock, readGraceMs }: BlobSweepDeps,
  signal: AbortSignal,
): Promise<number> {
  let count = 0
  for (;;) {
    signal.throwIfAborted()
    const rows = await doomedBlobExtents(records.read, clock.now().getTime() - readGraceMs, ROWS_AT_ONCE)
    if (rows.length === 0) return count
    // A power cut must not bring back a row whose bytes are gone.
    await durableSoFar(records)
    await discardBytes(bytes, filesOf(rows))
    const refs = rows.map(({ ref }) => ref)
    // The rows go last: a crash in between leaves them, and discarding twice is no error.
    await records.write(async (db) => await forgetBlobExtents(db, refs))
    count += rows.length
  }
}

function expired(clock: Clock, days: number | null): number {
  return clock.now().getTime() - (days ?? 0) * DAY_MS
}
