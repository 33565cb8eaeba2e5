import { asBuffer } from '../../kernel/bytes.ts'
import type { ExtentKey } from '../../crypto/extent-key.ts'
import type { KeyLease, ProtectedResource, ServiceRecords } from '../keyring/keyring.ts'
import {
  type EncryptionScope,
  type StorageAccount,
  protectedAccount,
  protectedScope,
} from '../storage/storage-account.ts'
import type { CustomerProvidedKey } from '../../crypto/customer-provided-key.ts'
import type { BlobDeps } from './blob-deps.ts'
import { BlobFault } from './faults.ts'
import type { BlobEncryption, Metadata } from './model.ts'

/** What seals a blob's bytes and metadata: the root key of the account or of a scope, or the client's own key. */
export interface ContentSeal extends Pick<KeyLease, 'check' | 'wrapExtentKey' | 'unwrapExtentKey'> {
  /** The second layer, where the account or scope has infrastructure encryption. */
  readonly outer: OuterLayer | null
  sealMetadata(id: string, metadata: Metadata): Buffer | null
  openMetadata(id: string, sealed: Uint8Array | null): Metadata
  sealBody(ref: string, body: Uint8Array): Buffer
  openBody(ref: string, sealed: Uint8Array): Buffer
}

/** Around extents, under the account's service record key: independent of whoever holds the first layer's key. */
export interface OuterLayer {
  wrapKey(ref: string, key: ExtentKey): Buffer
  unwrapKey(ref: string, wrapped: Uint8Array): ExtentKey
}

type Keys = Pick<KeyLease, 'check' | 'sealRecord' | 'openRecord' | 'wrapExtentKey' | 'unwrapExtentKey'>

type ContentDeps = Pick<BlobDeps, 'keyring' | 'accounts'>

/**
 * Opens what the blob says it is under.
 *
 * @throws KeyringFault `key-refused`; Outage; BlobFault `scope-disabled`, `encryption-key-missing`,
 *   `encryption-key-unexpected`, `encryption-mismatch`
 */
export async function openContent(
  { keyring, accounts }: ContentDeps,
  account: StorageAccount,
  {
    encryption,
    customerKey,
  }: { readonly encryption: BlobEncryption; readonly customerKey: CustomerProvidedKey | null },
  signal: AbortSignal,
): Promise<ContentSeal> {
  assertCustomerKey(encryption, customerKey)
  const scope = await enabledScope(accounts, account, encryption)
  const lease = await keyring.open(protectedBy(account, scope), signal)
  // The account's key, or the scope's, must open all the same: who takes it away takes away what the client's key sealed.
  const keys = customerKey === null ? lease : customerKey.under(lease)
  if (!(scope ?? account).requiresInfrastructureEncryption) return contentSeal(account, keys, null)
  const service = await keyring.serviceRecords(protectedAccount(account))
  return contentSeal(account, doubled(keys, service), outerLayer(account, service))
}

/**
 * For what is refused while the key is, though it reads no bytes: a key of the client's own need not be known.
 *
 * @throws KeyringFault `key-refused`; Outage; BlobFault `scope-disabled`
 */
export async function assertKeyInReach(
  { keyring, accounts }: ContentDeps,
  account: StorageAccount,
  encryption: BlobEncryption,
  signal: AbortSignal,
): Promise<void> {
  const scope = await enabledScope(accounts, account, encryption)
  await (await keyring.open(protectedBy(account, scope), signal)).check()
}

function protectedBy(account: StorageAccount, scope: EncryptionScope | null): ProtectedResource {
  return scope === null ? protectedAccount(account) : protectedScope(scope)
}

/** Records sealed under the one key, and then under the other. */
function doubled(keys: Keys, service: ServiceRecords): Keys {
  return {
    check: () => keys.check(),
    wrapExtentKey: (extent, key) => keys.wrapExtentKey(extent, key),
    unwrapExtentKey: (extent, wrapped) => keys.unwrapExtentKey(extent, wrapped),
    sealRecord: (context, plain) => service.seal(`outer\n${context}`, keys.sealRecord(context, plain)),
    openRecord: (context, sealed) => keys.openRecord(context, service.open(`outer\n${context}`, sealed)),
  }
}

function outerLayer({ uid }: StorageAccount, service: ServiceRecords): OuterLayer {
  const context = (ref: string) => `blob_extents_outer\n${uid}\n${ref}`
  return {
    wrapKey: (ref, key) => service.wrapExtentKey(context(ref), key),
    unwrapKey: (ref, wrapped) => service.unwrapExtentKey(context(ref), wrapped),
  }
}

/** @returns null for what is under the account's own key. @throws BlobFault `scope-disabled` */
export async function enabledScope(
  accounts: ContentDeps['accounts'],
  account: StorageAccount,
  { scope: uid }: BlobEncryption,
): Promise<EncryptionScope | null> {
  if (uid === null) return null
  const scope = await accounts.findScopeByUid(account, uid)
  if (scope === null) throw new BlobFault('content-damaged', {})
  if (!scope.isEnabled) throw new BlobFault('scope-disabled', { scope: scope.name })
  return scope
}

/** @throws BlobFault `encryption-key-missing`, `encryption-key-unexpected`, `encryption-mismatch` */
export function assertCustomerKey(
  { keySha256 }: Pick<BlobEncryption, 'keySha256'>,
  key: Pick<CustomerProvidedKey, 'sha256'> | null,
): void {
  if (keySha256 === null) {
    if (key !== null) throw new BlobFault('encryption-key-unexpected', {})
    return
  }
  if (key === null) throw new BlobFault('encryption-key-missing', {})
  if (key.sha256 !== keySha256) throw new BlobFault('encryption-mismatch', {})
}

function contentSeal(account: StorageAccount, keys: Keys, outer: OuterLayer | null): ContentSeal {
  const metadataContext = (id: string) => `blob_metadata\n${account.uid}\n${id}`
  const bodyContext = (ref: string) => `blob_bodies\n${account.uid}\n${ref}`
  return {
    outer,
    check: () => keys.check(),
    wrapExtentKey: (extent, key) => keys.wrapExtentKey(extent, key),
    unwrapExtentKey: (extent, wrapped) => keys.unwrapExtentKey(extent, wrapped),
    sealMetadata: (id, metadata) =>
      Object.keys(metadata).length === 0
        ? null
        : keys.sealRecord(metadataContext(id), Buffer.from(JSON.stringify(metadata))),
    openMetadata: (id, sealed) =>
      sealed === null
        ? {}
        : (JSON.parse(asBuffer(keys.openRecord(metadataContext(id), sealed)).toString()) as Metadata),
    sealBody: (ref, body) => keys.sealRecord(bodyContext(ref), body),
    openBody: (ref, sealed) => keys.openRecord(bodyContext(ref), sealed),
  }
}
