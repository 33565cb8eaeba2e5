import type { DigestAlgorithm } from '../../crypto/digest.ts'
import type { ExtentKey } from '../../crypto/extent-key.ts'
import { hex } from '../../kernel/bytes.ts'
import type { BytesRef } from '../../store/bytes/byte-store.ts'
import type { KeyLease, Keyring } from '../keyring/keyring.ts'
import type { Attributes } from './attributes.ts'
import type { Digest } from './digest.ts'
import type { RegistryRef } from './registry-ref.ts'

/** Times in sealed documents are milliseconds since 1970. */
export interface RepositoryDoc {
  /** Of its first manifest; null while it has none. */
  readonly createdAt: number | null
  readonly updatedAt: number
  readonly attributes: Attributes
}

export interface ManifestDoc {
  readonly digest: Digest
  readonly mediaType: string
  readonly size: number
  readonly createdAt: number
  readonly updatedAt: number
  readonly attributes: Attributes
  readonly configMediaType: string | null
  /** Of an image's config. */
  readonly architecture: string | null
  readonly os: string | null
  /** Bytes of all that the document describes. */
  readonly imageSize: number
  /** Entries of an index. */
  readonly children: readonly ChildManifest[]
  /** Set when it refers to a subject: what the referrers list shows of it. */
  readonly referrer: ReferrerDoc | null
}

interface ChildManifest {
  readonly digest: string
  readonly architecture?: string
  readonly os?: string
}

interface ReferrerDoc {
  readonly subject: Digest
  readonly artifactType: string | null
  readonly annotations: Readonly<Record<string, string>> | null
}

export interface TagDoc {
  readonly digest: Digest
  readonly createdAt: number
  readonly updatedAt: number
  readonly attributes: Attributes
}

interface BlobDoc {
  readonly digest: Digest
  readonly size: number
}

export interface UploadDoc {
  readonly startedAt: number
  /** The digest that is computed while it streams. */
  readonly algorithm: DigestAlgorithm
}

/** Where an extent belongs: bound into its row. */
export interface ExtentPlace {
  readonly owner: string
  readonly ref: BytesRef
  readonly start: number
  readonly length: number
}

/**
 * One registry's rows under its key. Each row is sealed under its table and key, so that it opens nowhere else: a tag
 * moved to another repository, a membership or an extent pointed at another blob, is refused.
 */
export interface RegistrySeal {
  readonly lease: KeyLease
  /** The keyed hash that stands for a digest in index columns. */
  indexOf(digest: Digest): Buffer
  repository: Sealed<{ readonly id: string; readonly name: string }, RepositoryDoc>
  manifest: Sealed<ManifestRowKey, ManifestDoc>
  tag: Sealed<{ readonly repository: string; readonly name: string }, TagDoc>
  blob: Sealed<{ readonly id: string; readonly index: Uint8Array }, BlobDoc>
  membership: Sealed<ManifestRowKey, { readonly blob: string }>
  upload: Sealed<{ readonly id: string; readonly repository: string }, UploadDoc>
  sealBody(key: ManifestRowKey, body: Uint8Array): Buffer
  openBody(key: ManifestRowKey, sealed: Uint8Array): Buffer
  /** A body that stands in the extent's row. */
  sealShort(place: ExtentPlace, body: Uint8Array): Buffer
  openShort(place: ExtentPlace, sealed: Uint8Array): Buffer
  sealExtent(place: ExtentPlace, key: ExtentKey): Buffer
  openExtent(place: ExtentPlace, sealed: Uint8Array): ExtentKey
}

interface ManifestRowKey {
  readonly repository: string
  readonly index: Uint8Array
}

interface Sealed<K, T> {
  seal(key: K, document: T): Buffer
  /** @throws SealFault `seal-broken` when the row is not what was sealed for that key */
  open(key: K, sealed: Uint8Array): T
}

/** @throws KeyringFault `key-refused`; Outage */
export async function openRegistry(
  keyring: Pick<Keyring, 'open'>,
  { uid, resourceId }: Pick<RegistryRef, 'uid' | 'resourceId'>,
  signal: AbortSignal,
): Promise<RegistrySeal> {
  return registrySeal(await keyring.open({ uid, resourceId, purpose: REGISTRY_PURPOSE }, signal), uid)
}

/** `ProtectedResource.purpose` of every registry. */
const REGISTRY_PURPOSE = 'registry'

function registrySeal(lease: KeyLease, uid: string): RegistrySeal {
  const context = (table: string, ...key: readonly string[]) => [`registry_${table}`, uid, ...key].join('\n')
  const documents = <K, T>(contextOf: (key: K) => string): Sealed<K, T> => ({
    seal: (key, document) => lease.sealRecord(contextOf(key), Buffer.from(JSON.stringify(document))),
    open: (key, sealed) => lease.openJson(contextOf(key), sealed) as T,
  })
  const bodyContext = ({ repository, index }: ManifestRowKey) =>
    context('manifest_bodies', repository, hex(index))
  const placeContext = (table: string, { owner, ref, start, length }: ExtentPlace) =>
    context(table, owner, ref, String(start), String(length))
  const extentContext = (place: ExtentPlace) => placeContext('extents', place)
  const shortContext = (place: ExtentPlace) => placeContext('extent_bodies', place)
  return {
    lease,
    indexOf: (digest) => lease.indexOf('registry digest', digest),
    repository: documents(({ id, name }) => context('repositories', id, name)),
    manifest: documents(({ repository, index }) => context('manifests', repository, hex(index))),
    tag: documents(({ repository, name }) => context('tags', repository, name)),
    blob: documents(({ id, index }) => context('blobs', id, hex(index))),
    membership: documents(({ repository, index }) => context('memberships', repository, hex(index))),
    upload: documents(({ id, repository }) => context('uploads', id, repository)),
    sealBody: (key, body) => lease.sealRecord(bodyContext(key), body),
    openBody: (key, sealed) => lease.openRecord(bodyContext(key), sealed),
    sealShort: (place, body) => lease.sealRecord(shortContext(place), body),
    openShort: (place, sealed) => lease.openRecord(shortContext(place), sealed),
    sealExtent: (place, key) =>
      lease.sealRecord(
        extentContext(place),
        lease.wrapExtentKey({ extentId: place.ref, length: place.length }, key),
      ),
    openExtent: (place, sealed) =>
      lease.unwrapExtentKey(
        { extentId: place.ref, length: place.length },
        lease.openRecord(extentContext(place), sealed),
      ),
  }
}
