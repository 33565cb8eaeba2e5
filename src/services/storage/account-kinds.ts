import { type JsonObject, member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import { withWord } from './account-words.ts'
import type { StorageAccount } from './storage-account.ts'

export type StorageKind = StorageAccount['kind']

/** Which services an account of that kind has. `dfs` and `web` are other doors to its blobs. */
const services: Readonly<Record<StorageKind, readonly StorageService[]>> = {
  Storage: ['blob', 'queue', 'table', 'file'],
  StorageV2: ['dfs', 'web', 'blob', 'queue', 'table', 'file'],
  BlobStorage: ['dfs', 'blob', 'table'],
  BlockBlobStorage: ['dfs', 'web', 'blob'],
  FileStorage: ['file'],
}
export type StorageService = 'blob' | 'queue' | 'table' | 'file' | 'dfs' | 'web'

/** Which kinds each SKU goes with. https://learn.microsoft.com/rest/api/storagerp/skus/list */
export const skuKinds: Readonly<Record<string, readonly StorageKind[]>> = {
  Standard_LRS: ['Storage', 'StorageV2', 'BlobStorage'],
  Standard_GRS: ['Storage', 'StorageV2', 'BlobStorage'],
  Standard_RAGRS: ['Storage', 'StorageV2', 'BlobStorage'],
  Standard_ZRS: ['StorageV2'],
  Standard_GZRS: ['StorageV2'],
  Standard_RAGZRS: ['StorageV2'],
  Premium_LRS: ['Storage', 'StorageV2', 'BlockBlobStorage', 'FileStorage'],
  Premium_ZRS: ['StorageV2', 'BlockBlobStorage', 'FileStorage'],
}

export function servicesOf(kind: StorageKind): readonly StorageService[] {
  return services[kind]
}

/** What the name of an account has behind it where its second copy is read. No account's own name has a dash. */
export const SECONDARY = '-secondary'

/** Whether an account's second copy can be read: `Standard_RAGRS`, `Standard_RAGZRS`. */
export function hasSecondary(sku: string): boolean {
  return sku.includes('_RA')
}

export function isKind(text: string | null): text is StorageKind {
  return text !== null && Object.hasOwn(services, text)
}

export function tierOf(sku: string): 'Standard' | 'Premium' {
  return sku.startsWith('Premium') ? 'Premium' : 'Standard'
}

export interface AccountClass {
  readonly kind: StorageKind
  readonly sku: string
}

/**
 * Kind and SKU as sent, in Azure's spelling, when they go together and the account may become so.
 * @param before null at creation
 * @throws ResourceFault `InvalidAccountType`, `AccountPropertyCannotBeUpdated`, `StorageAccountTypeConversionNotAllowed`
 */
export function checkClass(
  sent: { readonly kind: string | null; readonly sku: JsonObject | null },
  before: AccountClass | null,
): AccountClass {
  const kind = withWord('kind', sent.kind, Object.keys(services)) as StorageKind
  const sku = checkSku(sent.sku)
  if (skuKinds[sku]?.includes(kind) !== true) {
    throw refused(
      400,
      'InvalidAccountType',
      `The AccountType ${sku} is invalid for accounts of kind ${kind}. For more information, see - https://aka.ms/storageaccountskus`,
      { target: 'sku.name' },
    )
  }
  if (before !== null) assertMayBecome(before, { kind, sku })
  return { kind, sku }
}

function checkSku(sent: JsonObject | null): string {
  const name = sent === null ? undefined : member(sent, 'name')
  const text = typeof name === 'string' ? name : ''
  const sku = Object.keys(skuKinds).find((known) => known.toLowerCase() === text.toLowerCase())
  if (sku !== undefined) return sku
  throw refused(
    400,
    'InvalidAccountType',
    `The AccountType ${text.slice(0, 64)} is invalid. It is one of ${Object.keys(skuKinds).join(', ')}. For more information, see - https://aka.ms/storageaccountskus`,
    { target: 'sku.name' },
  )
}

/** https://learn.microsoft.com/azure/storage/common/storage-account-upgrade: older kinds become general-purpose v2, nothing else. */
function assertMayBecome(before: AccountClass, after: AccountClass): void {
  const isUpgrade = after.kind === 'StorageV2' && (before.kind === 'Storage' || before.kind === 'BlobStorage')
  if (before.kind !== after.kind && !isUpgrade) {
    throw refused(
      400,
      'AccountPropertyCannotBeUpdated',
      `The property 'kind' was specified in the input, but an account of kind ${before.kind} cannot become ${after.kind}. For more information, see - https://aka.ms/storageaccountupdate`,
      { target: 'kind' },
    )
  }
  if (tierOf(before.sku) !== tierOf(after.sku)) {
    throw refused(
      400,
      'StorageAccountTypeConversionNotAllowed',
      `Storage account type conversion between the given source and destination types is not allowed: ${before.sku} cannot become ${after.sku}.`,
      { target: 'sku.name' },
    )
  }
}
