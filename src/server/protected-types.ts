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

/** Every resource type that has root keys, and what the keyring knows its resources as. */
export const protectedTypes: Readonly<Record<string, (resource: Resource) => ProtectedResource>> = {
  [REGISTRY_TYPE]: protectedRegistry,
  [STORAGE_ACCOUNT_TYPE]: ({ uid, id }) => protectedAccount({ uid, resourceId: id }),
  [ENCRYPTION_SCOPE_TYPE]: ({ uid, id }) => protectedScope({ uid, resourceId: id }),
}
