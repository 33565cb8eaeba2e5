import type { CustomerProvidedKey } from '../../crypto/customer-provided-key.ts'
import type { EncryptionScope, StorageAccount } from '../storage/storage-account.ts'
import type { BlobDeps } from './blob-deps.ts'
import { BlobFault } from './faults.ts'
import type { BlobEncryption, ContainerDoc } from './model.ts'

/** What a write asks for: a scope by name, or a key of the client's own; null: what the container has by default. */
export interface WantedEncryption {
  readonly scope: string | null
  readonly customerKey: CustomerProvidedKey | null
}

export const noEncryption: WantedEncryption = { scope: null, customerKey: null }

/**
 * What a new blob is under. https://learn.microsoft.com/azure/storage/blobs/encryption-scope-overview
 * @throws BlobFault `scope-override-denied`, `scope-not-found`, `scope-disabled`
 */
export async function encryptionOfNew(
  { accounts }: Pick<BlobDeps, 'accounts'>,
  account: StorageAccount,
  { defaultScope, deniesScopeOverride }: Pick<ContainerDoc, 'defaultScope' | 'deniesScopeOverride'>,
  { scope: name, customerKey }: WantedEncryption,
): Promise<BlobEncryption> {
  const scope = name === null ? null : await getScope(accounts, account, name)
  if (deniesScopeOverride && (customerKey !== null || (scope !== null && scope.uid !== defaultScope))) {
    throw new BlobFault('scope-override-denied', {})
  }
  if (customerKey !== null) return { scope: null, keySha256: customerKey.sha256 }
  return { scope: scope?.uid ?? defaultScope, keySha256: null }
}

/** A later write must not ask for another scope than the blob has. @throws BlobFault `encryption-mismatch` */
export async function assertSameEncryption(
  { accounts }: Pick<BlobDeps, 'accounts'>,
  account: StorageAccount,
  { scope: uid }: BlobEncryption,
  { scope: name }: WantedEncryption,
): Promise<void> {
  if (name === null) return
  const scope = await getScope(accounts, account, name)
  if (scope.uid !== uid) throw new BlobFault('encryption-mismatch', {})
}

export function isSameEncryption(one: BlobEncryption, other: BlobEncryption): boolean {
  return one.scope === other.scope && one.keySha256 === other.keySha256
}

async function getScope(
  accounts: BlobDeps['accounts'],
  account: StorageAccount,
  name: string,
): Promise<EncryptionScope> {
  const scope = await accounts.findScope(account, name)
  if (scope === null) throw new BlobFault('scope-not-found', { scope: name })
  if (!scope.isEnabled) throw new BlobFault('scope-disabled', { scope: name })
  return scope
}
