import { lookup } from 'node:dns/promises'
import type { Config } from '../config/config.ts'
import type { Clock } from '../kernel/clock.ts'
import { type Endpoints, hostOf } from '../kernel/endpoints.ts'
import type { Log } from '../observe/log.ts'
import type { VaultKind } from '../services/keyring/key-id.ts'
import { type OpenKeyring, openKeyring } from '../services/keyring/open-keyring.ts'
import type { LeaseClock } from '../services/keyring/ports.ts'
import { type Registries, openRegistries } from '../services/registry/registries.ts'
import { type BlobService, openBlobService } from '../services/blob/blob-service.ts'
import { containerAccess } from '../services/blob/container-access.ts'
import type { ForeignSources } from '../services/blob/copy-source.ts'
import { httpsSources } from '../services/foreign-blobs/https-sources.ts'
import { isPublicAddress } from '../services/foreign-blobs/public-address.ts'
import { type RegistryContent, openRegistryContent } from '../services/registry/registry-content.ts'
import {
  type RegistryTokens,
  openRegistryTokens,
  registryTokenSigner,
} from '../services/registry/registry-tokens.ts'
import { type DelegationKeys, openDelegationKeys } from '../services/storage/delegation-keys.ts'
import { STORAGE_ACCOUNT_TYPE, type StorageAccounts } from '../services/storage/storage-account.ts'
import type { ContainerAccess } from '../services/storage/storage-caller.ts'
import { openStorageAccounts, readAccount } from '../services/storage/storage-accounts.ts'
import { keySecretsRepository } from '../store/records/key-secrets/key-secrets.ts'
import { wrappingsRepository } from '../store/records/wrappings/wrappings.ts'
import type { KeysSide } from './keys-side.ts'
import type { Stores } from './stores.ts'

/** Registries and the keyring: what will run on the machines that hold data, and reach the keys side like any client. */
export interface DataSide extends AsyncDisposable {
  readonly keyring: OpenKeyring
  readonly registries: Registries
  readonly registryTokens: RegistryTokens
  readonly registryContent: RegistryContent
  readonly storageAccounts: StorageAccounts
  readonly blobs: BlobService
  readonly containerAccess: ContainerAccess
  readonly delegationKeys: DelegationKeys
}

export interface DataSideDeps {
  readonly stores: Stores
  readonly keysSide: KeysSide
  /** Whom the keyring may ask. */
  readonly vaults: readonly VaultKind[]
  readonly endpoints: Endpoints
  readonly config: Pick<Config, 'leaseMs'>
  readonly clock: Clock
  readonly leaseClock: LeaseClock
  readonly log: Log
}

export async function openDataSide(deps: DataSideDeps): Promise<DataSide> {
  const { stores, keysSide, endpoints, clock } = deps
  const { directory, access, resourceStore } = keysSide
  await using opened = new AsyncDisposableStack()
  const keyring = opened.use(await keyringOf(deps))
  const registryContent = opened.use(
    openRegistryContent({ records: stores.data, bytes: stores.bytes, keyring, clock }),
  )
  const registryTokens = openRegistryTokens({
    signer: await registryTokenSigner(stores.secrets, stores.recordKey),
    clock,
    directory,
    access,
    isPasswordInForce: (passwordId) => directory.isPasswordInForce(passwordId),
  })
  const storageAccounts = openStorageAccounts(resourceStore)
  const blobDeps = { records: stores.data, bytes: stores.bytes, keyring, accounts: storageAccounts, clock }
  const listAccounts = async () => (await resourceStore.listByType(STORAGE_ACCOUNT_TYPE)).map(readAccount)
  const foreign = opened.use(openSources())
  const bug = (error: unknown) => deps.log.error({ error }, 'a copy of a blob failed')
  const blobs = opened.use(openBlobService({ ...blobDeps, foreign, listAccounts, bug }))
  const all = opened.move()
  return {
    keyring,
    registryContent,
    registries: openRegistries(resourceStore, (name) => loginServerOf(endpoints, name)),
    registryTokens,
    storageAccounts,
    blobs,
    containerAccess: containerAccess(blobDeps),
    delegationKeys: await openDelegationKeys(stores.secrets, stores.recordKey),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** Whatever a public server serves may be copied from. */
function openSources(): ForeignSources & Disposable {
  return httpsSources({
    lookup: (hostname) => lookup(hostname, { all: true }),
    isPublic: isPublicAddress,
    ca: null,
  })
}

/** `myacr1.azurecr.localhost:8443` */
export function loginServerOf(endpoints: Endpoints, name: string): string {
  return hostOf(endpoints, `${name}.azurecr`)
}

function keyringOf({
  stores,
  keysSide,
  vaults,
  config,
  clock,
  leaseClock,
  log,
}: DataSideDeps): Promise<OpenKeyring> {
  return openKeyring({
    keyHolder: keysSide.keyHolder,
    tokens: keysSide.tokens,
    vaults,
    keySecrets: keySecretsRepository(stores.keys, stores.recordKey),
    wrappings: wrappingsRepository(stores.data),
    scrub: async () => {
      await stores.keys.scrub()
      await stores.data.scrub()
    },
    clock: leaseClock,
    now: clock,
    activity: keysSide.activity.log,
    settings: {
      leaseMs: config.leaseMs,
      // One lost answer within half a lease is not noticed.
      renewalDeadlineMs: Math.min(2_000, config.leaseMs * 0.4),
      refusalMemoryMs: Math.min(1_000, config.leaseMs / 2),
    },
    log,
  })
}
