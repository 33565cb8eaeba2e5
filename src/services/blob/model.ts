import type { StorageAccount } from '../storage/storage-account.ts'

export type BlobType = 'BlockBlob' | 'PageBlob' | 'AppendBlob'

export interface ContainerPath {
  readonly account: StorageAccount
  readonly container: string
}

export interface BlobPath extends ContainerPath {
  readonly blob: string
  /** Of a snapshot or a version, as Azure writes it: `2026-11-24T09:00:00.0000000Z`; null for the base blob. */
  readonly moment: string | null
  /** What the moment is of; absent: either. */
  readonly kind?: 'snapshot' | 'version'
}

/** HTTP headers that a client has set on a blob; absent: not set. */
export interface BlobHeaders {
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly contentLanguage?: string
  readonly contentDisposition?: string
  readonly cacheControl?: string
  /** Base64. */
  readonly contentMd5?: string
}

/** User metadata: names keep the letter case of the latest write. */
export type Metadata = Readonly<Record<string, string>>

/** Milliseconds since 1970 wherever a time stands in a sealed document. */
export interface BlobDoc {
  readonly type: BlobType
  readonly kind: 'base' | 'snapshot' | 'version'
  readonly length: number
  /** Without quotes: `0x8DE2B0A9C3F1A00`. */
  readonly etag: string
  readonly createdAt: number
  readonly modifiedAt: number
  readonly headers: BlobHeaders
  readonly encryption: BlobEncryption
  readonly extents: ExtentsDoc
  /** Whether the row has user metadata: it cannot be taken away unseen. */
  readonly hasMetadata: boolean
  readonly lease: LeaseDoc | null
  readonly tier: TierDoc | null
  readonly tags: Readonly<Record<string, string>> | null
  readonly copy: CopyDoc | null
  /** Page blobs: decimal, 0 to 2^63 - 1. */
  readonly sequenceNumber: string | null
  /** Page blobs: another one for whatever took the blob's place as a whole. Snapshots that differ in it are not compared. */
  readonly lineage: string | null
  /** Append blobs: blocks so far, and whether more may come. */
  readonly blockCount: number | null
  readonly isSealed: boolean
  readonly immutability: { readonly until: number; readonly mode: 'Unlocked' | 'Locked' } | null
  readonly hasLegalHold: boolean
  /** Accounts with versioning: the base blob's own version. */
  readonly versionId: string | null
}

/** What a blob's bytes and metadata are sealed under. */
export interface BlobEncryption {
  /** Uid of the encryption scope; null: the account's own key. */
  readonly scope: string | null
  /** Base64 SHA-256 of the customer-provided key; null: none. */
  readonly keySha256: string | null
}

/**
 * Where a blob's bytes are: few parts stand here, more in chunks of a map. Parts follow one another without gaps.
 */
export type ExtentsDoc = { readonly parts: readonly Part[] } | { readonly map: string }

export interface Part {
  readonly length: number
  /** The extent; null: zeros, of a page blob. */
  readonly ref: string | null
  /** Where the part begins in its extent. */
  readonly at: number
  /** Of a block list: the block's id. */
  readonly block?: string
}

export interface TierDoc {
  readonly name: string
  /** Taken from the account's default, not set. */
  readonly isInferred: boolean
  readonly changedAt: number
  /** Where an archived blob is on its way to, and since when; null when it rests. */
  readonly rehydration: { readonly to: string; readonly priority: string; readonly readyAt: number } | null
}

export interface CopyDoc {
  readonly id: string
  /** Without its query's signature. */
  readonly source: string
  readonly status: 'pending' | 'success' | 'aborted' | 'failed'
  readonly statusDescription: string | null
  readonly copied: number
  readonly total: number
  readonly completedAt: number | null
  readonly isIncremental: boolean
  /** Of an incremental copy: the snapshot that the destination got. */
  readonly destinationSnapshot: string | null
}

/** What a copy that is under way needs to go on after a restart. Whether it may be read was decided when it began. */
export interface CopyJob {
  readonly source: StoredSource
  /** Of the source as it was when the copy began. */
  readonly etag: string
  /** Of an append blob: nothing comes behind the copy any more. */
  readonly sealsBlob: boolean
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

type StoredSource =
  | {
      readonly kind: 'own'
      /** Uid of the account. */
      readonly account: string
      readonly container: string
      readonly blob: string
      readonly moment: string | null
      readonly momentOf: 'snapshot' | 'version' | null
    }
  | { readonly kind: 'foreign'; readonly url: string }

export interface ContainerDoc {
  readonly etag: string
  readonly createdAt: number
  readonly modifiedAt: number
  readonly metadata: Metadata
  readonly publicAccess: 'none' | 'blob' | 'container'
  readonly policies: readonly PolicyDoc[]
  readonly lease: LeaseDoc | null
  /** Encryption scope that blobs have by default; null: the account's own key. */
  readonly defaultScope: string | null
  readonly deniesScopeOverride: boolean
  /** Of a deleted one: what tells it from others of its name. */
  readonly deletedVersion: string | null
  readonly immutability: ContainerImmutability | null
  readonly legalHoldTags: readonly string[]
  readonly hasVersionImmutability: boolean
}

interface ContainerImmutability {
  readonly days: number
  readonly isLocked: boolean
  readonly etag: string
  readonly allowsAppends: boolean
}

/** A stored access policy: `SignedIdentifier`. Times as the client wrote them. */
export interface PolicyDoc {
  readonly id: string
  readonly start: string | null
  readonly expiry: string | null
  readonly permission: string | null
}

/** A blob as reads and lists show it. */
export interface BlobView {
  readonly name: string
  readonly doc: BlobDoc
  /** Of a snapshot; null for the base blob and for versions. */
  readonly snapshot: string | null
  readonly versionId: string | null
  readonly isCurrentVersion: boolean
  readonly deletedAt: number | null
  /** Null when it was not asked for: it needs the customer's key. */
  readonly metadata: Metadata | null
  /** Name of the encryption scope. */
  readonly scopeName: string | null
}

/** A lease on a blob or a container, as it is stored; what it is now depends on the time. */
export interface LeaseDoc {
  /** A GUID in lower case. */
  readonly id: string
  /** Null: infinite. */
  readonly durationSeconds: number | null
  /** Milliseconds since 1970; null: never. */
  readonly endsAt: number | null
  /** When a break takes effect; null while nobody breaks it. */
  readonly breaksAt: number | null
}

/** A node of an extent map as it is sealed: short, since it is written with every change of a part. */
export type StoredNode =
  | readonly [level: 0, start: number, parts: readonly StoredPart[]]
  | readonly [level: number, children: readonly (readonly [start: number, node: string])[]]
export type StoredPart = readonly [length: number, ref: string | null, at: number, block?: string]
