import { DAY_MS } from '../../kernel/units.ts'
import { leaseStateOf } from '../../services/blob/lease.ts'
import type { ListedBlob } from '../../services/blob/list-blobs.ts'
import type { BlobDoc, BlobView } from '../../services/blob/model.ts'
import { elementXml, isXmlText, optionalXml } from '../shared/xml.ts'
import { httpDate } from './headers.ts'
import type { Shown } from './listing.ts'
import { tagsXml } from './tags-xml.ts'

export interface Showing {
  readonly shown: Shown
  /** Milliseconds since 1970. */
  readonly now: number
  /** Of the account; null: nothing is kept. */
  readonly retentionDays: number | null
}

/** Elements in Azure's order: https://learn.microsoft.com/rest/api/storageservices/list-blobs#response-body */
export function listedXml(item: ListedBlob, showing: Showing): string {
  if ('prefix' in item) return `<BlobPrefix>${nameXml(item.prefix)}</BlobPrefix>`
  if ('uncommitted' in item) return uncommittedXml(item.uncommitted)
  const { blob, hasVersionsOnly } = item
  const xml =
    nameXml(blob.name) +
    optionalXml('Snapshot', blob.snapshot) +
    optionalXml('VersionId', blob.versionId) +
    flagXml('IsCurrentVersion', blob.isCurrentVersion) +
    flagXml('Deleted', blob.deletedAt !== null) +
    `<Properties>${propertiesXml(blob, showing)}</Properties>` +
    metadataXml(blob) +
    blobTagsXml(blob, showing) +
    flagXml('HasVersionsOnly', hasVersionsOnly)
  return `<Blob>${xml}</Blob>`
}

/** A name that XML cannot hold is percent-encoded, and says so. */
export function nameXml(name: string): string {
  return elementXml(
    isXmlText(name) ? ['Name', name] : ['Name', encodeURIComponent(name), { Encoded: 'true' }],
  )
}

function flagXml(name: string, isSet: boolean): string {
  return isSet ? `<${name}>true</${name}>` : ''
}

/** It has no more than a name yet. */
function uncommittedXml({ name, createdAt }: { readonly name: string; readonly createdAt: number }): string {
  const date = httpDate(createdAt)
  const times = `<Creation-Time>${date}</Creation-Time><Last-Modified>${date}</Last-Modified>`
  const rest = '<Content-Length>0</Content-Length><BlobType>BlockBlob</BlobType>'
  return `<Blob>${nameXml(name)}<Properties>${times}${rest}</Properties></Blob>`
}

/** Of a blob under a client's own key it cannot be told. */
function metadataXml({ metadata, doc }: BlobView): string {
  if (metadata !== null) return elementXml(['Metadata', Object.entries(metadata)])
  const isUnknown = doc.encryption.keySha256 !== null && doc.hasMetadata
  return isUnknown ? '<Metadata Encrypted="true" />' : ''
}

function blobTagsXml({ doc: { tags } }: BlobView, { shown }: Showing): string {
  return shown.tags && tags !== null ? elementXml(tagsXml(tags)) : ''
}

function propertiesXml(blob: BlobView, { shown, now, retentionDays }: Showing): string {
  const { doc } = blob
  let xml = contentXml(doc) + tierXml(doc)
  if (doc.kind === 'base') xml += leaseXml(doc, now)
  if (shown.copy) xml += copyXml(doc)
  xml += encryptionXml(blob)
  if (blob.deletedAt !== null) xml += deletedXml(blob.deletedAt, { now, retentionDays })
  if (doc.tags !== null) xml += optionalXml('TagCount', Object.keys(doc.tags).length)
  xml += flagXml('Sealed', doc.isSealed)
  if (shown.immutability) xml += immutabilityXml(doc)
  return shown.legalHold ? xml + optionalXml('LegalHold', doc.hasLegalHold) : xml
}

function contentXml({ type, headers, length, etag, ...doc }: BlobDoc): string {
  const created = httpDate(doc.createdAt)
  const modified = doc.modifiedAt === doc.createdAt ? created : httpDate(doc.modifiedAt)
  return (
    `<Creation-Time>${created}</Creation-Time><Last-Modified>${modified}</Last-Modified>` +
    `<Etag>${etag}</Etag><Content-Length>${length}</Content-Length>` +
    elementXml(['Content-Type', headers.contentType ?? 'application/octet-stream']) +
    elementXml(['Content-Encoding', headers.contentEncoding ?? '']) +
    elementXml(['Content-Language', headers.contentLanguage ?? '']) +
    '<Content-CRC64 />' +
    elementXml(['Content-MD5', headers.contentMd5 ?? '']) +
    elementXml(['Cache-Control', headers.cacheControl ?? '']) +
    elementXml(['Content-Disposition', headers.contentDisposition ?? '']) +
    optionalXml('x-ms-blob-sequence-number', type === 'PageBlob' ? doc.sequenceNumber : null) +
    `<BlobType>${type}</BlobType>`
  )
}

function tierXml({ tier }: BlobDoc): string {
  if (tier === null) return ''
  const { name, isInferred, changedAt, rehydration } = tier
  const xml = `<AccessTier>${name}</AccessTier>`
  if (isInferred) return `${xml}<AccessTierInferred>true</AccessTierInferred>`
  const changed = `${xml}<AccessTierChangeTime>${httpDate(changedAt)}</AccessTierChangeTime>`
  return rehydration === null
    ? changed
    : `${changed}<ArchiveStatus>rehydrate-pending-to-${rehydration.to.toLowerCase()}</ArchiveStatus><RehydratePriority>${rehydration.priority}</RehydratePriority>`
}

function leaseXml({ lease }: BlobDoc, now: number): string {
  if (lease === null) return '<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>'
  const state = leaseStateOf(lease, now)
  const status = state === 'leased' || state === 'breaking' ? 'locked' : 'unlocked'
  const duration = lease.durationSeconds === null ? 'infinite' : 'fixed'
  return `<LeaseStatus>${status}</LeaseStatus><LeaseState>${state}</LeaseState>${optionalXml('LeaseDuration', state === 'leased' ? duration : null)}`
}

function copyXml({ copy }: BlobDoc): string {
  if (copy === null) return ''
  return [
    optionalXml('CopyId', copy.id),
    optionalXml('CopyStatus', copy.status),
    optionalXml('CopySource', copy.source),
    optionalXml('CopyProgress', `${copy.copied}/${copy.total}`),
    optionalXml('CopyCompletionTime', copy.completedAt === null ? null : httpDate(copy.completedAt)),
    optionalXml('CopyStatusDescription', copy.statusDescription),
    flagXml('IncrementalCopy', copy.isIncremental),
    optionalXml('DestinationSnapshot', copy.destinationSnapshot),
  ].join('')
}

function encryptionXml({ doc: { encryption }, scopeName }: BlobView): string {
  return `<ServerEncrypted>true</ServerEncrypted>${optionalXml('CustomerProvidedKeySha256', encryption.keySha256)}${optionalXml('EncryptionScope', scopeName)}`
}

function deletedXml(deletedAt: number, { now, retentionDays }: Omit<Showing, 'shown'>): string {
  const left = deletedAt + (retentionDays ?? 0) * DAY_MS - now
  const days = Math.max(0, Math.floor(left / DAY_MS))
  return `<DeletedTime>${httpDate(deletedAt)}</DeletedTime><RemainingRetentionDays>${days}</RemainingRetentionDays>`
}

function immutabilityXml({ immutability }: BlobDoc): string {
  if (immutability === null) return ''
  return (
    optionalXml('ImmutabilityPolicyUntilDate', httpDate(immutability.until)) +
    optionalXml('ImmutabilityPolicyMode', immutability.mode.toLowerCase())
  )
}
