import {
  type ListOrder,
  type ManifestCursor,
  type ManifestRow,
  findManifest,
  listManifests as listRows,
  updateManifest as updateRow,
} from '../../store/records/registry/manifests.ts'
import type { RegistryReads } from '../../store/records/registry/repositories.ts'
import { tagsOf } from '../../store/records/registry/tags.ts'
import type { Attributes } from './attributes.ts'
import type { ContentDeps, RepositoryPath } from './content-deps.ts'
import { type Digest, parseDigest } from './digest.ts'
import { RegistryFault } from './faults.ts'
import { type ManifestDoc, type RegistrySeal, openRegistry } from './registry-seal.ts'
import { getRepository } from './repository-rows.ts'
import type { ListPosition } from './tags.ts'
import { visiblePage } from './visible-page.ts'

export interface ManifestView extends ManifestDoc {
  readonly tags: readonly string[]
}

export interface ListManifests extends RepositoryPath {
  /** `key` is an order that is no order of digests: they are not kept in clear. It stays the same from page to page. */
  readonly order: ListOrder
  readonly after: ListPosition | null
  readonly limit: number
}

/** @throws RegistryFault `name-unknown` */
export async function listManifests(
  deps: Pick<ContentDeps, 'records' | 'keyring'>,
  { order, after, limit, ...path }: ListManifests,
  signal: AbortSignal,
): Promise<{ readonly items: readonly ManifestView[]; readonly next: ListPosition | null }> {
  const { read } = deps.records
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  const { id } = await getRepository(read, seal, path)
  const begin = await beginning(read, seal, id, order, after)
  const { items, end } = await visiblePage<ManifestDoc, ManifestRow>(
    limit,
    (row, rows) => {
      const cursor = row === null ? begin : { digestIndex: row.digest_index, updatedAt: row.updated_at }
      return listRows(read, id, { order, after: cursor, limit: rows })
    },
    ({ digest_index: index, sealed }) => {
      const doc = seal.manifest.open({ repository: id, index }, sealed)
      return doc.attributes.listEnabled ? doc : null
    },
  )
  const views = await withTags(read, seal, id, items)
  const last = items.at(-1)
  return {
    items: views,
    next: end === null || last === undefined ? null : { key: last.digest, at: end.updated_at },
  }
}

/** @throws RegistryFault `name-unknown`, `manifest-unknown` */
export async function getManifestView(
  deps: Pick<ContentDeps, 'records' | 'keyring'>,
  { digest, ...path }: RepositoryPath & { readonly digest: Digest },
  signal: AbortSignal,
): Promise<ManifestView> {
  const { read } = deps.records
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  const { id } = await getRepository(read, seal, path)
  const doc = await openManifest(read, seal, { id, name: path.name }, digest)
  const [view] = await withTags(read, seal, id, [doc.doc])
  return view ?? { ...doc.doc, tags: [] }
}

/** Sets or lifts locks. @throws RegistryFault `name-unknown`, `manifest-unknown` */
export async function updateManifest(
  deps: Pick<ContentDeps, 'records' | 'keyring'>,
  { digest, ...path }: RepositoryPath & { readonly digest: Digest },
  change: Partial<Attributes>,
  signal: AbortSignal,
): Promise<ManifestView> {
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  return await deps.records.write(async (db) => {
    const { id } = await getRepository(db, seal, path)
    const { row, doc: before } = await openManifest(db, seal, { id, name: path.name }, digest)
    const doc = { ...before, attributes: { ...before.attributes, ...change } }
    const sealed = seal.manifest.seal({ repository: id, index: row.digest_index }, doc)
    await updateRow(db, id, { ...row, sealed })
    const [view] = await withTags(db, seal, id, [doc])
    return view ?? { ...doc, tags: [] }
  })
}

async function openManifest(
  db: RegistryReads,
  seal: RegistrySeal,
  { id, name }: { readonly id: string; readonly name: string },
  digest: Digest,
): Promise<{ readonly row: ManifestRow; readonly doc: ManifestDoc }> {
  const index = seal.indexOf(digest)
  const row = await findManifest(db, id, index)
  if (row === null) throw new RegistryFault('manifest-unknown', { name, reference: digest })
  return { row, doc: seal.manifest.open({ repository: id, index }, row.sealed) }
}

/** All tags of the page's manifests with one statement. */
async function withTags(
  db: RegistryReads,
  seal: RegistrySeal,
  repository: string,
  docs: readonly ManifestDoc[],
): Promise<readonly ManifestView[]> {
  const rows = await tagsOf(
    db,
    repository,
    docs.map(({ digest }) => seal.indexOf(digest)),
  )
  const byDigest = new Map<Digest, string[]>()
  for (const { name, sealed } of rows) {
    const { digest } = seal.tag.open({ repository, name }, sealed)
    byDigest.set(digest, [...(byDigest.get(digest) ?? []), name])
  }
  return docs.map((doc) => ({ ...doc, tags: byDigest.get(doc.digest) ?? [] }))
}

async function beginning(
  db: RegistryReads,
  seal: RegistrySeal,
  repository: string,
  order: ListOrder,
  after: ListPosition | null,
): Promise<ManifestCursor | null> {
  const digest = after === null ? null : parseDigest(after.key)
  if (after === null || digest === null) return null
  const digestIndex = seal.indexOf(digest)
  if (order === 'key' || after.at !== null) return { digestIndex, updatedAt: after.at ?? 0 }
  const row = await findManifest(db, repository, digestIndex)
  return row === null ? null : { digestIndex, updatedAt: row.updated_at }
}
