import { AuthorizationManagementClient } from '@azure/arm-authorization'
import { ContainerRegistryManagementClient } from '@azure/arm-containerregistry'
import { KeyVaultManagementClient } from '@azure/arm-keyvault'
import { ManagedServiceIdentityClient } from '@azure/arm-msi'
import { ResourceManagementClient } from '@azure/arm-resources'
import { StorageManagementClient } from '@azure/arm-storage'
import { ContainerRegistryClient, ContainerRegistryContentClient } from '@azure/container-registry'
import { ClientSecretCredential, type TokenCredential } from '@azure/identity'
import { KeyClient } from '@azure/keyvault-keys'
import type { TestServer } from './strongroom.ts'

/** Microsoft's own clients, unmodified, for one principal of a test server. `trustCa()` comes first. */
export interface AzureSdk {
  readonly credential: TokenCredential
  readonly registries: ContainerRegistryManagementClient
  readonly vaults: KeyVaultManagementClient
  readonly identities: ManagedServiceIdentityClient
  readonly resources: ResourceManagementClient
  readonly roles: AuthorizationManagementClient
  readonly storage: StorageManagementClient
  /** Keys of one vault. */
  keys(vault: string): KeyClient
  /** Repositories, tags and manifests of one registry. */
  content(registry: string): ContainerRegistryClient
  /** Blobs and manifests of one repository. */
  artifacts(registry: string, repository: string): ContainerRegistryContentClient
}

export interface Login {
  readonly clientId: string
  readonly secret: string
}

export function azureSdk(server: TestServer, login: Login = ownerLogin(server)): AzureSdk {
  const { tenantId } = server.owner
  return azureSdkOf(
    server,
    new ClientSecretCredential(tenantId, login.clientId, login.secret, {
      authorityHost: server.url('login'),
      disableInstanceDiscovery: true,
    }),
  )
}

export function azureSdkOf(server: TestServer, credential: TokenCredential): AzureSdk {
  const { subscriptionId } = server.owner
  // A refusal is to be seen at once, whatever the client would do about it.
  const retryOptions = { maxRetries: 0 }
  const endpoint = server.url('management')
  const arm = { endpoint, credentialScopes: [`${endpoint}/.default`], retryOptions }
  const acr = { audience: endpoint, retryOptions }
  return {
    credential,
    registries: new ContainerRegistryManagementClient(credential, subscriptionId, arm),
    vaults: new KeyVaultManagementClient(credential, subscriptionId, arm),
    identities: new ManagedServiceIdentityClient(credential, subscriptionId, arm),
    resources: new ResourceManagementClient(credential, subscriptionId, arm),
    roles: new AuthorizationManagementClient(credential, subscriptionId, arm),
    storage: new StorageManagementClient(credential, subscriptionId, {
      endpoint,
      credentials: { scopes: arm.credentialScopes },
      retryOptions,
    }),
    keys: (vault) => new KeyClient(server.url(`${vault}.vault`), credential, { retryOptions }),
    content: (registry) => new ContainerRegistryClient(server.url(`${registry}.azurecr`), credential, acr),
    artifacts: (registry, repository) =>
      new ContainerRegistryContentClient(server.url(`${registry}.azurecr`), repository, credential, acr),
  }
}

export function ownerLogin({ owner }: TestServer): Login {
  return { clientId: owner.clientId, secret: owner.clientSecret }
}
