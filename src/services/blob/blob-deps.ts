import type { SealedBytes } from '../../store/bytes/sealed.ts'
import type { DataRecords } from '../../store/records/data-db.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { StorageAccounts } from '../storage/storage-account.ts'
import type { Stamp } from './stamps.ts'

/** What blob storage is kept in. */
export interface BlobDeps {
  readonly records: Pick<DataRecords, 'read' | 'write'>
  readonly bytes: SealedBytes
  readonly keyring: Pick<Keyring, 'open' | 'serviceRecords'>
  readonly accounts: Pick<StorageAccounts, 'findScope' | 'findScopeByUid'>
  readonly stamp: () => Stamp
}
