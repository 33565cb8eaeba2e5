import type { ListOrder } from '../../store/records/registry/manifests.ts'
import { type TagRow, findTag, listTagRows, putTag } from '../../store/records/registry/tags.ts'
import type { Attributes } from './attributes.ts'
import type { ContentDeps, RepositoryPath } from './content-deps.ts'
import type { Digest } from './digest.ts'
import { RegistryFault } from './faults.ts'
import { type TagDoc, openRegistry } from './registry-seal.ts'
import { type Repository, getRepository } from './repository-rows.ts'
import { visiblePage } from './visible-page.ts'

export interface TagView extends TagDoc {
  readonly name: string
}

export type { ListOrder } from '../../store/records/registry/manifests.ts'

/** Where a list goes on. `at` is the time that the page before ended with; without it, that of the row itself. */
export interface ListPosition {
  readonly key: string
  readonly at: number | null
}

export interface ListTags extends RepositoryPath {
  readonly order: ListOrder
  readonly after: ListPosition | null
  readonly limit: number
  /** Only tags of this manifest; null for all. */
  readonly digest: Digest | null
}

/** @throws RegistryFault `name-unknown` */
export async function listTags(
  deps: Pick<ContentDeps, 'records' | 'keyring'>,
  { digest, order, after, limit, ...path }: ListTags,
  signal: AbortSignal,
): Promise<{ readonly items: readonly TagView[]; readonly next: ListPosition | null }> {
  const { read } = deps.records
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  const repository = await getRepository(read, seal, path)
  const manifest = digest === null ? null : seal.indexOf(digest)
  const begin = await beginning(deps, repository, order, after)
  const { items, end } = await visiblePage<TagView, TagRow>(
    limit,
    (row, rows) => {
      const cursor = row === null ? begin : { name: row.name, updatedAt: row.updated_at }
      return listTagRows(read, repository.id, { order, after: cursor, manifest, limit: rows })
    },
    ({ name, sealed }) => {
      const doc = seal.tag.open({ repository: repository.id, name }, sealed)
      return doc.attributes.listEnabled ? { name, ...doc } : null
    },
  )
  return { items, next: end === null ? null : { key: end.name, at: end.updated_at } }
}

async function beginning(
  { records }: Pick<ContentDeps, 'records'>,
  { id }: Repository,
  order: ListOrder,
  after: ListPosition | null,
): Promise<{ readonly name: string; readonly updatedAt: number } | null> {
  if (after === null) return null
  if (order === 'key' || after.at !== null) return { name: after.key, updatedAt: after.at ?? 0 }
  const row = await findTag(records.read, id, after.key)
  return row === null ? null : { name: row.name, updatedAt: row.updated_at }
}

export interface TagPath extends RepositoryPath {
  readonly tag: string
}

/** @throws RegistryFault `name-unknown`, `manifest-unknown` */
export async function getTag(
  deps: Pick<ContentDeps, 'records' | 'keyring'>,
  { tag, ...path }: TagPath,
  signal: AbortSignal,
): Promise<TagView> {
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  const { id, name } = await getRepository(deps.records.read, seal, path)
  const row = await findTag(deps.records.read, id, tag)
  if (row === null) throw new RegistryFault('manifest-unknown', { name, reference: tag })
  return { name: tag, ...seal.tag.open({ repository: id, name: tag }, row.sealed) }
}

/** Sets or lifts locks. @throws RegistryFault `name-unknown`, `manifest-unknown` */
export async function updateTag(
  deps: Pick<ContentDeps, 'records' | 'keyring'>,
  { tag, ...path }: TagPath,
  change: Partial<Attributes>,
  signal: AbortSignal,
): Promise<TagView> {
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  return await deps.records.write(async (db) => {
    const { id, name } = await getRepository(db, seal, path)
    const row = await findTag(db, id, tag)
    if (row === null) throw new RegistryFault('manifest-unknown', { name, reference: tag })
    const key = { repository: id, name: tag }
    const before = seal.tag.open(key, row.sealed)
    const doc = { ...before, attributes: { ...before.attributes, ...change } }
    await putTag(db, id, { ...row, sealed: seal.tag.seal(key, doc) })
    return { name: tag, ...doc }
  })
}
