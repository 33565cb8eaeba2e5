import type { Config } from '../config/config.ts'
import type { Clock } from '../kernel/clock.ts'
import { type Endpoints, audienceOf, hostOf } from '../kernel/endpoints.ts'
import type { AccessService } from '../services/access/access-service.ts'
import { openAccess } from '../services/access/open-access.ts'
import { type Activity, openActivity } from '../services/activity/open-activity.ts'
import type { DirectoryService } from '../services/directory/directory-service.ts'
import { openDirectory } from '../services/directory/open-directory.ts'
import type { VaultKind } from '../services/keyring/key-id.ts'
import type { KeyHolder, TokenSource } from '../services/keyring/ports.ts'
import { byVault } from '../services/remote-vault/by-vault.ts'
import type { RemoteVaults } from '../services/remote-vault/open-remote-vaults.ts'
import { type ResourceStore, openResourceStore } from '../services/resources/store.ts'
import { findVaultName, inProcessKeyHolder } from '../services/vault/in-process-key-holder.ts'
import { type VaultService, openVault } from '../services/vault/vault-service.ts'
import { VAULT_TYPE } from '../services/vault/vault-settings.ts'
import { assignmentRecords } from '../store/records/access/assignments.ts'
import { directoryRecords } from '../store/records/directory/directory-objects.ts'
import { identityTokens } from './identity-tokens.ts'
import { remoteVaultsOf } from './remote-vaults.ts'
import type { Stores } from './stores.ts'

/** Directory, roles, logs, resources and vaults: what will run on the machine that holds `keys.db`. */
export interface KeysSide extends Disposable {
  readonly directory: DirectoryService
  readonly access: AccessService
  readonly activity: Activity
  readonly resourceStore: ResourceStore
  readonly vault: VaultService
  /** Where the keyring may find customers' keys, ours and other servers', and the tokens that open them. */
  readonly vaults: readonly VaultKind[]
  readonly keyHolder: KeyHolder
  readonly tokens: TokenSource
  readonly remoteVaults: readonly RemoteVaults[]
}

export interface KeysSideDeps {
  readonly stores: Pick<Stores, 'keys' | 'recordKey' | 'auditKey'>
  readonly config: Pick<Config, 'remoteVaults'>
  readonly endpoints: Endpoints
  readonly clock: Clock
  /** Milliseconds of the machine's monotonic clock. */
  readonly monotonic: () => number
}

export async function openKeysSide({
  stores,
  config,
  endpoints,
  clock,
  monotonic,
}: KeysSideDeps): Promise<KeysSide> {
  const { keys, recordKey, auditKey } = stores
  const directory = await openDirectory({
    records: directoryRecords(keys, recordKey),
    clock,
    endpoints,
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
  const remoteVaults = await remoteVaultsOf(config.remoteVaults, { directory, monotonic })
  const tenantOf = async (vaultUrl: string) => {
    const name = findVaultName(endpoints, vaultUrl)
    const found = name === null ? null : await resourceStore.findByGlobalName(VAULT_TYPE, name)
    return found?.tenantId ?? null
  }
  return {
    directory,
    access,
    activity,
    resourceStore,
    vault,
    vaults: [ownVaults(endpoints), ...remoteVaults.map(({ kind }) => kind)],
    ...byVault(
      { keyHolder: inProcessKeyHolder(vault), tokens: identityTokens({ directory, tenantOf }) },
      remoteVaults,
    ),
    remoteVaults,
    [Symbol.dispose]() {
      for (const remote of remoteVaults) remote[Symbol.dispose]()
      vault.close()
    },
  }
}

function ownVaults(endpoints: Endpoints): VaultKind {
  return { suffix: `.${hostOf(endpoints, 'vault')}`, audience: audienceOf(endpoints, 'vault') }
}
