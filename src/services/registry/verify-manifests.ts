import { startDigest } from '../../crypto/digest.ts'
import { hex, sameBytes } from '../../kernel/bytes.ts'
import { beforeAllIndexes, manifestsPage, referencesOf } from '../../store/records/registry/all-rows.ts'
import { membersAmong } from '../../store/records/registry/blobs.ts'
import { findManifest } from '../../store/records/registry/manifests.ts'
import { algorithmOf, digestOf } from './digest.ts'
import { isForeignLayer, parseManifest } from './manifest-document.ts'
import type { ManifestDoc } from './registry-seal.ts'
import { type Counts, type Place, type Walk, attempt, indexOf, pages } from './verify-walk.ts'

/** Only so many are named. */
const MAX_INCOMPLETE = 1000

/** Opens every manifest of a repository; its digest and its references must be those of the rows. */
export async function verifyManifests(walk: Walk, repository: Place, counts: Counts): Promise<void> {
  const { read, seal, sink } = walk
  // Few at a time: each may have a body of some MiB.
  for await (const row of pages(
    walk,
    beforeAllIndexes,
    8,
    (page) => manifestsPage(read, repository.id, page),
    indexOf,
  )) {
    counts.manifests++
    const key = { repository: repository.id, index: row.digest_index }
    let where = `${repository.where}, manifest ${hex(row.digest_index)}`
    const opened = attempt(walk, where, () => ({
      doc: seal.manifest.open(key, row.sealed),
      body: seal.openBody(key, row.body),
    }))
    if (opened === null) continue
    const { doc, body } = opened
    where = `${repository.where}@${doc.digest}`
    const running = startDigest(algorithmOf(doc.digest))
    running.update(body)
    if (digestOf(algorithmOf(doc.digest), running.digestHex()) !== doc.digest)
      sink.damage(where, 'the manifest has another digest than its row says')
    else if (
      !sameBytes(seal.indexOf(doc.digest), row.digest_index) ||
      doc.size !== row.size ||
      body.length !== row.size
    )
      sink.damage(where, "the manifest's row was altered: index or size is not its own")
    else await verifyReferences(walk, repository, { where, doc, body, index: row.digest_index }, counts)
  }
}

interface OpenedManifest {
  readonly where: string
  readonly doc: ManifestDoc
  readonly body: Uint8Array
  readonly index: Uint8Array
}

async function verifyReferences(
  { read, seal, sink }: Walk,
  repository: Place,
  { where, doc, body, index }: OpenedManifest,
  counts: Counts,
): Promise<void> {
  const document = attempt({ sink }, where, () => parseManifest(body, doc.mediaType))
  if (document === null) return
  const { config, layers, manifests, subject } = document
  const blobs = config === null ? layers : [config, ...layers]
  const named = [
    ...blobs.map(({ digest }) => `blob ${hex(seal.indexOf(digest))}`),
    ...manifests.map(({ digest }) => `manifest ${hex(seal.indexOf(digest))}`),
    ...(subject === null ? [] : [`subject ${hex(seal.indexOf(subject.digest))}`]),
  ]
  const rows = await referencesOf(read, repository.id, index)
  const stored = rows.map(({ kind, target_index }) => `${kind} ${hex(target_index)}`)
  if ([...new Set(named)].sort().join() !== stored.sort().join())
    sink.damage(where, 'its references in the rows are not those of the document')
  const needed = blobs.filter((blob) => !isForeignLayer(blob)).map(({ digest }) => seal.indexOf(digest))
  const present = await membersAmong(read, repository.id, needed)
  const areThere = await Promise.all(
    manifests.map(
      async ({ digest }) => (await findManifest(read, repository.id, seal.indexOf(digest))) !== null,
    ),
  )
  const isComplete = needed.every((blob) => present.has(hex(blob))) && areThere.every(Boolean)
  if (!isComplete && counts.incomplete.length < MAX_INCOMPLETE) counts.incomplete.push(where)
}
