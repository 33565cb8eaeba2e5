import type { ProtectedResource } from '../services/keyring/keyring.ts'
import { REGISTRY_TYPE } from '../services/registry/registries.ts'
import { protectedRegistry } from '../services/registry/registry-encryption.ts'
import type { Resource } from '../services/resources/provider.ts'
import {
  ENCRYPTION_SCOPE_TYPE,
  STORAGE_ACCOUNT_TYPE,
  protectedAccount,
  protectedScope,
} from '../services/storage/storage-account.ts'

interface ProtectedType {
  readonly type: string
  readonly purpose: ProtectedResource['purpose']
  /** What the keyring knows a resource of that type as. */
  readonly protectedOf: (resource: Resource) => ProtectedResource
}

/** Every resource type that has root keys. */
export const protectedTypes: readonly ProtectedType[] = [
  { type: REGISTRY_TYPE, purpose: 'registry', protectedOf: protectedRegistry },
  {
    type: STORAGE_ACCOUNT_TYPE,
    purpose: 'storage-account',
    protectedOf: ({ uid, id }) => protectedAccount({ uid, resourceId: id }),
  },
  {
    type: ENCRYPTION_SCOPE_TYPE,
    purpose: 'encryption-scope',
    protectedOf: ({ uid, id }) => protectedScope({ uid, resourceId: id }),
  },
]
