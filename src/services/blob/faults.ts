import { Fault } from '../../kernel/fault.ts'
import type { BlobType } from './model.ts'

type About = 'blob' | 'container'

/**
 * What blob storage refuses, with the facts a client may see. Who may do it at all: `StorageAuthFaults`.
 * https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
 */
export interface BlobFaults {
  'account-not-found': object
  'container-not-found': object
  'container-already-exists': object
  /** A container of that name is being deleted for good. */
  'container-being-deleted': object
  /** What it holds may not go yet. */
  'container-protected': { readonly cause: 'LegalHold' | 'ImmutabilityPolicy' }
  /** Containers know no conditions on entity tags. */
  'conditions-unsupported': object
  /** The account is asked on its secondary endpoint, and has none, or is asked to change something there. */
  'secondary-refused': { readonly reason: string }
  /** No rule of CORS lets the request through. */
  'preflight-refused': object
  'blob-not-found': object
  'blob-already-exists': object
  /** The operation is for blobs of another type. */
  'blob-type-invalid': { readonly type: string }
  /** Accounts of that kind have no such blobs. */
  'blob-type-unsupported': { readonly type: BlobType }
  'name-invalid': { readonly reason: string }
  'name-length-invalid': { readonly min: number; readonly max: number }
  'condition-not-met': object
  /** The same for reads: If-None-Match or If-Modified-Since say that the client has it. */
  'not-modified': object
  /** If-None-Match: * of a read. */
  'condition-unsatisfiable': object
  /** More of them than a write may have. */
  'conditions-conflicting': object
  'lease-id-missing': { readonly about: About }
  'lease-id-mismatch': { readonly about: About; readonly operation: 'lease' | 'other' }
  /** A lease id was given, and there is no lease. */
  'lease-not-present': { readonly about: About; readonly operation: 'lease' | 'other' }
  'lease-lost': object
  'lease-already-present': object
  /** The id is the lease's own, and the lease is being broken, or is broken. */
  'lease-state-invalid': { readonly action: 'acquire' | 'renew' | 'change' }
  'range-invalid': { readonly size: number }
  /** Not base64 of 16 bytes. */
  'md5-invalid': { readonly name: string }
  'md5-mismatch': { readonly user: string; readonly server: string }
  'crc64-mismatch': { readonly user: string; readonly server: string }
  /** A header's value: its name, what is wrong with it. */
  'header-invalid': { readonly name: string; readonly value: string; readonly reason?: string }
  'header-missing': { readonly name: string }
  /** The same of the query. */
  'query-invalid': { readonly name: string; readonly value: string; readonly reason?: string }
  'query-missing': { readonly name: string }
  'query-out-of-range': {
    readonly name: string
    readonly value: string
    readonly min: string
    readonly max: string
  }
  /** Not the XML that the operation takes. */
  'document-invalid': { readonly reason: string }
  /** A batch, or a request of one. */
  'batch-invalid': { readonly reason: string }
  /** Well-formed, with a value that may not be. */
  'document-value-invalid': { readonly name: string; readonly value: string }
  'document-node-missing': { readonly name: string }
  /** A setting that would be believed and not carried out. */
  'document-node-unsupported': { readonly name: string }
  'metadata-invalid': object
  'metadata-empty-name': object
  'metadata-too-large': object
  'body-too-large': { readonly maxBytes: number }
  'length-missing': object
  /** Of another length than the blob's other blocks have. */
  'block-id-invalid': object
  /** In a block list: not base64 of 1 to 64 bytes. */
  'block-id-malformed': { readonly id: string }
  'block-list-invalid': { readonly reason: string }
  'block-list-too-long': object
  'block-count-exceeded': { readonly about: 'committed' | 'uncommitted'; readonly max: number }
  'append-position-not-met': object
  'max-blob-size-not-met': object
  'sequence-number-not-met': object
  'sequence-number-increment-too-large': object
  'page-range-invalid': { readonly size: number }
  'previous-snapshot-not-found': object
  'previous-snapshot-too-new': object
  'blob-overwritten': object
  'incremental-copy-source-invalid': { readonly reason: string }
  /** The blob is where incremental copies go, and nothing else. */
  'incremental-copy-only': object
  /** Its copies are of another blob. */
  'incremental-copy-mismatch': object
  'incremental-copy-too-old': object
  'snapshots-present': object
  /** The version is the current one, which goes with the base blob alone. */
  'current-version-operation-invalid': object
  'snapshot-operation-invalid': { readonly reason: string }
  /** A source on another server, which did not answer, or may not be asked. */
  'copy-source-unreachable': { readonly reason: string }
  /** What that server answered; code null: none. */
  'copy-source-refused': { readonly status: number; readonly code: string | null }
  'copy-source-invalid': { readonly reason: string }
  'copy-source-type-invalid': { readonly type: string }
  'copy-source-too-large': { readonly maxBytes: number }
  /** Conditions on the source, and on the destination, of a copy. */
  'source-condition-not-met': object
  'target-condition-not-met': object
  /** Tags were given, and those of the source asked for. */
  'copy-tags-ambiguous': object
  /** The destination's lease ends by itself. */
  'lease-not-infinite': object
  'copy-id-mismatch': object
  'copy-pending': object
  'copy-not-pending': object
  'blob-archived': object
  'blob-being-rehydrated': object
  'tier-invalid': { readonly reason: string }
  /** It is one of another type of blob. */
  'tier-unsupported': object
  /** Of a page blob: a higher one was set. */
  'tier-too-low': object
  'tags-invalid': { readonly reason: string }
  'blob-immutable': { readonly cause: 'policy' | 'legal-hold' }
  'immutability-invalid': { readonly reason: string }
  'blob-sealed': object
  'scope-not-found': { readonly scope: string }
  'scope-disabled': { readonly scope: string }
  'scope-override-denied': object
  /** The blob has another scope or another customer-provided key. */
  'encryption-mismatch': object
  'encryption-key-missing': object
  'encryption-key-unexpected': object
  'feature-disabled': { readonly feature: string }
  'operation-unsupported': { readonly reason: string }
  /** What is stored was altered, moved or cut off, or is missing: which of these is not told apart. */
  'content-damaged': object
}

export class BlobFault<K extends keyof BlobFaults = keyof BlobFaults> extends Fault<BlobFaults, K> {
  override readonly name = 'BlobFault'
}
