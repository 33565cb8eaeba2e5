import type { Config } from '../config/config.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Page } from '../kernel/page.ts'
import { type Endpoints, audienceOf, hostOf } from '../kernel/endpoints.ts'
import type { Log } from '../observe/log.ts'
import { openAccess } from '../services/access/open-access.ts'
import type { AccessService } from '../services/access/access-service.ts'
import { type Activity, openActivity } from '../services/activity/open-activity.ts'
import { issuedAudiences } from '../services/directory/audiences.ts'
import type { DirectoryService } from '../services/directory/directory-service.ts'
import { openDirectory } from '../services/directory/open-directory.ts'
import { DirectoryFault } from '../services/directory/faults.ts'
import { type VaultKind, parseKeyIdentifier } from '../services/keyring/key-id.ts'
import { type OpenKeyring, openKeyring } from '../services/keyring/open-keyring.ts'
import { KeyHolderFault, type LeaseClock, type TokenSource } from '../services/keyring/ports.ts'
import type { Directory } from '../services/directory/directory.ts'
import { type Registries, openRegistries } from '../services/registry/registries.ts'
import {
  type RegistryTokens,
  openRegistryTokens,
  registryTokenSigner,
} from '../services/registry/registry-tokens.ts'
import { containerRegistryProvider } from '../services/registry/resource-provider.ts'
import { managedIdentityProvider } from '../services/resources/providers/managed-identity.ts'
import { type ResourceStore, openResourceStore } from '../services/resources/store.ts'
import { type RoleAssignments, roleAssignments } from '../services/resources/role-assignments.ts'
import { type Resources, openResources } from '../services/resources/resources.ts'
import { inProcessKeyHolder } from '../services/vault/in-process-key-holder.ts'
import { vaultResourceProvider } from '../services/vault/resource-provider.ts'
import { type VaultService, openVault } from '../services/vault/vault-service.ts'
import {
  type KeyOwner,
  type KeySecretsRepository,
  keySecretsRepository,
} from '../store/records/key-secrets/key-secrets.ts'
import { assignmentRecords } from '../store/records/access/assignments.ts'
import { directoryRecords } from '../store/records/directory/directory-objects.ts'
import { wrappingsRepository } from '../store/records/wrappings/wrappings.ts'
import { type RegistryContent, openRegistryContent } from '../services/registry/registry-content.ts'
import { type Deployments, openDeployments } from '../services/deployments/deployments.ts'
import type { Stores } from './stores.ts'

/** Every service of the installation, joined. */
export interface Services extends AsyncDisposable {
  readonly directory: DirectoryService
  readonly access: AccessService
  readonly activity: Activity
  readonly resourceStore: ResourceStore
  readonly resources: Resources
  readonly roles: RoleAssignments
  readonly deployments: Deployments
  readonly vault: VaultService
  readonly keyring: OpenKeyring
  readonly registries: Registries
  readonly registryTokens: RegistryTokens
  readonly registryContent: RegistryContent
  /** Every resource that has keys, in the order of uids. */
  listKeyOwners(): AsyncIterable<KeyOwner>
}

export interface ServicesDeps {
  readonly stores: Stores
  readonly endpoints: Endpoints
  readonly config: Pick<Config, 'limits' | 'leaseMs'>
  readonly clock: Clock
  readonly log: Log
}

const leaseClock: LeaseClock = { monotonic: () => performance.now(), wall: () => Date.now() }

/** In the order in which they need each other; each is given what it asks for and no more. */
export async function openServices({
  stores,
  endpoints,
  config,
  clock,
  log,
}: ServicesDeps): Promise<Services> {
  await using opened = new AsyncDisposableStack()
  const { keys, data, recordKey } = stores
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
  const activity = openActivity({ records: keys, recordKey, auditKey: stores.auditKey, access, clock })
  const resourceStore = openResourceStore({ records: keys, recordKey })
  const scrub = async () => {
    await keys.scrub()
    await data.scrub()
  }
  const vault = await openVault({
    records: keys,
    recordKey,
    resources: resourceStore,
    directory,
    access,
    audit: activity.audit,
    clock,
    monotonic: leaseClock.monotonic,
    endpoints,
    scrub: () => keys.scrub(),
  })
  opened.defer(() => vault.close())
  const keySecrets = keySecretsRepository(keys, recordKey)
  const vaults: readonly VaultKind[] = [
    { suffix: `.${hostOf(endpoints, 'vault')}`, audience: audienceOf(endpoints, 'vault') },
  ]
  const keyring = opened.use(
    await openKeyring({
      keyHolder: inProcessKeyHolder(vault),
      tokens: identityTokens(directory),
      vaults,
      keySecrets,
      wrappings: wrappingsRepository(data),
      scrub,
      clock: leaseClock,
      now: clock,
      activity: activity.log,
      settings: {
        leaseMs: config.leaseMs,
        renewalDeadlineMs: Math.min(2_000, config.leaseMs * 0.4),
        refusalMemoryMs: Math.min(1_000, config.leaseMs / 2),
      },
      log,
    }),
  )
  const registryContent = opened.use(
    openRegistryContent({ records: data, bytes: stores.bytes, keyring, clock }),
  )
  const loginServerOf = (name: string) => hostOf(endpoints, `${name}.azurecr`)
  const registries = openRegistries(resourceStore, loginServerOf)
  const registryTokens = openRegistryTokens({
    signer: await registryTokenSigner(stores.secrets, recordKey),
    clock,
    directory,
    access,
    isPasswordInForce: (passwordId) => directory.isPasswordInForce(passwordId),
  })
  const bug = (error: unknown) => log.error({ error }, 'work in the background failed')
  const resources = opened.use(
    await openResources({
      store: resourceStore,
      access,
      directory,
      activity: activity.log,
      clock,
      bug,
      providers: [
        managedIdentityProvider({ directory, endpoints }),
        vaultResourceProvider({ vault, resources: resourceStore }),
        containerRegistryProvider({
          resources: resourceStore,
          registries,
          usedBytes: (uid) => registryContent.usedBytes(uid),
          discard: (resource) => {
            registryContent
              .discard(resource.uid)
              .then(() =>
                keyring.destroy({ uid: resource.uid, resourceId: resource.id, purpose: 'registry' }),
              )
              .catch((error: unknown) =>
                log.error(
                  { error, resourceId: resource.id },
                  'the data of a deleted registry stays for the sweeper',
                ),
              )
          },
          loginServerOf,
          store: resourceStore,
          clock,
          keyring,
          parseKeyId: (text) => parseKeyIdentifier(text, vaults),
          limits: config.limits,
        }),
      ],
    }),
  )
  const deployments = opened.use(
    await openDeployments({
      records: keys,
      recordKey,
      resources,
      access,

      clock,
      bug,
    }),
  )
  const all = opened.move()
  return {
    directory,
    access,
    activity,
    resourceStore,
    resources,
    roles: roleAssignments({ store: resourceStore, activity: activity.log, access }),
    deployments,
    listKeyOwners: () => keyOwners(keySecrets),
    vault,
    keyring,
    registries,
    registryTokens,
    registryContent,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

async function* keyOwners(keySecrets: Pick<KeySecretsRepository, 'listOwners'>): AsyncGenerator<KeyOwner> {
  for (let after: string | null = ''; after !== null;) {
    const page: Page<KeyOwner> = await keySecrets.listOwners(after, 500)
    yield* page.items
    after = page.next
  }
}

/** The keyring asks for tokens here and nowhere else; the claim they carry is of the directory's making. */
function identityTokens(directory: Pick<Directory, 'tokenForResource'>): TokenSource {
  return {
    async token(request) {
      try {
        return await directory.tokenForResource(request)
      } catch (error) {
        if (!(error instanceof DirectoryFault)) throw error
        throw new KeyHolderFault(
          'refused',
          {
            cause: 'identity-gone',
            keyId: '',
            message: `The managed identity ${request.principalId} does not exist any more.`,
          },
          { cause: error },
        )
      }
    },
  }
}
