import type { Clock } from '../../kernel/clock.ts'
import type { SealedBytes } from '../../store/bytes/sealed.ts'
import type { DataRecords } from '../../store/records/data-db.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { LiveDigests } from './live-digests.ts'
import type { RegistryRef } from './registry-ref.ts'

/** What a registry's content is kept in. */
export interface ContentDeps {
  readonly records: Pick<DataRecords, 'read' | 'write'>
  readonly bytes: SealedBytes
  readonly keyring: Pick<Keyring, 'open'>
  readonly clock: Clock
  readonly digests: LiveDigests
  /** How long a blob that no manifest names is kept: the longest time between a push's first blob and its manifest. */
  readonly unreferencedGraceMs: number
}

/** A repository as a request names it; it may not exist. */
export interface RepositoryPath {
  readonly registry: RegistryRef
  readonly name: string
}
