import type { BlobKey, BlobRow } from '../../store/records/blob/blobs.ts'
import type { ContainerRow } from '../../store/records/blob/containers.ts'
import type { Keyring, ServiceRecords } from '../keyring/keyring.ts'
import { type StorageAccount, protectedAccount } from '../storage/storage-account.ts'
import type { BlobDoc, BlobEncryption, ContainerDoc, CopyJob, StoredNode } from './model.ts'

/**
 * What of an account's rows works while the customer has revoked: under the account's service record key, each row bound to
 * its place, so that a blob's document moved to another name, or a node of a map to another row, does not open.
 */
export interface ServiceSeal {
  readonly account: StorageAccount
  container: Sealed<Pick<ContainerRow, 'id' | 'name'>, ContainerDoc>
  blob: Sealed<BlobRowKey, BlobDoc>
  block: Sealed<BlockKey, BlockDoc>
  node: Sealed<{ readonly node: string }, StoredNode>
  copy: Sealed<CopyKey, CopyJob>
  /** What a tag is found by; value null: any. */
  tagIndex(name: string, value: string | null): Buffer
}

type BlobRowKey = BlobKey & Pick<BlobRow, 'id'>

interface BlockKey {
  readonly container: string
  readonly name: string
  readonly block: string
  readonly ref: string
}

interface CopyKey {
  readonly id: string
  readonly container: string
  readonly name: string
}

/** A block that is not committed yet. */
export interface BlockDoc {
  readonly length: number
  readonly encryption: BlobEncryption
}

interface Sealed<K, T> {
  seal(key: K, document: T): Buffer
  /** @throws SealFault `seal-broken` when the row is not what was sealed for that key */
  open(key: K, sealed: Uint8Array): T
  /** The same for one of many that are gone through. */
  openInPassing(key: K, sealed: Uint8Array): T
}

/** Needs no customer. @throws KeyringFault `wrapping-refused` */
export async function openService(
  keyring: Pick<Keyring, 'serviceRecords'>,
  account: StorageAccount,
): Promise<ServiceSeal> {
  return serviceSeal(await keyring.serviceRecords(protectedAccount(account)), account)
}

function serviceSeal(records: ServiceRecords, account: StorageAccount): ServiceSeal {
  const documents = <K, T>(table: string, placeOf: (key: K) => string): Sealed<K, T> => {
    const owner = `blob_${table}\n${account.uid}`
    const context = (key: K) => `${owner}\n${placeOf(key)}`
    return {
      seal: (key, document) => records.seal(context(key), Buffer.from(JSON.stringify(document))),
      open: (key, sealed) => records.openJson(context(key), sealed) as T,
      openInPassing: (key, sealed) => JSON.parse(records.openInPassing(context(key), sealed).toString()) as T,
    }
  }
  return {
    account,
    container: documents('containers', ({ id, name }) => `${id}\n${name}`),
    // A name may hold a line feed's like, never one itself: control characters are refused.
    blob: documents('blobs', ({ container, id, moment, name }) => `${container}\n${id}\n${moment}\n${name}`),
    block: documents(
      'blocks',
      ({ container, block, ref, name }) => `${container}\n${block}\n${ref}\n${name}`,
    ),
    node: documents('map_nodes', ({ node }) => node),
    copy: documents('copies', ({ id, container, name }) => `${id}\n${container}\n${name}`),
    // No tag has a line feed: see `assertTags`.
    tagIndex: (name, value) =>
      records.indexOf(`blob_tags\n${account.uid}`, value === null ? name : `${name}\n${value}`),
  }
}
