import type { Page } from '../../kernel/page.ts'
import type { StorageAccount } from './storage-account.ts'

/**
 * Containers as the resource manager shows and changes them. Fulfilled by the blob service, whose rows they are; works while
 * the customer's key is revoked. Every method throws ResourceFault for what it refuses.
 */
export interface ContainersPort {
  find(account: StorageAccount, name: string): Promise<ContainerView | null>
  list(account: StorageAccount, query: ContainersQuery): Promise<Page<ContainerView>>
  /** @throws ResourceFault `ContainerAlreadyExists` */
  create(account: StorageAccount, name: string, wanted: ContainerSettings): Promise<ContainerView>
  /** @throws ResourceFault `ContainerNotFound` */
  change(account: StorageAccount, name: string, change: ContainerChange): Promise<ContainerView>
  /** @throws ResourceFault `ContainerNotFound`, `LeaseIdMissing` */
  delete(account: StorageAccount, name: string): Promise<void>
}

export interface ContainersQuery {
  readonly prefix: string
  /** The first name of the page. */
  readonly from: string
  readonly limit: number
  readonly withDeleted: boolean
}

export interface ContainerSettings {
  readonly publicAccess: 'none' | 'blob' | 'container'
  readonly metadata: Readonly<Record<string, string>>
  /** Name of an encryption scope; null: the account's own key. Fixed at creation. */
  readonly defaultScope: string | null
  readonly deniesScopeOverride: boolean
  /** Versions are made immutable one by one. Fixed at creation; needs versioning on the account. */
  readonly hasVersionImmutability: boolean
}

/** What is not named stays. */
export interface ContainerChange {
  readonly publicAccess?: ContainerSettings['publicAccess']
  readonly metadata?: ContainerSettings['metadata']
  /** Called in the committing transaction; throws to change nothing. */
  readonly legalHoldTags?: (before: readonly string[]) => readonly string[]
  /** Likewise. Each policy gets an entity tag of its own. */
  readonly immutability?: (before: ImmutabilityPolicy | null) => Omit<ImmutabilityPolicy, 'etag'> | null
}

/** For how long blobs are kept as they were written. */
export interface ImmutabilityPolicy {
  readonly days: number
  /** Never taken away or shortened again. */
  readonly isLocked: boolean
  /** Append blobs may grow. */
  readonly allowsAppends: boolean
  /** Without quotes. */
  readonly etag: string
}

export interface ContainerView extends ContainerSettings {
  readonly name: string
  /** Without quotes. */
  readonly etag: string
  readonly modifiedAt: Date
  readonly lease: {
    readonly state: 'available' | 'leased' | 'expired' | 'breaking' | 'broken'
    readonly isInfinite: boolean
  }
  readonly legalHoldTags: readonly string[]
  readonly immutability: ImmutabilityPolicy | null
  /** Null for one that is there. */
  readonly deleted: { readonly version: string; readonly at: Date } | null
}
