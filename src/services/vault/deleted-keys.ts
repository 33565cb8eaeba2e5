import type { Clock } from '../../kernel/clock.ts'
import type { Endpoints } from '../../kernel/endpoints.ts'
import { DAY_MS } from '../../kernel/units.ts'
import type { KeyRecords } from '../../store/records/vault/key-records.ts'
import type { FoundKey } from '../../store/records/vault/stored-key.ts'
import type { Changes } from './changes.ts'
import { VaultFault } from './faults.ts'
import type { ObservedTime } from './observed-time.ts'
import type { AdmittedCall } from './session.ts'
import { type VaultKey, shownKey, vaultUrl } from './vault-key.ts'

export interface DeletedKeys {
  /** With all its versions, recoverable until its retention is over. @throws VaultFault `key-to-delete-not-found` */
  delete(call: AdmittedCall, name: string): Promise<VaultKey>
  /** @throws VaultFault `deleted-key-not-found` */
  getDeleted(call: AdmittedCall, name: string): Promise<VaultKey>
  /** @throws VaultFault `deleted-key-not-found` */
  recover(call: AdmittedCall, name: string): Promise<VaultKey>
  /** For good. @throws VaultFault `deleted-key-not-found`, `purge-protected` */
  purge(call: AdmittedCall, name: string): Promise<void>
}

export interface DeletedKeysDeps {
  readonly records: KeyRecords
  readonly clock: Clock
  readonly observed: Pick<ObservedTime, 'nowMs'>
  readonly endpoints: Endpoints
  readonly changes: Pick<Changes, 'tell'>
  /** Takes what was deleted out of the database's log too. */
  readonly scrub: () => Promise<void>
}

export function deletedKeys(deps: DeletedKeysDeps): DeletedKeys {
  const { records, endpoints } = deps
  const tell = ({ vault }: AdmittedCall, name: string) =>
    deps.changes.tell({ kind: 'key', vaultUrl: vaultUrl(endpoints, vault.name), keyName: name.toLowerCase() })
  const find = async ({ vault }: AdmittedCall, name: string): Promise<FoundKey> => {
    const key = await records.find(vault.uid, name)
    if (key === null || key.deletion === null) throw new VaultFault('deleted-key-not-found', { name })
    return key
  }
  return {
    async delete(call, name) {
      const { uid, retentionDays } = call.vault
      const deletedAt = deps.clock.now()
      const retentionMs = retentionDays * DAY_MS
      const deleted = await records.markDeleted(uid, name, {
        deletedAt,
        purgeAt: new Date(deletedAt.getTime() + retentionMs),
        purgeAfterMs: deps.observed.nowMs() + retentionMs,
      })
      if (deleted === null) throw new VaultFault('key-to-delete-not-found', { name })
      tell(call, name)
      return shownKey(endpoints, call.vault, deleted)
    },
    getDeleted: async (call, name) => shownKey(endpoints, call.vault, await find(call, name)),
    async recover(call, name) {
      const key = await records.recover(call.vault.uid, name)
      if (key === null) throw new VaultFault('deleted-key-not-found', { name })
      tell(call, name)
      return shownKey(endpoints, call.vault, key)
    },
    async purge(call, name) {
      await find(call, name)
      if (call.vault.isPurgeProtected) throw new VaultFault('purge-protected', {})
      if (!(await records.purge(call.vault.uid, name)))
        throw new VaultFault('deleted-key-not-found', { name })
      tell(call, name)
      await deps.scrub()
    },
  }
}
