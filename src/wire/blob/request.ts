import { type RequestHead, queryValue } from '../../http/operation.ts'
import { type CustomerProvidedKey, parseCustomerProvidedKey } from '../../services/blob/customer-key.ts'
import type { Conditions } from '../../services/blob/conditions.ts'
import type { WantedChecksum } from '../../services/blob/checksum.ts'
import type { WantedEncryption } from '../../services/blob/encryption.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import type { BlobHeaders, BlobPath, ContainerPath, Metadata } from '../../services/blob/model.ts'
import { parseMoment } from '../../services/blob/stamps.ts'
import { parseTags } from '../../services/blob/tags.ts'
import type { StorageCaller } from '../../services/storage/storage-caller.ts'
import { assertBlobName, assertContainerName } from './names.ts'

interface Addressed {
  readonly head: RequestHead
  readonly caller: StorageCaller
  readonly params: Readonly<Record<string, string>>
}

export function containerOf({ caller, params }: Addressed): ContainerPath {
  const container = params['container'] ?? ''
  assertContainerName(container)
  return { account: caller.account, container }
}

/** The base blob, or the snapshot or version that the query names. */
export function blobOf(call: Addressed): BlobPath {
  const blob = call.params['blob'] ?? ''
  assertBlobName(blob)
  return { ...containerOf(call), blob, ...momentOf(call.head) }
}

function momentOf(head: RequestHead): Pick<BlobPath, 'moment' | 'kind'> {
  const snapshot = queryValue(head, 'snapshot')
  const version = queryValue(head, 'versionid')
  if (snapshot !== undefined && version !== undefined)
    throw new BlobFault('query-invalid', { name: 'versionid', value: version })
  const value = snapshot ?? version
  if (value === undefined) return { moment: null }
  const moment = parseMoment(value)
  const kind = snapshot === undefined ? 'version' : 'snapshot'
  if (moment === null)
    throw new BlobFault('query-invalid', { name: kind === 'version' ? 'versionid' : kind, value })
  return { moment, kind }
}

/** @throws BlobFault `header-invalid` */
export function leaseIdOf({ headers }: RequestHead): string | null {
  const value = headers.get('x-ms-lease-id')
  if (value === undefined || value === '') return null
  return guidOf('x-ms-lease-id', value)
}

/** In lower case. @throws BlobFault `header-invalid` */
export function guidOf(name: string, value: string): string {
  const plain = value.replaceAll(/[{}-]/g, '').toLowerCase()
  if (!/^[0-9a-f]{32}$/.test(plain)) throw new BlobFault('header-invalid', { name, value })
  return plain.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** @param prefix `x-ms-source-` for the conditions on a copy's source */
export function conditionsOf({ headers }: RequestHead, prefix = ''): Conditions {
  const value = (name: string) => headers.get(`${prefix}${name}`)
  return {
    ifMatch: etagsOf(value('if-match')),
    ifNoneMatch: etagsOf(value('if-none-match')),
    ifModifiedSince: dateOf(value('if-modified-since')),
    ifUnmodifiedSince: dateOf(value('if-unmodified-since')),
    ifTags: headers.get(prefix === '' ? 'x-ms-if-tags' : 'x-ms-source-if-tags') ?? null,
  }
}

/** Quotes may be missing, as older clients leave them out; a weak tag never matches. */
function etagsOf(value: string | undefined): readonly string[] | null {
  if (value === undefined || value.trim() === '') return null
  return value.split(',').map((etag) => etag.trim().replace(/^"(.*)"$/, '$1'))
}

/** RFC 9110 section 13.1.3: what is no date is as if it were not there. */
function dateOf(value: string | undefined): number | null {
  const time = Date.parse(value ?? '')
  return Number.isNaN(time) ? null : time
}

const MAX_METADATA_BYTES = 8 * 1024
/** C#'s rules for identifiers. https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata */
const metadataName = /^[\p{L}_][\p{L}\p{Nd}\p{Mn}\p{Mc}\p{Pc}]*$/u

/** Names keep the letter case they came in. @throws BlobFault `metadata-invalid`, `metadata-empty-name`, `metadata-too-large` */
export function metadataOf({ rawHeaders }: RequestHead): Metadata {
  const found = new Map<string, string>()
  let bytes = 0
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const header = rawHeaders[index] ?? ''
    if (!header.toLowerCase().startsWith('x-ms-meta-')) continue
    const name = header.slice('x-ms-meta-'.length)
    const value = (rawHeaders[index + 1] ?? '').trim()
    if (name === '') throw new BlobFault('metadata-empty-name', {})
    if (!metadataName.test(name)) throw new BlobFault('metadata-invalid', {})
    bytes += name.length + value.length
    found.set(name, value)
  }
  if (bytes > MAX_METADATA_BYTES) throw new BlobFault('metadata-too-large', {})
  return Object.fromEntries(found)
}

/** Whether user metadata was sent at all: Snapshot Blob then needs the customer's key. */
export function hasMetadata({ headers }: RequestHead): boolean {
  return [...headers.keys()].some((name) => name.startsWith('x-ms-meta-'))
}

/** `x-ms-blob-*`; on Put Blob the plain headers count where those are missing. */
export function blobHeadersOf({ headers }: RequestHead, withPlain: boolean): BlobHeaders {
  const value = (name: string) =>
    headers.get(`x-ms-blob-${name}`) ?? (withPlain ? headers.get(name) : undefined)
  const given = {
    contentType: value('content-type'),
    contentEncoding: value('content-encoding'),
    contentLanguage: value('content-language'),
    contentDisposition: headers.get('x-ms-blob-content-disposition'),
    cacheControl: value('cache-control'),
    contentMd5: md5Of('x-ms-blob-content-md5', headers.get('x-ms-blob-content-md5')) ?? undefined,
  }
  return Object.fromEntries(Object.entries(given).filter(([, one]) => one !== undefined && one !== ''))
}

/** Of the body of this request. @throws BlobFault `md5-invalid`, `header-invalid` */
export function checksumOf(head: RequestHead): WantedChecksum {
  return checksumIn(head, { md5: 'content-md5', crc64: 'x-ms-content-crc64' })
}

/** Of what is read from a copy's source. @throws BlobFault `md5-invalid`, `header-invalid` */
export function sourceChecksumOf(head: RequestHead): WantedChecksum {
  return checksumIn(head, { md5: 'x-ms-source-content-md5', crc64: 'x-ms-source-content-crc64' })
}

/** One of the two: both would be one too many. */
function checksumIn(
  { headers }: RequestHead,
  names: { readonly md5: string; readonly crc64: string },
): WantedChecksum {
  const crc64 = headers.get(names.crc64) ?? null
  const md5 = md5Of(names.md5, headers.get(names.md5))
  if (crc64 !== null && (md5 !== null || Buffer.from(crc64, 'base64').length !== 8)) {
    throw new BlobFault('header-invalid', { name: names.crc64, value: crc64 })
  }
  return { md5, crc64 }
}

/** @throws BlobFault `md5-invalid` */
function md5Of(name: string, value: string | undefined): string | null {
  if (value === undefined || value === '') return null
  const raw = Buffer.from(value, 'base64')
  if (raw.length !== 16 || raw.toString('base64') !== value) throw new BlobFault('md5-invalid', { name })
  return value
}

/** @param caller a SAS may bind a scope, which must be the one asked for */
export function encryptionOf({ head, caller }: Pick<Addressed, 'head' | 'caller'>): WantedEncryption {
  const asked = head.headers.get('x-ms-encryption-scope') ?? null
  const bound = caller.encryptionScope
  if (asked !== null && bound !== null && asked !== bound) {
    throw new BlobFault('header-invalid', { name: 'x-ms-encryption-scope', value: asked })
  }
  const customerKey = customerKeyOf(head, '')
  const scope = asked ?? bound
  if (scope !== null && customerKey !== null) {
    throw new BlobFault('header-invalid', { name: 'x-ms-encryption-scope', value: scope })
  }
  return { scope, customerKey }
}

/** @param prefix `source-` for the key of a copy's source. @throws BlobFault `header-invalid`, `header-missing` */
export function customerKeyOf({ headers }: RequestHead, prefix: '' | 'source-'): CustomerProvidedKey | null {
  const name = `x-ms-${prefix}encryption-key`
  const key = headers.get(name)
  const digest = headers.get(`${name}-sha256`)
  const algorithm = headers.get(`x-ms-${prefix}encryption-algorithm`)
  if (key === undefined && digest === undefined) return null
  if (key === undefined) throw new BlobFault('header-missing', { name })
  if (digest === undefined) throw new BlobFault('header-missing', { name: `${name}-sha256` })
  if (algorithm !== undefined && algorithm !== 'AES256') {
    throw new BlobFault('header-invalid', { name: `x-ms-${prefix}encryption-algorithm`, value: algorithm })
  }
  const parsed = parseCustomerProvidedKey(key, digest)
  // The value is a key: it is never told back.
  if (parsed === null) throw new BlobFault('header-invalid', { name: `${name}-sha256`, value: digest })
  return parsed
}

/** `a=1&b=2` of `x-ms-tags`, percent-encoded. @throws BlobFault `tags-invalid` */
export function tagsOf({ headers }: RequestHead): Readonly<Record<string, string>> | null {
  const value = headers.get('x-ms-tags')
  return value === undefined ? null : parseTags(new URLSearchParams(value))
}
