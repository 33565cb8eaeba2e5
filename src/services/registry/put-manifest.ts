import { startDigest } from '../../crypto/digest.ts'
import { hex } from '../../kernel/bytes.ts'
import { markReferenced, membersAmong } from '../../store/records/registry/blobs.ts'
import {
  type Reference,
  findManifest,
  insertManifest,
  insertReferences,
  updateManifest,
} from '../../store/records/registry/manifests.ts'
import type { RegistryWrites } from '../../store/records/registry/repositories.ts'
import { findTag, putTag } from '../../store/records/registry/tags.ts'
import { assertUnlocked, unlocked } from './attributes.ts'
import type { ContentDeps, RepositoryPath } from './content-deps.ts'
import { type Digest, algorithmOf, digestOf } from './digest.ts'
import { RegistryFault } from './faults.ts'
import { type ImagePlatform, imagePlatform } from './image-platform.ts'
import { type Descriptor, type ManifestDocument, isForeignLayer, parseManifest } from './manifest-document.ts'
import { type ManifestDoc, type RegistrySeal, openRegistry } from './registry-seal.ts'
import { type Repository, ensureRepository, lockOf, saveRepository } from './repository-rows.ts'

export interface PutManifest extends RepositoryPath {
  /** The digest that the body must have; null when it is pushed by tag. */
  readonly digest: Digest | null
  readonly tags: readonly string[]
  readonly contentType: string | null
  readonly body: Uint8Array
}

export interface PushedManifest {
  readonly digest: Digest
  /** What it refers to, whether that exists or not. */
  readonly subject: Digest | null
}

/**
 * Keeps a manifest and sets its tags, all in one transaction.
 *
 * @throws RegistryFault `manifest-invalid`, `digest-invalid`, `manifest-blob-unknown`, `operation-disallowed`
 */
export async function putManifest(
  deps: ContentDeps,
  command: PutManifest,
  signal: AbortSignal,
): Promise<PushedManifest> {
  const seal = await openRegistry(deps.keyring, command.registry, signal)
  const document = parseManifest(command.body, command.contentType)
  const digest = checkedDigest(command)
  const platform = await imagePlatform(deps, command, document, signal)
  const now = deps.clock.now().getTime()
  await deps.records.write(async (db) => {
    const repository = await ensureRepository(db, seal, command, now)
    assertUnlocked('write', lockOf(repository))
    const manifest = { digest, index: seal.indexOf(digest), document, platform, body: command.body, now }
    await assertComplete(db, seal, repository, document)
    await saveManifest(db, seal, repository, manifest)
    for (const tag of command.tags) await setTag(db, seal, repository, tag, manifest)
    const doc = { ...repository.doc, createdAt: repository.doc.createdAt ?? now, updatedAt: now }
    await saveRepository(db, seal, { ...repository, doc })
  })
  return { digest, subject: document.subject?.digest ?? null }
}

function checkedDigest({ digest, body }: Pick<PutManifest, 'digest' | 'body'>): Digest {
  const algorithm = digest === null ? 'sha256' : algorithmOf(digest)
  const running = startDigest(algorithm)
  running.update(body)
  const found = digestOf(algorithm, running.digestHex())
  if (digest !== null && digest !== found) {
    throw new RegistryFault('digest-invalid', { digest, reason: `the manifest has digest ${found}` })
  }
  return found
}

/**
 * An image is refused without its config, and when it names layers of which none is there. Single layers may be
 * missing, and so may entries of an index: sparse manifests, which mirrors push (OCI distribution-spec 1.1, "Pushing
 * Manifests", lets a registry choose).
 */
async function assertComplete(
  db: RegistryWrites,
  seal: RegistrySeal,
  { id }: Repository,
  { config, layers }: ManifestDocument,
): Promise<void> {
  const needed = layers.filter((layer) => !isForeignLayer(layer))
  const all = distinct(config === null ? needed : [config, ...needed]).map((digest) => ({
    digest,
    index: seal.indexOf(digest),
  }))
  const present = await membersAmong(
    db,
    id,
    all.map(({ index }) => index),
  )
  const missing = all.filter(({ index }) => !present.has(hex(index))).map(({ digest }) => digest)
  if (missing.length === 0) return
  const absent = new Set<string>(missing)
  const hasConfig = config === null || !absent.has(config.digest)
  const isSparse = needed.some(({ digest }) => !absent.has(digest))
  if (!hasConfig || !isSparse) throw new RegistryFault('manifest-blob-unknown', { digests: missing })
}

interface NewManifest {
  readonly digest: Digest
  readonly index: Uint8Array
  readonly document: ManifestDocument
  readonly platform: ImagePlatform
  readonly body: Uint8Array
  readonly now: number
}

async function saveManifest(
  db: RegistryWrites,
  seal: RegistrySeal,
  { id }: Repository,
  manifest: NewManifest,
): Promise<void> {
  const { index, now } = manifest
  const key = { repository: id, index }
  const existing = await findManifest(db, id, index)
  if (existing !== null) {
    const doc = seal.manifest.open(key, existing.sealed)
    // The same bytes again: of a locked manifest nothing changes, not even a time.
    if (!doc.attributes.writeEnabled) return
    const sealed = seal.manifest.seal(key, { ...doc, updatedAt: now })
    await updateManifest(db, id, { digest_index: index, updated_at: now, sealed })
    return
  }
  const doc = docOf(manifest)
  await insertManifest(db, {
    repository: id,
    digest_index: index,
    size: doc.size,
    updated_at: now,
    sealed: seal.manifest.seal(key, doc),
    body: seal.sealBody(key, manifest.body),
  })
  const references = referencesOf(seal, manifest.document)
  await insertReferences(db, id, index, references)
  const blobs = references.filter(({ kind }) => kind === 'blob').map(({ target }) => target)
  await markReferenced(db, id, blobs)
}

function docOf({ digest, document, platform, body, now }: NewManifest): ManifestDoc {
  const { mediaType, config, layers, manifests, subject, artifactType, annotations } = document
  return {
    digest,
    mediaType,
    size: body.length,
    createdAt: now,
    updatedAt: now,
    attributes: unlocked,
    configMediaType: config?.mediaType ?? null,
    ...platform,
    imageSize: [...(config === null ? [] : [config]), ...layers, ...manifests].reduce(
      (sum, { size }) => sum + size,
      0,
    ),
    children: manifests.map((child) => ({ digest: child.digest, ...child.platform })),
    referrer: subject === null ? null : { subject: subject.digest, artifactType, annotations },
  }
}

function referencesOf(
  seal: RegistrySeal,
  { config, layers, manifests, subject }: ManifestDocument,
): readonly Reference[] {
  const of = (kind: Reference['kind'], list: readonly Descriptor[]) =>
    distinct(list).map((digest) => ({ kind, target: seal.indexOf(digest) }))
  return [
    ...of('blob', config === null ? layers : [config, ...layers]),
    ...of('manifest', manifests),
    ...of('subject', subject === null ? [] : [subject]),
  ]
}

function distinct(list: readonly Descriptor[]): readonly Digest[] {
  return [...new Set(list.map(({ digest }) => digest))]
}

async function setTag(
  db: RegistryWrites,
  seal: RegistrySeal,
  { id, name }: Repository,
  tag: string,
  { digest, index, now }: NewManifest,
): Promise<void> {
  const key = { repository: id, name: tag }
  const row = await findTag(db, id, tag)
  const existing = row === null ? null : seal.tag.open(key, row.sealed)
  if (existing?.attributes.writeEnabled === false) {
    if (existing.digest === digest) return
    assertUnlocked('write', { name, reference: tag, attributes: existing.attributes })
  }
  const doc = {
    digest,
    createdAt: existing?.createdAt ?? now,
    updatedAt: now,
    attributes: existing?.attributes ?? unlocked,
  }
  await putTag(db, id, { name: tag, manifest_index: index, updated_at: now, sealed: seal.tag.seal(key, doc) })
}
