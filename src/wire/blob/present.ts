import type { BlobDoc, BlobHeaders, BlobView, Metadata } from '../../services/blob/model.ts'
import { leaseStateOf } from '../../services/blob/lease.ts'
import type { LeaseDoc } from '../../services/blob/model.ts'
import { httpDate, quoted } from './headers.ts'

/** Response headers; undefined ones are left out. */
type Headers = Record<string, string>

export function present(
  headers: Readonly<Record<string, string | number | boolean | null | undefined>>,
): Headers {
  const found: Headers = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && value !== null) found[name] = String(value)
  }
  return found
}

/** `etag` and `last-modified`. */
export function stampHeaders({
  etag,
  modifiedAt,
}: {
  readonly etag: string
  readonly modifiedAt: number
}): Headers {
  return { etag: quoted(etag), 'last-modified': httpDate(modifiedAt) }
}

/** @param now milliseconds since 1970 */
export function leaseHeaders(lease: LeaseDoc | null, now: number): Headers {
  const state = leaseStateOf(lease, now)
  const isLocked = state === 'leased' || state === 'breaking'
  return present({
    'x-ms-lease-status': isLocked ? 'locked' : 'unlocked',
    'x-ms-lease-state': state,
    'x-ms-lease-duration':
      state === 'leased' ? (lease?.durationSeconds === null ? 'infinite' : 'fixed') : undefined,
  })
}

/** `x-ms-meta-*`; names in the letter case they came in. */
export function metadataHeaders(metadata: Metadata | null): Headers {
  return Object.fromEntries(
    Object.entries(metadata ?? {}).map(([name, value]) => [`x-ms-meta-${name}`, value]),
  )
}

/** What a write says of the encryption of what was written. */
export function writtenHeaders(
  { encryption }: Pick<BlobDoc, 'encryption'>,
  scopeName: string | null,
): Headers {
  return present({
    'x-ms-request-server-encrypted': true,
    'x-ms-encryption-key-sha256': encryption.keySha256,
    'x-ms-encryption-scope': scopeName,
  })
}

/** Of Get Blob and Get Blob Properties. https://learn.microsoft.com/rest/api/storageservices/get-blob-properties#response-headers */
export function blobPropertyHeaders(view: BlobView, now: number): Headers {
  const { doc, scopeName } = view
  const { tier, copy } = doc
  return {
    ...stampHeaders(doc),
    ...metadataHeaders(view.metadata),
    ...contentHeaders(doc.headers),
    ...(view.snapshot === null ? leaseHeaders(doc.lease, now) : {}),
    ...present({
      'accept-ranges': 'bytes',
      'x-ms-blob-type': doc.type,
      'x-ms-creation-time': httpDate(doc.createdAt),
      'x-ms-server-encrypted': true,
      'x-ms-encryption-key-sha256': doc.encryption.keySha256,
      'x-ms-encryption-scope': scopeName,
      'x-ms-blob-sequence-number': doc.type === 'PageBlob' ? doc.sequenceNumber : undefined,
      'x-ms-blob-committed-block-count': doc.type === 'AppendBlob' ? doc.blockCount : undefined,
      'x-ms-blob-sealed': doc.isSealed ? true : undefined,
      'x-ms-access-tier': tier?.name,
      'x-ms-access-tier-inferred': tier?.isInferred === true ? true : undefined,
      'x-ms-access-tier-change-time': tier === null || tier.isInferred ? undefined : httpDate(tier.changedAt),
      'x-ms-archive-status': tier?.rehydration
        ? `rehydrate-pending-to-${tier.rehydration.to.toLowerCase()}`
        : undefined,
      'x-ms-rehydrate-priority': tier?.rehydration?.priority,
      'x-ms-tag-count': doc.tags === null ? undefined : Object.keys(doc.tags).length,
      'x-ms-version-id': view.versionId,
      'x-ms-is-current-version': view.isCurrentVersion ? true : undefined,
      'x-ms-immutability-policy-until-date':
        doc.immutability === null ? undefined : httpDate(doc.immutability.until),
      'x-ms-immutability-policy-mode': doc.immutability?.mode.toLowerCase(),
      'x-ms-legal-hold': doc.hasLegalHold ? true : undefined,
      'x-ms-copy-id': copy?.id,
      'x-ms-copy-source': copy?.source,
      'x-ms-copy-status': copy?.status,
      'x-ms-copy-status-description': copy?.statusDescription,
      'x-ms-copy-progress': copy === null ? undefined : `${copy.copied}/${copy.total}`,
      'x-ms-copy-completion-time': copy?.completedAt == null ? undefined : httpDate(copy.completedAt),
      'x-ms-incremental-copy': copy?.isIncremental === true ? true : undefined,
      'x-ms-copy-destination-snapshot': copy?.destinationSnapshot,
    }),
  }
}

/** The headers that the client has set on the blob; `application/octet-stream` where it set none. */
export function contentHeaders(headers: BlobHeaders): Headers {
  return present({
    'content-type': headers.contentType ?? 'application/octet-stream',
    'content-encoding': headers.contentEncoding,
    'content-language': headers.contentLanguage,
    'content-disposition': headers.contentDisposition,
    'cache-control': headers.cacheControl,
    'content-md5': headers.contentMd5,
  })
}
