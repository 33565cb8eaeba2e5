import type { Call, RequestHead } from '../../http/operation.ts'
import type { ImmutabilityPolicy } from '../../services/blob/immutability.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import type { Metadata } from '../../services/blob/model.ts'
import type { ReplaceOptions } from '../../services/blob/replace-blob.ts'
import type { StorageCaller } from '../../services/storage/storage-caller.ts'
import { protectionOf } from './immutability.ts'
import { needs } from './needs.ts'
import { conditionsOf, leaseIdOf, metadataOf, tagsOf } from './request.ts'

/** What every operation that makes a whole blob takes, whatever its type. */
export interface NewBlobRequest extends ReplaceOptions {
  readonly metadata: Metadata
  readonly tags: Readonly<Record<string, string>> | null
  readonly immutability?: ImmutabilityPolicy
  readonly hasLegalHold?: boolean
}

/**
 * Tags, immutability policies and legal holds each need a permission of their own.
 * @throws BlobFault; StorageAuthFault
 */
export function newBlobOf({ head, caller }: Pick<Call<StorageCaller>, 'head' | 'caller'>): NewBlobRequest {
  const tags = tagsOf(head)
  const protection = protectionOf(head)
  if (tags !== null && !caller.permits(needs.writeTags)) throw caller.refusal(needs.writeTags)
  if (Object.keys(protection).length > 0 && !caller.permits(needs.setImmutability)) {
    throw caller.refusal(needs.setImmutability)
  }
  return {
    metadata: metadataOf(head),
    tags,
    ...protection,
    conditions: conditionsOf(head),
    leaseId: leaseIdOf(head),
    mayOverwrite: caller.permits(needs.writeBlob),
  }
}

const tiers: ReadonlySet<string> = new Set(['Hot', 'Cool', 'Cold', 'Archive'])

/** `x-ms-access-tier` of a block blob; null: the account's. @throws BlobFault `header-invalid` */
export function blockBlobTierOf({ headers }: RequestHead): string | null {
  const name = 'x-ms-access-tier'
  const value = headers.get(name)
  if (value === undefined || value === '') return null
  if (tiers.has(value)) return value
  throw new BlobFault('header-invalid', { name, value })
}
