import type { StorageAccounts } from '../storage/storage-account.ts'
import type { BlobDeps } from './blob-deps.ts'
import { createContainer, deleteContainer, getContainerProperties } from './containers.ts'
import { listContainers } from './list-containers.ts'
import { restoreContainer } from './restore-container.ts'
import { setServiceProperties } from './service-properties.ts'
import { leaseContainer, setContainerAcl, setContainerMetadata } from './set-container.ts'

type Bound<F> = F extends (deps: never, ...rest: infer R) => infer T ? (...rest: R) => T : never

/** Containers of an account, and its settings. None of it needs the customer's key. */
export interface BlobContainers {
  readonly setServiceProperties: Bound<typeof setServiceProperties>
  readonly createContainer: Bound<typeof createContainer>
  readonly getContainerProperties: Bound<typeof getContainerProperties>
  readonly setContainerMetadata: Bound<typeof setContainerMetadata>
  readonly setContainerAcl: Bound<typeof setContainerAcl>
  readonly leaseContainer: Bound<typeof leaseContainer>
  readonly deleteContainer: Bound<typeof deleteContainer>
  readonly restoreContainer: Bound<typeof restoreContainer>
  readonly listContainers: Bound<typeof listContainers>
}

export interface ContainersDeps extends BlobDeps {
  readonly accounts: BlobDeps['accounts'] & Pick<StorageAccounts, 'changeBlobService'>
}

export function blobContainers(deps: ContainersDeps): BlobContainers {
  return {
    setServiceProperties: (account, change) => setServiceProperties(deps, account, change),
    createContainer: (path, wanted) => createContainer(deps, path, wanted),
    getContainerProperties: (path, leaseId) => getContainerProperties(deps, path, leaseId),
    setContainerMetadata: (path, command) => setContainerMetadata(deps, path, command),
    setContainerAcl: (path, command) => setContainerAcl(deps, path, command),
    leaseContainer: (path, command) => leaseContainer(deps, path, command),
    deleteContainer: (path, options) => deleteContainer(deps, path, options),
    restoreContainer: (path, version) => restoreContainer(deps, path, version),
    listContainers: (account, query) => listContainers(deps, account, query),
  }
}
