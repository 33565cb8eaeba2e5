import { startDigest } from '../../crypto/digest.ts'
import { sameBytes } from '../../kernel/bytes.ts'
import { ByteFault, type ByteStore } from '../../store/bytes/byte-store.ts'
import { sealedBytes } from '../../store/bytes/sealed.ts'
import type { DataRecords } from '../../store/records/data-db.ts'
import {
  type PageOf,
  beforeAllIndexes,
  blobsPage,
  membersPage,
  repositoriesPage,
  uploadsPage,
} from '../../store/records/registry/all-rows.ts'
import { listTagRows } from '../../store/records/registry/tags.ts'
import { extentsOf } from '../../store/records/registry/uploads.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { type Digest, algorithmOf, digestOf } from './digest.ts'
import { readExtents } from './extents.ts'
import type { RegistryRef } from './registry-ref.ts'
import { openRegistry } from './registry-seal.ts'
import { verifyManifests } from './verify-manifests.ts'
import { gapOf } from './verify-stored.ts'
import {
  type Counts,
  type Place,
  type RegistryVerification,
  type VerifySink,
  type Walk,
  attempt,
  idOf,
  indexOf,
  isBroken,
  nameOf,
  pages,
} from './verify-walk.ts'

export interface VerifyRegistryDeps {
  readonly records: Pick<DataRecords, 'read'>
  readonly bytes: ByteStore
  readonly keyring: Pick<Keyring, 'open'>
}

/**
 * Opens all that a registry holds, under its key: every row, every segment of every blob, whose digest must be the one in
 * its sealed row, and every manifest, whose references in the rows must be those of the document. Lengths of files, and
 * references between rows, need no key and are looked at by others: what they report is not repeated here.
 *
 * @throws KeyringFault `key-refused`, Outage: what was looked at until then is in the sink
 */
export async function verifyRegistry(
  deps: VerifyRegistryDeps,
  registry: RegistryRef,
  sink: VerifySink,
  signal: AbortSignal,
): Promise<RegistryVerification> {
  const seal = await openRegistry(deps.keyring, registry, signal)
  const { read } = deps.records
  const walk: Walk = { read, seal, registry, bytes: sealedBytes(deps.bytes), sink, signal }
  const counts: Counts = { repositories: 0, manifests: 0, tags: 0, blobs: 0, bytes: 0, incomplete: [] }
  for await (const row of pages(
    walk,
    '',
    100,
    (page) => repositoriesPage(read, registry.uid, page),
    nameOf,
  )) {
    counts.repositories++
    const where = `${registry.name}/${row.name}`
    attempt(walk, where, () => void seal.repository.open(row, row.sealed))
    const repository = { id: row.id, where }
    await verifyManifests(walk, repository, counts)
    await verifyTags(walk, repository, counts)
    await verifyMembers(walk, repository)
    await verifyUploads(walk, repository, counts)
  }
  await verifyBlobs(walk, counts)
  return counts
}

async function verifyTags(walk: Walk, repository: Place, counts: Counts): Promise<void> {
  const { read, seal, sink } = walk
  const page = ({ after, limit }: PageOf<string>) =>
    listTagRows(read, repository.id, {
      order: 'key',
      after: { name: after, updatedAt: 0 },
      manifest: null,
      limit,
    })
  for await (const row of pages(walk, '', 200, page, nameOf)) {
    counts.tags++
    const where = `${repository.where}:${row.name}`
    const doc = attempt(walk, where, () =>
      seal.tag.open({ repository: repository.id, name: row.name }, row.sealed),
    )
    if (doc !== null && !sameBytes(seal.indexOf(doc.digest), row.manifest_index))
      sink.damage(where, `its row leads to another manifest than ${doc.digest}, which is sealed in it`)
  }
}

async function verifyMembers(walk: Walk, repository: Place): Promise<void> {
  const { read, seal, sink } = walk
  for await (const row of pages(
    walk,
    beforeAllIndexes,
    200,
    (page) => membersPage(read, repository.id, page),
    indexOf,
  )) {
    const where = `${repository.where}, blob ${row.blob}`
    const key = { repository: repository.id, index: row.digest_index }
    const doc = attempt(walk, where, () => seal.membership.open(key, row.sealed))
    if (doc !== null && doc.blob !== row.blob)
      sink.damage(where, `its row leads to another blob than ${doc.blob}, which is sealed in it`)
  }
}

async function verifyUploads(walk: Walk, repository: Place, counts: Counts): Promise<void> {
  const { read, seal } = walk
  for await (const row of pages(walk, '', 100, (page) => uploadsPage(read, repository.id, page), idOf)) {
    const where = `${repository.where}, unfinished upload ${row.id}`
    attempt(walk, where, () => void seal.upload.open({ id: row.id, repository: repository.id }, row.sealed))
    await verifyBytes(walk, { where, owner: row.id, size: row.size, digest: null }, counts)
  }
}

async function verifyBlobs(walk: Walk, counts: Counts): Promise<void> {
  const { read, seal, registry, sink } = walk
  for await (const row of pages(walk, '', 100, (page) => blobsPage(read, registry.uid, page), idOf)) {
    counts.blobs++
    const unnamed = `${registry.name}, blob ${row.id}`
    const doc = attempt(walk, unnamed, () =>
      seal.blob.open({ id: row.id, index: row.digest_index }, row.sealed),
    )
    if (doc === null) continue
    const where = `${registry.name}@${doc.digest}`
    if (!sameBytes(seal.indexOf(doc.digest), row.digest_index) || doc.size !== row.size)
      sink.damage(where, "the blob's row was altered: index or size is not its own")
    else await verifyBytes(walk, { where, owner: row.id, size: row.size, digest: doc.digest }, counts)
  }
}

interface Content {
  readonly where: string
  readonly owner: string
  readonly size: number
  /** Null while it is being uploaded. */
  readonly digest: Digest | null
}

async function verifyBytes(
  walk: Walk,
  { where, owner, size, digest }: Content,
  counts: Counts,
): Promise<void> {
  const { read, bytes, seal, sink, signal } = walk
  const range = { start: 0, end: size }
  const running = startDigest(digest === null ? 'sha256' : algorithmOf(digest))
  const rows = await extentsOf(read, owner, range)
  // Reported likewise.
  if (gapOf(rows, size) !== null) return
  try {
    for await (const chunk of readExtents(bytes, seal, owner, { rows, range, signal })) {
      running.update(chunk)
      counts.bytes += chunk.length
      sink.opened(chunk.length)
    }
  } catch (error) {
    // Missing files and wrong lengths were reported by who needed no key to see them.
    if (isBroken(error)) sink.damage(where, 'its bytes do not open: altered, or exchanged for others')
    else if (!(error instanceof ByteFault)) throw error
    return
  }
  if (digest !== null && digestOf(algorithmOf(digest), running.digestHex()) !== digest)
    sink.damage(where, 'its bytes have another digest')
}
