import type { StorageAccount } from '../storage/storage-account.ts'
import { BlobFault } from './faults.ts'
import type { BlobType } from './model.ts'

/**
 * https://learn.microsoft.com/azure/storage/common/storage-account-overview#types-of-storage-accounts
 * @throws BlobFault `blob-type-unsupported`
 */
export function assertTypeSupported(
  { kind, sku }: Pick<StorageAccount, 'kind' | 'sku'>,
  type: BlobType,
): void {
  const isGeneral = kind === 'Storage' || kind === 'StorageV2'
  const isPremium = sku.startsWith('Premium')
  // General accounts are premium for page blobs; the others have block blobs and append blobs in any case.
  const isSupported = type === 'PageBlob' ? isGeneral : !(isGeneral && isPremium)
  if (!isSupported) throw new BlobFault('blob-type-unsupported', { type })
}
