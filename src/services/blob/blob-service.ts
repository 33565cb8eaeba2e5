import { around } from '../../kernel/around.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { ByteStore } from '../../store/bytes/byte-store.ts'
import { sealedBytes } from '../../store/bytes/sealed.ts'
import type { DataRecords } from '../../store/records/data-db.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { repeated } from '../keyring/lease-ended.ts'
import type { StorageAccounts } from '../storage/storage-account.ts'
import type { BlobDeps } from './blob-deps.ts'
import { createContainer, deleteContainer, getContainerProperties, listContainers } from './containers.ts'
import { tellingDamage } from './damage.ts'
import { deleteBlob } from './delete-blob.ts'
import { getBlob } from './get-blob.ts'
import { listBlobs } from './list-blobs.ts'
import { putBlob } from './put-blob.ts'
import { stamps } from './stamps.ts'

type Bound<F> = F extends (deps: never, ...rest: infer R) => infer T ? (...rest: R) => T : never

/**
 * What storage accounts hold as blobs. Whatever needs the customer's key opens it first: with the key refused the fault is the
 * keyring's. Of any, BlobFault `content-damaged`: what is stored does not open, or is not there.
 */
export interface BlobService {
  readonly createContainer: Bound<typeof createContainer>
  readonly getContainerProperties: Bound<typeof getContainerProperties>
  readonly deleteContainer: Bound<typeof deleteContainer>
  readonly listContainers: Bound<typeof listContainers>
  readonly putBlob: Bound<typeof putBlob>
  readonly getBlob: Bound<typeof getBlob>
  readonly deleteBlob: Bound<typeof deleteBlob>
  readonly listBlobs: Bound<typeof listBlobs>
}

export interface BlobServiceDeps {
  readonly records: Pick<DataRecords, 'read' | 'write'>
  /** Holds extents of blobs and nothing else: the sweeper discards what no row names. */
  readonly bytes: ByteStore
  readonly keyring: Pick<Keyring, 'open' | 'serviceRecords'>
  readonly accounts: Pick<StorageAccounts, 'findScope' | 'findScopeByUid'>
  readonly clock: Clock
}

/** Those that take a body, which comes once: they see to an ended lease by themselves. */
type Streamed = 'putBlob'

export function openBlobService({ bytes, clock, ...given }: BlobServiceDeps): BlobService {
  const deps: BlobDeps = { ...given, bytes: sealedBytes(bytes), stamp: stamps(clock) }
  const streamed: Pick<BlobService, Streamed> = {
    putBlob: (put, body, signal) => putBlob(deps, put, body, signal),
  }
  const whole: Omit<BlobService, Streamed> = {
    createContainer: (path, wanted) => createContainer(deps, path, wanted),
    getContainerProperties: (path, leaseId) => getContainerProperties(deps, path, leaseId),
    deleteContainer: (path, options) => deleteContainer(deps, path, options),
    listContainers: (account, query) => listContainers(deps, account, query),
    getBlob: (path, command, signal) => getBlob(deps, path, command, signal),
    deleteBlob: (path, command) => deleteBlob(deps, path, command),
    listBlobs: (path, query, signal) => listBlobs(deps, path, query, signal),
  }
  return {
    ...around(streamed, tellingDamage),
    ...around(whole, (work) => tellingDamage(() => repeated(work))),
  }
}
