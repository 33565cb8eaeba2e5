import type { Config } from '../config/config.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Endpoints } from '../kernel/endpoints.ts'
import type { Page } from '../kernel/page.ts'
import type { Log } from '../observe/log.ts'
import { type Deployments, openDeployments } from '../services/deployments/deployments.ts'
import { type VaultKind, parseKeyIdentifier } from '../services/keyring/key-id.ts'
import type { LeaseClock } from '../services/keyring/ports.ts'
import { protectedRegistry } from '../services/registry/registry-encryption.ts'
import { containerRegistryProvider } from '../services/registry/resource-provider.ts'
import type { Resource, ResourceProvider } from '../services/resources/provider.ts'
import { managedIdentityProvider } from '../services/resources/providers/managed-identity.ts'
import { type Resources, openResources } from '../services/resources/resources.ts'
import { type RoleAssignments, roleAssignments } from '../services/resources/role-assignments.ts'
import { storageProvider } from '../services/storage/resource-provider.ts'
import { protectedAccount, protectedScope } from '../services/storage/storage-account.ts'
import { vaultResourceProvider } from '../services/vault/resource-provider.ts'
import { type KeyOwner, keySecretsRepository } from '../store/records/key-secrets/key-secrets.ts'
import { type DataSide, loginServerOf, openDataSide } from './data-side.ts'
import { type KeysSide, openKeysSide } from './keys-side.ts'
import { probeRemoteVaults } from './remote-vaults.ts'
import type { Stores } from './stores.ts'

/** Every service of the installation, joined. */
export interface Services
  extends Omit<KeysSide, keyof Disposable>, Omit<DataSide, keyof AsyncDisposable>, AsyncDisposable {
  readonly resources: Resources
  readonly roles: RoleAssignments
  readonly deployments: Deployments
  /** Every resource that has keys, in the order of uids. */
  readonly listKeyOwners: () => AsyncIterable<KeyOwner>
}

export interface ServicesDeps {
  readonly stores: Stores
  readonly endpoints: Endpoints
  readonly config: Pick<Config, 'limits' | 'leaseMs' | 'remoteVaults'>
  readonly clock: Clock
  readonly log: Log
}

export const leaseClock: LeaseClock = { monotonic: () => performance.now(), wall: () => Date.now() }

/** In the order in which they need each other; each is given what it asks for and no more. */
export async function openServices(deps: ServicesDeps): Promise<Services> {
  const { stores, clock, log } = deps
  await using opened = new AsyncDisposableStack()
  const keysSide = opened.use(await openKeysSide({ ...deps, monotonic: () => leaseClock.monotonic() }))
  const { vaults, remoteVaults } = keysSide
  const dataSide = opened.use(await openDataSide({ ...deps, keysSide, vaults, leaseClock }))
  const { access, directory, activity, resourceStore: store } = keysSide
  const bug = (error: unknown) => log.error({ error }, 'work in the background failed')
  probeRemoteVaults(remoteVaults, log).catch(bug)
  const resources = opened.use(
    await openResources({
      store,
      access,
      directory,
      activity: activity.log,
      clock,
      bug,
      providers: providersOf(deps, { keysSide, dataSide, vaults }),
    }),
  )
  const { keys: records, recordKey } = stores
  const deployments = opened.use(await openDeployments({ records, recordKey, resources, access, clock, bug }))
  const all = opened.move()
  return {
    ...keysSide,
    ...dataSide,
    resources,
    roles: roleAssignments({ store, activity: activity.log, access }),
    deployments,
    listKeyOwners: () => keyOwners(stores),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** Each behind one interface; the next one is a line here. */
function providersOf(
  { endpoints, clock, config, log }: ServicesDeps,
  sides: { readonly keysSide: KeysSide; readonly dataSide: DataSide; readonly vaults: readonly VaultKind[] },
): readonly ResourceProvider[] {
  const { directory, vault, resourceStore } = sides.keysSide
  const { keyring, registries, registryContent, storageAccounts, blobs } = sides.dataSide
  const parseKeyId = (text: string) => parseKeyIdentifier(text, sides.vaults)
  return [
    managedIdentityProvider({ directory, endpoints }),
    vaultResourceProvider({ vault, resources: resourceStore }),
    containerRegistryProvider({
      resources: resourceStore,
      store: resourceStore,
      registries,
      usedBytes: (uid) => registryContent.usedBytes(uid),
      discard: (registry) => discard(sides.dataSide, registry, log),
      loginServerOf: (name) => loginServerOf(endpoints, name),
      clock,
      keyring,
      parseKeyId,
      limits: config.limits,
    }),
    storageProvider({
      resources: resourceStore,
      store: resourceStore,
      accounts: storageAccounts,
      containers: blobs.containers,
      discardAccount: (account) => discardAccount(sides.dataSide, account, log),
      discardScope: (scope) => discardScope(sides.dataSide, scope, log),
      endpoints,
      clock,
      keyring,
      parseKeyId,
    }),
  ]
}

/** After the resource is gone, not before: what a crash cuts short here is the orphan sweeper's. */
function discard({ registryContent, keyring }: DataSide, registry: Resource, log: Log): void {
  const work = async () => {
    await registryContent.discard(registry.uid)
    await keyring.destroy(protectedRegistry(registry))
  }
  work().catch((error: unknown) => {
    log.error({ error, resourceId: registry.id }, 'the data of a deleted registry stays for the sweeper')
  })
}

function discardAccount({ blobs, keyring }: DataSide, { uid, id }: Resource, log: Log): void {
  const work = async () => {
    await blobs.discard(uid)
    await keyring.destroy(protectedAccount({ uid, resourceId: id }))
  }
  work().catch((error: unknown) => {
    log.error({ error, resourceId: id }, 'the data of a deleted storage account stays for the sweeper')
  })
}

function discardScope({ keyring }: DataSide, { uid, id }: Resource, log: Log): void {
  keyring.destroy(protectedScope({ uid, resourceId: id })).catch((error: unknown) => {
    log.error({ error, resourceId: id }, 'the keys of a deleted encryption scope stay for the sweeper')
  })
}

async function* keyOwners({ keys, recordKey }: Stores): AsyncGenerator<KeyOwner> {
  const secrets = keySecretsRepository(keys, recordKey)
  for (let after: string | null = ''; after !== null;) {
    const page: Page<KeyOwner> = await secrets.listOwners(after, 500)
    yield* page.items
    after = page.next
  }
}
