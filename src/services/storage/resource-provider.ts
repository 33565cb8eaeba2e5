import type { ResourceProvider } from '../resources/provider.ts'
import { type AccountTypeDeps, accountType } from './account-type.ts'
import { blobServiceType } from './blob-service-type.ts'
import { type ContainerTypeDeps, containerType } from './container-type.ts'
import { type ScopeTypeDeps, encryptionScopeType } from './encryption-scope-type.ts'
import { immutabilityPolicyType } from './immutability-policy-type.ts'
import { storageScopeActions } from './storage-scope-actions.ts'

export type StorageProviderDeps = AccountTypeDeps & ScopeTypeDeps & ContainerTypeDeps

const apiVersions = [
  '2026-09-01',
  '2026-06-01',
  '2026-04-01',
  '2025-08-01',
  '2025-06-01',
  '2024-01-01',
  '2023-05-01',
  '2023-01-01',
  '2022-09-01',
  '2022-05-01',
  '2021-09-01',
  '2021-08-01',
  '2021-06-01',
  '2021-02-01',
  '2021-01-01',
  '2019-06-01',
] as const

/** `Microsoft.Storage`. https://learn.microsoft.com/rest/api/storagerp */
export function storageProvider(deps: StorageProviderDeps): ResourceProvider {
  return {
    namespace: 'Microsoft.Storage',
    types: [
      { apiVersions, ...accountType(deps) },
      { apiVersions, ...blobServiceType() },
      { apiVersions, ...containerType(deps) },
      { apiVersions, ...immutabilityPolicyType(deps) },
      { apiVersions, ...encryptionScopeType(deps) },
    ],
    scopeActions: storageScopeActions(deps),
  }
}
