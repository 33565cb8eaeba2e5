import type { RecordKey } from '../../crypto/record-key.ts'
import { randomGuid } from '../../crypto/random.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Endpoints } from '../../kernel/endpoints.ts'
import type { Records } from '../../store/records/records.ts'
import { deletedVaultRecords } from '../../store/records/vault/deleted-vault-records.ts'
import { keyRecords } from '../../store/records/vault/key-records.ts'
import { keyUseRecords } from '../../store/records/vault/key-use-records.ts'
import { observedTimeRecords } from '../../store/records/vault/observed-time-records.ts'
import type { KeyUse } from '../../store/records/vault/stored-key.ts'
import type { VaultTables } from '../../store/records/vault/tables.ts'
import type { Access } from '../access/access.ts'
import type { VaultAudit } from '../activity/activity.ts'
import type { Directory } from '../directory/directory.ts'
import type { KeyChange } from '../keyring/ports.ts'
import type { Resource, ResourceReader } from '../resources/provider.ts'
import { openChanges } from './changes.ts'
import { type DeletedVaults, deletedVaults } from './deleted-vaults.ts'
import { generationSlots } from './generation-slots.ts'
import { type KeyCrypto, keyCrypto } from './key-crypto.ts'
import { openKeyUses } from './key-uses.ts'
import { type VaultKeys, vaultKeys } from './keys.ts'
import { openObservedTime } from './observed-time.ts'
import { type PageTokens, pageTokens } from './page-tokens.ts'
import { purgeDue } from './purge-due.ts'
import { type VaultRequest, type VaultSession, admit } from './session.ts'
import { vaultUrl } from './vault-key.ts'

export interface VaultDeps {
  /** `keys.db` */
  readonly records: Pick<Records<VaultTables>, 'read' | 'write'>
  /** Seals keys and documents at rest. */
  readonly recordKey: RecordKey
  readonly resources: Pick<ResourceReader, 'findByGlobalName' | 'findByUid'>
  readonly directory: Pick<Directory, 'authenticate' | 'watch'>
  readonly access: Pick<Access, 'allowsData' | 'watch'>
  readonly audit: VaultAudit
  readonly clock: Clock
  /** Milliseconds of the machine's monotonic clock. */
  readonly monotonic: () => number
  readonly endpoints: Endpoints
  /** Takes what was deleted out of the database's log too: `SqliteRecords.scrub`. */
  readonly scrub: () => Promise<void>
}

/** The vaults of the installation: one path for calls over the wire and from within. */
export interface VaultService {
  readonly endpoints: Endpoints
  /** @throws VaultFault `vault-not-found`, `token-refused`, `forbidden-*` */
  admit(request: VaultRequest): Promise<VaultSession>
  readonly keys: VaultKeys
  readonly crypto: KeyCrypto
  readonly pages: PageTokens
  /** For `resource-provider.ts`. */
  readonly deleted: DeletedVaults
  /** The vault's resource was committed, or is gone. */
  vaultChanged(resource: Pick<Resource, 'uid' | 'name'>, change: 'put' | 'deleted'): void
  /** Calls back after what may change the answer to an unwrap was committed; `keyName` is in lower case. */
  watch(listener: (change: KeyChange) => void): Disposable
  /** The last unwraps of a key's versions, and by whom; up to a minute behind. */
  lastUses(vaultUid: string, keyName: string): Promise<readonly KeyUse[]>
  /**
   * Counts the time that has passed, and purges what has waited for its whole retention. To be called every few minutes:
   * what passes after the last call of a run is not counted.
   *
   * @returns how many keys and vaults were purged
   */
  purgeDue(): Promise<number>
  close(): void
}

export async function openVault(deps: VaultDeps): Promise<VaultService> {
  const { clock, monotonic, endpoints } = deps
  const records = keyRecords(deps.records, deps.recordKey)
  const observed = await openObservedTime({ records: observedTimeRecords(deps.records), clock, monotonic })
  const changes = openChanges()
  let epoch = 0
  const watches = [
    changes.watch(() => epoch++),
    deps.access.watch(() => changes.tell(anyVault)),
    deps.directory.watch(() => changes.tell(anyVault)),
  ]
  const scrub = async () => {
    // A reader that holds on to an older state only delays it: the next purge empties the log of both.
    await deps.scrub().catch(() => undefined)
  }
  const keys = vaultKeys({ records, clock, observed, endpoints, changes, slots: generationSlots(), scrub })
  const useRecords = keyUseRecords(deps.records, deps.recordKey)
  const uses = openKeyUses({ records: useRecords, now: () => clock.now(), monotonic })
  const deleted = deletedVaults({
    records: deletedVaultRecords(deps.records, deps.recordKey),
    resources: deps.resources,
    observed,
    clock,
    monotonic,
  })
  const session = { ...deps, epoch: () => epoch }
  return {
    endpoints,
    admit: (request) => admit(session, request),
    keys,
    crypto: keyCrypto({ keys, records, uses, clock }),
    pages: pageTokens(deps.recordKey),
    deleted,
    vaultChanged(vault, change) {
      changes.tell({ kind: 'vault', vaultUrl: vaultUrl(endpoints, vault.name), keyName: null })
      // A row that stays behind counts for nothing while the vault lives.
      if (change === 'put') deleted.settled(vault).catch(() => undefined)
    },
    watch: (listener) => changes.watch(listener),
    lastUses: (vaultUid, keyName) => useRecords.listUses(vaultUid, keyName),
    purgeDue: () =>
      purgeDue({ ...deps, keys: records, deleted, observed, scrub, changes, newCorrelationId: randomGuid }),
    close() {
      for (const watch of watches) watch[Symbol.dispose]()
    },
  }
}

const anyVault: KeyChange = { kind: 'access', vaultUrl: null, keyName: null }
