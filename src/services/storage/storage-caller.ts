import type { Guid } from '../../kernel/guid.ts'
import type { StorageAuthFault } from './auth-faults.ts'
import type { StorageAccount } from './storage-account.ts'

/**
 * Letters of a shared access signature's `sp`: read, add, create, write, delete, delete version (x), permanent delete (y),
 * list, tags, find by tags, move, execute, ownership, permissions, set immutability policy.
 */
export type SasPermission =
  'r' | 'a' | 'c' | 'w' | 'd' | 'x' | 'y' | 'l' | 't' | 'f' | 'm' | 'e' | 'o' | 'p' | 'i'

/** One thing that a caller must be allowed to do: what a signature says of it, what a role says of it, and whether it may be public. */
export interface StoragePermission {
  /** Any of these letters is enough; none: no shared access signature allows it. */
  readonly sas: readonly SasPermission[]
  /** Of an account SAS: which resource type it must name. */
  readonly resource: 'service' | 'container' | 'object'
  /** The RBAC data action (`isData`) or action; null: no role allows it. */
  readonly action: { readonly name: string; readonly isData: boolean } | null
  /** The least public access of the container that lets anyone in; null: never anonymous. */
  readonly publicAccess: 'blob' | 'container' | null
}

/** Who calls a storage service, as its credential says. `permits` is the only way to what he may do. */
export interface StorageCaller {
  readonly account: StorageAccount
  readonly kind: 'shared-key' | 'account-sas' | 'service-sas' | 'delegation-sas' | 'principal' | 'anonymous'
  /** Of an Entra token, or who got the key that signed a user-delegation SAS. */
  readonly principal: { readonly principalId: Guid; readonly tenantId: Guid } | null
  /** Response headers that a SAS sets: `content-type` for `rsct`, and so on. */
  readonly responseHeaders: Readonly<Record<string, string>>
  /** `ses` of the SAS: the encryption scope that what is written has. */
  readonly encryptionScope: string | null
  /** Decided on arrival for this request's container and blob; at once, so that a service can ask within a transaction. */
  permits(permission: StoragePermission): boolean
  /** What to throw where `permits` says no: in the words that fit the credential. */
  refusal(permission: StoragePermission): StorageAuthFault
}

/** What authorization asks of the blob service: works while the customer's key is revoked. */
export interface ContainerAccess {
  /** @returns null when there is no such container */
  find(
    account: StorageAccount,
    container: string,
  ): Promise<{
    readonly publicAccess: 'none' | 'blob' | 'container'
    readonly policies: readonly StoredAccessPolicy[]
  } | null>
}

/** `SignedIdentifier` of a container's ACL; what is null must come with the signature. */
export interface StoredAccessPolicy {
  readonly id: string
  readonly startsAt: Date | null
  readonly expiresAt: Date | null
  readonly permissions: string | null
}
