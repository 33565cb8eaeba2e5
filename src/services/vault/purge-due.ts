import type { Clock } from '../../kernel/clock.ts'
import type { Endpoints } from '../../kernel/endpoints.ts'
import type { KeyRecords } from '../../store/records/vault/key-records.ts'
import type { VaultAudit } from '../activity/activity.ts'
import type { ResourceReader } from '../resources/provider.ts'
import type { Changes } from './changes.ts'
import type { DeletedVaults } from './deleted-vaults.ts'
import type { ObservedTime } from './observed-time.ts'
import { vaultUrl } from './vault-key.ts'

interface PurgeDueDeps {
  readonly keys: Pick<KeyRecords, 'listDue' | 'purge'>
  readonly deleted: Pick<DeletedVaults, 'listDue' | 'purgeDue'>
  readonly observed: Pick<ObservedTime, 'advance'>
  readonly resources: Pick<ResourceReader, 'findByUid'>
  readonly audit: VaultAudit
  readonly changes: Pick<Changes, 'tell'>
  readonly clock: Clock
  readonly endpoints: Endpoints
  readonly scrub: () => Promise<void>
  readonly newCorrelationId: () => string
}

const KEYS_AT_ONCE = 100

/** Purge protection forbids purging before the retention is over, not after: so it is not asked here. */
export async function purgeDue(deps: PurgeDueDeps): Promise<number> {
  const observedMs = await deps.observed.advance()
  const due = { observedMs, now: deps.clock.now() }
  let purged = 0
  for (const vault of await deps.deleted.listDue(due)) {
    if (await deps.deleted.purgeDue(vault, due)) purged++
  }
  for (const { vaultUid, name } of await deps.keys.listDue(due, KEYS_AT_ONCE)) {
    const vault = await deps.resources.findByUid(vaultUid)
    if (vault !== null) await recordPurge(deps, vault.id, name)
    if (!(await deps.keys.purge(vaultUid, name, due))) continue
    purged++
    if (vault !== null) {
      deps.changes.tell({ kind: 'key', vaultUrl: vaultUrl(deps.endpoints, vault.name), keyName: name })
    }
  }
  if (purged > 0) await deps.scrub()
  return purged
}

/** The vault's own doing: without caller, before it is done. */
async function recordPurge(
  { audit, newCorrelationId }: Pick<PurgeDueDeps, 'audit' | 'newCorrelationId'>,
  vaultId: string,
  name: string,
): Promise<void> {
  await audit.record({
    vaultId,
    operation: 'KeyPurge',
    apiVersion: '2025-07-01',
    status: 204,
    refusal: null,
    durationMs: 0,
    callerAddress: null,
    caller: null,
    correlationId: newCorrelationId(),
    object: `deletedkeys/${name}`,
    clientInfo: 'retention period is over',
  })
}
