import { around } from '../../kernel/around.ts'
import type { Clock } from '../../kernel/clock.ts'
import { DAY_MS, HOUR_MS } from '../../kernel/units.ts'
import type { ByteStore } from '../../store/bytes/byte-store.ts'
import { sealedBytes } from '../../store/bytes/sealed.ts'
import type { DataRecords } from '../../store/records/data-db.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { repeated } from '../keyring/lease-ended.ts'
import { blobBytesOf } from '../../store/records/blob/garbage.ts'
import type { ContainersPort } from '../storage/ports.ts'
import type { StorageAccount } from '../storage/storage-account.ts'
import type { BlobDeps } from './blob-deps.ts'
import { type BlobContainers, type ContainersDeps, blobContainers } from './blob-containers.ts'
import { type BlobStates, blobStates } from './blob-states.ts'
import { containerResources } from './container-resources.ts'
import { type CopiedBlobs, copiedBlobs } from './copied-blobs.ts'
import type { ForeignSources } from './copy-source.ts'
import { startCopyWork } from './copy-work.ts'
import { tellingDamage } from './damage.ts'
import { getBlob } from './get-blob.ts'
import { getBlockList } from './get-block-list.ts'
import { type BlobListing, listBlobs } from './list-blobs.ts'
import type { ShownPage } from './list-page.ts'
import type { ContainerPath } from './model.ts'
import {
  type PartWrites,
  type PartialBlobs,
  type PartsFromUrls,
  partWrites,
  partialBlobs,
  partsFromUrls,
} from './partial-blobs.ts'
import { putBlob } from './put-blob.ts'
import { putBlock } from './put-block.ts'
import { putBlockList } from './put-block-list.ts'
import { stamps } from './stamps.ts'
import { type BlobSweepReport, discardAccount, sweepBlobs } from './sweep.ts'

type Bound<F> = F extends (deps: never, ...rest: infer R) => infer T ? (...rest: R) => T : never

/**
 * What storage accounts hold as blobs. Whatever needs the customer's key opens it first: with the key refused the fault is the
 * keyring's. Of any, BlobFault `content-damaged`: what is stored does not open, or is not there.
 */
export interface BlobService
  extends AsyncDisposable, BlobContainers, BlobStates, PartialBlobs, PartsFromUrls, PartWrites, CopiedBlobs {
  readonly putBlob: Bound<typeof putBlob>
  readonly getBlob: Bound<typeof getBlob>
  listBlobs<T>(path: ContainerPath, listing: BlobListing<T>, signal: AbortSignal): Promise<ShownPage<T>>
  readonly putBlock: Bound<typeof putBlock>
  readonly putBlockList: Bound<typeof putBlockList>
  readonly getBlockList: Bound<typeof getBlockList>

  /** Containers as the resource manager has them. */
  readonly containers: ContainersPort
  /** Unsealed bytes of all that an account keeps. Needs no key. */
  usedBytes(accountUid: string): Promise<number>
  /** Drops all of an account that is gone. Needs no key; may be repeated. */
  discard(accountUid: string): Promise<void>
  /** Collects what nothing needs any more. Needs no customer's key. To be called every few minutes, one at a time. */
  sweep(): Promise<BlobSweepReport>
}

export interface BlobServiceDeps {
  readonly records: Pick<DataRecords, 'read' | 'write'>
  /** Shared with the registries, whose sweeper discards what no row of either names. */
  readonly bytes: ByteStore
  readonly keyring: Pick<Keyring, 'open' | 'serviceRecords'>
  readonly accounts: ContainersDeps['accounts']
  /** What copies read from elsewhere. */
  readonly foreign: ForeignSources
  readonly clock: Clock
  /** What nobody foresaw, in the background. */
  readonly bug: (error: unknown) => void
  /** All of the installation: what has to be swept. */
  readonly listAccounts: () => Promise<readonly StorageAccount[]>
}

/** Longer than downloads take. */
const READ_GRACE_MS = HOUR_MS
/** As Azure has it: a week. */
const BLOCK_GRACE_MS = 7 * DAY_MS

/** Those that take a body, which comes once: they see to an ended lease by themselves. */
type Streamed = 'putBlob' | 'putBlock' | keyof PartWrites
type Unkeyed = 'containers' | 'usedBytes' | 'discard' | 'sweep' | typeof Symbol.asyncDispose

export function openBlobService({
  bytes,
  clock,
  foreign,
  listAccounts,
  bug,
  ...given
}: BlobServiceDeps): BlobService {
  const disposed = new AbortController()
  const deps: BlobDeps = { ...given, bytes: sealedBytes(bytes), stamp: stamps(clock) }
  const findAccount = async (uid: string) => (await listAccounts()).find((one) => one.uid === uid) ?? null
  const work = startCopyWork({ ...deps, foreign, findAccount, bug })
  const streamed: Pick<BlobService, Streamed> = {
    ...partWrites(deps),
    putBlob: (put, body, signal) => putBlob(deps, put, body, signal),
    putBlock: (put, body, signal) => putBlock(deps, put, body, signal),
  }
  const whole: Omit<BlobService, Streamed | Unkeyed> = {
    ...blobContainers({ ...deps, accounts: given.accounts }),
    ...blobStates(deps),
    ...partialBlobs(deps),
    ...copiedBlobs({ ...deps, foreign, work }),
    ...partsFromUrls({ ...deps, foreign }),
    getBlob: (path, command, signal) => getBlob(deps, path, command, signal),
    listBlobs: (path, listing, signal) => listBlobs(deps, path, listing, signal),
    putBlockList: (path, command, signal) => putBlockList(deps, path, command, signal),
    getBlockList: (path, command) => getBlockList(deps, path, command),
  }
  return {
    ...around(streamed, tellingDamage),
    ...around(whole, (work) => tellingDamage(() => repeated(work))),
    containers: containerResources(deps),
    usedBytes: (uid) => blobBytesOf(given.records.read, uid),
    discard: (uid) => discardAccount({ ...deps, clock }, uid),
    sweep: () =>
      sweepBlobs(
        { ...deps, clock, listAccounts, readGraceMs: READ_GRACE_MS, blockGraceMs: BLOCK_GRACE_MS },
        disposed.signal,
      ),
    async [Symbol.asyncDispose]() {
      disposed.abort()
      await work[Symbol.asyncDispose]()
    },
  }
}
