import { findContainer, updateContainer } from '../../store/records/blob/containers.ts'
import { type ResourceFault, refused } from '../resources/faults.ts'
import type { ContainerChange, ContainerView, ContainersPort, ImmutabilityPolicy } from '../storage/ports.ts'
import type { StorageAccount } from '../storage/storage-account.ts'
import type { BlobDeps } from './blob-deps.ts'
import { noConditions } from './conditions.ts'
import { type ContainerState, getContainer, openContainer } from './container-rows.ts'
import { createContainer, deleteContainer } from './containers.ts'
import { type ListedContainer, listContainers } from './list-containers.ts'
import { BlobFault } from './faults.ts'
import { leaseStateOf } from './lease.ts'
import { openService } from './service-seal.ts'

type Deps = Pick<BlobDeps, 'records' | 'keyring' | 'accounts' | 'stamp'>

/** Containers for the resource manager: the same rows and rules as over the data plane's wire, in its words. */
export function containerResources(deps: Deps): ContainersPort {
  const view = (account: StorageAccount, container: ContainerState) => viewOf(deps, account, container)
  return {
    async find(account, name) {
      const row = await findContainer(deps.records.read, account.uid, name)
      return row === null
        ? null
        : await view(account, openContainer(await openService(deps.keyring, account), row))
    },
    async list(account, query) {
      const { items, next } = await listContainers(deps, account, query)
      return { items: await Promise.all(items.map((container) => view(account, container))), next }
    },
    create: (account, name, wanted) =>
      inArmWords(name, async () =>
        view(account, await createContainer(deps, { account, container: name }, wanted)),
      ),
    change: (account, name, change) =>
      inArmWords(name, async () => view(account, await changeContainer(deps, account, name, change))),
    delete: (account, name) =>
      inArmWords(name, () =>
        deleteContainer(deps, { account, container: name }, { conditions: noConditions, leaseId: null }),
      ),
  }
}

async function changeContainer(
  { records, keyring, stamp }: Deps,
  account: StorageAccount,
  container: string,
  { legalHoldTags, immutability, ...change }: ContainerChange,
): Promise<ContainerState> {
  const seal = await openService(keyring, account)
  return await records.write(async (db) => {
    const { id, name, doc } = await getContainer(db, seal, container)
    const { now, etag } = stamp()
    const changed = {
      ...doc,
      ...change,
      legalHoldTags: legalHoldTags?.(doc.legalHoldTags) ?? doc.legalHoldTags,
      immutability:
        immutability === undefined ? doc.immutability : stamped(immutability(doc.immutability), etag),
      etag,
      modifiedAt: now,
    }
    await updateContainer(db, id, { sealed: seal.container.seal({ id, name }, changed) })
    return { id, name, doc: changed }
  })
}

function stamped(policy: Omit<ImmutabilityPolicy, 'etag'> | null, etag: string): ImmutabilityPolicy | null {
  return policy === null ? null : { ...policy, etag }
}

async function viewOf(
  { accounts, stamp }: Deps,
  account: StorageAccount,
  container: ContainerState & Partial<Pick<ListedContainer, 'deletedAt'>>,
): Promise<ContainerView> {
  const { name, doc, deletedAt = null } = container
  const scope = doc.defaultScope === null ? null : await accounts.findScopeByUid(account, doc.defaultScope)
  return {
    name,
    etag: doc.etag,
    modifiedAt: new Date(doc.modifiedAt),
    publicAccess: doc.publicAccess,
    metadata: doc.metadata,
    defaultScope: scope?.name ?? null,
    deniesScopeOverride: doc.deniesScopeOverride,
    lease: {
      state: leaseStateOf(doc.lease, stamp().now),
      isInfinite: doc.lease !== null && doc.lease.durationSeconds === null,
    },
    legalHoldTags: doc.legalHoldTags,
    immutability: doc.immutability,
    hasVersionImmutability: doc.hasVersionImmutability,
    deleted: deletedAt === null ? null : { version: doc.deletedVersion ?? '', at: new Date(deletedAt) },
  }
}

async function inArmWords<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof BlobFault ? (wordsOf(name, error as BlobFault) ?? error) : error
  }
}

/** https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes: ARM says the same. */
function wordsOf(name: string, { code }: BlobFault): ResourceFault | null {
  switch (code) {
    case 'container-already-exists':
      return refused(409, 'ContainerAlreadyExists', 'The specified container already exists.')
    case 'container-not-found':
      return refused(404, 'ContainerNotFound', 'The specified container does not exist.')
    case 'scope-not-found':
      return refused(404, 'EncryptionScopeNotFound', 'The specified encryption scope does not exist.', {
        target: 'defaultEncryptionScope',
      })
    case 'lease-id-missing':
      return refused(
        412,
        'LeaseIdMissing',
        `There is currently a lease on the container '${name}' and no lease ID was specified in the request.`,
      )
    case 'container-protected':
      return refused(
        409,
        'ContainerProtectedFromDeletion',
        `The container '${name}' is held by an immutability policy or a legal hold.`,
      )
    default:
      return null
  }
}
