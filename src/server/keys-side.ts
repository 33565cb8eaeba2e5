import type { Clock } from '../kernel/clock.ts'
import type { Endpoints } from '../kernel/endpoints.ts'
import type { AccessService } from '../services/access/access-service.ts'
import { openAccess } from '../services/access/open-access.ts'
import { type Activity, openActivity } from '../services/activity/open-activity.ts'
import { issuedAudiences } from '../services/directory/audiences.ts'
import type { DirectoryService } from '../services/directory/directory-service.ts'
import { openDirectory } from '../services/directory/open-directory.ts'
import { type ResourceStore, openResourceStore } from '../services/resources/store.ts'
import { type VaultService, openVault } from '../services/vault/vault-service.ts'
import { assignmentRecords } from '../store/records/access/assignments.ts'
import { directoryRecords } from '../store/records/directory/directory-objects.ts'
import type { Stores } from './stores.ts'

/** Directory, roles, logs, resources and vaults: what will run on the machine that holds `keys.db`. */
export interface KeysSide extends Disposable {
  readonly directory: DirectoryService
  readonly access: AccessService
  readonly activity: Activity
  readonly resourceStore: ResourceStore
  readonly vault: VaultService
}

export interface KeysSideDeps {
  readonly stores: Pick<Stores, 'keys' | 'recordKey' | 'auditKey'>
  readonly endpoints: Endpoints
  readonly clock: Clock
  /** Milliseconds of the machine's monotonic clock. */
  readonly monotonic: () => number
}

export async function openKeysSide({ stores, endpoints, clock, monotonic }: KeysSideDeps): Promise<KeysSide> {
  const { keys, recordKey, auditKey } = stores
  const directory = await openDirectory({
    records: directoryRecords(keys, recordKey),
    clock,
    audiences: issuedAudiences(endpoints),
  })
  const access = await openAccess({
    records: assignmentRecords(keys, recordKey),
    principals: directory,
    clock,
  })
  const activity = openActivity({ records: keys, recordKey, auditKey, access, clock })
  const resourceStore = openResourceStore({ records: keys, recordKey })
  const vault = await openVault({
    records: keys,
    recordKey,
    resources: resourceStore,
    directory,
    access,
    audit: activity.audit,
    clock,
    monotonic,
    endpoints,
    scrub: () => keys.scrub(),
  })
  return { directory, access, activity, resourceStore, vault, [Symbol.dispose]: () => vault.close() }
}
