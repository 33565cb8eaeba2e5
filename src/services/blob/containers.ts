import { randomHex } from '../../crypto/random.ts'
import {
  findContainer,
  insertContainer,
  isContainerEmpty,
  updateContainer,
} from '../../store/records/blob/containers.ts'
import { StorageAuthFault } from '../storage/auth-faults.ts'
import type { StorageAccount } from '../storage/storage-account.ts'
import type { BlobDeps } from './blob-deps.ts'
import { type ContainerOptions, changeContainer } from './change-container.ts'
import { type ContainerState, getContainer } from './container-rows.ts'
import { BlobFault } from './faults.ts'
import { assertLeaseForRead, assertLeaseForWrite } from './lease.ts'
import type { ContainerDoc, ContainerPath, Metadata } from './model.ts'
import { openService } from './service-seal.ts'

export type ContainerDeps = Pick<BlobDeps, 'records' | 'keyring' | 'accounts' | 'stamp'>

export interface NewContainer {
  readonly metadata: Metadata
  readonly publicAccess: ContainerDoc['publicAccess']
  /** Name of an encryption scope; null: the account's own key. */
  readonly defaultScope: string | null
  readonly deniesScopeOverride: boolean
  /** Of the resource manager alone. */
  readonly hasVersionImmutability?: boolean
}

/**
 * https://learn.microsoft.com/rest/api/storageservices/create-container
 * @throws BlobFault `container-already-exists`, `scope-not-found`; StorageAuthFault `public-access-not-permitted`
 */
export async function createContainer(
  { records, keyring, accounts, stamp }: ContainerDeps,
  { account, container: name }: ContainerPath,
  wanted: NewContainer,
): Promise<ContainerState> {
  assertPublicAccessAllowed(account, wanted.publicAccess)
  const seal = await openService(keyring, account)
  const scope = wanted.defaultScope === null ? null : await accounts.findScope(account, wanted.defaultScope)
  if (wanted.defaultScope !== null && scope === null) {
    throw new BlobFault('scope-not-found', { scope: wanted.defaultScope })
  }
  const { now, etag } = stamp()
  const doc: ContainerDoc = {
    ...wanted,
    etag,
    createdAt: now,
    modifiedAt: now,
    policies: [],
    lease: null,
    defaultScope: scope?.uid ?? null,
    deletedVersion: null,
    immutability: null,
    legalHoldTags: [],
    hasVersionImmutability: wanted.hasVersionImmutability ?? false,
  }
  const id = randomHex(16)
  await records.write(async (db) => {
    if ((await findContainer(db, account.uid, name)) !== null)
      throw new BlobFault('container-already-exists', {})
    const sealed = seal.container.seal({ id, name }, doc)
    await insertContainer(db, { id, account: account.uid, name, deleted_at: null, sealed })
  })
  return { id, name, doc }
}

/** What nobody could use is not taken. @throws StorageAuthFault `public-access-not-permitted` */
export function assertPublicAccessAllowed(
  { allowsBlobPublicAccess }: Pick<StorageAccount, 'allowsBlobPublicAccess'>,
  publicAccess: ContainerDoc['publicAccess'],
): void {
  if (publicAccess !== 'none' && !allowsBlobPublicAccess)
    throw new StorageAuthFault('public-access-not-permitted', {})
}

export interface ContainerView extends ContainerState {
  /** Of the scope that its blobs have by default; null: the account's own key. */
  readonly scopeName: string | null
}

/** @throws BlobFault `container-not-found`, `lease-id-mismatch`, `lease-not-present`, `lease-lost` */
export async function getContainerProperties(
  deps: ContainerDeps,
  { account, container }: ContainerPath,
  leaseId: string | null,
): Promise<ContainerView> {
  const { records, keyring, stamp } = deps
  const found = await getContainer(records.read, await openService(keyring, account), container)
  assertLeaseForRead(found.doc.lease, leaseId, 'container', stamp().now)
  return { ...found, scopeName: await scopeNameOf(deps, account, found.doc) }
}

export async function scopeNameOf(
  { accounts }: Pick<BlobDeps, 'accounts'>,
  account: StorageAccount,
  { defaultScope }: Pick<ContainerDoc, 'defaultScope'>,
): Promise<string | null> {
  return defaultScope === null ? null : ((await accounts.findScopeByUid(account, defaultScope))?.name ?? null)
}

/**
 * Soft-deletes it while the account keeps deleted containers; else the sweeper takes what it held.
 * https://learn.microsoft.com/rest/api/storageservices/delete-container
 */
export async function deleteContainer(
  deps: ContainerDeps,
  at: ContainerPath,
  options: ContainerOptions,
): Promise<void> {
  await changeContainer(deps, at, options, async ({ db, seal, state, stamp: { now, etag } }) => {
    const { id, name, doc } = state
    assertLeaseForWrite(doc.lease, options.leaseId, 'container', now)
    if (doc.legalHoldTags.length > 0) throw new BlobFault('container-protected', { cause: 'LegalHold' })
    const isHeld = doc.immutability !== null || doc.hasVersionImmutability
    if (isHeld && !(await isContainerEmpty(db, id)))
      throw new BlobFault('container-protected', { cause: 'ImmutabilityPolicy' })
    const deleted = { ...doc, lease: null, modifiedAt: now, deletedVersion: etag.slice(2) }
    await updateContainer(db, id, { deleted_at: now, sealed: seal.container.seal({ id, name }, deleted) })
  })
}
