import { randomHex } from '../../crypto/random.ts'
import {
  findContainer,
  insertContainer,
  listContainerRows,
  updateContainer,
} from '../../store/records/blob/containers.ts'
import type { Page } from '../../kernel/page.ts'
import type { StorageAccount } from '../storage/storage-account.ts'
import type { BlobDeps } from './blob-deps.ts'
import { type Conditions, assertWritable } from './conditions.ts'
import { type ContainerState, getContainer, openContainer } from './container-rows.ts'
import { BlobFault } from './faults.ts'
import { assertLeaseForRead, assertLeaseForWrite } from './lease.ts'
import type { ContainerDoc, ContainerPath, Metadata } from './model.ts'
import { openService } from './service-seal.ts'

export type ContainerDeps = Pick<BlobDeps, 'records' | 'keyring' | 'accounts' | 'stamp'>

export interface NewContainer {
  readonly metadata: Metadata
  readonly publicAccess: ContainerDoc['publicAccess']
  readonly defaultScope: string | null
  readonly deniesScopeOverride: boolean
}

/** https://learn.microsoft.com/rest/api/storageservices/create-container @throws BlobFault `container-already-exists`, `scope-not-found` */
export async function createContainer(
  { records, keyring, accounts, stamp }: ContainerDeps,
  { account, container: name }: ContainerPath,
  wanted: NewContainer,
): Promise<ContainerState> {
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
    hasVersionImmutability: false,
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

/** @throws BlobFault `container-not-found`, `lease-id-mismatch`, `lease-not-present` */
export async function getContainerProperties(
  { records, keyring, stamp }: ContainerDeps,
  { account, container }: ContainerPath,
  leaseId: string | null,
): Promise<ContainerState> {
  const found = await getContainer(records.read, await openService(keyring, account), container)
  assertLeaseForRead(found.doc.lease, leaseId, 'container', stamp().now)
  return found
}

/** Soft-deletes it while the account keeps deleted containers; else the sweeper takes what it held. */
export async function deleteContainer(
  { records, keyring, stamp }: ContainerDeps,
  { account, container }: ContainerPath,
  { conditions, leaseId }: { readonly conditions: Conditions; readonly leaseId: string | null },
): Promise<void> {
  const seal = await openService(keyring, account)
  await records.write(async (db) => {
    const { id, name, doc } = await getContainer(db, seal, container)
    const { now, etag } = stamp()
    assertWritable(conditions, doc)
    assertLeaseForWrite(doc.lease, leaseId, 'container', now)
    if (doc.legalHoldTags.length > 0) throw new BlobFault('blob-immutable', { cause: 'legal-hold' })
    const deleted = { ...doc, lease: null, modifiedAt: now, deletedVersion: etag.slice(2) }
    await updateContainer(db, id, { deleted_at: now, sealed: seal.container.seal({ id, name }, deleted) })
  })
}

export interface ContainersQuery {
  readonly prefix: string
  /** The first name of the page. */
  readonly from: string
  readonly limit: number
  readonly withDeleted: boolean
}

export interface ListedContainer extends ContainerState {
  readonly deletedAt: number | null
}

export async function listContainers(
  { records, keyring }: ContainerDeps,
  account: StorageAccount,
  query: ContainersQuery,
): Promise<Page<ListedContainer>> {
  const seal = await openService(keyring, account)
  const rows = await listContainerRows(records.read, {
    ...query,
    account: account.uid,
    limit: query.limit + 1,
  })
  const items = rows
    .slice(0, query.limit)
    .map((row) => ({ ...openContainer(seal, row), deletedAt: row.deleted_at }))
  return { items, next: rows[query.limit]?.name ?? null }
}
