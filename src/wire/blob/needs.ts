import type { AnyOperation } from '../../http/operation.ts'
import type { StorageCaller, StoragePermission } from '../../services/storage/storage-caller.ts'

/** What an operation needs; null: public (preflight). */
export type BlobNeeds = StoragePermission | null

export type BlobOperation = AnyOperation<StorageCaller, BlobNeeds>

const CONTAINERS = 'Microsoft.Storage/storageAccounts/blobServices/containers'
const BLOBS = `${CONTAINERS}/blobs`

const managing = (action: string) => ({ name: action, isData: false })
const data = (action: string) => ({ name: `${BLOBS}/${action}`, isData: true })

/**
 * https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#permissions-for-blob-service-operations
 * and the tables of create-service-sas and create-account-sas.
 */
export const needs = {
  listContainers: {
    sas: ['l'],
    resource: 'service',
    action: managing(`${CONTAINERS}/read`),
    publicAccess: null,
  },
  readService: {
    sas: ['r'],
    resource: 'service',
    action: managing('Microsoft.Storage/storageAccounts/blobServices/read'),
    publicAccess: null,
  },
  writeService: {
    sas: ['w'],
    resource: 'service',
    action: managing('Microsoft.Storage/storageAccounts/blobServices/write'),
    publicAccess: null,
  },
  readAccountInformation: {
    sas: ['r', 'a', 'c', 'w', 'd', 'x', 'y', 'l', 't', 'f', 'm', 'e', 'o', 'p', 'i'],
    resource: 'service',
    action: managing('Microsoft.Storage/storageAccounts/blobServices/getInfo/action'),
    publicAccess: null,
  },
  issueDelegationKey: {
    sas: [],
    resource: 'service',
    action: managing('Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action'),
    publicAccess: null,
  },
  createContainer: {
    sas: ['w', 'c'],
    resource: 'container',
    action: managing(`${CONTAINERS}/write`),
    publicAccess: null,
  },
  readContainer: {
    sas: ['r'],
    resource: 'container',
    action: managing(`${CONTAINERS}/read`),
    publicAccess: 'container',
  },
  writeContainer: {
    sas: ['w'],
    resource: 'container',
    action: managing(`${CONTAINERS}/write`),
    publicAccess: null,
  },
  breakContainerLease: {
    sas: ['w', 'd'],
    resource: 'container',
    action: managing(`${CONTAINERS}/write`),
    publicAccess: null,
  },
  /** No signature lets anyone see or set who has access. */
  readContainerAcl: {
    sas: [],
    resource: 'container',
    action: managing(`${CONTAINERS}/getAcl/action`),
    publicAccess: null,
  },
  writeContainerAcl: {
    sas: [],
    resource: 'container',
    action: managing(`${CONTAINERS}/setAcl/action`),
    publicAccess: null,
  },
  deleteContainer: {
    sas: ['d'],
    resource: 'container',
    action: managing(`${CONTAINERS}/delete`),
    publicAccess: null,
  },
  listBlobs: { sas: ['l'], resource: 'container', action: data('read'), publicAccess: 'container' },
  readBlob: { sas: ['r'], resource: 'object', action: data('read'), publicAccess: 'blob' },
  writeBlob: { sas: ['w'], resource: 'object', action: data('write'), publicAccess: null },
  /** Of a blob that is not there. */
  createBlob: { sas: ['w', 'c'], resource: 'object', action: data('add/action'), publicAccess: null },
  /** One block more. */
  appendBlob: { sas: ['a', 'w'], resource: 'object', action: data('add/action'), publicAccess: null },
  deleteBlob: { sas: ['d'], resource: 'object', action: data('delete'), publicAccess: null },
  deleteVersion: {
    sas: ['x'],
    resource: 'object',
    action: data('deleteBlobVersion/action'),
    publicAccess: null,
  },
  /** Of a batch as a whole, whose requests are admitted one by one. */
  batch: { sas: ['d', 'x', 'w'], resource: 'object', action: data('read'), publicAccess: null },
  leaseBlob: { sas: ['w', 'd'], resource: 'object', action: data('write'), publicAccess: null },
  readTags: { sas: ['t'], resource: 'object', action: data('tags/read'), publicAccess: null },
  /** Those of all blobs of a container. */
  listTags: { sas: ['t'], resource: 'container', action: data('tags/read'), publicAccess: null },
  writeTags: { sas: ['t'], resource: 'object', action: data('tags/write'), publicAccess: null },
  findBlobs: { sas: ['f'], resource: 'object', action: data('filter/action'), publicAccess: null },
  setImmutability: {
    sas: ['i'],
    resource: 'object',
    action: data('immutableStorage/runAsSuperUser/action'),
    publicAccess: null,
  },
} as const satisfies Record<string, StoragePermission>
