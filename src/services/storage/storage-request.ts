import type { StorageAccount } from './storage-account.ts'

/** What the data plane must know of a request to decide who sent it and what he may do. */
export interface StorageRequest {
  readonly account: StorageAccount
  readonly service: StorageServiceName
  /** Decoded, as are the names below; null for what is about the whole service. */
  readonly container: string | null
  readonly blob: string | null
  /** As the query has them. */
  readonly snapshot: string | null
  readonly versionId: string | null
  /** `x-ms-version`; null when the client sent none. */
  readonly apiVersion: string | null
  /** Of the socket. */
  readonly remoteAddress: string
  /** `TLSv1.3`; null over plain HTTP. */
  readonly tlsVersion: string | null
  readonly credential: StorageCredential
}

export type StorageServiceName = 'blob'

export type StorageCredential =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'malformed' }
  | SharedKeyCredential
  | { readonly kind: 'bearer'; readonly token: string }
  | SasCredential

/** `SharedKey` and `SharedKeyLite`: the strings that the client may have signed, all of the same meaning. */
export interface SharedKeyCredential {
  readonly kind: 'shared-key'
  readonly accountName: string
  /** Base64. */
  readonly signature: string
  readonly stringsToSign: readonly string[]
  /** `x-ms-date`, or `Date`; null when there is neither. */
  readonly date: string | null
}

export interface SasCredential {
  readonly kind: 'sas'
  readonly parameters: SasParameters
  /** Whether a parameter came more than once, in any letter case. */
  readonly hasDuplicates: boolean
  /** Of an Authorization header beside the signature. */
  readonly token: string | null
  /** Values that the request has for the names of `srh` and `srq`, in their order; null where it has none, or several. */
  readonly signedHeaders: readonly SignedValue[]
  readonly signedQuery: readonly SignedValue[]
}

export interface SignedValue {
  readonly name: string
  readonly value: string | null
}

/** Of those in `sasNames` that the query has, decoded. */
export type SasParameters = ReadonlyMap<SasName, string>

/** https://learn.microsoft.com/rest/api/storageservices/delegate-access-with-shared-access-signature */
export const sasNames = [
  'sv',
  'ss',
  'srt',
  'sr',
  'sp',
  'st',
  'se',
  'sip',
  'spr',
  'si',
  'ses',
  'sdd',
  'rscc',
  'rscd',
  'rsce',
  'rscl',
  'rsct',
  'skoid',
  'sktid',
  'skt',
  'ske',
  'sks',
  'skv',
  'saoid',
  'suoid',
  'scid',
  'skdutid',
  'sduoid',
  'srh',
  'srq',
  'sig',
] as const
export type SasName = (typeof sasNames)[number]
